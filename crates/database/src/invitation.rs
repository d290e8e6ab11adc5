//! Invitations: links that make one account, or set a new password for one. A row is good as long as it is there and its time
//! is not over; whoever deletes it has used it, so of any number who try at once one succeeds. The token is known here by its
//! hash alone.

use picup_domain::{AccountId, AccountRole, ByteSize, Email, InvitationId, Sha256, Timestamp};

use crate::statement::{Row, Statement};
use crate::{Error, Read, Write};

/// An invitation, to be made or as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// Set: it gives this account a new password. `None`: it makes a new account.
    pub account: Option<AccountId>,
    /// The address the new account must have; `None` when its guest chooses.
    pub email: Option<Email>,
    /// What the new account may do.
    pub role: AccountRole,
    /// The most the new account may keep.
    pub quota: Option<ByteSize>,
    /// Who made it; `None` when somebody at the command line did.
    pub created_by: Option<AccountId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, account, email, role, quota_bytes, created_by, created_at, expires_at FROM invitations ",
            $rest
        )
    };
}

fn invitation(row: &Row) -> Result<Invitation, Error> {
    let email = row.maybe_text("email")?.map(|_| row.word("email", Email::new)).transpose()?;
    Ok(Invitation {
        id: row.id("id")?,
        account: row.maybe_id("account")?,
        email,
        role: row.word("role", AccountRole::parse)?,
        quota: row.maybe_size("quota_bytes")?,
        created_by: row.maybe_id("created_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}

impl Read {
    /// The invitation with that token, if its time is not over.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn invitation_by_token(&mut self, token: &Sha256, now: Timestamp) -> Result<Option<Invitation>, Error> {
        let sql = select!("WHERE token_hash = ? AND expires_at > ?");
        let statement = Statement::new("invitation_by_token", sql).id(token).time(now);
        self.one(statement).await?.as_ref().map(invitation).transpose()
    }

    /// All that can still be used, the next to end first.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn invitation_list(&mut self, now: Timestamp) -> Result<Vec<Invitation>, Error> {
        let sql = select!("WHERE expires_at > ? ORDER BY expires_at, id");
        self.all(Statement::new("invitation_list", sql).time(now)).await?.iter().map(invitation).collect()
    }
}

impl Write {
    /// Writes an invitation down, with the hash of its token.
    ///
    /// # Errors
    /// When its account does not exist or the database cannot write.
    pub async fn invitation_insert(&mut self, new: &Invitation, token: &Sha256) -> Result<(), Error> {
        let sql = "INSERT INTO invitations (id, token_hash, account, email, role, quota_bytes, created_by, created_at, \
                   expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let statement = Statement::new("invitation_insert", sql)
            .id(&new.id)
            .id(token)
            .maybe_id(new.account.as_ref())
            .maybe_text(new.email.as_ref().map(Email::as_str))
            .text(new.role.as_str())
            .maybe_size(new.quota)
            .maybe_id(new.created_by.as_ref())
            .time(new.created_at)
            .time(new.expires_at);
        self.run(statement).await?;
        Ok(())
    }

    /// Uses an invitation up. `true` for exactly one caller ever: do what it is for in the same transaction, and drop the
    /// transaction when this says `false`.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn invitation_take(&mut self, token: &Sha256, now: Timestamp) -> Result<bool, Error> {
        let sql = "DELETE FROM invitations WHERE token_hash = ? AND expires_at > ?";
        self.changed(Statement::new("invitation_take", sql).id(token).time(now)).await
    }

    /// Withdraws an invitation. `false` when there is none, or it was used.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn invitation_delete(&mut self, id: InvitationId) -> Result<bool, Error> {
        self.changed(Statement::new("invitation_delete", "DELETE FROM invitations WHERE id = ?").id(&id)).await
    }

    /// Withdraws the links that set a password for that account.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn invitation_delete_for(&mut self, account: AccountId) -> Result<u64, Error> {
        let sql = "DELETE FROM invitations WHERE account = ?";
        self.run(Statement::new("invitation_delete_for", sql).id(&account)).await
    }

    /// Withdraws what that account has made.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn invitation_delete_by(&mut self, creator: AccountId) -> Result<u64, Error> {
        let sql = "DELETE FROM invitations WHERE created_by = ?";
        self.run(Statement::new("invitation_delete_by", sql).id(&creator)).await
    }

    /// Forgets those whose time was over before a moment.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn invitation_prune(&mut self, before: Timestamp) -> Result<u64, Error> {
        let sql = "DELETE FROM invitations WHERE expires_at <= ?";
        self.run(Statement::new("invitation_prune", sql).time(before)).await
    }
}
