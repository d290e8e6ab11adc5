//! Accounts: who may sign in and how much they may keep.

pub use picup_database::Account;
use picup_database::NewAccount as AccountRow;
use picup_domain::{AccountId, AccountRole, ByteSize, DisplayName, Email, Password};

use crate::audit::{Actor, note};
use crate::{App, Error};

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
    let account = app.database().read().await?.account_by_id(id).await?;
    account.filter(|account| account.disabled_at.is_none()).ok_or(Error::NotSignedIn)
}

/// Sets a new password for an account whose person has lost it, and ends its sessions. By somebody who holds the data
/// directory.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn reset_password(app: &App, by: Actor, id: AccountId, password: &Password) -> Result<(), Error> {
    let hash = app.0.passwords.hash(password).await?;
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

/// Whether that is the password of a signed-in account, for what a passer-by at an open page must not do.
///
/// # Errors
/// [`Error::WrongCredentials`]; [`Error::NotSignedIn`] as [`fetch`].
pub(crate) async fn confirm(app: &App, id: AccountId, password: &Password) -> Result<(), Error> {
    let stored = fetch(app, id).await?.password_hash;
    if app.0.passwords.verify(password, Some(stored)).await? { Ok(()) } else { Err(Error::WrongCredentials) }
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
    let password_hash = app.0.passwords.hash(&new.password).await?;
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

pub(crate) async fn insert(write: &mut picup_database::Write, row: &AccountRow) -> Result<(), Error> {
    match write.account_insert(row).await {
        Err(picup_database::Error::Conflict("email")) => Err(Error::EmailTaken),
        other => Ok(other?),
    }
}
