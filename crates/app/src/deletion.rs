//! The end of an account: asked for, taken back during a grace, and carried out by a job when that is over.
//!
//! The job waits in the queue for the end of the grace; taking back removes it. It erases in an order in which nothing is left
//! behind wherever it is cut short: the rights first, so that nobody gets in; then what belongs to the account, in short
//! transactions; its row last, which the foreign keys keep until nothing points to it. Each step finds what the step before
//! it left, so the job may run again, or twice at once.

use picup_database::JobLease;
use picup_domain::{AccountId, AssetId, Password, Timestamp};
use picup_storage::crash_point;

use crate::audit::{Actor, note};
use crate::queue::{self, Task};
use crate::{App, Error, Visitor, account, admin, asset, upload};

/// How many albums go in one transaction.
const AT_ONCE: u32 = 50;

/// When an account is to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// After the grace that is configured.
    AfterGrace,
    /// At once. For whoever holds the data directory.
    Now,
}

/// Asks for the end of the caller's own account, whose password proves that it is no passer-by at an open page.
///
/// # Errors
/// As [`request`]; [`Error::WrongCredentials`].
pub async fn request_own(app: &App, id: AccountId, password: &Password, visitor: &Visitor) -> Result<Timestamp, Error> {
    account::confirm(app, &account::fetch(app, id).await?, password, visitor).await?;
    request(app, Actor::Account(id), id, When::AfterGrace).await
}

/// Asks for the end of an account and tells when it comes. Asked for again, the first time stands.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when it would leave no admin.
pub async fn request(app: &App, by: Actor, id: AccountId, when: When) -> Result<Timestamp, Error> {
    let now = app.now();
    let mut write = app.database().write().await?;
    write.admins_lock().await?;
    let before = write.account_by_id(id).await?.ok_or(Error::NotFound("account"))?;
    let after = match (before.delete_after, when) {
        (Some(after), When::AfterGrace) => return Ok(after),
        (None, When::AfterGrace) => now.plus(app.settings().deletion_grace),
        (_, When::Now) => now,
    };
    admin::keep_an_admin(&mut write, &before).await?;
    write.account_set_deletion(id, Some(after), now).await?;
    let task = Task::EraseAccount { account: id };
    write.job_forget(&task.dedupe_key()).await?;
    queue::enqueue_for(&mut write, task, now, after).await?;
    write.commit().await?;
    note(by, "deletion asked for", &id);
    queue::wake(app);
    Ok(after)
}

/// Takes the end of an account back. Works as often as it is asked for.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when the grace is over.
pub async fn take_back(app: &App, by: Actor, id: AccountId) -> Result<(), Error> {
    let now = app.now();
    let mut write = app.database().write().await?;
    match write.account_by_id(id).await?.ok_or(Error::NotFound("account"))?.delete_after {
        None => return Ok(()),
        Some(after) if after <= now => return Err(Error::Conflict("the grace is over; the account is being erased")),
        Some(_) => {}
    }
    write.account_set_deletion(id, None, now).await?;
    write.job_forget(&Task::EraseAccount { account: id }.dedupe_key()).await?;
    write.commit().await?;
    note(by, "deletion taken back", &id);
    Ok(())
}

/// Erases an account whose grace is over, with all its bytes.
pub(crate) async fn erase(app: &App, id: AccountId, lease: JobLease) -> Result<(), Error> {
    if !shut_out(app, id).await? {
        let mut write = app.database().write().await?;
        write.job_complete(lease).await?;
        return Ok(write.commit().await?);
    }
    erase_rest(app, id, Some(lease)).await
}

/// Erases an account of a PicUp that nobody serves, at once.
pub(crate) async fn erase_all(app: &App, id: AccountId) -> Result<(), Error> {
    erase_rest(app, id, None).await
}

async fn erase_rest(app: &App, id: AccountId, lease: Option<JobLease>) -> Result<(), Error> {
    // What was under way when the door was shut may still arrive: look again until nothing does.
    loop {
        upload::abandon(app, id).await?;
        erase_assets(app, id).await?;
        erase_albums(app, id).await?;
        if finish(app, id, lease).await? {
            return Ok(());
        }
    }
}

/// Keeps everybody out of an account whose time has come. `false` when it has not, or the account is gone.
async fn shut_out(app: &App, id: AccountId) -> Result<bool, Error> {
    let now = app.now();
    let mut write = app.database().write().await?;
    let due = |after: Option<Timestamp>| after.is_some_and(|after| after <= now);
    let Some(account) = write.account_by_id(id).await?.filter(|account| due(account.delete_after)) else {
        return Ok(false);
    };
    if account.disabled_at.is_none() {
        write.account_set_disabled(id, Some(now), now).await?;
    }
    write.account_forget_rights(id).await?;
    write.commit().await?;
    crash_point!("erase-shut-out");
    Ok(true)
}

async fn erase_assets(app: &App, owner: AccountId) -> Result<(), Error> {
    loop {
        let batch: Vec<AssetId> = app.database().read_fresh().await?.asset_ids(owner, asset::AT_ONCE).await?;
        if batch.is_empty() {
            return Ok(());
        }
        asset::delete_forever(app, owner, &batch, None).await?;
    }
}

async fn erase_albums(app: &App, owner: AccountId) -> Result<(), Error> {
    loop {
        let mut write = app.database().write().await?;
        let albums = write.album_list(owner, None, AT_ONCE).await?;
        if albums.is_empty() {
            return Ok(());
        }
        for album in albums {
            write.album_delete(owner, album.id).await?;
        }
        write.commit().await?;
    }
}

/// Removes the account's row, and with it the job. `false` when something of it has arrived meanwhile.
async fn finish(app: &App, id: AccountId, lease: Option<JobLease>) -> Result<bool, Error> {
    let mut write = app.database().write().await?;
    let left = !write.upload_list_of(id, 1).await?.is_empty()
        || !write.asset_ids(id, 1).await?.is_empty()
        || !write.album_list(id, None, 1).await?.is_empty();
    if left {
        return Ok(false);
    }
    // Somebody may have been signing in while the door was being shut.
    write.account_forget_rights(id).await?;
    write.account_delete(id).await?;
    if let Some(lease) = lease {
        write.job_complete(lease).await?;
    }
    crash_point!("erase-written");
    write.commit().await?;
    crash_point!("erase-committed");
    note(Actor::PicUp, "erased", &id);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use picup_domain::{AccountRole, AlbumTitle, Email};

    use super::*;
    use crate::account::NewAccount;
    use crate::queue::KINDS;
    use crate::testing::TestApp;
    use crate::upload::tests::{begin, cut_short, send};
    use crate::{album, invitation, jobs, session};

    const GRACE: Duration = Duration::from_secs(7 * 86_400);

    /// An app with an admin and Bob, a member.
    async fn app() -> (TestApp, AccountId, AccountId) {
        let app = TestApp::new().await;
        let ada = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        let bob = NewAccount { role: AccountRole::Member, ..TestApp::account("bob@example.com") };
        let bob = account::create(&app, bob).await.unwrap();
        (app, ada, bob)
    }

    async fn asset(app: &TestApp, owner: AccountId, content: &[u8]) -> AssetId {
        let upload = begin(app, owner, content).await;
        send(app, owner, upload.id, content).await.unwrap();
        upload::complete(app, owner, upload.id).await.unwrap()
    }

    /// Everything there is of an account: assets, an album, an upload of each kind, a session, a link.
    async fn furnish(app: &TestApp, owner: AccountId) {
        let assets = [asset(app, owner, b"one").await, asset(app, owner, b"two").await];
        let title = AlbumTitle::new("Holiday").unwrap();
        let album = album::create(app, owner, title).await.unwrap();
        album::add(app, owner, album.row.id, &assets).await.unwrap();
        begin(app, owner, b"open").await;
        let half = begin(app, owner, b"half").await;
        send(app, owner, half.id, b"half").await.unwrap();
        cut_short(app, half.id).await;
        let lost = begin(app, owner, b"lost").await;
        send(app, owner, lost.id, b"lost").await.unwrap();
        cut_short(app, lost.id).await;
        app.storage().upload_abort(lost.id).await.unwrap();
        session::open(app, owner, &TestApp::visitor()).await.unwrap();
        invitation::password_link(app, Actor::Operator, owner).await.unwrap();
    }

    async fn claim(app: &TestApp) -> Vec<JobLease> {
        let mut write = app.database().write().await.unwrap();
        let jobs = write.job_claim(&KINDS, app.now(), Duration::from_secs(60), 100).await.unwrap();
        write.commit().await.unwrap();
        jobs.into_iter().filter(|job| job.kind == "erase_account").map(|job| job.lease).collect()
    }

    async fn assert_gone(app: &TestApp, id: AccountId) {
        let mut read = app.database().read().await.unwrap();
        assert_eq!(read.account_by_id(id).await.unwrap(), None);
        assert!(read.asset_ids(id, 1).await.unwrap().is_empty());
        assert!(read.album_list(id, None, 1).await.unwrap().is_empty());
        assert!(read.upload_list_of(id, 1).await.unwrap().is_empty());
        assert!(read.timeline_days(id).await.unwrap().is_empty());
        assert!(read.session_list(id, app.now()).await.unwrap().is_empty());
        assert!(app.storage().uploads_staged().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_account_goes_with_everything_when_its_grace_is_over() {
        let (app, ada, bob) = app().await;
        furnish(&app, bob).await;
        let kept = asset(&app, ada, b"one").await;
        let wrong = Password::attempt("wrong").unwrap();
        assert!(matches!(request_own(&app, bob, &wrong, &TestApp::visitor()).await, Err(Error::WrongCredentials)));
        let after = request_own(&app, bob, &TestApp::password(), &TestApp::visitor()).await.unwrap();
        assert_eq!(after, app.now().plus(GRACE));
        assert_eq!(account::fetch(&app, bob).await.unwrap().delete_after, Some(after));
        assert!(claim(&app).await.is_empty(), "not before its time");
        app.clock.advance(GRACE);
        assert!(matches!(take_back(&app, Actor::Account(bob), bob).await, Err(Error::Conflict(_))));
        let leases = claim(&app).await;
        assert_eq!(leases.len(), 1);
        erase(&app, bob, leases[0]).await.unwrap();
        assert_gone(&app, bob).await;
        assert_eq!(account::fetch(&app, ada).await.unwrap().quota.used.get(), 3);
        assert!(crate::asset::fetch(&app, ada, kept).await.is_ok());
        // A second worker that held the job too finds nothing to do.
        erase(&app, bob, leases[0]).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_taken_back_stays_and_can_be_asked_for_anew() {
        let (app, _, bob) = app().await;
        let by = Actor::Account(bob);
        let first = request(&app, by, bob, When::AfterGrace).await.unwrap();
        app.clock.advance(Duration::from_secs(60));
        assert_eq!(request(&app, by, bob, When::AfterGrace).await.unwrap(), first, "the first time stands");
        take_back(&app, by, bob).await.unwrap();
        take_back(&app, by, bob).await.unwrap();
        assert_eq!(account::fetch(&app, bob).await.unwrap().delete_after, None);
        let second = request(&app, by, bob, When::AfterGrace).await.unwrap();
        assert!(second > first);
        app.clock.advance(GRACE - Duration::from_secs(1));
        assert!(claim(&app).await.is_empty(), "the first job went with the first wish");
        take_back(&app, by, bob).await.unwrap();
        app.clock.advance(GRACE);
        assert!(claim(&app).await.is_empty());
        assert!(account::fetch(&app, bob).await.is_ok());
    }

    #[tokio::test]
    async fn nothing_comes_in_during_the_grace_and_everything_can_be_seen() {
        let (app, _, bob) = app().await;
        let kept = asset(&app, bob, b"one").await;
        request(&app, Actor::Account(bob), bob, When::AfterGrace).await.unwrap();
        let wish = upload::NewUpload {
            file_name: picup_domain::FileName::new("a.jpg").unwrap(),
            bytes: picup_domain::ByteSize::new(3).unwrap(),
            sha256: picup_domain::Sha256::of(b"new"),
            modified: None,
            motion_of: None,
            told: upload::Told::default(),
        };
        assert!(matches!(upload::reserve(&app, bob, wish.clone()).await, Err(Error::Conflict(_))));
        let email = Email::new("bob@example.com").unwrap();
        assert!(session::sign_in(&app, &email, &TestApp::password(), &TestApp::visitor()).await.is_ok());
        assert!(crate::asset::fetch(&app, bob, kept).await.is_ok());
        take_back(&app, Actor::Account(bob), bob).await.unwrap();
        assert!(upload::reserve(&app, bob, wish).await.is_ok());
    }

    #[tokio::test]
    async fn whatever_came_in_while_the_door_was_being_shut_goes_too() {
        let (app, _, bob) = app().await;
        furnish(&app, bob).await;
        request(&app, Actor::Operator, bob, When::Now).await.unwrap();
        assert!(shut_out(&app, bob).await.unwrap());
        // A worker that died here; and somebody whose sign-in and album were under way.
        let mut write = app.database().write().await.unwrap();
        let new = picup_database::NewSession {
            id: picup_domain::SessionId::new(app.now()),
            account: bob,
            refresh_hash: picup_domain::Sha256::of(b"token"),
            label: String::new(),
            created_at: app.now(),
            expires_at: app.now().plus(GRACE),
        };
        write.session_insert(&new).await.unwrap();
        write.commit().await.unwrap();
        album::create(&app, bob, AlbumTitle::new("Late").unwrap()).await.unwrap();
        let leases = claim(&app).await;
        erase(&app, bob, leases[0]).await.unwrap();
        assert_gone(&app, bob).await;
        assert!(album::create(&app, bob, AlbumTitle::new("Too late").unwrap()).await.is_err());
        assert!(jobs::counts(&app).await.unwrap().iter().all(|counts| counts.kind != "erase_account"));
    }

    #[tokio::test]
    async fn an_erasure_cut_short_anywhere_is_finished_by_the_next() {
        let (app, ada, bob) = app().await;
        furnish(&app, bob).await;
        asset(&app, ada, b"one").await;
        request(&app, Actor::Operator, bob, When::Now).await.unwrap();
        let lease = claim(&app).await[0];
        // Each try is dropped after a little more of its way than the one before.
        let mut steps = 0;
        loop {
            let mut attempt = Box::pin(erase(&app, bob, lease));
            let mut done = false;
            for _ in 0..steps {
                if futures_util::poll!(&mut attempt).is_ready() {
                    done = true;
                    break;
                }
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            drop(attempt);
            if done {
                break;
            }
            steps += 1;
        }
        app.clock.advance(Duration::from_secs(2 * 60 * 60));
        upload::reap(&app).await.unwrap();
        assert_gone(&app, bob).await;
        assert_eq!(account::fetch(&app, ada).await.unwrap().quota.used.get(), 3);
    }
}
