//! The pretended database and cache inside `api`: they wait as long as real ones take, and each call is a span.
//!
//! Now and then the database is in a bad spell: its search index is cold, and most searches read the whole table for
//! seconds, which costs processor time that the task's metadata shows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::dice::Dice;
use crate::telemetry::{Exception, Kind, Meter, Span};

/// A spell begins every so often, lasts so long, and the first comes so soon after the start.
const SPELL_EVERY: Duration = Duration::from_secs(150);
const SPELL: Duration = Duration::from_secs(20);
const FIRST_SPELL: Duration = Duration::from_secs(40);

/// The second task's spells come later by this.
const APART: Duration = Duration::from_secs(60);

/// Share of a processor that one scan takes, and that all of them together can get.
const SCAN_LOAD: f64 = 0.45;
const ALL_SCANS_LOAD: f64 = 0.75;

/// What each scan in progress adds to the time of other statements.
const SLOWED: f64 = 0.7;

const SLICE: Duration = Duration::from_millis(50);

const MAX_CACHED: usize = 400;

pub struct Store {
    started: Instant,
    first_spell: Duration,
    dice: Mutex<Dice>,
    /// In progress.
    scans: AtomicU32,
    /// Until when.
    cache: Mutex<BTreeMap<String, Instant>>,
}

/// One statement: what it does, to which table, and its text without values.
pub struct Statement {
    pub operation: &'static str,
    pub table: &'static str,
    pub text: &'static str,
}

pub const LIST: Statement = Statement {
    operation: "SELECT",
    table: "products",
    text: "SELECT id, name, price_cents, stock FROM products ORDER BY sold DESC LIMIT $1 OFFSET $2",
};
pub const PRODUCT: Statement = Statement {
    operation: "SELECT",
    table: "products",
    text: "SELECT id, name, price_cents, stock, description FROM products WHERE id = $1",
};
pub const SEARCH: Statement = Statement {
    operation: "SELECT",
    table: "products",
    text: "SELECT id, name, price_cents FROM products WHERE description ILIKE $1 ORDER BY rank DESC LIMIT 20",
};
pub const ADD_ITEM: Statement = Statement {
    operation: "INSERT",
    table: "cart_items",
    text: "INSERT INTO cart_items (cart_id, product_id, quantity) VALUES ($1, $2, $3) ON CONFLICT (cart_id, product_id) DO UPDATE SET quantity = cart_items.quantity + excluded.quantity",
};
pub const CART: Statement = Statement {
    operation: "SELECT",
    table: "cart_items",
    text: "SELECT product_id, quantity FROM cart_items WHERE cart_id = $1",
};
pub const ORDER: Statement = Statement {
    operation: "INSERT",
    table: "orders",
    text: "INSERT INTO orders (user_id, total_cents, payment_id) VALUES ($1, $2, $3) RETURNING id",
};

impl Store {
    pub fn new(place: usize, seed: u64) -> Store {
        Store {
            started: Instant::now(),
            first_spell: FIRST_SPELL + APART * place as u32,
            dice: Mutex::new(Dice::new(seed)),
            scans: AtomicU32::new(0),
            cache: Mutex::default(),
        }
    }

    /// True on a hit.
    pub async fn cached(&self, parent: &Span, meter: &Meter, key: &str) -> bool {
        let mut span = cache_span(parent, "GET", key);
        let wait = self.dice().around(Duration::from_micros(500));
        sleep(wait).await;
        meter.traffic(600, 40);
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let hit = cache.get(key).is_some_and(|until| *until > Instant::now());
        span.set("cache.hit", hit);
        hit
    }

    pub async fn keep(&self, parent: &Span, meter: &Meter, key: &str) {
        let _span = cache_span(parent, "SETEX", key);
        let wait = self.dice().around(Duration::from_micros(700));
        sleep(wait).await;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if cache.len() >= MAX_CACHED {
            cache.retain(|_, until| *until > now);
            while cache.len() >= MAX_CACHED {
                cache.pop_first();
            }
        }
        cache.insert(key.to_owned(), now + Duration::from_secs(45));
        meter.cached(cache.len());
    }

    /// Runs a statement and tells how long it took.
    pub async fn run(
        &self,
        parent: &Span,
        meter: &Meter,
        statement: &Statement,
        rows: u64,
    ) -> Result<Duration, Exception> {
        let mut span = parent.child(format!("{} {}", statement.operation, statement.table), Kind::Client);
        span.set("db.system.name", "postgresql");
        span.set("db.namespace", "shop");
        span.set("db.operation.name", statement.operation);
        span.set("db.collection.name", statement.table);
        span.set("db.query.summary", format!("{} {}", statement.operation, statement.table));
        span.set("db.query.text", statement.text);
        span.set("server.address", "shop-db.internal");
        span.set("server.port", 5432);
        let begun = Instant::now();
        let is_scan = std::ptr::eq(statement.text, SEARCH.text) && self.scans();
        if is_scan {
            let wait = Duration::from_secs_f64(1.5 + 1.5 * self.dice().share());
            self.scan(meter, wait).await;
        } else {
            let slowed = 1.0 + SLOWED * f64::from(self.scans.load(Ordering::Relaxed));
            let wait = self.dice().around(Duration::from_millis(6));
            sleep(wait.mul_f64(slowed)).await;
            meter.compute(wait / 3);
        }
        meter.traffic(rows as usize * 180, statement.text.len());
        if statement.operation == "INSERT" && self.dice().chance(0.008) {
            let exception = deadlock(statement.table);
            span.set("db.response.status_code", "40P01");
            span.exception(&exception);
            return Err(exception);
        }
        span.set("db.response.returned_rows", rows);
        Ok(begun.elapsed())
    }

    /// Its cost shows while it runs, not at its end.
    async fn scan(&self, meter: &Meter, time: Duration) {
        let _counted = Counted::new(&self.scans);
        let until = Instant::now() + time;
        while Instant::now() < until {
            sleep(SLICE).await;
            let fair = ALL_SCANS_LOAD / f64::from(self.scans.load(Ordering::Relaxed).max(1));
            meter.compute(SLICE.mul_f64(SCAN_LOAD.min(fair)));
        }
    }

    /// Whether this search reads the whole table.
    fn scans(&self) -> bool {
        let share = if self.in_spell() { 0.7 } else { 0.004 };
        self.dice().chance(share)
    }

    fn in_spell(&self) -> bool {
        let since_first = self.started.elapsed().checked_sub(self.first_spell);
        since_first.is_some_and(|since| since.as_nanos() % SPELL_EVERY.as_nanos() < SPELL.as_nanos())
    }

    fn dice(&self) -> std::sync::MutexGuard<'_, Dice> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One in progress, also when its request is given up.
struct Counted<'a>(&'a AtomicU32);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicU32) -> Counted<'a> {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn cache_span(parent: &Span, operation: &'static str, key: &str) -> Span {
    let mut span = parent.child(operation, Kind::Client);
    span.set("db.system.name", "redis");
    span.set("db.operation.name", operation);
    span.set("db.query.text", format!("{operation} {key}"));
    span.set("server.address", "shop-cache.internal");
    span.set("server.port", 6379);
    span
}

fn deadlock(table: &str) -> Exception {
    Exception {
        kind: "DeadlockDetected",
        message: format!("deadlock detected while inserting into {table}"),
        stack: "   at shop_api::store::execute (src/store.rs:118)\n   at shop_api::cart::add_item (src/cart.rs:54)\n   at shop_api::routes::post_cart (src/routes.rs:77)",
    }
}
