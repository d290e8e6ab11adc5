//! More readers than connections: a replica that has much to do is not taken for one that died.

use picup_database::Seen;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_replica_all_of_whose_connections_are_lent_goes_on_serving() {
    let two = two().await;
    append(&two.database).await.unwrap();
    two.replica.catch_up_with(&two.primary).unwrap();
    let (name, metrics) = (&two.database.replicas()[0].name, two.metrics());
    for figure in ["serving", "lag_seconds"] {
        let line = format!("database_replica_{figure}{{replica=\"{name}\"}}");
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    }
    let mut held = Vec::new();
    while two.reads().0 < 4 {
        held.push(two.database.for_client(Seen::default()).read().await.unwrap());
    }
    for _ in 0..4 {
        latest(&two.database, &Seen::default()).await.unwrap();
        assert!(two.database.replicas()[0].serving, "{:?}", two.database.replicas());
    }
    drop(held);
    let (before, _) = two.reads();
    latest(&two.database, &Seen::default()).await.unwrap();
    assert_eq!(two.reads().0, before + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_wait_for_a_replica_at_once_are_answered_and_leave_it_serving() {
    let two = two_for("root", Duration::from_secs(60)).await;
    two.between.set(Direction::ToClient, Fault::Stall);
    for _ in 0..5 {
        let seen = Seen::default();
        let wrote = append(&two.database.for_client(seen.clone())).await.unwrap();
        let readers = (0..40).map(|_| {
            let (database, seen) = (two.database.clone(), seen.clone());
            tokio::spawn(async move { latest(&database, &seen).await })
        });
        for reader in readers.collect::<Vec<_>>() {
            assert!(reader.await.unwrap().unwrap() >= wrote);
        }
        assert!(two.database.replicas()[0].serving, "{:?}", two.database.replicas());
    }
}
