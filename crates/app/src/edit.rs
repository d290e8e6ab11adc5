//! What an owner changes of an asset by hand: when it was taken, what is written about it, whether it is a favourite.

pub use picup_database::AssetEdit as Edit;
use picup_domain::{AccountId, AssetId};

use crate::asset::{self, Asset};
use crate::events::{self, Change};
use crate::{App, Error};

/// Changes an asset and gives it as it is now. Pages that show the day it was on hear of it, and those of the day it is on.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] for one in the trash.
pub async fn edit(app: &App, owner: AccountId, id: AssetId, edit: &Edit) -> Result<Asset, Error> {
    let mut write = app.database().write().await?;
    let before = write.asset_edit(owner, id, edit).await?.ok_or(Error::NotFound("asset"))?;
    if before.trashed_at.is_some() {
        return Err(Error::Conflict("this asset is in the trash; take it back to change it"));
    }
    let row = write.asset_by_id(owner, id).await?.ok_or(Error::NotFound("asset"))?;
    let mut days = vec![before.day, row.day];
    days.dedup();
    let changes: Vec<Change> = days.into_iter().map(|day| Change::Asset { id, state: row.state, day }).collect();
    events::append_all(&mut write, owner, &changes, app.now()).await?;
    let edited = asset::view(&mut write, row).await?;
    write.commit().await?;
    events::announce(app);
    Ok(edited)
}

#[cfg(test)]
mod tests {
    use picup_domain::{CaptureTime, Description};

    use super::*;
    use crate::testing::TestApp;
    use crate::upload::tests::keep;
    use crate::{account, timeline, trash};

    async fn told(app: &TestApp, after: i64) -> Vec<String> {
        let events = app.database().read_fresh().await.unwrap().event_list(after, 10).await.unwrap();
        events.into_iter().map(|event| event.payload).collect()
    }

    #[tokio::test]
    async fn an_edit_moves_the_asset_and_tells_both_days() {
        let app = TestApp::new().await;
        let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        let id = keep(&app, owner, b"one").await;
        let latest = app.database().read_fresh().await.unwrap().event_latest().await.unwrap();
        let text = Description::new("Last evening of the year").unwrap();
        let capture = CaptureTime::edited("1999-12-31T23:30:00", Some(60)).unwrap();
        let change = Edit { favourite: Some(true), description: Some(text.clone()), capture: Some(capture) };
        let now = edit(&app, owner, id, &change).await.unwrap().row;
        assert_eq!((now.favourite, now.description, now.facts.capture), (true, text, capture));
        let days = timeline::days(&app, owner).await.unwrap();
        assert_eq!((days.len(), days[0].day, days[0].assets), (1, capture.day(), 1));
        let events = told(&app, latest).await;
        assert_eq!(events.len(), 2, "{events:?}");
        assert!(events[0].contains("20231114") && events[1].contains("19991231"), "{events:?}");
        let latest = latest + 2;
        edit(&app, owner, id, &Edit { favourite: Some(false), ..Edit::default() }).await.unwrap();
        assert_eq!(told(&app, latest).await.len(), 1, "one day is told once");
    }

    #[tokio::test]
    async fn neither_anothers_nor_what_is_in_the_trash_can_be_edited() {
        let app = TestApp::new().await;
        let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        let stranger = account::create(&app, TestApp::account("bob@example.com")).await.unwrap();
        let id = keep(&app, owner, b"one").await;
        let change = Edit { favourite: Some(true), ..Edit::default() };
        assert!(matches!(edit(&app, stranger, id, &change).await, Err(Error::NotFound("asset"))));
        trash::put(&app, owner, &[id]).await.unwrap();
        assert!(matches!(edit(&app, owner, id, &change).await, Err(Error::Conflict(_))));
        trash::restore(&app, owner, &[id]).await.unwrap();
        assert!(!asset::fetch(&app, owner, id).await.unwrap().row.favourite, "nothing was changed");
        edit(&app, owner, id, &change).await.unwrap();
    }
}
