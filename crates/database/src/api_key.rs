//! API keys: a program's right to act for an account within its scopes. Tokens are known here by their hashes alone.

use picup_domain::{AccountId, ApiKeyId, ApiKeyName, Scopes, Sha256, Timestamp};

use crate::statement::{Row, Statement};
use crate::{Error, Read, Write};

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub account: AccountId,
    /// What the person knows it by.
    pub name: ApiKeyName,
    /// The hash of its token.
    pub token_hash: Sha256,
    /// What it may do.
    pub scopes: Scopes,
    /// Now.
    pub created_at: Timestamp,
    /// When it ends; `None` means when it is revoked.
    pub expires_at: Option<Timestamp>,
}

/// A key as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub account: AccountId,
    /// What the person knows it by.
    pub name: ApiKeyName,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Timestamp>,
    /// When it ends; `None` means when it is revoked.
    pub expires_at: Option<Timestamp>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT k.id AS id, k.account AS account, k.name AS name, k.scopes AS scopes, k.created_at AS created_at, \
             k.last_used_at AS last_used_at, k.expires_at AS expires_at FROM api_keys k ",
            $rest
        )
    };
}

fn api_key(row: &Row) -> Result<ApiKey, Error> {
    Ok(ApiKey {
        id: row.id("id")?,
        account: row.id("account")?,
        name: row.word("name", ApiKeyName::new)?,
        scopes: row.word("scopes", Scopes::parse)?,
        created_at: row.time("created_at")?,
        last_used_at: row.maybe_time("last_used_at")?,
        expires_at: row.maybe_time("expires_at")?,
    })
}

impl Read {
    /// The key with that token, if it is good now: it has not ended, and its account may sign in.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn api_key_by_token(&mut self, hash: &Sha256, now: Timestamp) -> Result<Option<ApiKey>, Error> {
        let sql = select!(
            "JOIN accounts a ON a.id = k.account \
             WHERE k.token_hash = ? AND (k.expires_at IS NULL OR k.expires_at > ?) AND a.disabled_at IS NULL"
        );
        self.one(Statement::new("api_key_by_token", sql).id(hash).time(now)).await?.as_ref().map(api_key).transpose()
    }

    /// An account's keys, newest first, also those that have ended.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn api_key_list(&mut self, account: AccountId) -> Result<Vec<ApiKey>, Error> {
        let sql = select!("WHERE k.account = ? ORDER BY k.id DESC");
        self.all(Statement::new("api_key_list", sql).id(&account)).await?.iter().map(api_key).collect()
    }
}

impl Write {
    /// Makes a key.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn api_key_insert(&mut self, new: &NewApiKey) -> Result<(), Error> {
        let sql = "INSERT INTO api_keys (id, account, name, token_hash, scopes, created_at, expires_at) \
                   VALUES (?, ?, ?, ?, ?, ?, ?)";
        let statement = Statement::new("api_key_insert", sql)
            .id(&new.id)
            .id(&new.account)
            .text(new.name.as_str())
            .id(&new.token_hash)
            .text(&new.scopes.words())
            .time(new.created_at)
            .maybe_time(new.expires_at);
        self.run(statement).await?;
        Ok(())
    }

    /// Writes down that a key was used, unless a use after `before` is written down already. Tells whether it did.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn api_key_used(&mut self, id: ApiKeyId, now: Timestamp, before: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE api_keys SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at <= ?)";
        self.changed(Statement::new("api_key_used", sql).time(now).id(&id).time(before)).await
    }

    /// Revokes a key. `false` when the account has none of that id.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn api_key_delete(&mut self, account: AccountId, id: ApiKeyId) -> Result<bool, Error> {
        let sql = "DELETE FROM api_keys WHERE account = ? AND id = ?";
        self.changed(Statement::new("api_key_delete", sql).id(&account).id(&id)).await
    }
}
