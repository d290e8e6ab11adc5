//! Searching a library: pages of what was found, each after a bounded look, and how far the search has come.

use std::cmp::Reverse;
use std::collections::BTreeMap;

pub use picup_database::Search;
use picup_database::{TimelineCursor, Walk};
use picup_domain::{AccountId, Invalid, LocalDay, Timestamp};

use crate::timeline::Page;
use crate::{App, Error, cursor};

/// How many assets a page looks at. A larger number finds rare things in fewer pages; a smaller one shows the first sooner,
/// and holds a connection to the database for a shorter time.
const INSPECTED: u32 = 20_000;

/// How many of the newest assets are asked for their camera, and how many cameras are told of at most.
const ASKED_FOR_CAMERAS: u32 = 2_000;
const MOST_CAMERAS: usize = 20;

/// A page of a search.
#[derive(Debug, Clone)]
pub struct Found {
    /// What was found, and where to go on.
    pub page: Page,
    /// Everything newer than this day has been looked at; `None` when all has.
    pub searched_to: Option<LocalDay>,
}

/// The next page of a search: at most `limit` assets, newest first, from `from` on. It may be empty and yet not the last.
///
/// # Errors
/// [`Error::Invalid`] for days in the wrong order and a cursor that is not ours, [`Error::NotFound`] for an album that is
/// not the owner's.
pub async fn find(
    app: &App,
    owner: AccountId,
    search: &Search,
    from: Option<&str>,
    limit: u32,
) -> Result<Found, Error> {
    if search.from.zip(search.to).is_some_and(|(from, to)| from > to) {
        let advice = "the day to search from lies after the day to search to".to_owned();
        return Err(Invalid { field: "from", advice }.into());
    }
    let place = |(micros, id)| TimelineCursor { captured_local: Timestamp::from_micros(micros), id };
    let after = from.map(cursor::read).transpose()?.map(place);
    let mut read = app.database().read().await?;
    if let Some(album) = search.album {
        read.album_by_id(owner, album).await?.ok_or(Error::NotFound("album"))?;
    }
    let searched = read.search_page(owner, search, after, Walk { inspect: INSPECTED, find: limit }).await?;
    let next = searched.reached.map(|at| cursor::write(at.cursor.captured_local.micros(), at.cursor.id));
    let page = Page { assets: searched.found, next };
    Ok(Found { page, searched_to: searched.reached.map(|reached| reached.day) })
}

/// The cameras of an owner's newest assets, each as one would write it, the most used first.
///
/// # Errors
/// When the database cannot answer.
pub async fn cameras(app: &App, owner: AccountId) -> Result<Vec<String>, Error> {
    let counted = app.database().read().await?.search_cameras(owner, ASKED_FOR_CAMERAS).await?;
    let mut named: BTreeMap<String, u32> = BTreeMap::new();
    for ((make, model), count) in counted {
        *named.entry(camera_name(&make.unwrap_or_default(), &model.unwrap_or_default())).or_default() += count;
    }
    named.remove("");
    let mut cameras: Vec<(String, u32)> = named.into_iter().collect();
    cameras.sort_by_key(|(_, count)| Reverse(*count));
    Ok(cameras.into_iter().map(|(name, _)| name).take(MOST_CAMERAS).collect())
}

/// A camera's make and model, without the make twice.
fn camera_name(make: &str, model: &str) -> String {
    let (make, model) = (make.trim(), model.trim());
    if model.to_lowercase().starts_with(&make.to_lowercase()) {
        model.to_owned()
    } else {
        format!("{make} {model}").trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_has_one_name() {
        assert_eq!(camera_name("Canon", "Canon EOS R6"), "Canon EOS R6");
        assert_eq!(camera_name(" Apple ", "iPhone 15"), "Apple iPhone 15");
        assert_eq!((camera_name("Apple", "").as_str(), camera_name("", "R6").as_str()), ("Apple", "R6"));
        assert_eq!(camera_name("", ""), "");
    }
}
