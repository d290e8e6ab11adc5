//! What only a SQLite file can do to PicUp: outlive it, be newer than it, be damaged, be locked by another process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use picup_database::{Database, Error, Metrics, NewAccount, Settings};
use picup_domain::{AccountId, AccountRole, DisplayName, Email, Timestamp};
use sqlx::{AnyConnection, Connection, Executor};

fn file(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("pic up%20#?.db")
}

async fn open(path: &Path) -> Result<Database, Error> {
    Database::open(&Settings::sqlite(path), Metrics::default()).await
}

fn ada() -> NewAccount {
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    NewAccount {
        id: AccountId::new(now),
        email: Email::new("ada@example.com").unwrap(),
        name: DisplayName::new("Ada").unwrap(),
        role: AccountRole::Admin,
        password_hash: picup_domain::PasswordHash::new("x".to_owned()),
        quota: None,
        created_at: now,
    }
}

async fn add_ada(database: &Database) {
    let mut tx = database.write().await.unwrap();
    tx.account_insert(&ada()).await.unwrap();
    tx.commit().await.unwrap();
}

/// A second program at the same file.
async fn stranger(path: &Path) -> AnyConnection {
    let path = path.to_str().unwrap().replace('%', "%25").replace('#', "%23").replace('?', "%3F").replace(' ', "%20");
    AnyConnection::connect(&format!("sqlite://{path}")).await.unwrap()
}

#[tokio::test]
async fn what_was_committed_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    let database = open(&path).await.unwrap();
    add_ada(&database).await;
    database.close().await;
    let again = open(&path).await.unwrap();
    assert_eq!(again.read().await.unwrap().account_count().await.unwrap(), 1);
    assert!(path.exists(), "under the very name that was asked for");
}

#[tokio::test]
async fn what_was_committed_is_there_without_a_clean_end() {
    let folder = tempfile::tempdir().unwrap();
    let database = open(&file(&folder)).await.unwrap();
    add_ada(&database).await;
    // A copy of the file and its log at this moment is what a killed process leaves.
    let crash = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_name().to_str().unwrap().ends_with("-shm") {
            std::fs::copy(entry.path(), crash.path().join(entry.file_name())).unwrap();
        }
    }
    let again = open(&file(&crash)).await.unwrap();
    assert_eq!(again.read().await.unwrap().account_count().await.unwrap(), 1);
}

#[tokio::test]
async fn only_this_user_can_read_the_file_and_its_log() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let database = open(&file(&folder)).await.unwrap();
    add_ada(&database).await;
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o077, 0);
        files += 1;
    }
    assert_eq!(files, 3, "the database, its log, and the log's index");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    open(&path).await.unwrap().close().await;
    let mut stranger = stranger(&path).await;
    stranger.execute("INSERT INTO schema_versions (version) VALUES (99)").await.unwrap();
    stranger.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = open(&path).await.err().unwrap();
    assert!(matches!(refused, Error::NewerSchema { found: 99, .. }), "{refused:?}");
    assert!(refused.to_string().contains("newer PicUp"), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn looking_at_another_schema_names_it_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    open(&path).await.unwrap().close().await;
    let mut stranger = stranger(&path).await;
    stranger.execute("DELETE FROM schema_versions WHERE version > 1").await.unwrap();
    stranger.close().await.unwrap();
    let looking = Database::open_to_look(&Settings::sqlite(&path)).await.unwrap();
    let checks = looking.check().await;
    let schema = checks.iter().find(|check| check.name == "database schema").unwrap();
    assert!(!schema.ok && schema.advice.contains("restart it to migrate"), "{schema:?}");
    looking.close().await;
    let again = Database::open_to_look(&Settings::sqlite(&path)).await.unwrap();
    assert!(again.check().await.iter().any(|check| check.name == "database schema" && !check.ok));
}

#[tokio::test]
async fn garbage_is_called_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    std::fs::write(&path, b"these are not the pages of a database".repeat(500)).unwrap();
    let refused = open(&path).await.err().unwrap();
    assert!(matches!(refused, Error::Damaged(_)), "{refused:?}");
}

#[tokio::test]
async fn a_file_cut_short_is_called_damaged_when_opened_or_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    let database = open(&path).await.unwrap();
    add_ada(&database).await;
    database.close().await;
    let whole = std::fs::read(&path).unwrap();
    for kept in [100, 4_096, 5_000, 20_000, whole.len() - 4_096] {
        let cut = tempfile::tempdir().unwrap();
        std::fs::write(file(&cut), &whole[..kept]).unwrap();
        match open(&file(&cut)).await {
            Err(error) => assert!(matches!(error, Error::Damaged(_)), "{kept} bytes: {error:?}"),
            Ok(database) => {
                let bad = database.check().await.into_iter().find(|check| !check.ok);
                assert!(bad.is_some_and(|check| check.advice.contains("damaged")), "{kept} bytes pass for sound");
            }
        }
    }
}

#[tokio::test]
async fn a_place_that_cannot_hold_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for bad in [folder.path().join("missing/picup.db"), folder.path().to_owned(), PathBuf::from("/")] {
        let refused = open(&bad).await.err().unwrap();
        assert!(matches!(refused, Error::Place(_)), "{refused:?}");
        assert!(refused.to_string().contains(bad.to_str().unwrap()), "{refused}");
    }
}

#[tokio::test]
async fn check_finds_nothing_wrong_with_a_new_database_and_says_so_of_a_changed_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    let database = open(&path).await.unwrap();
    let checks = database.check().await;
    assert_eq!(checks.len(), 4);
    assert!(checks.iter().all(|check| check.ok), "{checks:?}");
    let mut stranger = stranger(&path).await;
    stranger.execute("INSERT INTO schema_versions (version) VALUES (99)").await.unwrap();
    let schema = database.check().await.into_iter().find(|check| check.name == "database schema").unwrap();
    assert!(!schema.ok && schema.advice.contains("99"), "{schema:?}");
}

#[tokio::test]
async fn more_readers_than_there_are_wait_a_bounded_time() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { readers: 2, ..Settings::sqlite(file(&folder)) };
    let database = Database::open(&settings, Metrics::default()).await.unwrap();
    let held = (database.read().await.unwrap(), database.read().await.unwrap());
    let begun = Instant::now();
    assert!(matches!(database.read().await.err(), Some(Error::Busy)));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    drop(held);
    database.read().await.unwrap();
}

#[tokio::test]
async fn a_lock_held_by_another_process_is_waited_for_a_bounded_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    let database = open(&path).await.unwrap();
    let mut stranger = stranger(&path).await;
    stranger.execute("BEGIN IMMEDIATE").await.unwrap();
    let begun = Instant::now();
    assert!(matches!(database.write().await.err(), Some(Error::Busy)));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    database.read().await.unwrap().account_count().await.unwrap();
    stranger.execute("ROLLBACK").await.unwrap();
    add_ada(&database).await;
}
