//! The timeline: how many assets each day has, and pages of the small fields a grid needs.

pub use picup_database::{DayCount, TimelineAsset};
use picup_database::{Direction, TimelineCursor};
use picup_domain::{AccountId, LocalDay, Timestamp};

use crate::{App, Error, cursor};

/// The days wanted, both ends included.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window {
    /// The newest; `None` means no bound.
    pub newest: Option<LocalDay>,
    /// The oldest; `None` means no bound.
    pub oldest: Option<LocalDay>,
}

/// A page of assets, newest first.
#[derive(Debug, Clone)]
pub struct Page {
    /// The assets.
    pub assets: Vec<TimelineAsset>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// The days that have assets, newest first.
///
/// # Errors
/// When the database cannot answer.
pub async fn days(app: &App, owner: AccountId) -> Result<Vec<DayCount>, Error> {
    Ok(app.database().read().await?.timeline_days(owner).await?)
}

/// A page of at most `limit` assets within `window`, newest first, from `from` on.
///
/// # Errors
/// [`Error::Invalid`] for a cursor that is not ours.
pub async fn assets(
    app: &App,
    owner: AccountId,
    window: Window,
    from: Option<&str>,
    limit: u32,
) -> Result<Page, Error> {
    let place = |(micros, id)| TimelineCursor { captured_local: Timestamp::from_micros(micros), id };
    let after = from.map(cursor::read).transpose()?.map(place);
    let mut read = app.database().read().await?;
    // One more than asked for tells whether there is a next page.
    let mut assets = match (after, window.newest) {
        (None, Some(newest)) => {
            let oldest = window.oldest.unwrap_or(LocalDay::FIRST);
            read.timeline_range(owner, newest, oldest, limit + 1).await?
        }
        _ => read.timeline_page(owner, after, Direction::Older, limit + 1).await?,
    };
    let in_window = |asset: &TimelineAsset| {
        window.newest.is_none_or(|newest| asset.day <= newest) && window.oldest.is_none_or(|oldest| asset.day >= oldest)
    };
    assets.retain(in_window);
    let (assets, next) = cursor::cut(assets, limit, |last| cursor::write(last.captured_local.micros(), last.id));
    Ok(Page { assets, next })
}
