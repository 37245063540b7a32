//! The shop's own logic, over its database and its cache, with `worker` for what takes longer.

use std::time::Duration;

use serde_json::{Value, json};

use crate::service::{Answer, Call, Service};
use crate::store::{self, Statement};
use crate::telemetry::{Exception, Level, Span};

/// Share of requests that find no free connection to the database.
const BUSY: f64 = 0.012;

const SLOW: Duration = Duration::from_secs(1);

pub async fn answer(service: &Service, call: &Call, span: &mut Span) -> Answer {
    if service.dice().chance(BUSY) {
        let fields = json!({"pool_size": 20, "waiting": service.dice().below(30) + 5});
        service.log(Level::Warn, "pool", "no connection to the database is free", span, call, fields);
        return Answer::error(503, "no connection to the database is free");
    }
    let answered = match call.route {
        "/products" => products(service, call, span).await,
        "/products/{id}" => product(service, call, span).await,
        "/search" => search(service, call, span).await,
        "/cart" => cart(service, call, span).await,
        "/checkout" => checkout(service, call, span).await,
        _ => Ok(Answer::error(404, "there is no such page")),
    };
    answered.unwrap_or_else(|exception| {
        span.exception(&exception);
        service.log_exception("store", span, call, &exception);
        Answer::error(500, &exception.message)
    })
}

async fn run(
    service: &Service,
    call: &Call,
    span: &Span,
    statement: &Statement,
    rows: u64,
) -> Result<(), Exception> {
    let took = service.store.run(span, service.telemetry.meter(), statement, rows).await?;
    let duration_ms = took.as_millis() as u64;
    let fields = json!({"db_query": statement.text, "rows": rows, "duration_ms": duration_ms});
    match took > SLOW {
        true => service.log(Level::Warn, "store", "slow query", span, call, fields),
        false => service.log(Level::Debug, "store", "query done", span, call, fields),
    }
    Ok(())
}

async fn products(service: &Service, call: &Call, span: &Span) -> Result<Answer, Exception> {
    let (key, meter) = (format!("list:{}", call.query), service.telemetry.meter());
    if !service.store.cached(span, meter, &key).await {
        run(service, call, span, &store::LIST, 24).await?;
        let more = if service.asks_one_by_one { 12 } else { 0 };
        for _ in 0..more {
            run(service, call, span, &store::PRODUCT, 1).await?;
        }
        service.store.keep(span, meter, &key).await;
    }
    let products: Vec<_> = (1..=24).map(item).collect();
    Ok(Answer::new(200, json!({ "products": products })))
}

async fn product(service: &Service, call: &Call, span: &Span) -> Result<Answer, Exception> {
    let id = call.path.trim_start_matches("/products/");
    let Some(number) = id.parse().ok().filter(|number| (1..=500).contains(number)) else {
        service.log(Level::Info, "catalogue", "no such product", span, call, json!({"product_id": id}));
        return Ok(Answer::error(404, "there is no such product"));
    };
    let (key, meter) = (format!("product:{number}"), service.telemetry.meter());
    if !service.store.cached(span, meter, &key).await {
        run(service, call, span, &store::PRODUCT, 1).await?;
        service.store.keep(span, meter, &key).await;
    }
    let similar = service.ask(span, call, "GET", &format!("/recommendations/{number}"), 0).await;
    let mut product = item(number);
    product["similar"] = similar.body["products"].clone();
    Ok(Answer::new(200, product))
}

async fn search(service: &Service, call: &Call, span: &mut Span) -> Result<Answer, Exception> {
    let words = call.query.trim_start_matches("q=");
    span.set("shop.search.words", words);
    let rows = service.dice().below(21);
    run(service, call, span, &store::SEARCH, rows).await?;
    let found: Vec<_> = (1..=rows).map(item).collect();
    Ok(Answer::new(200, json!({"words": words, "products": found})))
}

async fn cart(service: &Service, call: &Call, span: &mut Span) -> Result<Answer, Exception> {
    run(service, call, span, &store::ADD_ITEM, 1).await?;
    run(service, call, span, &store::CART, 3).await?;
    let size = 1 + service.dice().below(9);
    service.telemetry.numbers().cart(size);
    span.set("shop.cart.size", size);
    service.log(Level::Info, "cart", "item added", span, call, json!({"cart_size": size}));
    Ok(Answer::new(201, json!({ "items": size })))
}

async fn checkout(service: &Service, call: &Call, span: &mut Span) -> Result<Answer, Exception> {
    run(service, call, span, &store::CART, 3).await?;
    let paid = service.ask(span, call, "POST", "/payments", 0).await;
    if paid.status != 200 {
        service.telemetry.numbers().order("failed");
        let fields = json!({"upstream_status": paid.status, "upstream_error": paid.body["error"]});
        service.log(Level::Error, "checkout", "order is not paid", span, call, fields);
        return Ok(Answer::error(502, "the payment did not go through"));
    }
    let placed = run(service, call, span, &store::ORDER, 1).await;
    service.telemetry.numbers().order(if placed.is_ok() { "placed" } else { "failed" });
    placed?;
    let order = format!("o-{:08x}", service.dice().roll() >> 32);
    span.set("shop.order.id", order.as_str());
    let fields = json!({"order_id": order, "amount_cents": call.body["amount_cents"]});
    service.log(Level::Info, "checkout", "order placed", span, call, fields);
    Ok(Answer::new(201, json!({ "order": order })))
}

fn item(number: u64) -> Value {
    const WHAT: [&str; 8] = ["paddle", "hull", "sail", "rope", "anchor", "lamp", "net", "float"];
    let name = WHAT[(number % 8) as usize];
    json!({"id": number, "name": format!("{name} no. {number}"), "price_cents": 500 + number * 37 % 9000})
}
