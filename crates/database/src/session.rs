//! Sessions: one sign-in on one device, kept as a family of refresh tokens of which only the newest is good. Tokens are
//! known here by their hashes alone.

use picup_domain::{AccountId, SessionId, Sha256, Timestamp};

use crate::statement::{Row, Statement};
use crate::{Error, Read, Write};

/// A session to be begun.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id; the same through all its refreshes.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// The hash of the first refresh token.
    pub refresh_hash: Sha256,
    /// What the person recognises it by, such as the browser's name; at most 255 characters are kept.
    pub label: String,
    /// Now.
    pub created_at: Timestamp,
    /// When it ends unless refreshed.
    pub expires_at: Timestamp,
}

/// A session as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// What the person recognises it by.
    pub label: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When it ends unless refreshed.
    pub expires_at: Timestamp,
    /// When it was revoked, if so.
    pub revoked_at: Option<Timestamp>,
}

impl Session {
    /// Whether it may still be used.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// What came of showing a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It was the good one; now the new one is.
    Rotated,
    /// It was the one before: two tabs raced, or someone else has a copy. When it was replaced tells these apart.
    Reused {
        /// When it was replaced.
        rotated_at: Timestamp,
    },
    /// Neither, or the session is over. Whoever knows that the token is genuine knows that it is an older one.
    Unknown,
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, account, label, created_at, last_used_at, expires_at, revoked_at FROM sessions ", $rest)
    };
}

fn session(row: &Row) -> Result<Session, Error> {
    Ok(Session {
        id: row.id("id")?,
        account: row.id("account")?,
        label: row.text("label")?,
        created_at: row.time("created_at")?,
        last_used_at: row.time("last_used_at")?,
        expires_at: row.time("expires_at")?,
        revoked_at: row.maybe_time("revoked_at")?,
    })
}

impl Read {
    /// The session with that id, live or not.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn session_by_id(&mut self, id: SessionId) -> Result<Option<Session>, Error> {
        let row = self.one(Statement::new("session_by_id", select!("WHERE id = ?")).id(&id)).await?;
        row.as_ref().map(session).transpose()
    }

    /// The live session whose good or last good refresh token is that one: either proves that the caller held it.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn session_by_refresh(
        &mut self,
        id: SessionId,
        hash: &Sha256,
        now: Timestamp,
    ) -> Result<Option<Session>, Error> {
        let sql = select!(
            "WHERE id = ? AND (refresh_hash = ? OR previous_refresh_hash = ?) AND revoked_at IS NULL AND expires_at > ?"
        );
        let statement = Statement::new("session_by_refresh", sql).id(&id).id(hash).id(hash).time(now);
        self.one(statement).await?.as_ref().map(session).transpose()
    }

    /// An account's live sessions, newest first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn session_list(&mut self, account: AccountId, now: Timestamp) -> Result<Vec<Session>, Error> {
        let sql = select!("WHERE account = ? AND revoked_at IS NULL AND expires_at > ? ORDER BY id DESC");
        self.all(Statement::new("session_list", sql).id(&account).time(now)).await?.iter().map(session).collect()
    }
}

impl Write {
    /// Begins a session.
    ///
    /// # Errors
    /// When the account does not exist or the database cannot write.
    pub async fn session_insert(&mut self, new: &NewSession) -> Result<(), Error> {
        let sql = "INSERT INTO sessions (id, account, refresh_hash, label, created_at, last_used_at, expires_at) \
                   VALUES (?, ?, ?, ?, ?, ?, ?)";
        let label: String = new.label.chars().take(255).collect();
        let statement = Statement::new("session_insert", sql)
            .id(&new.id)
            .id(&new.account)
            .id(&new.refresh_hash)
            .text(&label)
            .time(new.created_at)
            .time(new.created_at)
            .time(new.expires_at);
        self.run(statement).await?;
        Ok(())
    }

    /// Replaces the refresh token `old` by `new` if `old` is the good one and the session is live; of several callers
    /// with the same `old` one wins. Revoking on reuse is the caller's decision.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn session_rotate(
        &mut self,
        id: SessionId,
        old: &Sha256,
        new: &Sha256,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation, Error> {
        let sql = "UPDATE sessions SET previous_refresh_hash = refresh_hash, refresh_hash = ?, last_used_at = ?, \
                   expires_at = ? WHERE id = ? AND refresh_hash = ? AND revoked_at IS NULL AND expires_at > ?";
        let rotate = Statement::new("session_rotate", sql).id(new).time(now).time(expires_at).id(&id).id(old).time(now);
        if self.changed(rotate).await? {
            return Ok(Rotation::Rotated);
        }
        let sql = "SELECT last_used_at FROM sessions \
                   WHERE id = ? AND previous_refresh_hash = ? AND revoked_at IS NULL AND expires_at > ?";
        let reused = self.one(Statement::new("session_reused", sql).id(&id).id(old).time(now)).await?;
        match reused {
            Some(row) => Ok(Rotation::Reused { rotated_at: row.time("last_used_at")? }),
            None => Ok(Rotation::Unknown),
        }
    }

    /// Ends a session. `false` when there is none or it was ended before.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn session_revoke(&mut self, id: SessionId, now: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE sessions SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL";
        self.changed(Statement::new("session_revoke", sql).time(now).id(&id)).await
    }

    /// Ends all of an account's sessions and tells how many.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn session_revoke_all(&mut self, account: AccountId, now: Timestamp) -> Result<u64, Error> {
        let sql = "UPDATE sessions SET revoked_at = ? WHERE account = ? AND revoked_at IS NULL";
        self.run(Statement::new("session_revoke_all", sql).time(now).id(&account)).await
    }

    /// Ends all of an account's sessions but one and tells how many.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn session_revoke_others(
        &mut self,
        account: AccountId,
        kept: SessionId,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let sql = "UPDATE sessions SET revoked_at = ? WHERE account = ? AND id <> ? AND revoked_at IS NULL";
        self.run(Statement::new("session_revoke_others", sql).time(now).id(&account).id(&kept)).await
    }

    /// Forgets the sessions that expired before a moment, and tells how many.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn session_prune(&mut self, before: Timestamp) -> Result<u64, Error> {
        self.run(Statement::new("session_prune", "DELETE FROM sessions WHERE expires_at < ?").time(before)).await
    }
}
