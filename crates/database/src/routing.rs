//! Where a transaction goes, by what the caller means to do: write, read, or read what was just written. On SQLite both
//! kinds of read go to the readers, because a commit is visible to the next transaction at once; with replicas they differ.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;

use picup_domain::AccountId;
use sqlx::AnyPool;
#[cfg(test)]
use sqlx::any::AnyArguments;

use crate::connection::{Lent, To};
use crate::credentials::{Changed, SignIn};
use crate::dialect::Dialect;
use crate::replica::ReplicaReport;
use crate::replicas::Replicas;
use crate::seen::Seen;
use crate::statement::{Row, Statement};
use crate::{Error, Metrics};

/// PicUp's memory: a handle that is cheap to clone and share.
#[derive(Clone)]
pub struct Database {
    pub(crate) inner: Arc<Inner>,
    /// Whose handle this is; nobody's reads what is newest.
    pub(crate) seen: Option<Seen>,
}

pub(crate) struct Inner {
    pub(crate) dialect: Dialect,
    pub(crate) writer: AnyPool,
    pub(crate) readers: AnyPool,
    pub(crate) replicas: Option<Arc<Replicas>>,
    /// How a server is signed in to.
    pub(crate) sign_in: Option<SignIn>,
    pub(crate) changed: Changed,
    pub(crate) metrics: Metrics,
    /// What the engine plans for each statement, for the tests that forbid whole-table scans.
    #[cfg(test)]
    pub(crate) plans: std::sync::Mutex<Vec<(&'static str, String)>>,
}

/// A transaction that sees one moment of the database and cannot change it. Dropping it ends it.
pub struct Read {
    inner: Arc<Inner>,
    seen: Option<Seen>,
    lent: Lent,
}

/// A transaction that may change things. It can do all that a [`Read`] can, and sees its own changes. Dropping it without
/// [`Write::commit`] undoes them.
pub struct Write {
    read: Read,
    /// Accounts that events were appended for: they see this commit from then on, whoever makes it.
    told: Vec<AccountId>,
}

impl Database {
    /// A handle for one client: what it reads may come from a replica, but never shows less than the client has seen.
    #[must_use]
    pub fn for_client(&self, seen: Seen) -> Self {
        Self { inner: Arc::clone(&self.inner), seen: Some(seen) }
    }

    /// Whether there are replicas, so that it matters what a client has seen.
    #[must_use]
    pub fn has_replicas(&self) -> bool {
        self.inner.replicas.is_some()
    }

    /// The replicas as they are now.
    #[must_use]
    pub fn replicas(&self) -> Vec<ReplicaReport> {
        self.inner.replicas.as_ref().map(|replicas| replicas.reports()).unwrap_or_default()
    }

    /// To be called before pages of these accounts are told of something that is committed: what they then ask for will have it.
    ///
    /// # Errors
    /// As [`Database::read_fresh`].
    pub async fn tell(&self, accounts: &[AccountId]) -> Result<(), Error> {
        let Some(replicas) = &self.inner.replicas else { return Ok(()) };
        replicas.tell(&mut self.reader().await?, accounts).await
    }

    /// Whether there is a primary that does not answer, while replicas may.
    #[must_use]
    pub fn primary_is_away(&self) -> bool {
        self.primary_is_there().is_err()
    }

    /// Begins a transaction that writes. There is one at a time: keep it short, with no other I/O inside.
    ///
    /// # Errors
    /// [`Error::Busy`] when no turn came within 4 seconds, [`Error::PrimaryAway`] at once when the primary does not answer.
    pub async fn write(&self) -> Result<Write, Error> {
        let begun = Instant::now();
        self.primary_is_there()?;
        let begin = self.inner.dialect.begin_write();
        let mut lent = self.on_primary(Lent::begin(&self.inner.writer, begin, self.primary())).await?;
        if let Some(turn) = self.inner.dialect.take_turn() {
            lent.ask(turn).await?;
        }
        self.inner.metrics.wait("write", begun.elapsed());
        Ok(Write { read: self.reading(lent), told: Vec::new() })
    }

    /// Begins a transaction that reads, for what may be a moment old; while the primary is away, what a replica has.
    ///
    /// # Errors
    /// [`Error::Busy`] when no connection came free within 800 milliseconds, [`Error::PrimaryAway`] when neither the primary nor
    /// any replica answers.
    pub async fn read(&self) -> Result<Read, Error> {
        let begun = Instant::now();
        let begin = self.inner.dialect.begin_read();
        let lent = match (&self.inner.replicas, &self.seen) {
            (Some(replicas), Some(seen)) => replicas.begin(seen, begin).await,
            _ => None,
        };
        let Some(lent) = lent else {
            // What is read to be acted upon, is not to be old.
            let is_to_be_fresh = self.seen.as_ref().is_none_or(Seen::reads_fresh);
            return if is_to_be_fresh { self.read_fresh().await } else { self.read_freshest().await };
        };
        self.inner.metrics.wait("read", begun.elapsed());
        Ok(self.reading(lent))
    }

    /// Begins a transaction that reads what every commit before now has written, for decisions on rights and refreshes.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn read_fresh(&self) -> Result<Read, Error> {
        let begun = Instant::now();
        self.primary_is_there()?;
        let begin = self.inner.dialect.begin_read();
        let lent = self.on_primary(Lent::begin(&self.inner.readers, begin, self.primary())).await?;
        self.inner.metrics.wait("read", begun.elapsed());
        Ok(self.reading(lent))
    }

    /// As [`Database::read_fresh`]; while the primary is away, what the replica has that heard of it last: nobody knows better then.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn read_freshest(&self) -> Result<Read, Error> {
        match (self.read_fresh().await, &self.inner.replicas) {
            (Err(Error::PrimaryAway), Some(replicas)) => {
                let begun = replicas.begin_with_what_there_is(self.inner.dialect.begin_read()).await;
                Ok(self.reading(begun.ok_or(Error::PrimaryAway)?))
            }
            (other, _) => other,
        }
    }

    fn reading(&self, lent: Lent) -> Read {
        Read { inner: Arc::clone(&self.inner), seen: self.seen.clone(), lent }
    }

    /// A connection to the primary for questions outside any transaction.
    pub(crate) async fn reader(&self) -> Result<Lent, Error> {
        self.primary_is_there()?;
        Lent::from(&self.inner.readers, self.primary()).await
    }

    fn primary(&self) -> To {
        match &self.inner.replicas {
            Some(replicas) => To::Primary(Arc::clone(&replicas.primary)),
            None => To::All,
        }
    }

    /// What begins on the primary; when that fails, it is asked at once whether it is there at all.
    async fn on_primary(&self, begun: impl Future<Output = Result<Lent, Error>>) -> Result<Lent, Error> {
        match (begun.await, &self.inner.replicas) {
            (Err(error), Some(replicas)) if !replicas.primary.answers().await => {
                tracing::debug!(%error, "nothing begins on the primary, which does not answer");
                Err(Error::PrimaryAway)
            }
            (begun, _) => begun,
        }
    }

    /// Nobody waits for one that is known to be away.
    fn primary_is_there(&self) -> Result<(), Error> {
        match &self.inner.replicas {
            Some(replicas) if !replicas.primary.is_up() => Err(Error::PrimaryAway),
            _ => Ok(()),
        }
    }

    /// Waits for the transactions under way, then closes every connection. Later calls fail.
    pub async fn close(&self) {
        if let Some(replicas) = &self.inner.replicas {
            replicas.close().await;
        }
        self.inner.readers.close().await;
        self.inner.writer.close().await;
    }
}

impl Read {
    pub(crate) async fn all(&mut self, statement: Statement) -> Result<Vec<Row>, Error> {
        #[cfg(test)]
        self.note_plan(&statement).await?;
        let begun = Instant::now();
        let rows = self.lent.all(self.dialect().statement(statement.sql), statement.values).await;
        let rows = rows.inspect_err(|error| self.note_loss(error))?;
        self.inner.metrics.statement(statement.name, begun.elapsed());
        Ok(rows.into_iter().map(Row).collect())
    }

    pub(crate) async fn one(&mut self, statement: Statement) -> Result<Option<Row>, Error> {
        #[cfg(test)]
        self.note_plan(&statement).await?;
        let begun = Instant::now();
        let row = self.lent.one(self.dialect().statement(statement.sql), statement.values).await;
        let row = row.inspect_err(|error| self.note_loss(error))?;
        self.inner.metrics.statement(statement.name, begun.elapsed());
        Ok(row.map(Row))
    }

    fn note_loss(&self, error: &Error) {
        if let (Error::ReplicaLost(_) | Error::Lost(_), Some(seen)) = (error, &self.seen) {
            seen.lost_a_server();
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// The row of a statement that always has one.
    pub(crate) async fn row(&mut self, statement: Statement) -> Result<Row, Error> {
        self.one(statement).await?.ok_or(Error::Engine(sqlx::Error::RowNotFound))
    }

    #[cfg(test)]
    async fn note_plan(&mut self, statement: &Statement) -> Result<(), Error> {
        let sql = self.dialect().statement(statement.sql.clone());
        let explain = format!("{} {sql}", self.dialect().explain());
        let mut values = AnyArguments::default();
        values.values.0.clone_from(&statement.values.values.0);
        let rows = self.lent.all(explain.into(), values).await?;
        let mut plans = self.inner.plans.lock().unwrap();
        for row in rows {
            plans.push((statement.name, self.dialect().plan(&Row(row))?));
        }
        Ok(())
    }
}

impl Write {
    /// Makes the changes last. When this returns `Ok` they survive a power cut.
    ///
    /// # Errors
    /// When the engine could not; nothing has changed then, unless the connection was lost meanwhile.
    pub async fn commit(mut self) -> Result<(), Error> {
        let begun = Instant::now();
        let Read { inner, seen, lent } = &mut self.read;
        let commit = inner.replicas.as_ref().map(|replicas| replicas.commits());
        let done = lent.commit().await;
        match (commit, &done) {
            (Some(commit), Ok(())) => commit.was_made(lent, seen.as_ref(), &self.told).await,
            // Nobody knows what became of it.
            (Some(_), Err(Error::Lost(_))) | (None, _) => {}
            (Some(commit), Err(_)) => commit.came_to_nothing(),
        }
        done?;
        inner.metrics.statement("commit", begun.elapsed());
        Ok(())
    }

    /// Notes that an account is told of this.
    pub(crate) fn tells(&mut self, account: AccountId) {
        self.told.push(account);
    }

    /// Runs a statement and tells how many rows it changed.
    pub(crate) async fn run(&mut self, statement: Statement) -> Result<u64, Error> {
        #[cfg(test)]
        self.note_plan(&statement).await?;
        let begun = Instant::now();
        let sql = self.dialect().statement(statement.sql);
        let done = self.read.lent.run(sql, statement.values).await?;
        self.read.inner.metrics.statement(statement.name, begun.elapsed());
        Ok(done.rows_affected())
    }

    /// Runs a statement that changes one row or none.
    pub(crate) async fn changed(&mut self, statement: Statement) -> Result<bool, Error> {
        Ok(self.run(statement).await? > 0)
    }
}

impl Deref for Write {
    type Target = Read;

    fn deref(&self) -> &Read {
        &self.read
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Read {
        &mut self.read
    }
}

#[cfg(test)]
mod tests {
    use picup_domain::{Sha256, Timestamp};
    use sqlx::Executor;

    use super::*;
    use crate::{Metrics, Settings};

    #[tokio::test]
    async fn writing_goes_on_once_a_full_disk_has_room_again() {
        let folder = tempfile::tempdir().unwrap();
        let db = Database::open(&Settings::sqlite(folder.path().join("picup.db")), Metrics::default()).await.unwrap();
        // What a full disk says, without filling one: this connection may not make the file larger.
        db.inner.writer.acquire().await.unwrap().execute("PRAGMA max_page_count = 1").await.unwrap();
        let text = "x".repeat(100_000);
        for _ in 0..3 {
            let mut tx = db.write().await.unwrap();
            let full = tx.event_append("a", None, &text, Timestamp::from_micros(1)).await;
            if full.is_ok() {
                // The connection was replaced, and the new one has no such bound.
                tx.commit().await.unwrap();
                let mut again = db.write().await.unwrap();
                again.setup_code_set(&Sha256::of(b"code")).await.unwrap();
                return again.commit().await.unwrap();
            }
            assert!(matches!(full, Err(Error::Full)), "{full:?}");
        }
        panic!("the writer never recovered");
    }
}
