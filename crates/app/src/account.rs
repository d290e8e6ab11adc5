//! Accounts: who may sign in and how much they may keep.

pub use picup_database::Account;
use picup_database::NewAccount as AccountRow;
use picup_database::Write;
use picup_domain::{AccountId, AccountRole, ByteSize, DisplayName, Email, Invalid, Password};

use crate::attempts::{Secret, guess};
use crate::audit::{Actor, note};
use crate::{Access, App, Error, Visitor};

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The address to sign in with.
    pub email: Email,
    /// The name to be called by.
    pub name: DisplayName,
    /// The password.
    pub password: Password,
    /// What it may do.
    pub role: AccountRole,
    /// The most it may keep; `None` means no limit.
    pub quota: Option<ByteSize>,
}

/// Makes an account from the command line, by somebody who holds the data directory. The first one closes set-up.
///
/// # Errors
/// [`Error::EmailTaken`].
pub async fn create(app: &App, new: NewAccount) -> Result<AccountId, Error> {
    let row = prepare(app, new).await?;
    let mut write = app.database().write().await?;
    insert(&mut write, &row).await?;
    write.setup_complete(app.now()).await?;
    write.commit().await?;
    Ok(row.id)
}

/// The account with that id.
///
/// # Errors
/// [`Error::NotSignedIn`] when it no longer exists or may not sign in.
pub async fn fetch(app: &App, id: AccountId) -> Result<Account, Error> {
    let account = app.database().read_freshest().await?.account_by_id(id).await?;
    account.filter(|account| account.disabled_at.is_none()).ok_or(Error::NotSignedIn)
}

/// Sets a new password for an account whose person has lost it, and ends its sessions. By somebody who holds the data
/// directory.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn reset_password(app: &App, by: Actor, id: AccountId, password: &Password) -> Result<(), Error> {
    let hash = app.inner.passwords.hash(password).await?;
    let now = app.now();
    let mut write = app.database().write().await?;
    if !write.account_set_password(id, &hash, now).await? {
        return Err(Error::NotFound("account"));
    }
    write.session_revoke_all(id, now).await?;
    write.commit().await?;
    note(by, "password set", &id);
    Ok(())
}

/// What a person changes of its own account; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// What it is called.
    pub name: Option<DisplayName>,
    /// The address to sign in with. Whoever has that can be sent a new password: it wants the password.
    pub email: Option<Email>,
    /// The current password, for the address.
    pub password: Option<Password>,
}

/// Changes the caller's own account and gives it as it is then.
///
/// # Errors
/// [`Error::Invalid`] when the address is to change and there is no password; [`Error::WrongCredentials`];
/// [`Error::TooManyGuesses`]; [`Error::EmailTaken`].
pub async fn change(app: &App, id: AccountId, profile: Profile, visitor: &Visitor) -> Result<Account, Error> {
    let before = fetch(app, id).await?;
    if profile.email.as_ref().is_some_and(|email| *email != before.email) {
        let advice = "give your current password to change the address".to_owned();
        let password = profile.password.ok_or(Invalid { field: "password", advice })?;
        confirm(app, &before, &password, visitor).await?;
    }
    let mut write = app.database().write().await?;
    let current = write.account_by_id(id).await?.ok_or(Error::NotSignedIn)?;
    let (name, email) = (profile.name.unwrap_or(current.name), profile.email.unwrap_or(current.email));
    match write.account_set_profile(id, &name, &email, app.now()).await {
        Err(picup_database::Error::Conflict("email")) => return Err(Error::EmailTaken),
        other => other?,
    };
    let after = write.account_by_id(id).await?.ok_or(Error::NotSignedIn)?;
    write.commit().await?;
    if before.email != after.email {
        tracing::info!(account = %id, "the address of an account was changed");
    }
    Ok(after)
}

/// Changes the caller's own password. Every other session ends, within minutes; this one stays, and so do API keys.
///
/// # Errors
/// [`Error::WrongCredentials`]; [`Error::TooManyGuesses`].
pub async fn change_password(
    app: &App,
    caller: &Access,
    current: &Password,
    new: &Password,
    visitor: &Visitor,
) -> Result<(), Error> {
    let account = fetch(app, caller.account).await?;
    confirm(app, &account, current, visitor).await?;
    let hash = app.inner.passwords.hash(new).await?;
    let now = app.now();
    let mut write = app.database().write().await?;
    if !write.account_set_password(account.id, &hash, now).await? {
        return Err(Error::NotSignedIn);
    }
    let ended = write.session_revoke_others(account.id, caller.session, now).await?;
    write.commit().await?;
    tracing::info!(account = %account.id, sessions = ended, "a password was changed and the other sessions ended");
    Ok(())
}

/// Has a signed-in caller prove itself by its password, for what a passer-by at an open page must not do.
///
/// # Errors
/// [`Error::WrongCredentials`]; [`Error::TooManyGuesses`].
pub(crate) async fn confirm(app: &App, account: &Account, password: &Password, visitor: &Visitor) -> Result<(), Error> {
    guess(app, Secret::Password(Some(&account.email)), visitor.address, async {
        let right = app.inner.passwords.verify(password, Some(account.password_hash.clone())).await?;
        if right { Ok(()) } else { Err(Error::WrongCredentials) }
    })
    .await
}

/// All accounts by address.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(app: &App) -> Result<Vec<Account>, Error> {
    Ok(app.database().read().await?.account_list().await?)
}

/// The row of a new account. Hashing takes its time, so it is done before any transaction begins.
pub(crate) async fn prepare(app: &App, new: NewAccount) -> Result<AccountRow, Error> {
    let password_hash = app.inner.passwords.hash(&new.password).await?;
    let created_at = app.now();
    Ok(AccountRow {
        id: AccountId::new(created_at),
        email: new.email,
        name: new.name,
        role: new.role,
        password_hash,
        quota: new.quota,
        created_at,
    })
}

pub(crate) async fn insert(write: &mut Write, row: &AccountRow) -> Result<(), Error> {
    match write.account_insert(row).await {
        Err(picup_database::Error::Conflict("email")) => Err(Error::EmailTaken),
        other => Ok(other?),
    }
}
