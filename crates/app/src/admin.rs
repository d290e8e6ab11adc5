//! What an administrator does to accounts: look at them, change them, keep them out.
//!
//! Whoever acts is looked up fresh for each act, because an access token tells neither of a role nor of a session that has
//! ended since. There is always an admin left who can sign in and is to stay.

use picup_database::Write;
use picup_domain::{AccountId, AccountRole, ByteSize, DisplayName, Timestamp};

pub use crate::audit::Actor;

use crate::account::Account;
use crate::audit::note;
use crate::{Access, App, Error, session};

/// An account as an admin sees it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The account.
    pub account: Account,
    /// When its newest session was last renewed; `None` when it has none.
    pub last_seen: Option<Timestamp>,
}

/// What is to change of an account; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The name to be called by.
    pub name: Option<DisplayName>,
    /// What it may do.
    pub role: Option<AccountRole>,
    /// The most it may keep, `Some(None)` for no limit. Less than it keeps is allowed: nothing goes, and nothing more fits.
    pub quota: Option<Option<ByteSize>>,
    /// Whether it is kept from signing in.
    pub disabled: Option<bool>,
}

/// Whether a caller is an admin at this moment, in a session that has not ended.
///
/// # Errors
/// [`Error::NotSignedIn`]; [`Error::NotAdmin`].
pub async fn authorise(app: &App, access: &Access) -> Result<(), Error> {
    match session::standing(app, access).await?.role {
        AccountRole::Admin => Ok(()),
        AccountRole::Member => Err(Error::NotAdmin),
    }
}

/// All accounts by address.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(app: &App) -> Result<Vec<Listed>, Error> {
    let mut read = app.database().read().await?;
    let seen = read.account_last_seen().await?;
    let last_seen = |id| seen.iter().find(|(account, _)| *account == id).map(|(_, at)| *at);
    let accounts = read.account_list().await?;
    Ok(accounts.into_iter().map(|account| Listed { last_seen: last_seen(account.id), account }).collect())
}

/// When an account's newest session was last renewed.
///
/// # Errors
/// When the database cannot answer.
pub async fn last_seen(app: &App, id: AccountId) -> Result<Option<Timestamp>, Error> {
    let seen = app.database().read().await?.account_last_seen().await?;
    Ok(seen.into_iter().find(|(account, _)| *account == id).map(|(_, at)| at))
}

/// Changes an account. Who is disabled is signed out everywhere in the same moment, and loses the links made for it; who is
/// disabled or no longer an admin loses the invitations it has made.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when it would leave no admin.
pub async fn update(app: &App, by: Actor, id: AccountId, changes: Changes) -> Result<Account, Error> {
    let mut write = app.database().write().await?;
    write.admins_lock().await?;
    let before = write.account_by_id(id).await?.ok_or(Error::NotFound("account"))?;
    if changes.role == Some(AccountRole::Member) || changes.disabled == Some(true) {
        keep_an_admin(&mut write, &before).await?;
    }
    let done = apply(&mut write, &before, &changes, app.now()).await?;
    let after = write.account_by_id(id).await?.ok_or(Error::NotFound("account"))?;
    write.commit().await?;
    for what in done {
        note(by, &what, &id);
    }
    Ok(after)
}

/// Refuses what would leave nobody who can let others in. After [`Write::admins_lock`].
pub(crate) async fn keep_an_admin(write: &mut Write, account: &Account) -> Result<(), Error> {
    let counts = account.role == AccountRole::Admin && account.disabled_at.is_none();
    if counts && !write.account_has_other_admin(account.id).await? {
        return Err(Error::Conflict("this is the last admin who can sign in and is to stay; make another one first"));
    }
    Ok(())
}

/// Makes those changes that are some, and says which.
async fn apply(
    write: &mut Write,
    before: &Account,
    changes: &Changes,
    now: Timestamp,
) -> Result<Vec<String>, picup_database::Error> {
    let (id, mut done) = (before.id, Vec::new());
    if let Some(name) = changes.name.as_ref().filter(|name| **name != before.name) {
        write.account_set_name(id, name, now).await?;
        done.push("renamed".to_owned());
    }
    if let Some(role) = changes.role.filter(|role| *role != before.role) {
        write.account_set_role(id, role, now).await?;
        if role == AccountRole::Member {
            write.invitation_delete_by(id).await?;
        }
        done.push(format!("made {}", role.as_str()));
    }
    if let Some(quota) = changes.quota.filter(|quota| *quota != before.quota.limit) {
        write.account_set_quota(id, quota, now).await?;
        done.push(quota.map_or_else(|| "quota lifted".to_owned(), |quota| format!("quota set to {}", quota.get())));
    }
    match changes.disabled {
        Some(true) if before.disabled_at.is_none() => {
            write.account_set_disabled(id, Some(now), now).await?;
            write.session_revoke_all(id, now).await?;
            write.invitation_delete_for(id).await?;
            write.invitation_delete_by(id).await?;
            done.push("disabled".to_owned());
        }
        Some(false) if before.disabled_at.is_some() => {
            write.account_set_disabled(id, None, now).await?;
            done.push("enabled".to_owned());
        }
        _ => {}
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::deletion::{self, When};
    use crate::testing::TestApp;
    use crate::{account, invitation, session};

    async fn admins(app: &TestApp, count: usize) -> Vec<AccountId> {
        let mut ids = Vec::new();
        for number in 0..count {
            ids.push(account::create(app, TestApp::account(&format!("admin{number}@example.com"))).await.unwrap());
        }
        ids
    }

    #[tokio::test]
    async fn of_many_who_would_leave_together_one_admin_stays() {
        let app = TestApp::new().await;
        let ids = admins(&app, 6).await;
        let leave = async |number: usize, id: AccountId| {
            let by = Actor::Account(id);
            match number % 3 {
                0 => update(&app, by, id, Changes { disabled: Some(true), ..Changes::default() }).await.map(drop),
                1 => {
                    let changes = Changes { role: Some(AccountRole::Member), ..Changes::default() };
                    update(&app, by, id, changes).await.map(drop)
                }
                _ => deletion::request(&app, by, id, When::AfterGrace).await.map(drop),
            }
        };
        let done = join_all(ids.iter().enumerate().map(|(number, id)| leave(number, *id))).await;
        assert_eq!(done.iter().filter(|result| result.is_ok()).count(), 5);
        assert!(done.iter().all(|result| matches!(result, Ok(()) | Err(Error::Conflict(_)))));
        let stays = |account: &Account| {
            account.role == AccountRole::Admin && account.disabled_at.is_none() && account.delete_after.is_none()
        };
        assert_eq!(account::list(&app).await.unwrap().iter().filter(|account| stays(account)).count(), 1);
    }

    #[tokio::test]
    async fn who_is_disabled_is_out_at_once_and_comes_in_again_when_enabled() {
        let app = TestApp::new().await;
        let ids = admins(&app, 2).await;
        let email = account::fetch(&app, ids[1]).await.unwrap().email;
        let opened = session::sign_in(&app, &email, &TestApp::password(), &TestApp::visitor()).await.unwrap();
        let access = session::authenticate(&app, &opened.access_token).unwrap();
        authorise(&app, &access).await.unwrap();
        assert!(list(&app).await.unwrap()[1].last_seen.is_some());
        invitation::password_link(&app, Actor::Operator, ids[1]).await.unwrap();
        update(&app, Actor::Operator, ids[1], Changes { disabled: Some(true), ..Changes::default() }).await.unwrap();
        assert!(matches!(authorise(&app, &access).await, Err(Error::NotSignedIn)));
        assert!(session::refresh(&app, &opened.refresh_token).await.is_err());
        assert!(session::sign_in(&app, &email, &TestApp::password(), &TestApp::visitor()).await.is_err());
        assert!(invitation::list(&app).await.unwrap().is_empty());
        assert!(invitation::password_link(&app, Actor::Operator, ids[1]).await.is_err());

        update(&app, Actor::Operator, ids[1], Changes { disabled: Some(false), ..Changes::default() }).await.unwrap();
        assert!(matches!(authorise(&app, &access).await, Err(Error::NotSignedIn)), "the session stays ended");
        let opened = session::sign_in(&app, &email, &TestApp::password(), &TestApp::visitor()).await.unwrap();
        authorise(&app, &session::authenticate(&app, &opened.access_token).unwrap()).await.unwrap();
    }

    #[tokio::test]
    async fn a_quota_below_what_is_kept_is_allowed_and_nothing_more_fits() {
        let app = TestApp::new().await;
        let id = admins(&app, 1).await[0];
        let mut write = app.database().write().await.unwrap();
        assert!(write.quota_reserve(id, 1, ByteSize::new(100).unwrap()).await.unwrap());
        write.quota_move(id, 1, ByteSize::new(100).unwrap()).await.unwrap();
        write.commit().await.unwrap();
        let changes = Changes { quota: Some(ByteSize::new(10).ok()), ..Changes::default() };
        let after = update(&app, Actor::Operator, id, changes).await.unwrap();
        assert_eq!((after.quota.used.get(), after.quota.remaining()), (100, Some(0)));
        let mut write = app.database().write().await.unwrap();
        assert!(!write.quota_reserve(id, 1, ByteSize::new(1).unwrap()).await.unwrap());
        drop(write);
        let changes = Changes { quota: Some(None), ..Changes::default() };
        assert_eq!(update(&app, Actor::Operator, id, changes).await.unwrap().quota.limit, None);
    }

    #[tokio::test]
    async fn a_member_is_told_that_it_is_none() {
        let app = TestApp::new().await;
        admins(&app, 1).await;
        let new = account::NewAccount { role: AccountRole::Member, ..TestApp::account("bob@example.com") };
        let bob = account::create(&app, new.clone()).await.unwrap();
        let opened = session::sign_in(&app, &new.email, &TestApp::password(), &TestApp::visitor()).await.unwrap();
        let access = session::authenticate(&app, &opened.access_token).unwrap();
        assert!(matches!(authorise(&app, &access).await, Err(Error::NotAdmin)));
        let changes = Changes { role: Some(AccountRole::Admin), ..Changes::default() };
        update(&app, Actor::Operator, bob, changes).await.unwrap();
        authorise(&app, &access).await.unwrap();
    }
}
