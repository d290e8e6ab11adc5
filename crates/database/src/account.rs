//! Accounts and their quota. Every change of a quota is one conditional UPDATE, so that no number of uploads at once goes
//! a byte over, and no lock is held while bytes travel.

use picup_domain::{AccountId, AccountRole, ByteSize, DisplayName, Email, PasswordHash, Quota, Timestamp};

use crate::statement::{Row, Statement};
use crate::{Error, Read, Write};

/// So many uploads an account may have under way: more than any client sends at once, and few enough that uploads of nothing
/// fill no disk.
pub const MOST_OPEN_UPLOADS: u32 = 10_000;

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its id.
    pub id: AccountId,
    /// Its address; one account each.
    pub email: Email,
    /// What the person is called.
    pub name: DisplayName,
    /// What it may do.
    pub role: AccountRole,
    /// The password's hash in PHC form.
    pub password_hash: PasswordHash,
    /// The most it may keep; `None` means no limit.
    pub quota: Option<ByteSize>,
    /// Now.
    pub created_at: Timestamp,
}

/// An account as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its address.
    pub email: Email,
    /// What the person is called.
    pub name: DisplayName,
    /// What it may do.
    pub role: AccountRole,
    /// The password's hash in PHC form.
    pub password_hash: PasswordHash,
    /// What it may keep and keeps.
    pub quota: Quota,
    /// How many uploads it has under way.
    pub open_uploads: u32,
    /// Since when it may not sign in; `None` when it may.
    pub disabled_at: Option<Timestamp>,
    /// When it is to be erased; `None` when it is to stay.
    pub delete_after: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its name, role, password or limit last changed.
    pub updated_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, email, name, role, password_hash, quota_bytes, used_bytes, reserved_bytes, open_uploads, disabled_at, \
             delete_after, created_at, updated_at FROM accounts ",
            $rest
        )
    };
}

fn account(row: &Row) -> Result<Account, Error> {
    Ok(Account {
        id: row.id("id")?,
        email: row.word("email", Email::new)?,
        name: row.word("name", DisplayName::new)?,
        role: row.word("role", AccountRole::parse)?,
        password_hash: PasswordHash::new(row.text("password_hash")?),
        quota: Quota {
            limit: row.maybe_size("quota_bytes")?,
            used: row.size("used_bytes")?,
            reserved: row.size("reserved_bytes")?,
        },
        open_uploads: row.int("open_uploads")?,
        disabled_at: row.maybe_time("disabled_at")?,
        delete_after: row.maybe_time("delete_after")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

impl Read {
    /// The account with that id.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn account_by_id(&mut self, id: AccountId) -> Result<Option<Account>, Error> {
        let row = self.one(Statement::new("account_by_id", select!("WHERE id = ?")).id(&id)).await?;
        row.as_ref().map(account).transpose()
    }

    /// The account with that address.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn account_by_email(&mut self, email: &Email) -> Result<Option<Account>, Error> {
        let statement = Statement::new("account_by_email", select!("WHERE email = ?")).text(email.as_str());
        self.one(statement).await?.as_ref().map(account).transpose()
    }

    /// All accounts by address: as many as an installation has people.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn account_list(&mut self) -> Result<Vec<Account>, Error> {
        self.all(Statement::new("account_list", select!("ORDER BY email"))).await?.iter().map(account).collect()
    }

    /// How many accounts there are.
    ///
    /// # Errors
    /// When the database cannot answer.
    pub async fn account_count(&mut self) -> Result<u64, Error> {
        self.row(Statement::new("account_count", "SELECT COUNT(*) AS n FROM accounts")).await?.int("n")
    }
}

impl Write {
    /// Makes an account that keeps nothing yet.
    ///
    /// # Errors
    /// [`Error::Conflict`] `email` when the address has an account.
    pub async fn account_insert(&mut self, new: &NewAccount) -> Result<(), Error> {
        let sql = "INSERT INTO accounts (id, email, name, role, password_hash, quota_bytes, used_bytes, \
                   reserved_bytes, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?, ?)";
        let statement = Statement::new("account_insert", sql)
            .id(&new.id)
            .text(new.email.as_str())
            .text(new.name.as_str())
            .text(new.role.as_str())
            .text(new.password_hash.as_str())
            .maybe_size(new.quota)
            .time(new.created_at)
            .time(new.created_at);
        self.run(statement).await.map_err(|error| error.or_conflict("email"))?;
        Ok(())
    }

    /// Replaces the password's hash. `false` when there is no such account. Its sessions go on until revoked.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn account_set_password(
        &mut self,
        id: AccountId,
        hash: &PasswordHash,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let sql = "UPDATE accounts SET password_hash = ?, updated_at = ? WHERE id = ?";
        self.changed(Statement::new("account_set_password", sql).text(hash.as_str()).time(now).id(&id)).await
    }

    /// Changes what the person is called and the address it signs in with. `false` when there is no such account.
    ///
    /// # Errors
    /// [`Error::Conflict`] `email` when the address has another account.
    pub async fn account_set_profile(
        &mut self,
        id: AccountId,
        name: &DisplayName,
        email: &Email,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let sql = "UPDATE accounts SET name = ?, email = ?, updated_at = ? WHERE id = ?";
        let statement = Statement::new("account_set_profile", sql);
        let statement = statement.text(name.as_str()).text(email.as_str()).time(now).id(&id);
        self.changed(statement).await.map_err(|error| error.or_conflict("email"))
    }

    /// Promises `bytes` more to an account, for so many uploads more. `false` when its quota does not admit them, when it would
    /// have more than [`MOST_OPEN_UPLOADS`] under way, or when it does not exist. The rule is that of `Quota::admits`, written as
    /// a subtraction because a sum could leave the range of a BIGINT.
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn quota_reserve(&mut self, account: AccountId, uploads: u32, bytes: ByteSize) -> Result<bool, Error> {
        let sql = "UPDATE accounts SET reserved_bytes = reserved_bytes + ?, open_uploads = open_uploads + ? \
                   WHERE id = ? AND open_uploads <= ? \
                   AND ? <= COALESCE(quota_bytes, 9223372036854775807) - used_bytes - reserved_bytes";
        let before = i64::from(MOST_OPEN_UPLOADS) - i64::from(uploads);
        let statement = Statement::new("quota_reserve", sql).size(bytes).int(uploads).id(&account);
        self.changed(statement.int(before).size(bytes)).await
    }

    /// Takes the promise of one upload back.
    ///
    /// # Errors
    /// [`Error::Conflict`] `quota` when less than that is promised: the caller's books are wrong, so nothing changes.
    pub async fn quota_release(&mut self, account: AccountId, bytes: ByteSize) -> Result<(), Error> {
        let sql = "UPDATE accounts SET reserved_bytes = reserved_bytes - ?, open_uploads = open_uploads - 1 \
                   WHERE id = ? AND reserved_bytes >= ? AND open_uploads >= 1";
        self.quota_change(Statement::new("quota_release", sql).size(bytes).id(&account).size(bytes)).await
    }

    /// Promises more bytes to an upload that is under way. `false` as [`Write::quota_reserve`].
    ///
    /// # Errors
    /// When the database cannot write.
    pub async fn quota_grow(&mut self, account: AccountId, bytes: ByteSize) -> Result<bool, Error> {
        let sql = "UPDATE accounts SET reserved_bytes = reserved_bytes + ? WHERE id = ? \
                   AND ? <= COALESCE(quota_bytes, 9223372036854775807) - used_bytes - reserved_bytes";
        self.changed(Statement::new("quota_grow", sql).size(bytes).id(&account).size(bytes)).await
    }

    /// Takes back what was promised to an upload beyond what it turned out to need.
    ///
    /// # Errors
    /// As [`Write::quota_release`].
    pub async fn quota_shrink(&mut self, account: AccountId, bytes: ByteSize) -> Result<(), Error> {
        let sql = "UPDATE accounts SET reserved_bytes = reserved_bytes - ? WHERE id = ? AND reserved_bytes >= ?";
        self.quota_change(Statement::new("quota_shrink", sql).size(bytes).id(&account).size(bytes)).await
    }

    /// Turns the promise of so many uploads into use: the bytes are stored now.
    ///
    /// # Errors
    /// As [`Write::quota_release`].
    pub async fn quota_move(&mut self, account: AccountId, uploads: u32, bytes: ByteSize) -> Result<(), Error> {
        let sql = "UPDATE accounts SET reserved_bytes = reserved_bytes - ?, used_bytes = used_bytes + ?, \
                   open_uploads = open_uploads - ? WHERE id = ? AND reserved_bytes >= ? AND open_uploads >= ?";
        let statement = Statement::new("quota_move", sql).size(bytes).size(bytes).int(uploads).id(&account);
        self.quota_change(statement.size(bytes).int(uploads)).await
    }

    /// Frees used bytes: they are stored no more.
    ///
    /// # Errors
    /// [`Error::Conflict`] `quota` when less than that is used.
    pub async fn quota_free(&mut self, account: AccountId, bytes: ByteSize) -> Result<(), Error> {
        let sql = "UPDATE accounts SET used_bytes = used_bytes - ? WHERE id = ? AND used_bytes >= ?";
        self.quota_change(Statement::new("quota_free", sql).size(bytes).id(&account).size(bytes)).await
    }

    async fn quota_change(&mut self, statement: Statement) -> Result<(), Error> {
        if self.changed(statement).await? { Ok(()) } else { Err(Error::Conflict("quota")) }
    }
}
