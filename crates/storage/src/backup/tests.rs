//! What cannot be seen from outside: a place that lies, and memory that is taken.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt, stream};
use object_store::memory::InMemory;
use object_store::{ObjectStoreExt, PutPayload};
use picup_domain::{AccountId, AssetId, ObjectKey, ObjectRole, Timestamp};

use super::*;
use crate::ByteStream;

const CONTENT: &[u8] = b"a photo";

fn in_memory() -> Inner {
    let settings = BackupSettings { place: BackupPlace::Memory, seal: Seal::default(), bytes_per_second: None };
    Arc::into_inner(Backup::open(settings).unwrap().0).unwrap()
}

fn name() -> BackupName {
    let now = Timestamp::from_micros(1_790_000_000_000_000);
    let key = ObjectKey::new(AccountId::new(now), AssetId::new(now), ObjectRole::Original, 1, "jpg");
    BackupName::Object { key, generation: 1, sealed: false }
}

fn source() -> ByteStream {
    stream::iter([Ok(CONTENT.into())]).boxed()
}

fn expected() -> Expected {
    Expected { bytes: CONTENT.len() as u64, sha256: None }
}

#[tokio::test]
async fn what_a_place_does_not_give_back_is_told_apart_from_what_stood_there_before() {
    let name = name();
    let lying: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let backup = Backup(Arc::new(Inner { reader: Arc::clone(&lying), ..in_memory() }));
    lying.put(&backup.at(&name), PutPayload::from_static(b"another")).await.unwrap();
    let kept = backup.keep(&name, async { Ok(source()) }, expected(), false).await;
    assert!(matches!(kept, Err(Error::NotAsWritten(_))), "{kept:?}");
    // Something else stood there when an attempt was made again.
    lying.put(&backup.at(&name), PutPayload::from_static(b"longer than it")).await.unwrap();
    let kept = backup.keep(&name, async { Ok(source()) }, expected(), true).await;
    assert!(matches!(kept, Err(Error::Altered(_))), "{kept:?}");
}

#[tokio::test]
async fn a_source_is_opened_once_there_is_memory_for_it() {
    let backup = Backup(Arc::new(in_memory()));
    let all = u32::try_from(IN_MEMORY).unwrap();
    let taken = Arc::clone(&backup.0.memory).acquire_many_owned(all).await.unwrap();
    let (opened, name) = (AtomicBool::new(false), name());
    let open = async {
        opened.store(true, Ordering::Relaxed);
        Ok(source())
    };
    let mut keeping = Box::pin(backup.keep(&name, open, expected(), false));
    assert!(futures_util::poll!(&mut keeping).is_pending() && !opened.load(Ordering::Relaxed));
    drop(taken);
    keeping.await.unwrap();
    assert!(opened.into_inner());
}

#[tokio::test]
async fn what_was_written_to_find_out_goes_though_nobody_answers_a_stranger() {
    let mut inner = in_memory();
    inner.place.origin = Some("http://127.0.0.1:1".to_owned());
    let backup = Backup(Arc::new(inner));
    let told = backup.abilities().await.unwrap_err().to_string();
    assert!(told.starts_with("ask a backup as a stranger"), "{told}");
    assert_eq!(backup.list("check", None).count().await, 0);
    assert!(!backup.check().await[0].advice.contains("cannot write"));
}
