//! API keys: a program's right to act for an account, within scopes, until it ends or is revoked.
//!
//! A key's token is shown once and stored hashed. It is looked up at each use, so revoking one holds at once, as does
//! disabling its account. What concerns security itself (password, keys, sessions) is never done by key.

use std::time::Duration;

pub use picup_database::ApiKey;
use picup_database::NewApiKey as Row;
use picup_domain::{AccountId, ApiKeyId, ApiKeyName, Invalid, Scopes, Timestamp};

use crate::token::{RandomToken, hash_token};
use crate::{App, Error, session};

/// What a key's token begins with: people see what it is, secret scanners find it, and it is told from a session's token.
pub const PREFIX: &str = "picup_";

/// How many keys an account may have.
const MOST: usize = 100;

/// A use is written down when the one before is older than that.
const USE_NOTED_EVERY: Duration = Duration::from_secs(60);

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// What the person knows it by.
    pub name: ApiKeyName,
    /// What it may do.
    pub scopes: Scopes,
    /// When it ends; `None` means when it is revoked.
    pub expires_at: Option<Timestamp>,
}

/// Makes a key and gives its token, which nobody can read again.
///
/// # Errors
/// [`Error::Invalid`] when it would have ended already; [`Error::Conflict`] when the account has as many as it may have.
pub async fn create(app: &App, account: AccountId, new: NewApiKey) -> Result<(ApiKey, String), Error> {
    let now = app.now();
    if new.expires_at.is_some_and(|end| end <= now) {
        return Err(Invalid { field: "expires_at", advice: "choose a time to come".to_owned() }.into());
    }
    let token = format!("{PREFIX}{}", RandomToken::new().as_str());
    let row = Row {
        id: ApiKeyId::new(now),
        account,
        name: new.name,
        token_hash: hash_token(&token),
        scopes: new.scopes,
        created_at: now,
        expires_at: new.expires_at,
    };
    let mut write = app.database().write().await?;
    if write.api_key_list(account).await?.len() >= MOST {
        return Err(Error::Conflict("this account has 100 API keys; revoke one that is not used any more"));
    }
    write.api_key_insert(&row).await?;
    write.commit().await?;
    tracing::info!(account = %account, key = %row.id, scopes = row.scopes.words(), "an API key was made");
    let Row { id, account, name, scopes, created_at, expires_at, .. } = row;
    Ok((ApiKey { id, account, name, scopes, created_at, last_used_at: None, expires_at }, token))
}

/// An account's keys, newest first, also those that have ended.
///
/// # Errors
/// When the database cannot answer.
pub async fn list(app: &App, account: AccountId) -> Result<Vec<ApiKey>, Error> {
    Ok(app.database().read().await?.api_key_list(account).await?)
}

/// Revokes a key, at once.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn revoke(app: &App, account: AccountId, id: ApiKeyId) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    if !write.api_key_delete(account, id).await? {
        return Err(Error::NotFound("API key"));
    }
    write.commit().await?;
    tracing::info!(account = %account, key = %id, "an API key was revoked");
    Ok(())
}

/// The key that a token is of.
///
/// # Errors
/// [`Error::NotSignedIn`] when there is none, it has ended, or its account may not sign in.
pub async fn authenticate(app: &App, token: &str) -> Result<ApiKey, Error> {
    if !token.starts_with(PREFIX) {
        return Err(Error::NotSignedIn);
    }
    let now = app.now();
    let found = app.database().read_freshest().await?.api_key_by_token(&hash_token(token), now).await?;
    let key = found.ok_or_else(|| session::unknown(app))?;
    let due = |last: Timestamp| last.plus(USE_NOTED_EVERY) <= now;
    if key.last_used_at.is_none_or(due) {
        // What it came to do matters more than this note of it, which the next use makes as well.
        if let Err(error) = note_use(app, key.id, now).await {
            tracing::warn!(key = %key.id, error = error.story(), "the use of an API key could not be noted");
        }
    }
    Ok(key)
}

async fn note_use(app: &App, id: ApiKeyId, now: Timestamp) -> Result<(), Error> {
    let mut write = app.database().write().await?;
    write.api_key_used(id, now, now.minus(USE_NOTED_EVERY)).await?;
    Ok(write.commit().await?)
}

#[cfg(test)]
mod tests {
    use picup_domain::Scope;

    use super::*;
    use crate::account;
    use crate::testing::TestApp;

    fn wish(expires_at: Option<Timestamp>) -> NewApiKey {
        NewApiKey { name: ApiKeyName::new("phone").unwrap(), scopes: Scopes::only(Scope::Upload), expires_at }
    }

    async fn with_account() -> (TestApp, AccountId) {
        let app = TestApp::new().await;
        let account = account::create(&app, TestApp::account("ada@example.com")).await.unwrap();
        (app, account)
    }

    #[tokio::test]
    async fn a_token_is_good_until_its_key_is_revoked() {
        let (app, account) = with_account().await;
        let (key, token) = create(&app, account, wish(None)).await.unwrap();
        assert_eq!(token.len(), PREFIX.len() + 43, "256 bits");
        assert_eq!(authenticate(&app, &token).await.unwrap().id, key.id);
        let bare = token.strip_prefix(PREFIX).unwrap();
        for wrong in ["", PREFIX, bare, &token[..token.len() - 1], &format!("{token}A"), &format!(" {token}")] {
            assert!(matches!(authenticate(&app, wrong).await, Err(Error::NotSignedIn)), "{wrong}");
        }
        let bob = account::create(&app, TestApp::account("bob@example.com")).await.unwrap();
        assert!(matches!(revoke(&app, bob, key.id).await, Err(Error::NotFound(_))));
        assert!(list(&app, bob).await.unwrap().is_empty());
        assert!(authenticate(&app, &token).await.is_ok());
        revoke(&app, account, key.id).await.unwrap();
        assert!(matches!(authenticate(&app, &token).await, Err(Error::NotSignedIn)));
        assert!(matches!(revoke(&app, account, key.id).await, Err(Error::NotFound(_))));
    }

    #[tokio::test]
    async fn a_key_ends_on_time() {
        let (app, account) = with_account().await;
        assert!(matches!(create(&app, account, wish(Some(app.now()))).await, Err(Error::Invalid(_))));
        let end = app.now().plus(Duration::from_secs(10));
        let (_, token) = create(&app, account, wish(Some(end))).await.unwrap();
        app.clock.advance(Duration::from_secs(9));
        assert!(authenticate(&app, &token).await.is_ok());
        app.clock.advance(Duration::from_secs(1));
        assert!(matches!(authenticate(&app, &token).await, Err(Error::NotSignedIn)));
        assert_eq!(list(&app, account).await.unwrap().len(), 1, "its owner still sees it");
    }

    #[tokio::test]
    async fn use_is_noted_once_a_minute() {
        let (app, account) = with_account().await;
        let (_, token) = create(&app, account, wish(None)).await.unwrap();
        let noted = async || list(&app, account).await.unwrap()[0].last_used_at;
        assert_eq!(noted().await, None);
        authenticate(&app, &token).await.unwrap();
        let first = app.now();
        assert_eq!(noted().await, Some(first));
        app.clock.advance(Duration::from_secs(59));
        authenticate(&app, &token).await.unwrap();
        assert_eq!(noted().await, Some(first));
        app.clock.advance(Duration::from_secs(1));
        authenticate(&app, &token).await.unwrap();
        assert_eq!(noted().await, Some(app.now()));
    }

    #[tokio::test]
    async fn an_account_has_a_hundred_at_most() {
        let (app, account) = with_account().await;
        for _ in 0..MOST {
            create(&app, account, wish(None)).await.unwrap();
        }
        assert!(matches!(create(&app, account, wish(None)).await, Err(Error::Conflict(_))));
        let one = list(&app, account).await.unwrap()[0].id;
        revoke(&app, account, one).await.unwrap();
        create(&app, account, wish(None)).await.unwrap();
    }
}
