//! One server that follows two homes, one of them by way of its replica: both are copied, and neither disturbs the other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use picup_database::servers::{Channel, Error, Kind, Topology};
use picup_database::{Database, Metrics, Settings};
use picup_domain::Timestamp;
use picup_testkit::{DatabaseServer, ReplicaThread};

use crate::engine::{applied, holds_back, is_mysql, start, written};
use crate::writes::{Writes, write};
use crate::{NOW, PATIENCE, apply, at, channel, named, new_password, objections, replica_of, until};

/// Ada's home; Bob's, and its replica, which the off-site server follows; and the off-site server.
struct Four {
    ada: DatabaseServer,
    bob: DatabaseServer,
    bobs_replica: DatabaseServer,
    off_site: DatabaseServer,
    of_ada: Database,
    of_bob: Database,
}

async fn four() -> Four {
    let (ada, bob, bobs_replica) = (start(1, 11, &[]), start(2, 12, &[]), start(3, 12, &[]));
    let (of_ada, of_bob) = (tables(&ada).await, tables(&bob).await);
    write(&of_bob, 0).await;
    apply(&replica_of(&bob, &bobs_replica)).await.unwrap();
    // What an administrator is told to write into the configuration file.
    let off_site = start(9, 99, &[]);
    let plan = of_two(&ada, &bobs_replica, &off_site).plan(None).await.unwrap();
    assert!(plan.objections.is_empty(), "{:?}", plan.objections);
    drop(off_site);
    // Without a log of its own, what it has of each home stands in one variable alone.
    let unlogged = (!is_mysql()).then(|| "skip-log-bin".to_owned());
    let lines: Vec<_> = plan.lines[0].lines.iter().cloned().chain(unlogged).collect();
    let off_site = start(9, 99, &lines);
    Four { ada, bob, bobs_replica, off_site, of_ada, of_bob }
}

pub(crate) async fn tables(home: &DatabaseServer) -> Database {
    home.say("CREATE DATABASE picup").unwrap();
    Database::open(&Settings::mysql(home.url("picup")), Metrics::default()).await.unwrap()
}

pub(crate) fn of_two(ada: &DatabaseServer, bob: &DatabaseServer, off_site: &DatabaseServer) -> Topology {
    let home =
        |name: &str, source, domain| Channel { domain: Some(domain), ..channel(name, source, &format!("home_{name}")) };
    Topology {
        kind: Kind::OffSite,
        target: at(&off_site.url("")),
        channels: vec![home("ada", ada, 11), home("bob", bob, 12)],
        reader: None,
        max_lag: Duration::from_secs(30),
        arguments: "--config offsite.toml".to_owned(),
    }
}

impl Four {
    fn topology(&self) -> Topology {
        of_two(&self.ada, &self.bobs_replica, &self.off_site)
    }

    async fn assert_equal(&self) {
        for channel in ["ada", "bob"] {
            let compared = self.topology().verify(channel, PATIENCE).await.unwrap();
            assert!(compared.is_equal() && compared.tables.len() > 10, "{compared:#?}");
        }
    }

    async fn is_healthy(&self) {
        until(&self.topology(), |status| status.healthy).await;
    }

    /// Waits until all that Ada's home has is here.
    async fn has_adas(&self) {
        let written = written(&self.ada);
        while applied(&self.off_site, &self.ada) < written {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_homes_are_copied_and_one_is_rebuilt() {
    let mut four = four().await;
    let (ada, bob) = (Writes::begin(&four.of_ada), Writes::begin(&four.of_bob));
    ada.more(20).await;
    let topology = four.topology();
    apply(&topology).await.unwrap();
    four.is_healthy().await;
    assert!(apply(&topology).await.unwrap().steps.is_empty(), "the second time there is nothing to do");
    four.assert_equal().await;
    // Nothing was written on Bob's replica by making an account there.
    until(&replica_of(&four.bob, &four.bobs_replica), |status| status.healthy).await;

    four.off_site.kill().unwrap();
    ada.more(20).await;
    bob.more(20).await;
    four.off_site.start_again().unwrap();
    four.is_healthy().await;
    four.assert_equal().await;

    one_is_rebuilt_and_the_other_goes_on(&four, &ada).await;
    schemas_that_are_mixed_up(&four).await;
    a_source_that_has_stopped_itself(&four).await;
    ada.end().await;
    one_is_lost_and_the_other_goes_on(&mut four, &bob).await;
    bob.end().await;
    four.is_healthy().await;
    four.assert_equal().await;
    assert_eq!(four.off_site.say("SHOW DATABASES LIKE 'picup'").unwrap(), "");
    what_is_done_from_elsewhere_is_left_out(&four).await;
    a_delayed_copy_keeps_what_is_dropped(&four).await;
    a_copy_becomes_a_home(&four).await;
}

/// Whatever is done to Bob's copy, Ada's never goes back, and goes on meanwhile.
async fn one_is_rebuilt_and_the_other_goes_on(four: &Four, ada: &Writes) {
    let topology = four.topology();
    as_its_administrator(&four.off_site, "DELETE FROM home_bob.accounts LIMIT 1");
    let compared = topology.verify("bob", PATIENCE).await.unwrap();
    let differing: Vec<_> = compared.tables.iter().filter(|table| !table.is_equal()).map(|one| &one.table).collect();
    assert_eq!(differing, ["accounts"]);
    let done = AtomicBool::new(false);
    let watch = async {
        let mut seen = vec![applied(&four.off_site, &four.ada)];
        while !done.load(Ordering::SeqCst) {
            seen.push(applied(&four.off_site, &four.ada));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        seen
    };
    let rebuild = async {
        ada.more(5).await;
        let mut password = new_password();
        let rebuilt = topology.rebuild("bob", false, &mut password, &mut |done| println!("{done}")).await;
        ada.more(5).await;
        done.store(true, Ordering::SeqCst);
        rebuilt.unwrap();
    };
    let (mut seen, ()) = tokio::join!(watch, rebuild);
    // MariaDB tells of no position at all for the moment in which all are set.
    seen.retain(|position| *position > 0);
    assert!(seen.is_sorted() && seen.first() < seen.last(), "{seen:?}");
    four.is_healthy().await;
    four.assert_equal().await;
}

/// Nothing of it may be in the log, and on MySQL the server has to be opened for it.
fn as_its_administrator(server: &DatabaseServer, sql: &str) {
    let (open, close) =
        if is_mysql() { ("SET GLOBAL super_read_only = OFF; ", "; SET GLOBAL super_read_only = ON") } else { ("", "") };
    server.say(&format!("{open}SET SESSION sql_log_bin = 0; {sql}{close}")).unwrap();
}

/// Two lines of the file exchanged, and one copy would be thrown away for the other.
async fn schemas_that_are_mixed_up(four: &Four) {
    let mut topology = four.topology();
    topology.channels[0].schema = "home_bob".to_owned();
    topology.channels[1].schema = "home_ada".to_owned();
    for channel in ["ada", "bob"] {
        let told = objections(topology.rebuild(channel, false, &mut new_password(), &mut |_| ()).await);
        assert!(told.contains(&format!("channel {channel} writes to home\\_{channel}.%, the file says")), "{told}");
        assert!(objections(apply_one(&topology, channel).await).contains("writes to"));
    }
    // Of one that has lost its filter the other's tells.
    let unfiltered = if is_mysql() {
        "STOP REPLICA FOR CHANNEL 'ada'; CHANGE REPLICATION FILTER REPLICATE_WILD_DO_TABLE = () FOR CHANNEL 'ada'"
    } else {
        "STOP SLAVE 'ada'; SET GLOBAL ada.replicate_wild_do_table = ''"
    };
    four.off_site.say(unfiltered).unwrap();
    let told = objections(topology.rebuild("ada", false, &mut new_password(), &mut |_| ()).await);
    assert!(told.contains("channel bob writes to home_bob, the file says channel ada"), "{told}");
    apply_one(&four.topology(), "ada").await.unwrap();
    four.is_healthy().await;
    four.assert_equal().await;
}

/// Whoever follows it has all it has, and not what is written meanwhile.
async fn a_source_that_has_stopped_itself(four: &Four) {
    let beat = Timestamp::from_micros(1_800_000_000_000_000);
    four.bob.say(&format!("UPDATE picup.heartbeat SET beat_at = {}", beat.micros())).unwrap();
    four.bobs_replica.catch_up_with(&four.bob).unwrap();
    four.assert_equal().await;
    four.bobs_replica.stop_thread(ReplicaThread::Applier).unwrap();
    assert!(named(&four.topology(), None, "has stopped doing so").await.contains("picup db replica status"));
    let status = until(&four.topology(), |status| status.channels[1].recovery_point == Some(beat)).await;
    assert!(status.channels[0].healthy && status.channels[1].lag > Some(Duration::from_secs(1_000_000)), "{status:#?}");
    // No copy is newer than now, whatever a clock has said.
    let before = Timestamp::from_micros(beat.micros() - 90_000_000);
    let bob = four.topology().status(before).await.unwrap().channels.remove(1);
    assert_eq!((bob.recovery_point, bob.lag), (None, None));
    assert!(bob.findings.iter().any(|finding| finding.what.contains("is 90 s in the future")), "{:#?}", bob.findings);
    four.bobs_replica.start_thread(ReplicaThread::Applier).unwrap();
    four.is_healthy().await;
}

/// Ada's home dies and comes back, and then her channel is stopped: what Bob's home writes comes all the while.
async fn one_is_lost_and_the_other_goes_on(four: &mut Four, bob: &Writes) {
    four.ada.kill().unwrap();
    until(&four.topology(), |status| !status.channels[0].healthy && status.channels[1].healthy).await;
    comes_all_the_same(four, bob).await;
    four.ada.start_again().unwrap();
    let stop = if is_mysql() { "STOP REPLICA FOR CHANNEL 'ada'" } else { "STOP SLAVE 'ada'" };
    four.off_site.say(stop).unwrap();
    let remedy = named(&four.topology(), None, "applies is stopped").await;
    comes_all_the_same(four, bob).await;
    four.of_ada = Database::open(&Settings::mysql(four.ada.url("picup")), Metrics::default()).await.unwrap();
    write(&four.of_ada, 500_000).await;
    four.off_site.say(remedy.strip_prefix("let it go on: ").unwrap()).unwrap();
    four.is_healthy().await;
    four.assert_equal().await;
}

async fn comes_all_the_same(four: &Four, bob: &Writes) {
    bob.more(5).await;
    let written = written(&four.bob);
    while applied(&four.off_site, &four.bob) < written {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The run book: Ada's home is lost, and its copy becomes a home's database again.
async fn a_copy_becomes_a_home(four: &Four) {
    four.has_adas().await;
    let release = if is_mysql() {
        "STOP REPLICA FOR CHANNEL 'ada'; RESET REPLICA ALL FOR CHANNEL 'ada'"
    } else {
        "STOP SLAVE 'ada'; RESET SLAVE 'ada' ALL"
    };
    four.off_site.say(release).unwrap();
    // MySQL's dump tool is not there.
    if !is_mysql() {
        four.bob.say("CREATE DATABASE again").unwrap();
        let at = |server: &DatabaseServer| {
            format!("--no-defaults --user=root --host=127.0.0.1 --port={}", server.address().port())
        };
        let dump = format!(
            "mariadb-dump {} --single-transaction --no-create-db home_ada | mariadb {} again",
            at(&four.off_site),
            at(&four.bob)
        );
        let dumped = std::process::Command::new("bash").args(["-o", "pipefail", "-c", &dump]).status().unwrap();
        assert!(dumped.success());
        let database = Database::open(&Settings::mysql(four.bob.url("again")), Metrics::default()).await.unwrap();
        write(&database, 2_000_000).await;
    }
    let refused = four.topology().rebuild("ada", false, &mut new_password(), &mut |_| ()).await;
    assert!(objections(refused).contains("it follows nobody there"));
    let told = objections(apply(&four.topology()).await);
    assert!(told.contains("there are tables in home_ada already"), "{told}");
    let status = four.topology().status(NOW).await.unwrap();
    assert!(!status.channels[0].healthy && status.channels[1].healthy, "{status:#?}");
    // The home has a database again.
    four.off_site.say(told.trim_end().rsplit_once("empty place: ").unwrap().1).unwrap();
    apply_one(&four.topology(), "ada").await.unwrap();
    four.is_healthy().await;
    four.assert_equal().await;
}

/// A table that is named with its schema, from another one or none, is not taken for the copy's.
async fn what_is_done_from_elsewhere_is_left_out(four: &Four) {
    four.ada.say("CREATE TABLE picup.left_out (id INT NOT NULL PRIMARY KEY)").unwrap();
    let compared = four.topology().verify("ada", PATIENCE).await.unwrap();
    let differing: Vec<_> = compared.tables.iter().filter(|table| !table.is_equal()).map(|one| &one.table).collect();
    assert_eq!(differing, ["left_out"]);
    four.ada.say("DROP TABLE picup.left_out").unwrap();
    four.assert_equal().await;
}

/// What reaches the other copies at once can still be had from it.
async fn a_delayed_copy_keeps_what_is_dropped(four: &Four) {
    let mut topology = four.topology();
    four.has_adas().await;
    topology.channels[0].delay = 3_600;
    apply(&topology).await.unwrap();
    four.ada.say("USE picup; CREATE TABLE more (id INT NOT NULL PRIMARY KEY) ENGINE = InnoDB").unwrap();
    write(&four.of_ada, 1_000_000).await;
    while !holds_back(&four.off_site, "ada", &four.ada) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until(&topology, |status| status.healthy).await;
    // What is not asked for that long is cut off by the server.
    four.ada.say("SET GLOBAL wait_timeout = 1").unwrap();
    topology.channels[0].delay = 3;
    apply(&topology).await.unwrap();
    write(&four.of_ada, 1_000_001).await;
    assert!(topology.verify("ada", PATIENCE).await.unwrap().is_equal());
    topology.channels[0].delay = 0;
    apply(&topology).await.unwrap();
    four.has_adas().await;
    assert!(topology.verify("ada", PATIENCE).await.unwrap().tables.iter().any(|table| table.table == "more"));
    four.is_healthy().await;
    four.assert_equal().await;
}

pub(crate) async fn apply_one(topology: &Topology, channel: &str) -> Result<(), Error> {
    topology.apply(Some(channel), &mut new_password(), &mut |_| ()).await.map(drop)
}
