//! What visitors speak to: it hands requests to `api`, and asks again where that does no harm.

use serde_json::json;

use crate::service::{Answer, Call, Service};
use crate::telemetry::{Level, Span};

const MAX_RETRIES: u32 = 2;

pub async fn answer(service: &Service, call: &Call, span: &mut Span) -> Answer {
    if call.route == "/" {
        return Answer::error(404, "there is no such page");
    }
    let path = match call.query.as_str() {
        "" => call.path.clone(),
        query => format!("{}?{query}", call.path),
    };
    let mut resend = 0;
    loop {
        let answer = service.ask(span, call, &call.method, &path, resend).await;
        if answer.status != 503 || call.method != "GET" || resend == MAX_RETRIES {
            return answer;
        }
        resend += 1;
        span.event("retry", &[("http.request.resend_count", json!(resend))]);
        let fields = json!({"attempt": resend, "upstream_status": answer.status});
        service.log(Level::Warn, "upstream", "api is busy; asking again", span, call, fields);
        let pause = service.dice().around(std::time::Duration::from_millis(20));
        tokio::time::sleep(pause).await;
    }
}
