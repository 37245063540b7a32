//! Payments through a pretended provider that times out now and then, recommendations, and a background job whose
//! DEBUG lines are the noise every log has.

use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::dice::Dice;
use crate::service::{Answer, Call, Service};
use crate::telemetry::{Exception, Kind, Level, Span};

const PROVIDER: &str = "payments.example.com";
const PROVIDER_TIMEOUT: Duration = Duration::from_millis(800);

/// Share of first tries that the provider leaves unanswered, and of second ones. Together and with the share of
/// checkouts among requests they make about one request in fifty fail.
const UNANSWERED: [f64; 2] = [0.3, 0.55];

pub async fn answer(service: &Service, call: &Call, span: &mut Span) -> Answer {
    match call.route {
        "/payments" => pay(service, call, span).await,
        "/recommendations/{id}" => recommend(service, call, span).await,
        _ => Answer::error(404, "there is no such job"),
    }
}

async fn pay(service: &Service, call: &Call, span: &mut Span) -> Answer {
    for (attempt, unanswered) in UNANSWERED.into_iter().enumerate() {
        match charge(service, span, attempt, unanswered).await {
            Ok(payment) => {
                let fields = json!({"payment_id": payment, "attempts": attempt + 1});
                service.log(Level::Info, "payments", "payment taken", span, call, fields);
                return Answer::new(200, json!({ "payment": payment }));
            }
            Err(exception) if attempt + 1 == UNANSWERED.len() => {
                span.exception(&exception);
                service.log_exception("payments", span, call, &exception);
            }
            Err(exception) => {
                let fields = json!({"attempt": attempt + 1, "error": exception.message});
                let message = "payment provider did not answer; trying again";
                service.log(Level::Warn, "payments", message, span, call, fields);
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    Answer::error(504, "the payment provider did not answer")
}

async fn charge(
    service: &Service,
    parent: &Span,
    attempt: usize,
    unanswered: f64,
) -> Result<String, Exception> {
    let mut span = parent.child("POST", Kind::Client);
    span.set("http.request.method", "POST");
    span.set("url.full", format!("https://{PROVIDER}/v1/charges"));
    span.set("server.address", PROVIDER);
    span.set("server.port", 443);
    if attempt > 0 {
        span.set("http.request.resend_count", attempt);
    }
    let (fails, usual, id) = {
        let mut dice = service.dice();
        (dice.chance(unanswered), dice.around(Duration::from_millis(120)), dice.roll() >> 32)
    };
    service.telemetry.meter().traffic(380, 720);
    if fails {
        sleep(PROVIDER_TIMEOUT).await;
        let exception = Exception {
            kind: "PaymentProviderTimeout",
            message: format!("no answer from {PROVIDER} within {} ms", PROVIDER_TIMEOUT.as_millis()),
            stack: "   at shop_worker::payments::charge (src/payments.rs:61)\n   at shop_worker::payments::pay (src/payments.rs:33)\n   at shop_worker::routes::post_payments (src/routes.rs:24)",
        };
        span.exception(&exception);
        return Err(exception);
    }
    sleep(usual).await;
    span.set("http.response.status_code", 200);
    Ok(format!("ch_{id:08x}"))
}

async fn recommend(service: &Service, call: &Call, span: &Span) -> Answer {
    let mut ranking = span.child("rank products", Kind::Internal);
    let (wait, first) = {
        let mut dice = service.dice();
        (dice.around(Duration::from_millis(4)), dice.below(490))
    };
    sleep(wait).await;
    service.telemetry.meter().compute(wait);
    ranking.set("shop.recommendations.candidates", 200);
    drop(ranking);
    let seed = call.path.trim_start_matches("/recommendations/");
    Answer::new(200, json!({"of": seed, "products": [first + 1, first + 4, first + 9]}))
}

/// Writes several DEBUG lines a second, of no use to anybody.
pub async fn sync_inventory(service: &Service, mut stop: watch::Receiver<bool>) {
    let mut dice = Dice::new(3);
    for round in 0u64.. {
        tokio::select! {
            () = sleep(Duration::from_millis(400)) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let shard = round % 16;
        let (checked, changed) = (dice.below(900) + 100, dice.below(4));
        let fields = json!({"shard": shard, "checked": checked, "changed": changed});
        service.telemetry.log(Level::Debug, "inventory-sync", "shard compared", None, fields);
        service.telemetry.meter().compute(Duration::from_millis(2));
    }
}
