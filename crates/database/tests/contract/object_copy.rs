use std::collections::HashMap;

use picup_database::{
    CopyClaim, CopyCount, CopyFailure, CopyMade, CopyState, Database, DestinationState, Object, ObjectState, Write,
};
use picup_domain::{AccountId, AssetId, DestinationId, ObjectKey, ObjectRole};

use crate::fresh::{Fresh, at, fresh, hash, size};

/// A destination that knows every object from now on.
async fn destination(db: &Database, name: &str) -> DestinationId {
    let id = DestinationId::new(at(0));
    let mut tx = db.write().await.unwrap();
    tx.destination_insert(id, name, "s3://family-backup", true, at(0)).await.unwrap();
    while tx.copy_enrol(id, 100, at(0)).await.unwrap() {}
    tx.commit().await.unwrap();
    id
}

async fn stage(
    tx: &mut Write,
    role: ObjectRole,
    content: &str,
) -> (ObjectKey, picup_domain::ByteSize, picup_domain::Sha256) {
    let key = ObjectKey::new(AccountId::new(at(0)), AssetId::new(at(0)), role, 1, "jpg");
    let bytes = size(content.len() as u64);
    let object = Object { key: key.clone(), bytes, sha256: None, state: ObjectState::Staged, created_at: at(0) };
    tx.object_insert(&object).await.unwrap();
    (key, bytes, hash(content))
}

/// An object that counts, of five bytes.
async fn object(db: &Database, role: ObjectRole) -> ObjectKey {
    let mut tx = db.write().await.unwrap();
    let stored = stage(&mut tx, role, "bytes").await;
    assert_eq!(tx.object_commit_all(std::slice::from_ref(&stored), at(0)).await.unwrap(), None);
    tx.commit().await.unwrap();
    stored.0
}

async fn claim(db: &Database, id: DestinationId, now: i64) -> Vec<CopyClaim> {
    let mut tx = db.write().await.unwrap();
    let claims = tx.copy_claim(id, at(now), at(now + 60), 10).await.unwrap();
    tx.commit().await.unwrap();
    claims
}

async fn make(db: &Database, id: DestinationId, now: i64) -> Vec<CopyClaim> {
    let claims = claim(db, id, now).await;
    let made: Vec<CopyMade> = claims
        .iter()
        .map(|claim| CopyMade { claim: claim.clone(), stored_bytes: size(7), stored_sha256: hash("sealed") })
        .collect();
    let mut tx = db.write().await.unwrap();
    tx.copy_made(id, &made, at(now)).await.unwrap();
    tx.commit().await.unwrap();
    claims
}

/// How many copies are in each state; and that the counts that are kept are those of the rows.
async fn counts(db: &Database, id: DestinationId) -> [u64; 5] {
    let mut read = db.read().await.unwrap();
    let kept: Vec<CopyCount> = read.copy_counts(id).await.unwrap();
    let mut counted: HashMap<CopyState, (u64, u64)> = CopyState::ALL.map(|state| (state, (0, 0))).into();
    for copy in read.copy_page(id, "", 1_000).await.unwrap() {
        let count = counted.get_mut(&copy.state).unwrap();
        *count = (count.0 + 1, count.1 + copy.bytes.get());
    }
    let said: HashMap<CopyState, (u64, u64)> =
        kept.iter().map(|count| (count.state, (count.copies, count.bytes))).collect();
    assert_eq!(said, counted);
    CopyState::ALL.map(|state| counted[&state].0)
}

async fn forget(db: &Fresh, key: &ObjectKey, now: i64) {
    let mut tx = db.write().await.unwrap();
    tx.object_doom(key).await.unwrap();
    tx.object_delete_all(std::slice::from_ref(key), at(now)).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_counts_is_to_be_copied_to_every_destination_originals_first() {
    let db = fresh().await;
    let older = object(&db, ObjectRole::Original).await;
    let (one, other) = (destination(&db, "one").await, destination(&db, "other").await);
    let picture = object(&db, ObjectRole::Preview).await;
    let original = object(&db, ObjectRole::Motion).await;
    let mut tx = db.write().await.unwrap();
    stage(&mut tx, ObjectRole::Original, "staged").await;
    tx.commit().await.unwrap();
    assert_eq!(counts(&db, one).await, [3, 0, 0, 0, 0], "what was there before, too, and nothing that is staged");
    let claims = claim(&db, one, 1).await;
    let keys: Vec<_> = claims.iter().map(|claim| claim.key.clone()).collect();
    assert_eq!(keys[2], picture, "pictures last");
    assert!(keys[..2].contains(&older) && keys[..2].contains(&original));
    assert!(claims.iter().all(|claim| claim.attempt == 1 && claim.generation == 1 && claim.bytes == size(5)));
    assert!(claim(&db, one, 2).await.is_empty(), "leased");
    assert_eq!(claim(&db, other, 1).await.len(), 3, "each by itself");
    assert_eq!(db.read().await.unwrap().copy_waits_since(one).await.unwrap(), Some(at(0)));
}

#[tokio::test]
async fn a_copy_counts_once_it_is_made_by_whoever_holds_its_lease() {
    let db = fresh().await;
    let id = destination(&db, "one").await;
    let key = object(&db, ObjectRole::Original).await;
    let lost = claim(&db, id, 1).await;
    let again = claim(&db, id, 100).await;
    assert_eq!((again[0].attempt, again[0].key.clone()), (2, key.clone()));
    let mut tx = db.write().await.unwrap();
    let made = |claim: &CopyClaim| CopyMade { claim: claim.clone(), stored_bytes: size(7), stored_sha256: hash("s") };
    tx.copy_made(id, &[made(&lost[0])], at(101)).await.unwrap();
    assert_eq!(tx.copy_kept(id, &key).await.unwrap(), None, "its lease is another's");
    tx.copy_extend(id, &again, at(1_000)).await.unwrap();
    assert!(!tx.copy_is_due(id, at(900)).await.unwrap() && tx.copy_is_due(id, at(1_000)).await.unwrap());
    tx.copy_made(id, &[made(&again[0])], at(102)).await.unwrap();
    let kept = tx.copy_kept(id, &key).await.unwrap().unwrap();
    assert_eq!((kept.stored_bytes, kept.stored_sha256, kept.proved_at), (size(7), hash("s"), at(102)));
    assert_eq!(tx.copy_places(std::slice::from_ref(&key)).await.unwrap(), HashMap::from([(key, 1)]));
    tx.commit().await.unwrap();
    assert_eq!(counts(&db, id).await, [0, 0, 1, 0, 0]);
}

#[tokio::test]
async fn a_copy_that_fails_is_tried_again_under_another_name_if_need_be() {
    let db = fresh().await;
    let id = destination(&db, "one").await;
    object(&db, ObjectRole::Original).await;
    for (round, how) in [(1, CopyFailure::Passing), (2, CopyFailure::Occupied)] {
        let claims = claim(&db, id, round * 100).await;
        assert_eq!((claims[0].attempt, claims[0].generation), (u32::try_from(round).unwrap(), 1));
        let mut tx = db.write().await.unwrap();
        tx.copy_failed(id, &claims[0], "no route", at(round * 100 + 50), how).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(counts(&db, id).await, [0, 1, 0, 0, 0]);
    }
    let failing = db.read().await.unwrap().copy_list_failing(id, 10).await.unwrap();
    assert_eq!((failing[0].attempts, &*failing[0].error, failing[0].next), (2, "no route", at(250)));
    assert!(claim(&db, id, 249).await.is_empty());
    assert_eq!(make(&db, id, 251).await[0].generation, 2);
    assert_eq!(counts(&db, id).await, [0, 0, 1, 0, 0]);
}

#[tokio::test]
async fn what_cannot_be_copied_is_told_apart_and_copied_once_it_is_healed() {
    let db = fresh().await;
    let id = destination(&db, "one").await;
    object(&db, ObjectRole::Original).await;
    let claims = claim(&db, id, 1).await;
    let mut tx = db.write().await.unwrap();
    tx.copy_failed(id, &claims[0], "it is damaged", at(500), CopyFailure::Sourceless).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(counts(&db, id).await, [0, 0, 0, 1, 0]);
    assert!(claim(&db, id, 499).await.is_empty());
    assert_eq!(make(&db, id, 500).await[0].generation, 1);
    assert_eq!(counts(&db, id).await, [0, 0, 1, 0, 0]);
}

#[tokio::test]
async fn what_is_read_again_is_found_longest_ago_first_and_a_broken_copy_is_made_anew() {
    let db = fresh().await;
    let id = destination(&db, "one").await;
    let first = object(&db, ObjectRole::Original).await;
    make(&db, id, 10).await;
    let second = object(&db, ObjectRole::Original).await;
    make(&db, id, 20).await;
    let mut tx = db.write().await.unwrap();
    let due = tx.copy_list_unproved(id, at(100), 10).await.unwrap();
    assert_eq!(due.iter().map(|copy| copy.key.clone()).collect::<Vec<_>>(), [first.clone(), second.clone()]);
    assert_eq!(tx.copy_list_unproved(id, at(20), 10).await.unwrap().len(), 1);
    tx.copy_proved(id, &due[..1], at(200)).await.unwrap();
    assert_eq!(tx.copy_proved_since(id).await.unwrap(), Some(at(20)));
    assert!(tx.copy_broken(id, &due[1], "a byte differs", at(201)).await.unwrap());
    assert!(!tx.copy_broken(id, &due[1], "a byte differs", at(201)).await.unwrap(), "once");
    tx.commit().await.unwrap();
    assert_eq!(counts(&db, id).await, [0, 1, 1, 0, 0]);
    let since = db.read().await.unwrap().copy_waits_since(id).await.unwrap();
    assert_eq!(since, Some(at(201)), "it waits since it was found, not since the first copy was asked for");
    let again = make(&db, id, 202).await;
    assert_eq!((again[0].key.clone(), again[0].generation, again[0].attempt), (second, 2, 1));
}

#[tokio::test]
async fn copies_of_what_is_gone_stay_until_they_are_forgotten() {
    let db = fresh().await;
    let id = destination(&db, "one").await;
    let (kept, waiting) = (object(&db, ObjectRole::Original).await, object(&db, ObjectRole::Preview).await);
    let claims = claim(&db, id, 1).await;
    let mut tx = db.write().await.unwrap();
    let made = CopyMade { claim: claims[0].clone(), stored_bytes: size(7), stored_sha256: hash("s") };
    tx.copy_made(id, &[made], at(2)).await.unwrap();
    tx.commit().await.unwrap();
    forget(&db, &kept, 50).await;
    forget(&db, &waiting, 60).await;
    assert_eq!(counts(&db, id).await, [0, 0, 0, 0, 2]);
    assert!(claim(&db, id, 10_000).await.is_empty(), "nothing is copied of what is gone");
    let mut tx = db.write().await.unwrap();
    let made = CopyMade { claim: claims[1].clone(), stored_bytes: size(7), stored_sha256: hash("s") };
    tx.copy_made(id, &[made], at(61)).await.unwrap();
    assert_eq!(tx.copy_doomed_since(id, at(0)).await.unwrap(), Some(at(50)));
    assert_eq!(tx.copy_doomed_since(id, at(51)).await.unwrap(), Some(at(60)), "a picture's");
    assert_eq!(tx.copy_count_doomed(id, at(0), at(100), 1).await.unwrap(), 1);
    assert_eq!(tx.copy_list_doomed(id, at(100), 1).await.unwrap().len(), 1);
    assert_eq!(tx.copy_count_doomed(id, at(50), at(60), 10).await.unwrap(), 1);
    assert_eq!(tx.copy_list_doomed(id, at(50), 10).await.unwrap(), []);
    let doomed = tx.copy_list_doomed(id, at(61), 10).await.unwrap();
    assert_eq!(doomed.len(), 2, "one that was on its way may stand there");
    tx.copy_forget(id, &doomed).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(counts(&db, id).await, [0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_key_that_counts_again_is_copied_under_another_name() {
    let db = fresh().await;
    let id = destination(&db, "one").await;
    let key = object(&db, ObjectRole::Preview).await;
    make(&db, id, 1).await;
    forget(&db, &key, 2).await;
    let mut tx = db.write().await.unwrap();
    let staged =
        Object { key: key.clone(), bytes: size(5), sha256: None, state: ObjectState::Staged, created_at: at(3) };
    tx.object_insert(&staged).await.unwrap();
    tx.object_commit_all(&[(key, size(5), hash("other"))], at(3)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(counts(&db, id).await, [1, 0, 0, 0, 0]);
    assert_eq!(db.read().await.unwrap().copy_waits_since(id).await.unwrap(), Some(at(3)));
    assert_eq!(make(&db, id, 4).await[0].generation, 2);
}

/// A lease that ran out, and a copy that another has made since and that was found broken: the count of attempts begins anew.
#[tokio::test]
async fn a_lease_of_a_copy_before_says_nothing_of_the_next_one() {
    let db = fresh().await;
    let id = destination(&db, "one").await;
    let key = object(&db, ObjectRole::Original).await;
    let lost = claim(&db, id, 1).await.remove(0);
    make(&db, id, 100).await;
    let mut tx = db.write().await.unwrap();
    let kept = tx.copy_kept(id, &key).await.unwrap().unwrap();
    assert!(tx.copy_broken(id, &kept, "a byte differs", at(200)).await.unwrap());
    tx.commit().await.unwrap();
    let next = claim(&db, id, 201).await.remove(0);
    assert_eq!((lost.attempt, next.attempt, next.generation), (1, 1, 2));
    let mut tx = db.write().await.unwrap();
    let made = CopyMade { claim: lost.clone(), stored_bytes: size(7), stored_sha256: hash("s") };
    tx.copy_made(id, &[made], at(202)).await.unwrap();
    assert_eq!(tx.copy_kept(id, &key).await.unwrap(), None);
    tx.copy_extend(id, &[lost], at(900)).await.unwrap();
    assert!(tx.copy_is_due(id, at(300)).await.unwrap());
    tx.copy_extend(id, &[next], at(900)).await.unwrap();
    assert!(!tx.copy_is_due(id, at(300)).await.unwrap());
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_destination_that_returns_is_told_of_everything_it_missed() {
    let db = fresh().await;
    let id = destination(&db, "one").await;
    object(&db, ObjectRole::Original).await;
    let mut tx = db.write().await.unwrap();
    assert!(tx.destination_set_state(id, DestinationState::Retired).await.unwrap());
    tx.commit().await.unwrap();
    object(&db, ObjectRole::Original).await;
    assert_eq!(counts(&db, id).await, [1, 0, 0, 0, 0], "it is told of nothing while it is retired");
    let mut tx = db.write().await.unwrap();
    tx.destination_return(id).await.unwrap();
    let mut rounds = 0;
    while tx.copy_enrol(id, 1, at(5)).await.unwrap() {
        rounds += 1;
    }
    assert_eq!(rounds, 2, "a bounded stretch at a time");
    tx.commit().await.unwrap();
    let found = db.read().await.unwrap().destination_list().await.unwrap();
    assert!(found[0].enrolled && found[0].state == DestinationState::Active && !found[0].claimed);
    let mut tx = db.write().await.unwrap();
    tx.destination_claimed(id, at(6)).await.unwrap();
    tx.commit().await.unwrap();
    assert!(db.read().await.unwrap().destination_list().await.unwrap()[0].claimed);
    assert_eq!(counts(&db, id).await, [2, 0, 0, 0, 0]);
    assert!(db.write().await.unwrap().destination_insert(id, "one", "", false, at(0)).await.is_err());
}

#[tokio::test]
async fn leases_are_taken_back_by_one_who_is_alone() {
    let db = fresh().await;
    let id = destination(&db, "one").await;
    object(&db, ObjectRole::Original).await;
    assert!(!db.read().await.unwrap().copy_is_leased(id, at(1)).await.unwrap());
    assert_eq!(claim(&db, id, 1).await.len(), 1);
    assert!(db.read().await.unwrap().copy_is_leased(id, at(2)).await.unwrap());
    let mut tx = db.write().await.unwrap();
    tx.copy_release(id, at(2)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(claim(&db, id, 2).await[0].attempt, 2);
}

#[tokio::test]
async fn objects_are_read_again_never_read_and_longest_ago_first() {
    let db = fresh().await;
    let (one, other) = (object(&db, ObjectRole::Original).await, object(&db, ObjectRole::Original).await);
    let mut tx = db.write().await.unwrap();
    tx.object_proved(std::slice::from_ref(&one), at(500)).await.unwrap();
    tx.commit().await.unwrap();
    let keys = async |before: i64| -> Vec<ObjectKey> {
        let mut read = db.read().await.unwrap();
        let due = read.object_list_unproved(at(before), 10).await.unwrap();
        due.into_iter().map(|object| object.key).collect()
    };
    assert_eq!(keys(100).await, std::slice::from_ref(&other));
    assert_eq!(keys(501).await, [other, one]);
    assert_eq!(keys(0).await, []);
}
