//! A home that is busy: several kinds of writes, one after the other, until it is told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use picup_database::{Database, NewAccount};
use picup_domain::{AccountId, AccountRole, DisplayName, Email, PasswordHash, Timestamp};
use tokio::task::JoinHandle;

const PAUSE: Duration = Duration::from_millis(15);

/// Writes until it is stopped.
pub(crate) struct Writes {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

impl Writes {
    pub(crate) fn begin(database: &Database) -> Self {
        let (stop, count): (Arc<AtomicBool>, Arc<AtomicU32>) = Default::default();
        let (database, stopped, counted) = (database.clone(), Arc::clone(&stop), Arc::clone(&count));
        let task = tokio::spawn(async move {
            while !stopped.load(Ordering::SeqCst) {
                write(&database, counted.fetch_add(1, Ordering::SeqCst)).await;
                // So that copies keep up on a machine that is busy with other tests.
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { stop, count, task }
    }

    /// How many there have been.
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Ordering::SeqCst)
    }

    /// Waits until so many more were made.
    pub(crate) async fn more(&self, writes: u32) {
        let until = self.count() + writes;
        while self.count() < until {
            assert!(!self.task.is_finished(), "a write has failed");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn end(self) -> u32 {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap();
        self.count.load(Ordering::SeqCst)
    }
}

/// One transaction: an account now and then, of names with odd letters, and always an event with all bytes there are.
pub(crate) async fn write(database: &Database, number: u32) {
    let now = Timestamp::from_micros(1_700_000_000_000_000 + i64::from(number));
    let mut tx = database.write().await.unwrap();
    if number.is_multiple_of(3) {
        let id = AccountId::new(now);
        let email = Email::new(&format!("a{number}.{id}@example.org")).unwrap();
        let account = NewAccount {
            id,
            email,
            name: DisplayName::new("Zoë 'Käse' \\ 雪 🐈").unwrap(),
            role: AccountRole::Member,
            password_hash: PasswordHash::new("hash".to_owned()),
            quota: None,
            created_at: now,
        };
        tx.account_insert(&account).await.unwrap();
    }
    tx.event_append("kind", None, "{\"a\": \"'\\\\\"}", now).await.unwrap();
    tx.commit().await.unwrap();
}
