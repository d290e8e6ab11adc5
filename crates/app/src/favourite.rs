//! Favourites: what an owner likes best, and a page of just that.

use picup_database::TimelineCursor;
use picup_domain::{AccountId, AssetId, Timestamp};

use crate::asset::{self, Outcome};
use crate::timeline::Page;
use crate::{App, Error, cursor};

/// Makes assets favourites, or no longer, and tells what happened to each. Those in the trash are not there.
///
/// # Errors
/// When the database cannot write.
pub async fn set(
    app: &App,
    owner: AccountId,
    assets: &[AssetId],
    favourite: bool,
) -> Result<Vec<(AssetId, Outcome)>, Error> {
    let mut write = app.database().write().await?;
    let moved = write.asset_favour(owner, assets, favourite).await?;
    asset::commit_moved(app, write, owner, assets, &moved).await
}

/// A page of the favourites, newest first by when they were taken.
///
/// # Errors
/// [`Error::Invalid`] for a cursor that is not ours.
pub async fn list(app: &App, owner: AccountId, from: Option<&str>, limit: u32) -> Result<Page, Error> {
    let place = |(micros, id)| TimelineCursor { captured_local: Timestamp::from_micros(micros), id };
    let after = from.map(cursor::read).transpose()?.map(place);
    let rows = app.database().read().await?.favourite_page(owner, after, limit + 1).await?;
    let (assets, next) = cursor::cut(rows, limit, |last| cursor::write(last.captured_local.micros(), last.id));
    Ok(Page { assets, next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestApp;
    use crate::upload::tests::keep;
    use crate::{account, trash};

    #[tokio::test]
    async fn favourites_page_by_page() {
        let app = TestApp::new().await;
        let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        let stranger = account::create(&app, TestApp::account("bob@example.com")).await.unwrap();
        let mut assets = Vec::new();
        for content in [b"one", b"two", b"six"] {
            assets.push(keep(&app, owner, content).await);
        }
        assert_eq!(set(&app, stranger, &assets[..1], true).await.unwrap(), [(assets[0], Outcome::NotFound)]);
        let done = |id| (id, Outcome::Done);
        assert_eq!(set(&app, owner, &assets, true).await.unwrap(), [done(assets[0]), done(assets[1]), done(assets[2])]);
        assert_eq!(set(&app, owner, &assets[..1], true).await.unwrap(), [(assets[0], Outcome::Unchanged)]);
        let first = list(&app, owner, None, 2).await.unwrap();
        let second = list(&app, owner, first.next.as_deref(), 2).await.unwrap();
        let seen: Vec<AssetId> = first.assets.iter().chain(&second.assets).map(|asset| asset.id).collect();
        // All are of one moment: the largest id is first.
        let mut expected = assets.clone();
        expected.sort_by_key(|id| std::cmp::Reverse(*id));
        assert_eq!((seen, second.next), (expected, None));
        trash::put(&app, owner, &assets[2..]).await.unwrap();
        assert_eq!(set(&app, owner, &assets[2..], false).await.unwrap(), [(assets[2], Outcome::NotFound)]);
        assert_eq!(set(&app, owner, &assets[..2], false).await.unwrap(), [done(assets[0]), done(assets[1])]);
        assert!(list(&app, owner, None, 2).await.unwrap().assets.is_empty());
        assert!(list(&app, owner, Some("x"), 2).await.is_err());
    }
}
