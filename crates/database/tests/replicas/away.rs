//! The primary goes: what is there is read, writing is refused, and it is found again.

use picup_database::{Error, Seen};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_the_primary_is_away_what_is_there_is_read_and_writing_is_refused_at_once() {
    let mut two = two().await;
    let seen = Seen::default();
    let wrote = append(&two.database.for_client(seen.clone())).await.unwrap();
    while latest(&two.database, &Seen::default()).await.unwrap() < wrote {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    two.primary.kill().unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        assert_eq!(latest(&two.database, &seen).await.unwrap(), wrote);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    assert!(matches!(append(&two.database).await, Err(Error::PrimaryAway)));
    assert!(matches!(two.database.read_fresh().await.err(), Some(Error::PrimaryAway)));
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    // Nobody can tell how far behind it is.
    assert!(!two.metrics().contains("database_replica_lag_seconds{"), "{}", two.metrics());

    two.primary.start_again().unwrap();
    let begun = Instant::now();
    let again = loop {
        match append(&two.database.for_client(seen.clone())).await {
            Ok(again) => break again,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(latest(&two.database, &seen).await.unwrap() >= again);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_wrote_last_before_the_primary_went_reads_what_there_is() {
    let mut two = two().await;
    let before = append(&two.database).await.unwrap();
    two.replica.catch_up_with(&two.primary).unwrap();
    two.between.set(Direction::ToClient, Fault::Stall);
    let seen = Seen::default();
    append(&two.database.for_client(seen.clone())).await.unwrap();
    two.primary.kill().unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(6) {
        assert_eq!(latest(&two.database, &seen).await.unwrap(), before);
        assert_eq!(two.database.read_freshest().await.unwrap().event_latest().await.unwrap(), before);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Whoever is about to write is not shown what is old.
    seen.read_fresh();
    assert!(matches!(latest(&two.database, &seen).await, Err(Error::PrimaryAway)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_primary_that_says_nothing_more_is_found_out_and_found_again() {
    let two = two().await;
    let wrote = append(&two.database).await.unwrap();
    two.replica.catch_up_with(&two.primary).unwrap();
    for direction in [Direction::ToServer, Direction::ToClient] {
        two.to_primary.set(direction, Fault::Stall);
    }
    let begun = Instant::now();
    assert!(append(&two.database).await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let refused = Instant::now();
    assert!(matches!(append(&two.database).await, Err(Error::PrimaryAway)));
    assert!(refused.elapsed() < Duration::from_secs(1), "{:?}", refused.elapsed());
    while begun.elapsed() < Duration::from_secs(9) {
        assert_eq!(latest(&two.database, &Seen::default()).await.unwrap(), wrote);
        assert_eq!(two.database.read_freshest().await.unwrap().event_latest().await.unwrap(), wrote);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for direction in [Direction::ToServer, Direction::ToClient] {
        two.to_primary.set(direction, Fault::Pass);
    }
    let begun = Instant::now();
    while let Err(error) = append(&two.database).await {
        assert!(begun.elapsed() < PATIENCE, "{error:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_replica_that_had_fallen_behind_stays_out_when_the_primary_goes() {
    let mut primary = DatabaseServer::start_numbered(1, &[]).unwrap();
    let good = DatabaseServer::start_numbered(2, &[]).unwrap();
    let old = DatabaseServer::start_numbered(3, &[]).unwrap();
    primary.say("CREATE DATABASE picup").unwrap();
    for replica in [&good, &old] {
        replica.follow(primary.address()).unwrap();
        replica.catch_up_with(&primary).unwrap();
    }
    let servers = [&good, &old].map(|one| Server { url: one.url("picup"), password: None }).to_vec();
    let (max_lag, wait) = (Duration::from_secs(3), Duration::from_millis(50));
    let replication = Replication { replicas: servers, max_lag, wait, clock: Arc::new(SystemClock) };
    let settings = Settings { replication: Some(replication), ..Settings::mysql(primary.url("picup")) };
    let database = Database::open(&settings, Metrics::default()).await.unwrap();
    serving(&database, &[true, true]).await;
    old.stop_thread(ReplicaThread::Receiver).unwrap();
    serving(&database, &[true, false]).await;
    // The heartbeats that it has missed make it older than what may be.
    tokio::time::sleep(max_lag + Duration::from_secs(1)).await;
    let wrote = append(&database).await.unwrap();
    good.catch_up_with(&primary).unwrap();
    primary.kill().unwrap();
    let begun = Instant::now();
    for number in 0.. {
        let seen = Seen::default();
        seen.belongs_to(AccountId::new(Timestamp::from_micros(number)));
        assert_eq!(latest(&database, &seen).await.unwrap(), wrote);
        assert!(!database.replicas()[1].serving, "{:?}", database.replicas());
        if begun.elapsed() > Duration::from_secs(4) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
