//! Whether this process lives and whether it can work, for supervisors and load balancers.

use axum::Json as Answer;
use axum::http::StatusCode;
use picup_app::health;

use crate::extract::ForClient;
use crate::wire::Health;

/// Answers as long as the process does; asks nobody else.
#[utoipa::path(get, path = "/live", operation_id = "live", responses((status = 200, body = Health)))]
pub(crate) async fn live() -> Answer<Health> {
    Answer(Health { ok: true })
}

/// Whether requests should be sent here: the database answers, and nobody asked this process to stop.
#[utoipa::path(get, path = "/ready", operation_id = "ready",
    responses((status = 200, body = Health), (status = 503, body = Health)))]
pub(crate) async fn ready(ForClient(app): ForClient) -> (StatusCode, Answer<Health>) {
    let ok = health::ready(&app).await;
    (if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Answer(Health { ok }))
}
