//! An empty database for one test, and the few things most tests put in it.

use std::ops::Deref;

use picup_database::{Database, Metrics, NewAccount, NewAsset, Settings};
use picup_domain::{
    AccountId, AccountRole, AssetId, AssetKind, ByteSize, CaptureSource, CaptureTime, DisplayName, Email, FileName,
    Sha256, Timestamp,
};
use picup_testkit::engine;

/// A database that goes when the test ends, or with its server when all have ended.
pub(crate) struct Fresh {
    database: Database,
    _folder: tempfile::TempDir,
}

impl Deref for Fresh {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

/// A new, empty database, on the engine that the suite runs on.
pub(crate) async fn fresh() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let settings = match engine::fresh_database() {
        Some(url) => Settings::mysql(url),
        None => Settings::sqlite(folder.path().join("picup.db")),
    };
    Fresh { database: Database::open(&settings, Metrics::default()).await.unwrap(), _folder: folder }
}

/// So many seconds after some moment in 2023.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_700_000_000 + seconds) * 1_000_000)
}

pub(crate) fn size(bytes: u64) -> ByteSize {
    ByteSize::new(bytes).unwrap()
}

pub(crate) fn hash(text: &str) -> Sha256 {
    Sha256::of(text.as_bytes())
}

/// An account of its own name, with that quota.
pub(crate) async fn account(database: &Database, quota: Option<u64>) -> AccountId {
    let id = AccountId::new(at(0));
    let mut tx = database.write().await.unwrap();
    tx.account_insert(&new_account(id, &format!("{id}@example.com"), quota)).await.unwrap();
    tx.commit().await.unwrap();
    id
}

pub(crate) fn new_account(id: AccountId, email: &str, quota: Option<u64>) -> NewAccount {
    NewAccount {
        id,
        email: Email::new(email).unwrap(),
        name: DisplayName::new("Ada").unwrap(),
        role: AccountRole::Member,
        password_hash: picup_domain::PasswordHash::new("$argon2id$…".to_owned()),
        quota: quota.map(size),
        created_at: at(0),
    }
}

/// A capture time whose wall shows so many seconds after the moment of [`at`]`(0)`: 2023-11-14 22:13:20.
pub(crate) fn capture(seconds: i64) -> CaptureTime {
    CaptureTime::from_moment(at(seconds), None, CaptureSource::File).unwrap()
}

pub(crate) fn new_asset(owner: AccountId, captured: i64) -> NewAsset {
    let id = AssetId::new(at(captured.max(0)));
    NewAsset {
        id,
        owner,
        kind: AssetKind::Other,
        file_name: FileName::new("IMG_1.JPG").unwrap(),
        sha256: hash(&id.to_string()),
        bytes: size(1000),
        capture: capture(captured),
        place: None,
        favourite: false,
        description: None,
        created_at: at(0),
    }
}

/// An asset in the state of processing.
pub(crate) async fn asset(database: &Database, owner: AccountId, captured: i64) -> AssetId {
    let new = new_asset(owner, captured);
    let mut tx = database.write().await.unwrap();
    tx.asset_insert(&new).await.unwrap();
    tx.commit().await.unwrap();
    new.id
}
