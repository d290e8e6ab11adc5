//! Photos of a backup as plain files: the PicUp that `picup restore --plain` brings back in a folder for a moment, and reads.

use picup_domain::{ApiKeyName, Email, PasswordHash, Scope, Scopes};

use crate::api_key::{self, NewApiKey};
use crate::{App, Error};

/// A way to read one account.
pub struct Reader {
    /// Whose it is.
    pub email: Email,
    /// The token of an API key that may read everything and change nothing.
    pub key: String,
}

/// Shuts everybody out of a PicUp that was brought back to be read once, with every right of then, and gives a reader for each
/// account, in the order of their addresses. Those that were disabled can be read too.
///
/// # Errors
/// When the database cannot do it.
pub async fn readers(app: &App) -> Result<Vec<Reader>, Error> {
    let now = app.now();
    let accounts = app.database().read_fresh().await?.account_list().await?;
    let mut write = app.database().write().await?;
    for account in &accounts {
        write.account_forget_rights(account.id).await?;
        // No password has this for its hash.
        write.account_set_password(account.id, &PasswordHash::new("none".to_owned()), now).await?;
        write.account_set_disabled(account.id, None, now).await?;
    }
    write.commit().await?;
    let mut readers = Vec::with_capacity(accounts.len());
    for account in accounts {
        let name = ApiKeyName::new("picup restore --plain")?;
        let new = NewApiKey { name, scopes: Scopes::new([Scope::Read])?, expires_at: None };
        let (_, key) = api_key::create(app, account.id, new).await?;
        readers.push(Reader { email: account.email, key });
    }
    readers.sort_by(|one, other| one.email.as_str().cmp(other.email.as_str()));
    Ok(readers)
}
