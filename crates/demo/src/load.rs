//! Visitors: they come at random times, look around, and now and then buy something.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use net::Environment;
use net::http::{Client, ClientSettings};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::DemoError;
use crate::dice::Dice;

/// Where each task's requests go, `HOST:PORT`.
pub type Entries = Arc<Mutex<Vec<String>>>;

const TIMEOUT: Duration = Duration::from_secs(15);

/// Visitors at once; beyond it some stay away.
const MAX_VISITORS: usize = 200;

/// The first task gets a little more, so that the two can be told apart.
const FIRST_SHARE: f64 = 0.58;

/// Load rises and falls by a quarter over this time.
const WAVE: Duration = Duration::from_secs(600);

const WORDS: [&str; 8] = ["rope", "red+sail", "anchor", "paddle", "lamp+12v", "net", "hull+paint", "float"];

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15",
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36",
    "ShopApp/7.2 (iOS 18.5)",
];

/// Sends requests for as long as it is polled.
pub async fn visit(entries: Entries, rate: f64, seed: u64) -> Result<(), DemoError> {
    let mut settings = ClientSettings::new(&Environment::process());
    settings.use_proxy = false;
    let client = Client::new(settings).map_err(|error| DemoError::Client(error.to_string()))?;
    let (mut dice, mut visitors, begun) = (Dice::new(seed), JoinSet::new(), Instant::now());
    loop {
        let turn = begun.elapsed().as_secs_f64() / WAVE.as_secs_f64() * std::f64::consts::TAU;
        sleep(dice.gap(rate * (1.0 + 0.25 * turn.sin()))).await;
        while visitors.try_join_next().is_some() {}
        let entry = {
            let entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
            let first = dice.chance(FIRST_SHARE);
            if first { entries.first() } else { entries.last() }.cloned()
        };
        let (Some(entry), true) = (entry, visitors.len() < MAX_VISITORS) else { continue };
        let Some(request) = request(&entry, &mut dice) else { continue };
        let client = client.clone();
        // A visitor who gets no answer goes away.
        visitors.spawn(async move { drop(client.send(request, TIMEOUT).await) });
    }
}

fn request(entry: &str, dice: &mut Dice) -> Option<Request<Bytes>> {
    let (method, path, body) = match dice.below(100) {
        0..30 => ("GET", format!("/products?page={}", 1 + dice.below(12)), String::new()),
        30..56 => ("GET", format!("/products/{}", 1 + dice.below(505)), String::new()),
        56..75 => ("GET", format!("/search?q={}", dice.pick(&WORDS)), String::new()),
        75..90 => {
            let (product, quantity) = (1 + dice.below(500), 1 + dice.below(3));
            ("POST", "/cart".into(), format!(r#"{{"product_id":{product},"quantity":{quantity}}}"#))
        }
        _ => {
            let amount = 900 + dice.below(40_000);
            ("POST", "/checkout".into(), format!(r#"{{"amount_cents":{amount},"currency":"EUR"}}"#))
        }
    };
    Request::builder()
        .method(method)
        .uri(format!("http://{entry}{path}"))
        .header("user-agent", dice.pick(&AGENTS))
        .header("x-forwarded-for", format!("203.0.113.{}", 1 + dice.below(254)))
        .header("x-user-id", format!("u-{}", 1000 + dice.below(600)))
        .header("content-type", "application/json")
        .body(Bytes::from(body))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_asks_for_the_same() {
        let asked = |seed| {
            let mut dice = Dice::new(seed);
            let uris = (0..50).map(|_| request("127.0.0.1:1", &mut dice).unwrap().uri().to_string());
            uris.collect::<Vec<_>>()
        };
        assert_eq!(asked(3), asked(3));
        assert!(asked(3).iter().any(|uri| uri.ends_with("/checkout")));
    }
}
