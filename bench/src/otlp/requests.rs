//! The request that is sent: items of about 300 bytes, as SDKs write them.

use model::Signal;
use wire::protobuf::{write_bytes, write_fixed64, write_message, write_number};

/// Items of a request: what SDKs batch.
pub const ITEMS: u64 = 512;

/// An export request of [`ITEMS`] log records or spans.
pub fn request(signal: Signal) -> Vec<u8> {
    let mut request = Vec::new();
    write_message(&mut request, 1, |out| {
        write_message(out, 1, |out| {
            attribute(out, 1, "service.name", "checkout");
            attribute(out, 1, "deployment.environment.name", "production");
        });
        write_message(out, 2, |out| {
            write_message(out, 1, |out| write_bytes(out, 1, b"shop"));
            for n in 0..ITEMS {
                write_message(out, 2, |out| match signal {
                    Signal::Traces => span(out, n),
                    _ => record(out, n),
                });
            }
        });
    });
    request
}

fn attribute(out: &mut Vec<u8>, number: u32, key: &str, value: &str) {
    write_message(out, number, |out| {
        write_bytes(out, 1, key.as_bytes());
        write_message(out, 2, |out| write_bytes(out, 1, value.as_bytes()));
    });
}

fn record(out: &mut Vec<u8>, n: u64) {
    let time = 1_750_000_000_000_000_000 + n;
    write_fixed64(out, 1, time);
    write_number(out, 2, 9);
    let body = format!(
        r#"{{"level":"info","message":"order {n} placed","trace_id":"{:032x}","customer":"c-{n}","total":12.5}}"#,
        n + 1
    );
    write_message(out, 5, |out| write_bytes(out, 1, body.as_bytes()));
    for a in 0..4 {
        attribute(out, 6, &format!("a.{a}"), &format!("value-{n}"));
    }
    write_fixed64(out, 11, time);
}

fn span(out: &mut Vec<u8>, n: u64) {
    write_bytes(out, 1, &u128::from(n + 1).to_be_bytes());
    write_bytes(out, 2, &(n + 1).to_be_bytes());
    write_bytes(out, 5, b"GET /orders/{id}");
    write_number(out, 6, 2);
    write_fixed64(out, 7, 1_750_000_000_000_000_000 + n);
    write_fixed64(out, 8, 1_750_000_000_001_000_000 + n);
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/orders/{id}"),
        ("url.path", "/orders/4711"),
        ("server.address", "shop.example.com"),
        ("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"),
    ] {
        attribute(out, 9, key, value);
    }
}
