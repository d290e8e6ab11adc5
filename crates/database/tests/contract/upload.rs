use picup_database::{Database, Error, NewUpload, Upload, UploadState};
use picup_domain::{AccountId, AssetId, FileName, UploadId};

use crate::fresh::{account, at, fresh, hash, size};

fn new_upload(owner: AccountId, begun: i64) -> NewUpload {
    NewUpload {
        id: UploadId::new(at(begun)),
        owner,
        asset: AssetId::new(at(begun)),
        file_name: FileName::new("바다.jpg").unwrap(),
        state: UploadState::Open,
        bytes: size(40),
        sha256: hash("file"),
        file_modified_at: Some(at(-5)),
        offset_minutes: Some(-540),
        told: Some("{}".to_owned()),
        motion_of: None,
        created_at: at(begun),
        expires_at: at(begun + 100),
    }
}

async fn upload(db: &Database, owner: AccountId, begun: i64) -> UploadId {
    let new = new_upload(owner, begun);
    let mut tx = db.write().await.unwrap();
    tx.upload_insert(&new).await.unwrap();
    tx.commit().await.unwrap();
    new.id
}

fn ids(uploads: &[Upload]) -> Vec<UploadId> {
    uploads.iter().map(|upload| upload.id).collect()
}

#[tokio::test]
async fn an_upload_is_kept_as_declared() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let new = new_upload(owner, 0);
    let mut tx = db.write().await.unwrap();
    tx.upload_insert(&new).await.unwrap();
    assert!(matches!(tx.upload_insert(&new).await, Err(Error::Conflict("upload"))));
    let expected = Upload {
        id: new.id,
        owner,
        asset: new.asset,
        file_name: new.file_name,
        bytes: new.bytes,
        sha256: new.sha256,
        file_modified_at: new.file_modified_at,
        offset_minutes: new.offset_minutes,
        told: new.told,
        motion_of: None,
        state: UploadState::Open,
        created_at: at(0),
        updated_at: at(0),
        expires_at: at(100),
    };
    assert_eq!(tx.upload_by_id(owner, new.id).await.unwrap(), Some(expected));
    assert_eq!(tx.upload_by_id(AccountId::new(at(0)), new.id).await.unwrap(), None);
}

#[tokio::test]
async fn of_several_callers_one_moves_an_upload_on() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let id = upload(&db, owner, 0).await;
    let (open, completing) = (UploadState::Open, UploadState::Completing);
    let mut tx = db.write().await.unwrap();
    assert!(tx.upload_set_state(id, open, completing, at(10)).await.unwrap());
    assert!(!tx.upload_set_state(id, open, completing, at(11)).await.unwrap());
    assert!(tx.upload_list_completing(at(10), 10).await.unwrap().is_empty(), "begun at that moment, not before it");
    assert_eq!(ids(&tx.upload_list_completing(at(11), 10).await.unwrap()), [id]);
    assert!(tx.upload_set_state(id, completing, UploadState::Committed, at(32)).await.unwrap());
    assert!(tx.upload_list_completing(at(99), 10).await.unwrap().is_empty());
    let after = tx.upload_by_id(owner, id).await.unwrap().unwrap();
    assert_eq!((after.state, after.updated_at), (UploadState::Committed, at(32)));
}

#[tokio::test]
async fn open_and_expired_uploads_are_listed() {
    let db = fresh().await;
    let (owner, other) = (account(&db, None).await, account(&db, None).await);
    let first = upload(&db, owner, 0).await;
    let second = upload(&db, owner, 1).await;
    let theirs = upload(&db, other, 2).await;
    let mut tx = db.write().await.unwrap();
    let same = tx.upload_by_sha256(owner, &hash("file"), None, UploadState::Open).await.unwrap().unwrap();
    assert_eq!(same.id, second);
    assert!(tx.upload_set_state(second, UploadState::Open, UploadState::Committed, at(3)).await.unwrap());
    assert_eq!(tx.upload_by_sha256(owner, &hash("file"), None, UploadState::Open).await.unwrap().unwrap().id, first);
    assert_eq!(tx.upload_by_sha256(owner, &hash("other"), None, UploadState::Open).await.unwrap(), None);
    assert!(tx.upload_list_expired(at(99), 10).await.unwrap().is_empty());
    assert_eq!(ids(&tx.upload_list_expired(at(101), 10).await.unwrap()), [first, second]);
    assert_eq!(ids(&tx.upload_list_expired(at(500), 10).await.unwrap()), [first, second, theirs]);
}

#[tokio::test]
async fn a_stream_grows_until_it_has_ended() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let new = NewUpload { state: UploadState::Receiving, bytes: size(0), ..new_upload(owner, 0) };
    let mut tx = db.write().await.unwrap();
    tx.upload_insert(&new).await.unwrap();
    assert!(tx.upload_grow(new.id, size(16), at(5)).await.unwrap());
    assert_eq!(ids(&tx.upload_list_receiving(at(6), 10).await.unwrap()), [new.id]);
    assert_eq!(ids(&tx.upload_list_receiving(at(5), 10).await.unwrap()), []);
    let modified = Some((at(-7), None));
    assert!(tx.upload_received(new.id, size(12), &hash("came"), modified, Some("{}"), at(6)).await.unwrap());
    let ended = tx.upload_by_id(owner, new.id).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.bytes, ended.sha256), (UploadState::Completing, size(12), hash("came")));
    assert_eq!((ended.file_modified_at, ended.offset_minutes), (Some(at(-7)), None));
    assert_eq!(ended.told.as_deref(), Some("{}"));
    assert!(!tx.upload_grow(new.id, size(20), at(7)).await.unwrap());
    assert!(!tx.upload_received(new.id, size(20), &hash("other"), None, None, at(7)).await.unwrap());
}
