use picup_database::OrphanCount;
use picup_domain::DestinationId;

use crate::fresh::{at, fresh, size};

#[tokio::test]
async fn orphans_are_written_down_once_and_told_when_they_are_old() {
    let db = fresh().await;
    let store = DestinationId::FIRST;
    let found: Vec<_> = (0..70).map(|n| (format!("media/{n}"), size(n))).collect();
    let mut tx = db.write().await.unwrap();
    assert_eq!(tx.orphan_note(store, &found[..69], at(1)).await.unwrap(), 69);
    assert_eq!(tx.orphan_note(store, &found, at(100)).await.unwrap(), 1);
    assert_eq!(tx.orphan_list(store, at(100), false, 1_000).await.unwrap().len(), 69);
    assert!(tx.orphan_list(store, at(1_000), true, 1_000).await.unwrap().is_empty());
    let told = OrphanCount { orphans: 70, bytes: (0..70).sum(), unconfirmed: 70 };
    assert_eq!(tx.orphan_count(store).await.unwrap(), told);
    tx.orphan_confirm(store).await.unwrap();
    assert_eq!(tx.orphan_count(store).await.unwrap(), OrphanCount { unconfirmed: 0, ..told });
    assert_eq!(tx.orphan_list(store, at(1_000), true, 1_000).await.unwrap().len(), 70);
    assert_eq!(tx.orphan_count(DestinationId::new(at(0))).await.unwrap(), OrphanCount::default());
    let names: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
    tx.orphan_forget(store, &names[1..]).await.unwrap();
    assert_eq!(tx.orphan_list(store, at(1_000), false, 10).await.unwrap(), ["media/0"]);
}
