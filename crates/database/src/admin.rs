//! What an administrator changes of accounts, and the end of an account. `account` is about who signs in and how much they
//! keep; here is what is done to them by others.

use picup_domain::{AccountId, AccountRole, ByteSize, DisplayName, Timestamp};

use crate::statement::Statement;
use crate::{Error, Read, Write};

impl Read {
    /// When each account's newest session was last used; accounts without a session are left out.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn account_last_seen(&mut self) -> Result<Vec<(AccountId, Timestamp)>, Error> {
        let sql = "SELECT account, MAX(last_used_at) AS last_seen FROM sessions GROUP BY account";
        let rows = self.all(Statement::new("account_last_seen", sql)).await?;
        rows.iter().map(|row| Ok((row.id("account")?, row.time("last_seen")?))).collect()
    }

    /// Whether there is an admin besides that account who may sign in and is to stay. Decide by it only after
    /// [`Write::admins_lock`].
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn account_has_other_admin(&mut self, account: AccountId) -> Result<bool, Error> {
        let sql = "SELECT id FROM accounts WHERE role = 'admin' AND disabled_at IS NULL AND delete_after IS NULL \
                   AND id <> ? LIMIT 1";
        Ok(self.one(Statement::new("account_has_other_admin", sql).id(&account)).await?.is_some())
    }
}

impl Write {
    /// Keeps others from changing who is an admin until this transaction ends, on engines with many writers: everybody who
    /// does passes this one row first.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn admins_lock(&mut self) -> Result<(), Error> {
        let sql = "UPDATE installation SET completed_at = completed_at WHERE id = 1";
        self.run(Statement::new("admins_lock", sql)).await?;
        Ok(())
    }

    /// Gives an account another name. `false` when there is none.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn account_set_name(&mut self, id: AccountId, name: &DisplayName, now: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE accounts SET name = ?, updated_at = ? WHERE id = ?";
        self.changed(Statement::new("account_set_name", sql).text(name.as_str()).time(now).id(&id)).await
    }

    /// Changes what an account may do. `false` when there is none.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn account_set_role(&mut self, id: AccountId, role: AccountRole, now: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE accounts SET role = ?, updated_at = ? WHERE id = ?";
        self.changed(Statement::new("account_set_role", sql).text(role.as_str()).time(now).id(&id)).await
    }

    /// Changes how much an account may keep, also to less than it keeps. `false` when there is none.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn account_set_quota(
        &mut self,
        id: AccountId,
        quota: Option<ByteSize>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let sql = "UPDATE accounts SET quota_bytes = ?, updated_at = ? WHERE id = ?";
        self.changed(Statement::new("account_set_quota", sql).maybe_size(quota).time(now).id(&id)).await
    }

    /// Keeps an account from signing in since a moment, or lets it again. `false` when there is none.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn account_set_disabled(
        &mut self,
        id: AccountId,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let sql = "UPDATE accounts SET disabled_at = ?, updated_at = ? WHERE id = ?";
        self.changed(Statement::new("account_set_disabled", sql).maybe_time(since).time(now).id(&id)).await
    }

    /// Sets when an account is to be erased; `None`: it stays. `false` when there is none.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn account_set_deletion(
        &mut self,
        id: AccountId,
        after: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let sql = "UPDATE accounts SET delete_after = ?, updated_at = ? WHERE id = ?";
        self.changed(Statement::new("account_set_deletion", sql).maybe_time(after).time(now).id(&id)).await
    }

    /// Forgets every right to act for an account and every link made for it or by it: nobody gets in.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn account_forget_rights(&mut self, id: AccountId) -> Result<(), Error> {
        for (name, sql) in [
            ("account_forget_sessions", "DELETE FROM sessions WHERE account = ?"),
            ("account_forget_keys", "DELETE FROM api_keys WHERE account = ?"),
            ("account_forget_share_links", "DELETE FROM share_links WHERE account = ?"),
            ("account_forget_memberships", "DELETE FROM album_members WHERE account = ?"),
        ] {
            self.run(Statement::new(name, sql).id(&id)).await?;
        }
        self.invitation_delete_for(id).await?;
        self.invitation_delete_by(id).await?;
        Ok(())
    }

    /// Removes an account that has nothing left but its name. `false` when there is none.
    ///
    /// # Errors
    /// When something of it is left, and when the database cannot write.
    pub async fn account_delete(&mut self, id: AccountId) -> Result<bool, Error> {
        let sql = "DELETE FROM timeline_days WHERE owner = ?";
        self.run(Statement::new("account_delete_days", sql).id(&id)).await?;
        self.changed(Statement::new("account_delete", "DELETE FROM accounts WHERE id = ?").id(&id)).await
    }
}
