use crate::fresh::{account, at, fresh};

#[tokio::test]
async fn events_come_in_order_after_the_last_seen() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let mut tx = db.write().await.unwrap();
    assert_eq!(tx.event_latest().await.unwrap(), 0);
    let first = tx.event_append("asset", Some(owner), r#"{"n":1}"#, at(1)).await.unwrap();
    let second = tx.event_append("notice", None, "{}", at(2)).await.unwrap();
    assert!(0 < first && first < second);
    tx.commit().await.unwrap();

    let mut read = db.read().await.unwrap();
    let events = read.event_list(0, 10).await.unwrap();
    assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), [first, second]);
    let seen = (events[0].kind.as_str(), events[0].account, events[0].payload.as_str(), events[0].created_at);
    assert_eq!(seen, ("asset", Some(owner), r#"{"n":1}"#, at(1)));
    assert_eq!(events[1].account, None);
    assert_eq!(read.event_list(0, 1).await.unwrap(), events[..1]);
    assert_eq!(read.event_list(first, 10).await.unwrap(), events[1..]);
    assert_eq!(read.event_latest().await.unwrap(), second);
}

#[tokio::test]
async fn pruning_forgets_events_and_uses_no_place_again() {
    let db = fresh().await;
    let mut tx = db.write().await.unwrap();
    for n in 0..3 {
        tx.event_append("asset", None, "{}", at(n)).await.unwrap();
    }
    assert_eq!(tx.event_prune(at(2)).await.unwrap(), 2);
    assert_eq!(tx.event_prune(at(3)).await.unwrap(), 1);
    assert_eq!(tx.event_latest().await.unwrap(), 3);
    assert_eq!(tx.event_append("asset", None, "{}", at(9)).await.unwrap(), 4);
    assert_eq!(tx.event_list(0, 10).await.unwrap().len(), 1);
}
