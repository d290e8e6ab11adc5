//! A read replica's whole life.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use picup_database::servers::{Account, Error, Topology};
use picup_database::{Database, Metrics, Replication, Seen, Server, Settings};
use picup_domain::SystemClock;
use picup_testkit::DatabaseServer;
use tokio::sync::Notify;

use crate::engine::{self, start};
use crate::trouble::write_on;
use crate::writes::{Writes, write};
use crate::{NOW, PATIENCE, apply, home, named, new_password, objections, replica_of, until};

pub(crate) fn empty_server(number: u32) -> DatabaseServer {
    start(number, 0, &[])
}

pub(crate) async fn assert_equal(topology: &Topology) {
    let compared = topology.verify("", PATIENCE).await.unwrap();
    assert!(compared.is_equal() && compared.tables.len() > 10, "{compared:#?}");
}

pub(crate) async fn rebuild(topology: &Topology, discard_writes: bool) -> Result<(), Error> {
    topology.rebuild("", discard_writes, &mut new_password(), &mut |done| println!("{done}")).await.map(drop)
}

pub(crate) async fn is_healthy(topology: &Topology) {
    until(topology, |status| status.healthy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_replica_is_made_from_nothing_while_writes_come_in() {
    let (primary, database) = home(1, &[]).await;
    let replica = empty_server(2);
    // What a fresh server has been told by its administrator stands in its own log.
    replica.say("CREATE USER somebody@'127.0.0.1'").unwrap();
    let account = Account { name: "picup".into(), host: "127.0.0.1".into(), password: "it's \\ secret".into() };
    let topology = Topology { reader: Some(account.clone()), ..replica_of(&primary, &replica) };
    let writes = Writes::begin(&database);
    writes.more(50).await;

    let plan = topology.plan(None).await.unwrap();
    let shown: String = plan.steps.iter().map(|step| format!("{step} -- {}\n", step.why)).collect();
    assert!(plan.objections.is_empty() && shown.contains("IDENTIFIED BY '…'") && !shown.contains("secret"), "{shown}");
    let status = format!("SHOW {} STATUS", engine::replica());
    assert!(replica.say(&status).unwrap().is_empty(), "a plan changes nothing");
    apply(&topology).await.unwrap();
    writes.more(50).await;
    until(&topology, |status| status.healthy).await;
    assert_equal(&topology).await;
    writes.more(20).await;
    assert!(apply(&topology).await.unwrap().steps.is_empty(), "the second time there is nothing to do");
    let written = writes.end().await;
    is_healthy(&topology).await;
    assert_equal(&topology).await;
    assert_eq!(replica.say("SELECT last FROM picup.sequences WHERE name = 'events'").unwrap(), written.to_string());

    // What was said to one server alone has reached no log, and no account may do more than it needs.
    assert!(!engine::has_writes_of_its_own(&replica));
    assert_eq!(replica.say("SELECT COUNT(*) FROM mysql.user WHERE user LIKE 'picup_replica%'").unwrap(), "0");
    let grants = primary.say("SHOW GRANTS FOR picup_replica_2@'%'").unwrap();
    assert!(grants.contains("GRANT REPLICATION SLAVE ON *.*") && grants.lines().count() == 1, "{grants}");
    let grants = replica.say("SHOW GRANTS FOR picup@'127.0.0.1'").unwrap();
    assert!(grants.contains("GRANT SELECT ON `picup`.*") && grants.lines().count() == 2, "{grants}");
    reads_come_from(&primary, &replica, &account).await;
}

/// PicUp itself uses the replica as the account that was made for it.
async fn reads_come_from(primary: &DatabaseServer, replica: &DatabaseServer, account: &Account) {
    let url = format!("mysql://picup@{}/picup", replica.address());
    let replication = Replication {
        replicas: vec![Server { url, password: Some(account.password.clone()) }],
        max_lag: Duration::from_secs(10),
        wait: Duration::from_millis(50),
        clock: Arc::new(SystemClock),
    };
    let settings = Settings { replication: Some(replication), ..Settings::mysql(primary.url("picup")) };
    let database = Database::open(&settings, Metrics::default()).await.unwrap();
    while !database.replicas()[0].serving {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(database.for_client(Seen::default()).read().await.unwrap().event_latest().await.unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cut_off_anywhere_it_goes_on() {
    let (primary, database) = home(1, &[]).await;
    let replica = empty_server(2);
    let topology = replica_of(&primary, &replica);
    let writes = Writes::begin(&database);
    let mut cuts = 0;
    // Each time it is cut off after one more of the things it does.
    for cut in 1.. {
        let (told, enough) = (AtomicUsize::new(0), Notify::new());
        let mut tell = |_: &str| {
            if told.fetch_add(1, Ordering::SeqCst) + 1 == cut {
                enough.notify_one();
            }
        };
        let mut password = new_password();
        let done = tokio::select! {
            biased;
            () = enough.notified() => None,
            done = topology.apply(None, &mut password, &mut tell) => Some(done),
        };
        match done {
            Some(done) => {
                done.unwrap();
                break;
            }
            None => cuts += 1,
        }
    }
    assert!(cuts > 20, "{cuts}");
    writes.end().await;
    is_healthy(&topology).await;
    assert_equal(&topology).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_primary_is_never_thrown_away_and_a_replica_can_become_one() {
    let (mut primary, database) = home(1, &[]).await;
    let replica = empty_server(2);
    let topology = replica_of(&primary, &replica);
    write(&database, 0).await;
    apply(&topology).await.unwrap();
    is_healthy(&topology).await;
    let rows = "SELECT COUNT(*) FROM picup.accounts";

    let swapped = replica_of(&replica, &primary);
    assert!(objections(rebuild(&swapped, true).await).contains("it follows nobody there"));
    assert!(objections(apply(&swapped).await).contains("is this the primary?"));
    let itself = replica_of(&primary, &primary);
    assert!(objections(apply(&itself).await).contains("one and the same"));
    let told = objections(rebuild(&itself, false).await);
    assert!(told.contains("read_only is OFF") && told.contains("it follows nobody there"), "{told}");
    assert!(objections(rebuild(&itself, true).await).contains("it follows nobody there"));
    let (other, _) = home(3, &[]).await;
    assert!(objections(rebuild(&replica_of(&other, &replica), true).await).contains("it follows 127.0.0.1:"));
    replica.say("SET GLOBAL read_only = OFF").unwrap();
    let told = objections(rebuild(&topology, false).await);
    assert!(told.contains("read_only is OFF, as on a primary") && told.contains("picup db replica apply"), "{told}");
    assert!(named(&topology, None, "read_only is OFF").await.contains("picup db replica apply"));
    replica.say("SET GLOBAL read_only = ON").unwrap();

    // The run book: the primary is lost, and the replica takes its place.
    database.close().await;
    primary.kill().unwrap();
    assert!(matches!(topology.plan(None).await, Err(Error::Away { .. })));
    let away = topology.status(NOW).await.unwrap();
    assert!(!away.healthy && away.channels[0].findings.iter().any(|finding| finding.what.contains("does not answer")));
    let promoted = if engine::is_mysql() {
        "STOP REPLICA; RESET REPLICA ALL; SET PERSIST super_read_only = OFF; SET PERSIST read_only = OFF"
    } else {
        "STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = OFF"
    };
    replica.say(promoted).unwrap();
    let database = Database::open(&Settings::mysql(replica.url("picup")), Metrics::default()).await.unwrap();
    write(&database, 1).await;
    assert_eq!((primary_rows(&primary), replica.say(rows).unwrap().as_str()), (None, "1"));
    primary.start_again().unwrap();
    // What was the primary follows now, once its own copy, which may hold what nobody else has, is gone.
    assert!(objections(rebuild(&swapped, true).await).contains("it follows nobody there"));
    assert!(objections(apply(&swapped).await).contains("there are tables in picup already"));
    primary.say("SET sql_log_bin = 0; DROP DATABASE picup").unwrap();
    apply(&swapped).await.unwrap();
    write(&database, 2).await;
    is_healthy(&swapped).await;
    assert_equal(&swapped).await;
}

fn primary_rows(primary: &DatabaseServer) -> Option<String> {
    primary.say("SELECT COUNT(*) FROM picup.accounts").ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_thrown_away_for_its_name_and_no_name_shows_a_password() {
    let (primary, _) = home(1, &[]).await;
    let replica = empty_server(2);
    let mut topology = replica_of(&primary, &replica);
    let own = |sql: &str| replica.say(&format!("SET SESSION sql_log_bin = 0; {sql}")).unwrap();
    own("CREATE DATABASE picup; CREATE PROCEDURE picup.kept() SELECT 1");
    own("CREATE EVENT picup.daily ON SCHEDULE EVERY 1 DAY DO SELECT 1");
    let told = objections(apply(&topology).await);
    assert!(told.contains("does not: procedure kept, event daily") && told.lines().count() == 1, "{told}");
    replica.say(told.trim_end().rsplit_once("nobody needs it: ").unwrap().1).unwrap();

    own("CREATE TABLE picup.picup_copy_unfinished (id INT PRIMARY KEY); CREATE TABLE picup.precious (id INT)");
    own("CREATE TRIGGER picup.watch BEFORE INSERT ON picup.precious FOR EACH ROW SET NEW.id = 7");
    let mark = |address: &str, channel: &str| {
        let mark = format!("half a copy of {address}/picup for {channel}");
        own(&format!("ALTER TABLE picup.picup_copy_unfinished COMMENT = '{mark}'"));
    };
    let address = primary.address().to_string();
    for (from, channel, says) in [
        (None, "", "says ''"),
        (Some("127.0.0.1:1"), "replication", "says 'half a copy of 127.0.0.1:1/picup"),
        (Some(address.as_str()), "channel ada", "for channel ada'"),
    ] {
        from.into_iter().for_each(|from| mark(from, channel));
        let told = objections(apply(&topology).await);
        assert!(told.contains("there are tables in picup already") && told.contains(says), "{told}");
        assert!(objections(rebuild(&topology, true).await).contains("it follows nobody there"));
    }
    mark(&address, "replication");
    let told = objections(apply(&topology).await);
    assert!(told.contains("does not: table precious, trigger watch") && told.lines().count() == 1, "{told}");
    for discard_writes in [false, true] {
        let told = objections(rebuild(&topology, discard_writes).await);
        assert!(told.contains("does not: table precious, trigger watch"), "{told}");
    }
    own("DROP TABLE picup.precious");
    let plan = topology.plan(None).await.unwrap();
    let dropped = plan.steps.iter().find(|step| step.what.starts_with("DROP DATABASE `picup`; CREATE")).unwrap();
    assert!(dropped.why.contains("thrown away"), "{}", dropped.why);

    let account = |name: String| Account { name, host: "127.0.0.1".into(), password: "nobody's nobody".into() };
    topology.reader = Some(account("{secret}".to_owned()));
    apply(&topology).await.unwrap();
    is_healthy(&topology).await;
    assert!(replica.say("SHOW GRANTS FOR '{secret}'@'127.0.0.1'").unwrap().contains("GRANT SELECT ON `picup`.*"));
    write_on(&replica, "SET SESSION sql_log_bin = 0; CREATE TABLE picup.mine (id INT)");
    assert!(objections(rebuild(&topology, false).await).contains("does not: table mine"));
    rebuild(&topology, true).await.unwrap();
    is_healthy(&topology).await;
    assert_equal(&topology).await;
    // The server says the name that is too long, and in it what happens to be in the password.
    topology.reader = Some(account("nobody".repeat(40)));
    let Err(Error::Refused { source, .. }) = apply(&topology).await else { panic!("a name that is too long") };
    assert!(source.to_string().contains("error 1470; its words are left out"), "{source}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_not_safe_is_refused_by_name() {
    let mut options = vec!["--server-id=1", "--sync-binlog=0"];
    if engine::is_mysql() {
        options.extend(["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"]);
    }
    let careless = DatabaseServer::start(&options).unwrap();
    careless.say("CREATE DATABASE picup; CREATE TABLE picup.heap (id INT) ENGINE = MyISAM").unwrap();
    careless.say("CREATE TABLE picup.picup_copy_unfinished (id INT)").unwrap();
    let replica = empty_server(1);
    replica.say("CREATE DATABASE picup; CREATE TABLE picup.something (id INT)").unwrap();
    let told = objections(apply(&replica_of(&careless, &replica)).await);
    let settings = if engine::is_mysql() {
        ["gtid_mode and enforce_gtid_consistency is not ON"; 2]
    } else {
        ["log_bin is off", "gtid_strict_mode is not ON"]
    };
    for word in [
        settings[0],
        settings[1],
        "sync_binlog or innodb_flush_log_at_trx_commit is not 1",
        "not InnoDB's: heap",
        "half a copy itself",
        "its server_id 1",
        "there are tables in picup already",
    ] {
        assert!(told.contains(word), "{word}: {told}");
    }
    let (primary, _) = home(2, &[]).await;
    primary.say("SET GLOBAL binlog_format = STATEMENT").unwrap();
    let fresh = DatabaseServer::start_numbered(3, &[]).unwrap();
    let told = objections(apply(&replica_of(&primary, &fresh)).await);
    assert!(told.contains("binlog_format is STATEMENT") && told.lines().count() == 1, "{told}");
    primary.say("SET GLOBAL binlog_format = MIXED").unwrap();
    let mut topology = replica_of(&primary, &fresh);
    assert_eq!(topology.plan(None).await.unwrap().objections, []);
    topology.channels[0].schema = "renamed".to_owned();
    assert!(objections(apply(&topology).await).contains("binlog_format is MIXED"));
    let mut nothing = replica_of(&primary, &fresh);
    nothing.channels[0].source.url = primary.url("nothing");
    let away = apply(&nothing).await;
    assert!(matches!(&away, Err(Error::Away { .. })), "{away:?}");
}
