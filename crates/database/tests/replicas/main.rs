//! Reads that come from replicas: never stale to whoever wrote, and never failing, whatever befalls a replica or the primary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod away;
mod busy;

use std::sync::Arc;
use std::time::{Duration, Instant};

use picup_database::{Database, Error, Metrics, Place, Replication, Seen, Server, Settings};
use picup_domain::{AccountId, SystemClock, Timestamp};
use picup_testkit::{DatabaseServer, Direction, Fault, FaultProxy, ReplicaThread};
use prometheus_client::registry::Registry;

const PATIENCE: Duration = Duration::from_secs(30);

type Deed<'a> = Box<dyn Fn() + 'a>;

/// A primary and a replica, and networks that can fail: between them, and from PicUp to each.
struct Two {
    primary: DatabaseServer,
    replica: DatabaseServer,
    between: FaultProxy,
    front: FaultProxy,
    to_primary: FaultProxy,
    settings: Settings,
    database: Database,
    registry: Registry,
}

async fn two() -> Two {
    two_for("root", Duration::from_secs(5)).await
}

/// For PicUp as that user (`root`, or one of two with rights to its database alone), and with a replica that may be so far behind.
async fn two_for(user: &str, max_lag: Duration) -> Two {
    let primary = DatabaseServer::start_numbered(1, &[]).unwrap();
    let replica = DatabaseServer::start_numbered(2, &[]).unwrap();
    primary.say("CREATE DATABASE picup").unwrap();
    let between = FaultProxy::start(primary.address()).await.unwrap();
    let front = FaultProxy::start(replica.address()).await.unwrap();
    let to_primary = FaultProxy::start(primary.address()).await.unwrap();
    replica.follow(between.address()).unwrap();
    for user in ["first", "second"] {
        let made = format!("CREATE USER {user}@'%' IDENTIFIED BY 'of {user}'; GRANT ALL ON picup.* TO {user}@'%'");
        primary.say(&made).unwrap();
    }
    replica.catch_up_with(&primary).unwrap();
    let password = (user != "root").then(|| format!("of {user}"));
    let [there, replica_there] = [&to_primary, &front]
        .map(|proxy| Server { url: format!("mysql://{user}@{}/picup", proxy.address()), password: password.clone() });
    let settings = Settings {
        place: Place::MySql(there),
        replication: Some(Replication {
            replicas: vec![replica_there],
            max_lag,
            wait: Duration::from_millis(50),
            clock: Arc::new(SystemClock),
        }),
        ..Settings::mysql("")
    };
    let mut registry = Registry::default();
    let database = Database::open(&settings, Metrics::register(&mut registry)).await.unwrap();
    let two = Two { primary, replica, between, front, to_primary, settings, database, registry };
    two.serving(true).await;
    two
}

impl Two {
    /// Waits until the replica is asked, or is no more.
    async fn serving(&self, wanted: bool) -> Duration {
        serving(&self.database, &[wanted]).await
    }

    fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }

    /// How many reads a replica has answered, and how many the primary.
    fn reads(&self) -> (u64, u64) {
        let text = self.metrics();
        let by = |server: &str| {
            let of = |line: &&str| {
                line.starts_with("database_reads_total") && line.contains(&format!("server=\"{server}\""))
            };
            text.lines().filter(of).map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
        };
        (by("replica"), by("primary"))
    }
}

/// Waits until just those of the replicas are asked.
async fn serving(database: &Database, wanted: &[bool]) -> Duration {
    let begun = Instant::now();
    while !database.replicas().iter().map(|replica| replica.serving).eq(wanted.iter().copied()) {
        assert!(begun.elapsed() < PATIENCE, "{:?}", database.replicas());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    begun.elapsed()
}

async fn append(database: &Database) -> Result<i64, Error> {
    let mut tx = database.write().await?;
    let place = tx.event_append("a", None, "", Timestamp::from_micros(1)).await?;
    tx.commit().await?;
    Ok(place)
}

/// Reads as a page does: when a server is lost amid it, from another.
async fn latest(database: &Database, seen: &Seen) -> Result<i64, Error> {
    let client = database.for_client(seen.clone());
    let read = async || client.read().await?.event_latest().await;
    let mut answer = read().await;
    for _ in 0..=database.replicas().len() {
        if answer.is_ok() || !seen.has_lost_a_server() {
            break;
        }
        answer = read().await;
    }
    answer
}

/// Writes and reads what was written, for as long as `work` takes; gives how often.
async fn never_stale(database: &Database, work: impl Future<Output = ()>) -> u32 {
    tokio::pin!(work);
    let mut pairs = 0;
    loop {
        let seen = Seen::default();
        let wrote = append(&database.for_client(seen.clone())).await.unwrap();
        assert!(latest(database, &seen).await.unwrap() >= wrote, "stale after {pairs} pairs");
        pairs += 1;
        tokio::select! {
            biased;
            () = &mut work => return pairs,
            () = tokio::time::sleep(Duration::from_millis(2)) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_thousand_writes_are_read_by_their_writers_however_the_replica_lags() {
    let two = two().await;
    let lagging = async {
        for round in 0_u64.. {
            two.between.set(Direction::ToClient, Fault::Stall);
            tokio::time::sleep(Duration::from_millis(round * 97 % 500)).await;
            two.between.set(Direction::ToClient, Fault::Pass);
            tokio::time::sleep(Duration::from_millis(round * 61 % 300)).await;
        }
    };
    let pairs = async {
        for number in 0..2_000 {
            let seen = Seen::default();
            let wrote = append(&two.database.for_client(seen.clone())).await.unwrap();
            // The client comes back with what it was given, to whichever process.
            let seen = Seen::after(&seen.token().unwrap()).unwrap();
            assert!(latest(&two.database, &seen).await.unwrap() >= wrote, "pair {number} is stale");
        }
    };
    tokio::select! {
        () = pairs => {}
        () = lagging => {}
    }
    let (replica, primary) = two.reads();
    println!("of {} reads after writes {replica} were answered by the replica", replica + primary);
    assert!(replica > 100 && replica + primary >= 2_000, "{replica} {primary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_befalls_the_replica_no_read_fails_or_is_stale_and_it_comes_back() {
    let mut two = two().await;
    let database = two.database.clone();
    for trouble in ["the applier stops", "the receiver stops", "the socket is cut", "the network stalls"] {
        let (begin, end): (Deed<'_>, Deed<'_>) = match trouble {
            "the applier stops" => (
                Box::new(|| two.replica.stop_thread(ReplicaThread::Applier).unwrap()),
                Box::new(|| two.replica.start_thread(ReplicaThread::Applier).unwrap()),
            ),
            "the receiver stops" => (
                Box::new(|| two.replica.stop_thread(ReplicaThread::Receiver).unwrap()),
                Box::new(|| two.replica.start_thread(ReplicaThread::Receiver).unwrap()),
            ),
            "the socket is cut" => (
                Box::new(|| {
                    two.front.set(Direction::ToClient, Fault::CutAfter(0));
                    two.front.sever();
                }),
                Box::new(|| two.front.set(Direction::ToClient, Fault::Pass)),
            ),
            _ => (
                Box::new(|| two.front.set(Direction::ToClient, Fault::Stall)),
                Box::new(|| two.front.set(Direction::ToClient, Fault::Pass)),
            ),
        };
        let pairs = never_stale(&database, async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            begin();
            let taken = two.serving(false).await;
            assert!(taken < Duration::from_secs(2), "{trouble}: taken out after {taken:?}");
            assert!(two.database.replicas()[0].trouble.is_some());
            tokio::time::sleep(Duration::from_millis(300)).await;
            end();
            two.serving(true).await;
        })
        .await;
        assert!(pairs > 10, "{trouble}: {pairs} pairs");
    }
    let killed = never_stale(&database, async {
        two.replica.kill().unwrap();
        let begun = Instant::now();
        while database.replicas()[0].serving {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        two.replica.start_again().unwrap();
        while !database.replicas()[0].serving {
            assert!(begun.elapsed() < PATIENCE, "{:?}", database.replicas());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(killed.await > 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_account_is_not_shown_less_than_it_was_told_of() {
    let two = two().await;
    let account = AccountId::new(Timestamp::from_micros(1_700_000_000_000_000));
    for _ in 0..50 {
        // Written by one device of the account's, and read by another that shows nothing of it.
        let phone = Seen::default();
        phone.belongs_to(account);
        let wrote = append(&two.database.for_client(phone)).await.unwrap();
        let desk = Seen::default();
        desk.belongs_to(account);
        assert!(latest(&two.database, &desk).await.unwrap() >= wrote);
        // Written by another process, which this one only hears of.
        two.primary.say("UPDATE picup.sequences SET last = last + 1 WHERE name = 'events'").unwrap();
        two.database.tell(&[account]).await.unwrap();
        assert!(latest(&two.database, &desk).await.unwrap() > wrote);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_there_before_a_start_is_shown_after_it() {
    let two = two_for("root", Duration::from_secs(60)).await;
    two.between.set(Direction::ToClient, Fault::Stall);
    let wrote = append(&two.database).await.unwrap();
    two.database.close().await;
    let database = Database::open(&two.settings, Metrics::default()).await.unwrap();
    serving(&database, &[true]).await;
    // Whoever it was told to before shows nothing of it.
    assert_eq!(latest(&database, &Seen::default()).await.unwrap(), wrote);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_replicas_the_one_that_has_it_answers_and_the_one_that_died_is_named() {
    let primary = DatabaseServer::start_numbered(1, &[]).unwrap();
    let mut dying = DatabaseServer::start_numbered(2, &[]).unwrap();
    let lagging = DatabaseServer::start_numbered(3, &[]).unwrap();
    primary.say("CREATE DATABASE picup").unwrap();
    let slow = FaultProxy::start(primary.address()).await.unwrap();
    dying.follow(primary.address()).unwrap();
    lagging.follow(slow.address()).unwrap();
    let replicas = [&dying, &lagging].map(|one| Server { url: one.url("picup"), password: None }).to_vec();
    let (max_lag, wait) = (Duration::from_secs(10), Duration::from_millis(50));
    let replication = Replication { replicas, max_lag, wait, clock: Arc::new(SystemClock) };
    let settings = Settings { replication: Some(replication), ..Settings::mysql(primary.url("picup")) };
    let mut registry = Registry::default();
    let database = Database::open(&settings, Metrics::register(&mut registry)).await.unwrap();
    let pairs = async |count| {
        for number in 0..count {
            let seen = Seen::default();
            // Whichever is the account's own, what it lacks it does not answer.
            seen.belongs_to(AccountId::new(Timestamp::from_micros(number)));
            let wrote = append(&database.for_client(seen.clone())).await.unwrap();
            assert!(latest(&database, &seen).await.unwrap() >= wrote, "pair {number} is stale");
        }
    };
    serving(&database, &[true, true]).await;
    slow.set(Direction::ToClient, Fault::Stall);
    pairs(100).await;
    slow.set(Direction::ToClient, Fault::Pass);
    let died = dying.address().to_string();
    dying.kill().unwrap();
    serving(&database, &[false, true]).await;
    let reports = database.replicas();
    assert_eq!((&reports[0].name, reports[0].trouble.is_some()), (&died, true));
    assert_eq!((&reports[1].name, reports[1].trouble.is_some()), (&lagging.address().to_string(), false));
    pairs(100).await;
}

/// Kills all connections of a user's.
fn hang_up(server: &DatabaseServer, user: &str) {
    let list = format!("SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE user = '{user}'");
    for kill in server.say(&list).unwrap().lines() {
        // It may just have ended by itself.
        let _ = server.say(kill);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn new_credentials_are_everybodys_and_of_the_old_ones_nothing_is_needed() {
    let two = two_for("first", Duration::from_secs(5)).await;
    two.database.sign_in_as(Some("second"), "of second").await.unwrap();
    two.primary.say("DROP USER first@'%'").unwrap();
    two.replica.catch_up_with(&two.primary).unwrap();
    for server in [&two.primary, &two.replica] {
        hang_up(server, "first");
    }
    // Whoever was amid something has lost that, once.
    tokio::time::sleep(Duration::from_secs(3)).await;
    two.serving(true).await;
    let pairs = never_stale(&two.database, tokio::time::sleep(Duration::from_secs(2))).await;
    assert!(pairs > 10, "{pairs}");
    for server in [&two.primary, &two.replica] {
        let left = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'first'";
        assert_eq!(server.say(left).unwrap(), "0", "{}", server.say("SHOW PROCESSLIST").unwrap());
    }
}

#[tokio::test]
async fn a_primary_that_nobody_can_follow_is_refused() {
    for (options, lacking) in [
        (vec!["--skip-log-bin"], "log_bin"),
        (vec!["--log-bin=bin", "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"], "gtid_mode"),
    ] {
        // MariaDB always numbers them.
        if lacking == "log_bin" || picup_testkit::engine::is_mysql() {
            refuses(&options, lacking).await;
        }
    }
}

async fn refuses(options: &[&str], lacking: &str) {
    let primary = DatabaseServer::start(options).unwrap();
    primary.say("CREATE DATABASE picup").unwrap();
    let replication = Replication {
        replicas: vec![Server { url: primary.url("picup"), password: None }],
        max_lag: Duration::from_secs(5),
        wait: Duration::from_millis(50),
        clock: Arc::new(SystemClock),
    };
    let settings = Settings { replication: Some(replication), ..Settings::mysql(primary.url("picup")) };
    let refused = Database::open(&settings, Metrics::default()).await.err();
    assert!(matches!(&refused, Some(Error::Place(why)) if why.contains(lacking)), "{refused:?}");
}
