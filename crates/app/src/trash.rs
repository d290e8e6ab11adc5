//! The trash: where assets wait to be taken back, until they are deleted for ever by their owner or when their time is over.
//!
//! What lies there counts against the quota and is shown nowhere else. Emptying works in the background, in small batches,
//! and takes only what was in the trash when it was asked for; cut short anywhere, it is gone on with.

use picup_database::{JobLease, Moved, TrashCursor};
use picup_domain::{AccountId, AssetId, ByteSize, Timestamp};
use picup_storage::crash_point;

use crate::asset::Outcome;
use crate::queue::{self, Task};
use crate::timeline::Page;
use crate::{App, Error, asset, cursor};

const DAY_MICROS: i64 = 86_400_000_000;

/// A page of the trash.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The assets, last put there first.
    pub page: Page,
    /// How many days each still has, a begun one counted.
    pub days_left: Vec<u32>,
}

/// The trash in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// How many assets lie there.
    pub count: u64,
    /// What their originals and moving parts take.
    pub bytes: ByteSize,
    /// For how many days an asset stays there.
    pub days: u32,
}

/// How many batches of one owner's one round of the reaper deletes.
const ROUNDS: usize = 20;

/// Puts assets into the trash and tells what happened to each.
///
/// # Errors
/// When the database cannot write.
pub async fn put(app: &App, owner: AccountId, assets: &[AssetId]) -> Result<Vec<(AssetId, Outcome)>, Error> {
    let mut write = app.database().write().await?;
    let moved = write.asset_trash(owner, assets, app.now()).await?;
    asset::commit_moved(app, write, owner, assets, &moved).await
}

/// Takes assets out of the trash, back to their day and their albums, and tells what happened to each.
///
/// # Errors
/// When the database cannot write.
pub async fn restore(app: &App, owner: AccountId, assets: &[AssetId]) -> Result<Vec<(AssetId, Outcome)>, Error> {
    let mut write = app.database().write().await?;
    let moved = write.asset_restore(owner, assets).await?;
    asset::commit_moved(app, write, owner, assets, &moved).await
}

/// Deletes assets of the trash for ever and tells what happened to each. One that is not in the trash stays.
///
/// # Errors
/// When the database cannot write; those before are deleted then.
pub async fn delete(app: &App, owner: AccountId, assets: &[AssetId]) -> Result<Vec<(AssetId, Outcome)>, Error> {
    // Also what a clock that went ahead has put there.
    let whenever = Timestamp::from_micros(i64::MAX);
    let mut all = Moved::default();
    for batch in assets.chunks(asset::AT_ONCE as usize) {
        let moved = asset::delete_forever(app, owner, batch, Some(whenever)).await?;
        all.done.extend(moved.done);
        all.unchanged.extend(moved.unchanged);
    }
    Ok(asset::outcomes(assets, &all, Outcome::NotTrashed))
}

/// A page of the trash, last put there first.
///
/// # Errors
/// [`Error::Invalid`] for a cursor that is not ours.
pub async fn list(app: &App, owner: AccountId, from: Option<&str>, limit: u32) -> Result<Listed, Error> {
    let place = |(micros, id)| TrashCursor { trashed_at: Timestamp::from_micros(micros), id };
    let after = from.map(cursor::read).transpose()?.map(place);
    let rows = app.database().read().await?.trash_page(owner, after, limit + 1).await?;
    let (rows, next) = cursor::cut(rows, limit, |last| cursor::write(last.trashed_at.micros(), last.asset.id));
    let over = app.now().minus(app.settings().trash_life);
    let days_left = rows.iter().map(|row| days(row.trashed_at.micros() - over.micros())).collect();
    Ok(Listed { page: Page { assets: rows.into_iter().map(|row| row.asset).collect(), next }, days_left })
}

/// How much lies in the trash, and for how long.
///
/// # Errors
/// When the database cannot answer.
pub async fn summary(app: &App, owner: AccountId) -> Result<Summary, Error> {
    let mut read = app.database().read().await?;
    // Also what a clock that went ahead has put there.
    let count = read.trash_count(owner, Timestamp::from_micros(i64::MAX)).await?;
    let life = i64::try_from(app.settings().trash_life.as_micros()).unwrap_or(i64::MAX);
    Ok(Summary { count, bytes: read.usage_trash(owner).await?, days: days(life) })
}

/// A time in days, a begun one counted; none for what is over.
fn days(micros: i64) -> u32 {
    u32::try_from(micros.max(0).saturating_add(DAY_MICROS - 1) / DAY_MICROS).unwrap_or(u32::MAX)
}

/// Has everything deleted that is in the trash at this moment, and tells how much that is.
///
/// # Errors
/// When the database cannot write.
pub async fn empty(app: &App, owner: AccountId) -> Result<u64, Error> {
    let now = app.now();
    let mut write = app.database().write().await?;
    let count = write.trash_count(owner, now).await?;
    if count == 0 {
        return Ok(0);
    }
    queue::enqueue_for(&mut write, Task::EmptyTrash { owner, until: now }, now, now).await?;
    crash_point!("empty-trash-written");
    write.commit().await?;
    crash_point!("empty-trash-committed");
    queue::wake(app);
    Ok(count)
}

/// The work of [`empty`].
pub(crate) async fn work_empty(app: &App, owner: AccountId, until: Timestamp, lease: JobLease) -> Result<(), Error> {
    loop {
        let batch = app.database().read_fresh().await?.trash_list(owner, until, asset::AT_ONCE).await?;
        if batch.is_empty() {
            break;
        }
        asset::delete_forever(app, owner, &batch, Some(until)).await?;
    }
    let mut write = app.database().write().await?;
    write.job_complete(lease).await?;
    Ok(write.commit().await?)
}

/// Deletes what has been in the trash for its whole time. One owner's that cannot be deleted keep no other's.
pub(crate) async fn expire(app: &App) -> Result<(), Error> {
    let until = app.now().minus(app.settings().trash_life);
    for owner in app.database().read_fresh().await?.trash_owners_due(until).await? {
        let mut deleted = 0;
        let expired = expire_of(app, owner, until, &mut deleted).await;
        if deleted > 0 {
            tracing::info!(account = %owner, assets = deleted, "assets were deleted whose time in the trash is over");
        }
        if let Err(error) = expired {
            tracing::warn!(account = %owner, error = error.story(), "what is over in a trash could not be deleted; trying again");
        }
    }
    Ok(())
}

/// One owner's share of a round, so that a trash of many thousands keeps the reaper from nothing else.
async fn expire_of(app: &App, owner: AccountId, until: Timestamp, deleted: &mut usize) -> Result<(), Error> {
    for _ in 0..ROUNDS {
        let due = app.database().read_fresh().await?.trash_list(owner, until, asset::AT_ONCE).await?;
        if due.is_empty() {
            break;
        }
        *deleted += asset::delete_forever(app, owner, &due, Some(until)).await?.done.len();
    }
    Ok(())
}

/// Takes one asset out of the trash because its file was sent again. `false` when it is gone.
pub(crate) async fn bring_back(app: &App, owner: AccountId, id: AssetId) -> Result<bool, Error> {
    let outcome = restore(app, owner, &[id]).await?;
    Ok(outcome.iter().all(|(_, outcome)| *outcome != Outcome::NotFound))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use picup_domain::{AlbumId, AlbumTitle};

    use super::*;
    use crate::testing::TestApp;
    use crate::upload::tests::keep;
    use crate::{account, album, timeline, upload};

    async fn app() -> (TestApp, AccountId) {
        let app = TestApp::new().await;
        let owner = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        (app, owner)
    }

    async fn album_of(app: &TestApp, owner: AccountId, assets: &[AssetId]) -> AlbumId {
        let album = album::create(app, owner, AlbumTitle::new("Holiday").unwrap()).await.unwrap();
        album::add(app, owner, album.row.id, assets).await.unwrap();
        album.row.id
    }

    /// How many assets the timeline, the album and the trash show, the album's cover, and the bytes in use.
    async fn seen(app: &TestApp, owner: AccountId, album: AlbumId) -> (u64, u64, usize, Option<AssetId>, u64) {
        let days = timeline::days(app, owner).await.unwrap().iter().map(|day| day.assets).sum();
        let shown = album::fetch(app, owner, album).await.unwrap();
        let listed = album::assets(app, owner, album, None, 10).await.unwrap().page.assets.len();
        assert_eq!(shown.row.asset_count, listed as u64);
        let trash = list(app, owner, None, 10).await.unwrap().page.assets.len();
        let used = account::fetch(app, owner).await.unwrap().quota.used.get();
        (days, shown.row.asset_count, trash, shown.row.cover.map(|cover| cover.id), used)
    }

    async fn work_off(app: &TestApp) {
        let mut write = app.database().write().await.unwrap();
        let jobs = write.job_claim(&["empty_trash"], app.now(), Duration::from_secs(60), 10).await.unwrap();
        write.commit().await.unwrap();
        for job in jobs {
            let Task::EmptyTrash { owner, until } = Task::read(&job.kind, &job.payload).unwrap() else {
                panic!("{job:?}")
            };
            work_empty(app, owner, until, job.lease).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_goes_into_the_trash_comes_back_to_its_places() {
        let (app, owner) = app().await;
        let (one, two) = (keep(&app, owner, b"one").await, keep(&app, owner, b"two").await);
        let album = album_of(&app, owner, &[one, two]).await;
        assert_eq!(seen(&app, owner, album).await, (2, 2, 0, Some(one), 6));
        let unknown = AssetId::new(app.now());
        let outcomes = put(&app, owner, &[one, unknown, one]).await.unwrap();
        assert_eq!(outcomes, [(one, Outcome::Done), (unknown, Outcome::NotFound), (one, Outcome::Done)]);
        assert_eq!(put(&app, owner, &[one]).await.unwrap(), [(one, Outcome::Unchanged)]);
        assert_eq!(seen(&app, owner, album).await, (1, 1, 1, Some(two), 6), "it still counts against the quota");
        assert_eq!(restore(&app, owner, &[two, one]).await.unwrap(), [(two, Outcome::Unchanged), (one, Outcome::Done)]);
        assert_eq!(seen(&app, owner, album).await, (2, 2, 0, Some(one), 6));
    }

    #[tokio::test]
    async fn only_what_is_in_the_trash_is_deleted_for_ever() {
        let (app, owner) = app().await;
        let (one, two) = (keep(&app, owner, b"one").await, keep(&app, owner, b"two").await);
        let album = album_of(&app, owner, &[one, two]).await;
        put(&app, owner, &[one]).await.unwrap();
        let key = crate::asset::fetch(&app, owner, one).await.unwrap().original;
        assert_eq!(delete(&app, owner, &[one, two]).await.unwrap(), [(one, Outcome::Done), (two, Outcome::NotTrashed)]);
        assert_eq!(seen(&app, owner, album).await, (1, 1, 0, Some(two), 3));
        assert!(matches!(app.storage().open_object(&key).await, Err(picup_storage::Error::NotFound(_))));
        assert_eq!(delete(&app, owner, &[one]).await.unwrap(), [(one, Outcome::NotFound)]);
    }

    #[tokio::test]
    async fn emptying_takes_what_was_there_when_it_was_asked_for() {
        let (app, owner) = app().await;
        let mut assets = Vec::new();
        for number in 0..asset::AT_ONCE as u8 + 3 {
            assets.push(keep(&app, owner, &[number]).await);
        }
        let album = album_of(&app, owner, &assets).await;
        assert_eq!(empty(&app, owner).await.unwrap(), 0);
        let (gone, late) = assets.split_at(assets.len() - 1);
        put(&app, owner, gone).await.unwrap();
        assert_eq!(empty(&app, owner).await.unwrap(), gone.len() as u64);
        app.clock.advance(Duration::from_secs(1));
        put(&app, owner, late).await.unwrap();
        restore(&app, owner, &gone[..1]).await.unwrap();
        work_off(&app).await;
        assert_eq!(seen(&app, owner, album).await, (1, 1, 1, Some(gone[0]), 2), "one came later, one was taken back");
        assert_eq!(empty(&app, owner).await.unwrap(), 1);
        work_off(&app).await;
        assert_eq!(seen(&app, owner, album).await, (1, 1, 0, Some(gone[0]), 1));
    }

    #[tokio::test]
    async fn what_has_been_there_for_its_time_goes() {
        let (app, owner) = app().await;
        let (early, late) = (keep(&app, owner, b"early").await, keep(&app, owner, b"late").await);
        let album = album_of(&app, owner, &[early, late]).await;
        put(&app, owner, &[early]).await.unwrap();
        app.clock.advance(app.settings().trash_life - Duration::from_secs(1));
        put(&app, owner, &[late]).await.unwrap();
        let listed = list(&app, owner, None, 10).await.unwrap();
        let ids: Vec<_> = listed.page.assets.iter().map(|asset| asset.id).collect();
        assert_eq!((ids, listed.days_left), (vec![late, early], vec![30, 1]));
        let figures = Summary { count: 2, bytes: ByteSize::new(9).unwrap(), days: 30 };
        assert_eq!(summary(&app, owner).await.unwrap(), figures);
        expire(&app).await.unwrap();
        assert_eq!(seen(&app, owner, album).await, (0, 0, 2, None, 9));
        app.clock.advance(Duration::from_secs(1));
        assert_eq!(list(&app, owner, None, 10).await.unwrap().days_left, [30, 0], "it is over");
        expire(&app).await.unwrap();
        assert_eq!(seen(&app, owner, album).await, (0, 0, 1, None, 4));
    }

    #[tokio::test]
    async fn an_owner_whose_trash_cannot_be_deleted_keeps_no_others() {
        let (app, ada) = app().await;
        let bob = account::create(&app, TestApp::account("bob@example.com")).await.unwrap();
        let mut stuck = Vec::new();
        for number in 0..=asset::AT_ONCE as u8 {
            stuck.push(keep(&app, ada, &[number]).await);
        }
        put(&app, ada, &stuck).await.unwrap();
        app.clock.advance(Duration::from_secs(1));
        let due = keep(&app, bob, b"due").await;
        put(&app, bob, &[due]).await.unwrap();
        // As a figure that was wrong would have it: what is deleted cannot be taken off.
        let mut write = app.database().write().await.unwrap();
        let used = account::fetch(&app, ada).await.unwrap().quota.used;
        write.quota_free(ada, used).await.unwrap();
        write.commit().await.unwrap();
        app.clock.advance(app.settings().trash_life);
        expire(&app).await.unwrap();
        assert!(list(&app, bob, None, 10).await.unwrap().page.assets.is_empty());
        assert_eq!(
            list(&app, ada, None, 100).await.unwrap().page.assets.len(),
            stuck.len(),
            "all or nothing of a batch"
        );
    }

    #[tokio::test]
    async fn a_file_that_is_sent_again_comes_out_of_the_trash() {
        let (app, owner) = app().await;
        let one = keep(&app, owner, b"one").await;
        let album = album_of(&app, owner, &[one]).await;
        put(&app, owner, &[one]).await.unwrap();
        let wish = upload::tests::wish(b"one");
        let again = upload::reserve(&app, owner, wish.clone()).await.unwrap();
        assert!(matches!(again, upload::Reserved::Duplicate(found) if found == one));
        assert_eq!(seen(&app, owner, album).await, (1, 1, 0, Some(one), 3));
        put(&app, owner, &[one]).await.unwrap();
        let again = upload::reserve_many(&app, owner, vec![wish]).await.unwrap();
        assert!(matches!(again[0], Ok(upload::Reserved::Duplicate(found)) if found == one));
        assert_eq!(seen(&app, owner, album).await, (1, 1, 0, Some(one), 3));
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_keeps_nothing_in_the_trash() {
        let (app, owner) = app().await;
        let one = keep(&app, owner, b"one").await;
        let mut write = app.database().write().await.unwrap();
        write.asset_trash(owner, &[one], app.now().plus(Duration::from_secs(1800))).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(delete(&app, owner, &[one]).await.unwrap(), [(one, Outcome::Done)]);
    }

    #[tokio::test]
    async fn nobody_reaches_anothers_trash() {
        let (app, owner) = app().await;
        let stranger = account::create(&app, TestApp::account("bob@example.com")).await.unwrap();
        let one = keep(&app, owner, b"one").await;
        assert_eq!(put(&app, stranger, &[one]).await.unwrap(), [(one, Outcome::NotFound)]);
        put(&app, owner, &[one]).await.unwrap();
        for outcomes in [restore(&app, stranger, &[one]).await, delete(&app, stranger, &[one]).await] {
            assert_eq!(outcomes.unwrap(), [(one, Outcome::NotFound)]);
        }
        assert!(list(&app, stranger, None, 10).await.unwrap().page.assets.is_empty());
        assert_eq!(empty(&app, stranger).await.unwrap(), 0);
        assert_eq!(list(&app, owner, None, 10).await.unwrap().page.assets.len(), 1);
    }
}
