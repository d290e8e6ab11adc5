//! The timeline: day counts first, columns of small fields second.

use axum::Json as Answer;
use picup_app::timeline;
use picup_app::timeline::Window;
use picup_domain::LocalDay;

use crate::extract::{Allowed, ForClient, Query, Read};
use crate::problem::ApiError;
use crate::views;
use crate::wire::{AssetColumns, Problem, Timeline, TimelineDay, TimelineQuery};

/// How many assets each day has, newest day first.
#[utoipa::path(get, path = "/api/timeline", operation_id = "timeline",
    responses((status = 200, body = Timeline), (status = 401, body = Problem)))]
pub(crate) async fn days(ForClient(app): ForClient, caller: Allowed<Read>) -> Result<Answer<Timeline>, ApiError> {
    let days = timeline::days(&app, caller.account).await?;
    Ok(Answer(Timeline {
        total: days.iter().map(|day| day.assets).sum(),
        days: days.iter().map(|day| TimelineDay { day: day.day.to_string(), count: day.assets }).collect(),
    }))
}

/// The assets of some days, newest first.
#[utoipa::path(get, path = "/api/timeline/assets", operation_id = "timeline_assets", params(TimelineQuery),
    responses((status = 200, body = AssetColumns), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn assets(
    ForClient(app): ForClient,
    caller: Allowed<Read>,
    Query(query): Query<TimelineQuery>,
) -> Result<Answer<AssetColumns>, ApiError> {
    let day = |text: Option<String>| text.map(|text| text.parse::<LocalDay>()).transpose();
    let window = Window { newest: day(query.newest)?, oldest: day(query.oldest)? };
    let limit = views::limit(query.limit)?;
    let page = timeline::assets(&app, caller.account, window, query.cursor.as_deref(), limit).await?;
    Ok(Answer(views::columns(page)))
}
