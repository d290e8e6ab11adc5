//! How long the API itself takes for its answers. Beside what the front counts of the same requests, it shows what the way there costs.

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use picup_gateway::{RouteTemplate, method_label};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;

/// The front's own buckets, and two below them: most answers take less than the first.
const BUCKETS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// What is asked for and no endpoint has; the front counts it under the same name.
const NO_ENDPOINT: &str = "api";

type Times = Family<Labels, Histogram, fn() -> Histogram>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    route: RouteTemplate,
    status: u16,
}

/// Counts what goes through `router`, and tells the front which template a path fits. An answer's time ends with its head: what
/// follows goes at the client's pace.
pub(super) fn timed(router: Router, registry: &mut Registry) -> Router {
    let times = Times::new_with_constructor(|| Histogram::new(BUCKETS));
    let help = "Time that the API took until the head of its answer";
    registry.sub_registry_with_prefix("picup").register_with_unit(
        "api_request_duration",
        help,
        Unit::Seconds,
        times.clone(),
    );
    router.layer(middleware::from_fn_with_state(times, time))
}

async fn time(State(times): State<Times>, request: Request, next: Next) -> Response {
    let method = method_label(request.method());
    let template = request.extensions().get::<MatchedPath>().map(|path| RouteTemplate::new(path.as_str()));
    let began = Instant::now();
    let mut response = next.run(request).await;
    let route = template.clone().unwrap_or_else(|| RouteTemplate::new(NO_ENDPOINT));
    let labels = Labels { method, route, status: response.status().as_u16() };
    times.get_or_create(&labels).observe(began.elapsed().as_secs_f64());
    if let Some(template) = template {
        response.extensions_mut().insert(template);
    }
    response
}
