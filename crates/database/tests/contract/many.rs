//! Many rows in one statement do what one by one does, for lists that are not of any round length.

use picup_database::{Error, NewEvent, NewJob, NewUpload, Object, ObjectState, UploadState};
use picup_domain::{AssetId, FileName, JobId, ObjectKey, ObjectRole, Sha256, UploadId};

use crate::fresh::{account, at, fresh, hash, new_asset, size};

/// A run of 64, one of 8 and two single ones.
const MANY: i64 = 74;

#[tokio::test]
async fn uploads() {
    let db = fresh().await;
    let (owner, stranger) = (account(&db, None).await, account(&db, None).await);
    let new = |number: i64| NewUpload {
        id: UploadId::new(at(number)),
        owner,
        asset: AssetId::new(at(number)),
        file_name: FileName::new(&format!("{number}.jpg")).unwrap(),
        state: UploadState::Open,
        bytes: size(number.unsigned_abs()),
        sha256: hash(&number.to_string()),
        file_modified_at: None,
        offset_minutes: None,
        told: None,
        motion_of: None,
        created_at: at(number),
        expires_at: at(number + 100),
    };
    let all: Vec<NewUpload> = (0..MANY).map(new).collect();
    let mut tx = db.write().await.unwrap();
    tx.upload_insert_all(&all).await.unwrap();
    assert!(matches!(tx.upload_insert_all(&all[70..71]).await, Err(Error::Conflict("upload"))));
    let hashes: Vec<Sha256> = all.iter().map(|new| new.sha256).chain([hash("unknown")]).collect();
    let ids: Vec<UploadId> = all.iter().map(|new| new.id).collect();
    let mut found = tx.upload_list_by_sha256(owner, &hashes).await.unwrap();
    found.sort_by_key(|upload| upload.id);
    assert!(found.iter().zip(&all).all(|(found, new)| found.id == new.id && found.file_name == new.file_name));
    assert_eq!(found.len(), all.len());
    assert!(tx.upload_list_by_sha256(stranger, &hashes).await.unwrap().is_empty());
    assert!(tx.upload_list_by_id(stranger, &ids).await.unwrap().is_empty());
    let (open, completing) = (UploadState::Open, UploadState::Completing);
    assert_eq!(tx.upload_set_states(&ids[..10], open, completing, at(500)).await.unwrap(), 10);
    assert_eq!(tx.upload_set_states(&ids, open, completing, at(500)).await.unwrap(), 64);
    let moved = tx.upload_list_by_id(owner, &ids).await.unwrap();
    assert!(moved.len() == 74 && moved.iter().all(|upload| upload.state == completing && upload.updated_at == at(500)));
}

#[tokio::test]
async fn assets_and_their_days() {
    let db = fresh().await;
    let (owner, stranger) = (account(&db, None).await, account(&db, None).await);
    // Two days: the second begins 6,400 seconds after the first asset.
    let all: Vec<_> = (0..MANY).map(|number| new_asset(owner, number * 100)).collect();
    let mut tx = db.write().await.unwrap();
    tx.asset_insert_all(&all).await.unwrap();
    let days: Vec<u64> = tx.timeline_days(owner).await.unwrap().iter().map(|day| day.assets).collect();
    assert_eq!(days, [10, 64]);
    let hashes: Vec<Sha256> = all.iter().map(|new| new.sha256).chain([hash("unknown")]).collect();
    assert_eq!(tx.asset_known_sha256(owner, &hashes).await.unwrap().len(), 74);
    assert!(tx.asset_known_sha256(stranger, &hashes).await.unwrap().is_empty());
}

#[tokio::test]
async fn objects() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let object = |number: i64| Object {
        key: ObjectKey::new(owner, AssetId::new(at(number)), ObjectRole::Original, 1, "jpg"),
        bytes: size(7),
        sha256: None,
        state: ObjectState::Staged,
        created_at: at(number),
    };
    let all: Vec<Object> = (0..MANY).map(object).collect();
    let mut tx = db.write().await.unwrap();
    tx.object_insert_all(&all).await.unwrap();
    assert!(matches!(tx.object_insert_all(&all[..2]).await, Err(Error::Conflict("object"))));
    assert_eq!(tx.object_list_stale(ObjectState::Staged, at(500), 100).await.unwrap(), all);
}

#[tokio::test]
async fn jobs_and_events() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let job = |number: i64| NewJob {
        id: JobId::new(at(number)),
        kind: "a".to_owned(),
        payload: "{}".to_owned(),
        dedupe_key: Some(number.to_string()),
        run_after: at(number),
        created_at: at(0),
    };
    let jobs: Vec<NewJob> = (0..MANY).map(job).collect();
    let events: Vec<NewEvent> = (0..MANY).map(|n| NewEvent { kind: "asset", payload: n.to_string() }).collect();
    let mut tx = db.write().await.unwrap();
    tx.job_enqueue_all(&jobs).await.unwrap();
    assert!(matches!(tx.job_enqueue_all(&[job(5)]).await, Err(Error::Conflict("job"))));
    assert_eq!(tx.job_counts(at(0)).await.unwrap()[0].pending, 74);
    assert_eq!(tx.event_append("asset", None, "before", at(0)).await.unwrap(), 1);
    assert_eq!(tx.event_append_all(Some(owner), &events, at(0)).await.unwrap(), 75);
    assert_eq!(tx.event_append("asset", None, "after", at(0)).await.unwrap(), 76);
    let told = tx.event_list(1, 100).await.unwrap();
    let told: Vec<(i64, &str)> = told.iter().map(|event| (event.position, event.payload.as_str())).collect();
    assert!(
        told.iter()
            .zip(2..76)
            .take(74)
            .all(|((position, payload), place)| { *position == place && *payload == (place - 2).to_string() })
    );
    assert_eq!((told.len(), told[74]), (75, (76, "after")));
}
