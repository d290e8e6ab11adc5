//! How the whole is, for admins, and what they do about it.

use axum::Json as Answer;
use picup_app::admin::Actor;
use picup_app::system;
use picup_domain::JobId;

use crate::extract::{Admin, ForClient, Json, bounded};
use crate::problem::ApiError;
use crate::views;
use crate::wire::{JobsRetried, JobsRetry, Problem, System};

/// How the whole is. What does not answer is said in its row: this itself does not fail for it.
#[utoipa::path(get, path = "/api/admin/system", operation_id = "system",
    responses((status = 200, body = System), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn report(ForClient(app): ForClient, _admin: Admin) -> Answer<System> {
    let report = system::report(&app).await;
    Answer(views::system::report(report, app.settings().roles, app.now()))
}

/// Tries jobs once more that were given up. Those that are not given up any more are left alone.
#[utoipa::path(post, path = "/api/admin/system/jobs/retry", operation_id = "jobs_retry", request_body = JobsRetry,
    responses((status = 200, body = JobsRetried), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
pub(crate) async fn retry(
    ForClient(app): ForClient,
    Admin(by): Admin,
    Json(request): Json<JobsRetry>,
) -> Result<Answer<JobsRetried>, ApiError> {
    if let Some(jobs) = &request.jobs {
        bounded("jobs", jobs.len(), 500)?;
    }
    let jobs: Option<Vec<JobId>> = request.jobs.map(|jobs| jobs.into_iter().map(JobId::from).collect());
    let done = system::retry(&app, Actor::Account(by.account), jobs.as_deref()).await?;
    Ok(Answer(JobsRetried { retried: done.retried, left: done.left }))
}
