//! Whether an account's books are right: what its rows add up to against the figures that stand. For the command line.
//!
//! Looked at in a reading transaction first, which keeps nobody waiting; only what differs there is counted again and put
//! right, in one writing transaction an account, so that the repair is exact beside a running server.

use std::collections::BTreeMap;

use picup_database::{AlbumCount, DayCount, Read, Usage};
use picup_domain::{AccountId, AlbumId, ByteSize, LocalDay};

use crate::account::Account;
use crate::{App, Error};

/// What an account keeps.
#[derive(Debug, Clone)]
pub struct Keeps {
    /// The account.
    pub account: Account,
    /// The bytes of its trash, which count as used.
    pub trash: ByteSize,
}

/// A figure that was wrong and has been put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repair {
    /// Which.
    pub figure: Figure,
    /// What it said.
    pub was: u64,
    /// What it says now.
    pub is: u64,
}

/// A figure of the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// The bytes of the account's assets.
    Used,
    /// The bytes promised to its uploads.
    Reserved,
    /// How many uploads are under way.
    OpenUploads,
    /// How many assets the timeline has on a day.
    Day(LocalDay),
    /// How many assets an album has.
    Album(AlbumId),
}

/// What all accounts keep, by address.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(app: &App) -> Result<Vec<Keeps>, Error> {
    let mut read = app.database().read().await?;
    let mut all = Vec::new();
    for account in read.account_list().await? {
        all.push(Keeps { trash: read.usage_trash(account.id).await?, account });
    }
    Ok(all)
}

/// Counts an account's books anew, puts right what is wrong, and tells what was.
///
/// # Errors
/// When the database cannot do it.
pub async fn verify(app: &App, id: AccountId) -> Result<Vec<Repair>, Error> {
    let mut read = app.database().read_fresh().await?;
    if Books::of(&mut read, id).await?.is_none_or(|books| books.wrong().is_empty()) {
        return Ok(Vec::new());
    }
    drop(read);
    let mut write = app.database().write().await?;
    write.usage_lock(id).await?;
    let Some(books) = Books::of(&mut write, id).await? else { return Ok(Vec::new()) };
    let wrong = books.wrong();
    write.usage_correct(id, &books.counted).await?;
    for repair in &wrong {
        match repair.figure {
            Figure::Used | Figure::Reserved | Figure::OpenUploads => {}
            Figure::Day(day) => write.usage_correct_day(id, day, repair.is).await?,
            Figure::Album(album) => write.usage_correct_album(album, repair.is).await?,
        }
    }
    write.commit().await?;
    for Repair { figure, was, is } in &wrong {
        tracing::warn!(account = %id, ?figure, was, is, "a figure was wrong and has been put right");
    }
    Ok(wrong)
}

/// An account's figures as they stand, and as its rows add up.
struct Books {
    stands: Usage,
    counted: Usage,
    days_stand: Vec<DayCount>,
    days_counted: Vec<DayCount>,
    albums: Vec<AlbumCount>,
}

impl Books {
    async fn of(read: &mut Read, id: AccountId) -> Result<Option<Self>, Error> {
        let Some(stands) = read.usage_stands(id).await? else { return Ok(None) };
        Ok(Some(Self {
            stands,
            counted: read.usage_counted(id).await?,
            days_stand: read.timeline_days(id).await?,
            days_counted: read.usage_days(id).await?,
            albums: read.usage_albums(id).await?,
        }))
    }

    fn wrong(&self) -> Vec<Repair> {
        let (stands, counted) = (&self.stands, &self.counted);
        let mut all = vec![
            Repair { figure: Figure::Used, was: stands.used.get(), is: counted.used.get() },
            Repair { figure: Figure::Reserved, was: stands.reserved.get(), is: counted.reserved.get() },
            Repair { figure: Figure::OpenUploads, was: stands.open_uploads, is: counted.open_uploads },
        ];
        let mut days: BTreeMap<LocalDay, (u64, u64)> = BTreeMap::new();
        for count in &self.days_stand {
            days.entry(count.day).or_default().0 = count.assets;
        }
        for count in &self.days_counted {
            days.entry(count.day).or_default().1 = count.assets;
        }
        all.extend(days.into_iter().map(|(day, (was, is))| Repair { figure: Figure::Day(day), was, is }));
        let album =
            |count: &AlbumCount| Repair { figure: Figure::Album(count.album), was: count.stands, is: count.there };
        all.extend(self.albums.iter().map(album));
        all.retain(|repair| repair.was != repair.is);
        all
    }
}

#[cfg(test)]
mod tests {
    use picup_domain::AlbumTitle;

    use super::*;
    use crate::testing::TestApp;
    use crate::upload::tests::{begin, send};
    use crate::{account, album, upload};

    async fn furnished() -> (TestApp, AccountId, AlbumId) {
        let app = TestApp::new().await;
        let ada = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        let mut assets = Vec::new();
        for content in [&b"one"[..], b"three"] {
            let begun = begin(&app, ada, content).await;
            send(&app, ada, begun.id, content).await.unwrap();
            assets.push(upload::complete(&app, ada, begun.id).await.unwrap());
        }
        begin(&app, ada, b"open").await;
        let album = album::create(&app, ada, AlbumTitle::new("Holiday").unwrap()).await.unwrap().row.id;
        album::add(&app, ada, album, &assets).await.unwrap();
        (app, ada, album)
    }

    #[tokio::test]
    async fn what_is_right_is_left_alone() {
        let (app, ada, _) = furnished().await;
        assert_eq!(verify(&app, ada).await.unwrap(), []);
        let keeps = &list(&app).await.unwrap()[0];
        assert_eq!((keeps.account.quota.used.get(), keeps.account.quota.reserved.get()), (8, 4));
        assert_eq!(keeps.trash.get(), 0);
    }

    #[tokio::test]
    async fn every_figure_that_is_wrong_is_put_right_and_told() {
        let (app, ada, album) = furnished().await;
        let mut write = app.database().write().await.unwrap();
        let day = write.timeline_days(ada).await.unwrap()[0].day;
        let wrong = Usage { used: ByteSize::new(1_000).unwrap(), reserved: ByteSize::new(0).unwrap(), open_uploads: 5 };
        write.usage_correct(ada, &wrong).await.unwrap();
        write.usage_correct_day(ada, day, 7).await.unwrap();
        write.usage_correct_day(ada, LocalDay::FIRST, 1).await.unwrap();
        write.usage_correct_album(album, 0).await.unwrap();
        write.commit().await.unwrap();

        let repairs = verify(&app, ada).await.unwrap();
        let expected = [
            (Figure::Used, 1_000, 8),
            (Figure::Reserved, 0, 4),
            (Figure::OpenUploads, 5, 1),
            (Figure::Day(LocalDay::FIRST), 1, 0),
            (Figure::Day(day), 7, 2),
            (Figure::Album(album), 0, 2),
        ];
        assert_eq!(repairs, expected.map(|(figure, was, is)| Repair { figure, was, is }));
        assert_eq!(verify(&app, ada).await.unwrap(), []);
        let days = crate::timeline::days(&app, ada).await.unwrap();
        assert_eq!((days.len(), days[0].assets), (1, 2));
        assert_eq!(album::fetch(&app, ada, album).await.unwrap().row.asset_count, 2);
    }
}
