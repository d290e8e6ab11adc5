use picup_database::{Database, Drill};
use picup_domain::{AccountId, AssetId, ByteSize, DestinationId};

use crate::album::album;
use crate::fresh::{account, asset, at, fresh, hash, new_asset};

async fn destination(db: &Database, name: &str) -> DestinationId {
    let id = DestinationId::new(at(0));
    let mut tx = db.write().await.unwrap();
    tx.destination_insert(id, name, "/mnt/disk", false, at(0)).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn a_rehearsal_that_failed_hides_no_earlier_one_that_went_well() {
    let db = fresh().await;
    let id = destination(&db, "disk").await;
    let told = async |seconds: i64, ok: bool| {
        let drill = Drill { at: at(seconds), ok, seconds: 1, of: None, note: "told".to_owned() };
        let mut tx = db.write().await.unwrap();
        tx.destination_drilled(id, &drill).await.unwrap();
        tx.commit().await.unwrap();
        let found = db.read().await.unwrap().destination_list().await.unwrap().remove(0);
        assert_eq!(found.drill, Some(drill));
        found.drilled_well_at
    };
    assert_eq!(told(1, false).await, None);
    assert_eq!(told(2, true).await, Some(at(2)));
    assert_eq!(told(3, false).await, Some(at(2)));
    assert_eq!(told(4, true).await, Some(at(4)));
}

#[tokio::test]
async fn everything_about_copies_is_forgotten_at_once() {
    let db = fresh().await;
    let id = destination(&db, "disk").await;
    destination(&db, "other").await;
    let mut tx = db.write().await.unwrap();
    let one = ByteSize::new(1).unwrap();
    tx.orphan_note(id, &[("media/x".to_owned(), one)], at(1)).await.unwrap();
    tx.destination_forget_all().await.unwrap();
    assert!(tx.destination_list().await.unwrap().is_empty());
    assert!(tx.copy_counts(id).await.unwrap().is_empty() && tx.copy_page(id, "", 10).await.unwrap().is_empty());
    assert_eq!(tx.orphan_count(id).await.unwrap(), picup_database::OrphanCount::default());
    tx.commit().await.unwrap();
    destination(&db, "disk").await;
}

#[tokio::test]
async fn assets_are_told_by_their_names_whoevers_they_are() {
    let db = fresh().await;
    let (owner, other) = (account(&db, None).await, account(&db, None).await);
    let (first, second) = (asset(&db, owner, 0).await, asset(&db, other, 60).await);
    let (late, early) = (album(&db, owner, 1).await, album(&db, owner, 0).await);
    let mut tx = db.write().await.unwrap();
    for album in [late, early] {
        tx.album_add(owner, album, owner, &[first], at(2)).await.unwrap();
    }
    tx.asset_trash(other, &[second], at(3)).await.unwrap();
    let nobody = AssetId::new(at(9));
    let called = tx.asset_called(&[first, second, nobody]).await.unwrap();
    assert_eq!(called.len(), 2);
    let (of_owner, of_other) = (&called[&first], &called[&second]);
    assert_eq!((of_owner.albums.len(), of_owner.trashed, of_other.albums.len(), of_other.trashed), (2, false, 0, true));
    let email =
        async |tx: &mut picup_database::Write, id: AccountId| tx.account_by_id(id).await.unwrap().unwrap().email;
    assert_eq!((&of_owner.account, &of_other.account), (&email(&mut tx, owner).await, &email(&mut tx, other).await));
    let made = new_asset(other, 60);
    assert_eq!((&of_other.file_name, of_other.capture, &of_other.motion), (&made.file_name, made.capture, &None));
    assert_eq!((of_owner.sha256, of_other.sha256), (hash(&first.to_string()), hash(&second.to_string())));
}
