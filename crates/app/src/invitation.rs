//! Links that let somebody in: one makes an account, another sets a new password for one.
//!
//! The token stands in the link's fragment, which no browser sends and no log holds; the page sends it in a body. It is used
//! once: the transaction that makes the account deletes the row, and of any number who try at once, one deletes it.

use std::time::Duration;

use picup_database::Invitation as Row;
use picup_domain::{AccountId, AccountRole, ByteSize, DisplayName, Email, Invalid, InvitationId, Password, Timestamp};

use crate::account::{self, NewAccount};
use crate::attempts::{Secret, guess};
use crate::audit::{Actor, note};
use crate::session::{self, Opened};
use crate::token::{RandomToken, hash_token};
use crate::{App, Error, Visitor};

pub use picup_database::Invitation;

/// How long an invitation holds unless said otherwise.
pub const USUAL_DAYS: u32 = 7;
/// The longest an invitation may hold.
pub const MOST_DAYS: u32 = 30;
/// Whoever has lost a password waits for the link; one that lies around is a way into a full library.
const PASSWORD_LINK_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
const DAY: u64 = 24 * 60 * 60;

/// An invitation to be made.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// The address that the new account must have; `None`: its guest chooses.
    pub email: Option<Email>,
    /// What the new account may do.
    pub role: AccountRole,
    /// The most it may keep; `None` means no limit.
    pub quota: Option<ByteSize>,
    /// How long the invitation holds, 1 to [`MOST_DAYS`].
    pub days: u32,
}

/// A link that was just made. It is shown once: only the hash of its token is kept.
#[derive(Clone)]
pub struct Made {
    /// What it is for.
    pub invitation: Invitation,
    /// The link; it begins with `/` when no public address is configured.
    pub link: String,
}

/// What a link is for, as its holder may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Whether it sets a password of an account that exists, instead of making one.
    pub password: bool,
    /// The address of the account, when it is settled.
    pub email: Option<Email>,
    /// When the link ends.
    pub expires_at: Timestamp,
}

/// What the holder of a link chooses.
#[derive(Debug, Clone)]
pub struct Choice {
    /// For a new account whose address is open.
    pub email: Option<Email>,
    /// For a new account.
    pub name: Option<DisplayName>,
    /// The password.
    pub password: Password,
}

/// Makes a link that makes an account.
///
/// # Errors
/// [`Error::Invalid`] for a life out of bounds; [`Error::EmailTaken`].
pub async fn invite(app: &App, by: Actor, new: NewInvitation) -> Result<Made, Error> {
    if !(1..=MOST_DAYS).contains(&new.days) {
        let advice = format!("an invitation holds 1 to {MOST_DAYS} days");
        return Err(Invalid { field: "days", advice }.into());
    }
    let life = Duration::from_secs(u64::from(new.days) * DAY);
    let row = row(app, by, life, new.role);
    let row = Row { email: new.email, quota: new.quota, ..row };
    let mut write = app.database().write().await?;
    if let Some(email) = &row.email
        && write.account_by_email(email).await?.is_some()
    {
        return Err(Error::EmailTaken);
    }
    let token = RandomToken::new();
    write.invitation_insert(&row, &token.stored_hash()).await?;
    write.commit().await?;
    note(by, "invitation made", &row.id);
    Ok(Made { link: link(app, &token), invitation: row })
}

/// Makes a link that sets a new password for an account. It voids the one before it.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when the account is disabled.
pub async fn password_link(app: &App, by: Actor, id: AccountId) -> Result<Made, Error> {
    let mut write = app.database().write().await?;
    let account = write.account_by_id(id).await?.ok_or(Error::NotFound("account"))?;
    if account.disabled_at.is_some() {
        return Err(Error::Conflict("this account is disabled; enable it first"));
    }
    write.invitation_delete_for(id).await?;
    let row = Row { account: Some(id), ..row(app, by, PASSWORD_LINK_LIFE, account.role) };
    let token = RandomToken::new();
    write.invitation_insert(&row, &token.stored_hash()).await?;
    write.commit().await?;
    note(by, "password link made", &id);
    Ok(Made { link: link(app, &token), invitation: row })
}

/// The links that can still be used, the next to end first.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(app: &App) -> Result<Vec<Invitation>, Error> {
    Ok(app.database().read().await?.invitation_list(app.now()).await?)
}

/// Withdraws a link that was not used.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn withdraw(app: &App, by: Actor, id: InvitationId) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    if !write.invitation_delete(id).await? {
        return Err(Error::NotFound("invitation"));
    }
    write.commit().await?;
    note(by, "invitation withdrawn", &id);
    Ok(())
}

/// What a link is for.
///
/// # Errors
/// [`Error::LinkOver`].
pub async fn look(app: &App, token: &str, visitor: &Visitor) -> Result<Look, Error> {
    let row = guess(app, Secret::Link(None), visitor.address, find(app, &hash_token(token))).await?;
    let mut read = app.database().read_fresh().await?;
    let email = match row.account {
        Some(id) => Some(read.account_by_id(id).await?.ok_or(Error::LinkOver)?.email),
        None => row.email,
    };
    Ok(Look { password: row.account.is_some(), email, expires_at: row.expires_at })
}

/// Uses a link: makes the account, or sets the password and ends the account's sessions; then opens a session.
///
/// # Errors
/// [`Error::LinkOver`] when it was used, withdrawn, is over or never was; [`Error::EmailTaken`] and [`Error::Invalid`], after
/// which it can still be used.
pub async fn accept(app: &App, token: &str, choice: Choice, visitor: &Visitor) -> Result<Opened, Error> {
    let hash = hash_token(token);
    // Before anything is hashed, so that strangers cannot keep the hashers busy.
    let row = guess(app, Secret::Link(None), visitor.address, find(app, &hash)).await?;
    let account = match row.account {
        Some(id) => set_password(app, &hash, id, &choice.password).await?,
        None => make_account(app, &hash, row, choice).await?,
    };
    session::open(app, account, visitor).await
}

async fn find(app: &App, hash: &picup_domain::Sha256) -> Result<Row, Error> {
    let row = app.database().read_fresh().await?.invitation_by_token(hash, app.now()).await?;
    row.ok_or(Error::LinkOver)
}

async fn make_account(app: &App, hash: &picup_domain::Sha256, row: Row, choice: Choice) -> Result<AccountId, Error> {
    let missing = |field, advice: &str| Invalid { field, advice: advice.to_owned() };
    let email = match (row.email, choice.email) {
        (Some(settled), Some(chosen)) if settled != chosen => {
            return Err(missing("email", "this invitation is for another address; leave it as it is").into());
        }
        (Some(email), _) | (None, Some(email)) => email,
        (None, None) => return Err(missing("email", "choose the address to sign in with").into()),
    };
    let name = choice.name.ok_or_else(|| missing("name", "choose the name to be called by"))?;
    let new = NewAccount { email, name, password: choice.password, role: row.role, quota: row.quota };
    let new = account::prepare(app, new).await?;
    let mut write = app.database().write().await?;
    if !write.invitation_take(hash, app.now()).await? {
        return Err(Error::LinkOver);
    }
    account::insert(&mut write, &new).await?;
    write.commit().await?;
    note(Actor::Account(new.id), "invitation used", &row.id);
    Ok(new.id)
}

async fn set_password(
    app: &App,
    hash: &picup_domain::Sha256,
    id: AccountId,
    password: &Password,
) -> Result<AccountId, Error> {
    let password = app.inner.passwords.hash(password).await?;
    let now = app.now();
    let mut write = app.database().write().await?;
    if !write.invitation_take(hash, now).await? || !write.account_set_password(id, &password, now).await? {
        return Err(Error::LinkOver);
    }
    write.session_revoke_all(id, now).await?;
    write.commit().await?;
    note(Actor::Account(id), "password set by link", &id);
    Ok(id)
}

/// Forgets the links whose time is over.
pub(crate) async fn prune(app: &App) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    write.invitation_prune(app.now()).await?;
    Ok(write.commit().await?)
}

fn row(app: &App, by: Actor, life: Duration, role: AccountRole) -> Row {
    let now = app.now();
    Row {
        id: InvitationId::new(now),
        account: None,
        email: None,
        role,
        quota: None,
        created_by: by.account(),
        created_at: now,
        expires_at: now.plus(life),
    }
}

fn link(app: &App, token: &RandomToken) -> String {
    format!("{}/#/invitation/{}", app.settings().link_base, token.as_str())
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::admin::{self, Changes};
    use crate::testing::TestApp;

    fn guest(email: &str) -> Choice {
        Choice {
            email: Some(Email::new(email).unwrap()),
            name: Some(DisplayName::new("Eve").unwrap()),
            password: TestApp::password(),
        }
    }

    fn open() -> NewInvitation {
        NewInvitation { email: None, role: AccountRole::Member, quota: None, days: USUAL_DAYS }
    }

    fn token(made: &Made) -> &str {
        made.link.strip_prefix("/#/invitation/").unwrap()
    }

    #[tokio::test]
    async fn of_many_with_one_link_one_makes_an_account() {
        let app = TestApp::new().await;
        let made = invite(&app, Actor::Operator, open()).await.unwrap();
        let visitor = TestApp::visitor();
        let tries = (0..8).map(|n| accept(&app, token(&made), guest(&format!("person{n}@example.com")), &visitor));
        let done = join_all(tries).await;
        assert_eq!(done.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(done.iter().all(|result| matches!(result, Ok(_) | Err(Error::LinkOver))));
        assert_eq!(account::list(&app).await.unwrap().len(), 1);
        assert!(list(&app).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn the_account_is_what_the_invitation_says() {
        let app = TestApp::new().await;
        let email = Email::new("eve@example.com").unwrap();
        let quota = ByteSize::new(5).ok();
        let new = NewInvitation { email: Some(email.clone()), role: AccountRole::Admin, quota, ..open() };
        let made = invite(&app, Actor::Operator, new).await.unwrap();
        let seen = look(&app, token(&made), &TestApp::visitor()).await.unwrap();
        assert_eq!((seen.password, seen.email), (false, Some(email.clone())));
        let other = accept(&app, token(&made), guest("mallory@example.com"), &TestApp::visitor()).await;
        assert!(matches!(other, Err(Error::Invalid(_))));
        let nameless = Choice { name: None, ..guest("eve@example.com") };
        assert!(matches!(accept(&app, token(&made), nameless, &TestApp::visitor()).await, Err(Error::Invalid(_))));
        let opened =
            accept(&app, token(&made), Choice { email: None, ..guest("eve@example.com") }, &TestApp::visitor())
                .await
                .unwrap();
        let account = opened.account;
        assert_eq!((account.email, account.role, account.quota.limit), (email, AccountRole::Admin, quota));
    }

    #[tokio::test]
    async fn a_link_ends_with_its_time_and_with_its_withdrawal() {
        let app = TestApp::new().await;
        for days in [0, 31, u32::MAX] {
            let result = invite(&app, Actor::Operator, NewInvitation { days, ..open() }).await;
            assert!(matches!(result, Err(Error::Invalid(_))), "{days}");
        }
        let old = invite(&app, Actor::Operator, NewInvitation { days: 1, ..open() }).await.unwrap();
        let withdrawn = invite(&app, Actor::Operator, open()).await.unwrap();
        withdraw(&app, Actor::Operator, withdrawn.invitation.id).await.unwrap();
        let again = withdraw(&app, Actor::Operator, withdrawn.invitation.id).await;
        assert!(matches!(again, Err(Error::NotFound("invitation"))));
        app.clock.advance(Duration::from_secs(DAY));
        for made in [&old, &withdrawn] {
            assert!(matches!(look(&app, token(made), &TestApp::visitor()).await, Err(Error::LinkOver)));
            assert!(matches!(
                accept(&app, token(made), guest("eve@example.com"), &TestApp::visitor()).await,
                Err(Error::LinkOver)
            ));
        }
        prune(&app).await.unwrap();
        let left = app.database().write().await.unwrap().invitation_delete(old.invitation.id).await.unwrap();
        assert!(!left, "it was pruned");
    }

    #[tokio::test]
    async fn a_taken_address_leaves_the_link_good() {
        let app = TestApp::new().await;
        account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        let made = invite(&app, Actor::Operator, open()).await.unwrap();
        assert!(matches!(
            accept(&app, token(&made), guest("ada@example.com"), &TestApp::visitor()).await,
            Err(Error::EmailTaken)
        ));
        assert!(accept(&app, token(&made), guest("eve@example.com"), &TestApp::visitor()).await.is_ok());
        let new = NewInvitation { email: Some(Email::new("ada@example.com").unwrap()), ..open() };
        assert!(matches!(invite(&app, Actor::Operator, new).await, Err(Error::EmailTaken)));
    }

    #[tokio::test]
    async fn a_password_link_sets_the_password_once_and_ends_every_session() {
        let app = TestApp::new().await;
        let ada = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        let email = Email::new("ada@example.com").unwrap();
        let before = session::sign_in(&app, &email, &TestApp::password(), &TestApp::visitor()).await.unwrap();
        let voided = password_link(&app, Actor::Operator, ada).await.unwrap();
        let made = password_link(&app, Actor::Operator, ada).await.unwrap();
        assert!(matches!(look(&app, token(&voided), &TestApp::visitor()).await, Err(Error::LinkOver)));
        assert_eq!(look(&app, token(&made), &TestApp::visitor()).await.unwrap().email, Some(email.clone()));

        let new = Password::new("quite another password").unwrap();
        let choice = Choice { email: None, name: None, password: new.clone() };
        let visitor = TestApp::visitor();
        let done = join_all((0..4).map(|_| accept(&app, token(&made), choice.clone(), &visitor))).await;
        assert_eq!(done.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(matches!(session::refresh(&app, &before.refresh_token).await, Err(Error::NotSignedIn)));
        assert!(session::sign_in(&app, &email, &TestApp::password(), &TestApp::visitor()).await.is_err());
        assert!(session::sign_in(&app, &email, &new, &TestApp::visitor()).await.is_ok());
    }

    #[tokio::test]
    async fn who_is_no_longer_an_admin_leaves_no_open_door() {
        let app = TestApp::new().await;
        account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        for changes in [
            Changes { role: Some(AccountRole::Member), ..Changes::default() },
            Changes { disabled: Some(true), ..Changes::default() },
        ] {
            let name = if changes.role.is_some() { "bob@example.com" } else { "eve@example.com" };
            let bob = account::create(&app, TestApp::account(name)).await.unwrap();
            let made = invite(&app, Actor::Account(bob), NewInvitation { role: AccountRole::Admin, ..open() }).await;
            admin::update(&app, Actor::Operator, bob, changes).await.unwrap();
            assert!(matches!(look(&app, token(&made.unwrap()), &TestApp::visitor()).await, Err(Error::LinkOver)));
        }
    }
}
