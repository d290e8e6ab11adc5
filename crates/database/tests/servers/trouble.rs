//! Everything that stops a replica: named by its number or its words, and mended by what is advised.

use std::time::Duration;

use picup_database::Database;
use picup_database::servers::Topology;
use picup_testkit::DatabaseServer;

use crate::engine;
use crate::replica::{assert_equal, empty_server, is_healthy, rebuild};
use crate::writes::write;
use crate::{NOW, PATIENCE, apply, home, named, objections, replica_of};

/// As an administrator who insists.
pub(crate) fn write_on(replica: &DatabaseServer, sql: &str) {
    let open = if engine::is_mysql() { "SET GLOBAL super_read_only = OFF; " } else { "" };
    replica.say(&format!("{open}{sql}")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_goes_wrong_is_named_and_mended() {
    let (primary, database) = home(1, &[]).await;
    let replica = empty_server(2);
    let mut topology = replica_of(&primary, &replica);
    write(&database, 0).await;
    // The source's log was just turned on and has nothing yet; the replica's has what its administrator did there.
    primary.say(engine::forget_log()).unwrap();
    replica.say("CREATE USER somebody; CREATE DATABASE blog").unwrap();
    assert!(objections(apply(&topology).await).contains("there are other databases (blog)"));
    replica.say("DROP DATABASE blog").unwrap();
    apply(&topology).await.unwrap();
    write(&database, 1).await;
    is_healthy(&topology).await;

    for (thread, does) in [("SQL_THREAD", "applies"), ("IO_THREAD", "receives")] {
        replica.say(&format!("STOP {} {thread}", engine::replica())).unwrap();
        let remedy = named(&topology, None, &format!("{does} is stopped")).await;
        replica.say(remedy.strip_prefix("let it go on: ").unwrap()).unwrap();
        is_healthy(&topology).await;
    }
    primary.say("SET sql_log_bin = 0; ALTER USER picup_replica_2@'%' IDENTIFIED BY 'another'").unwrap();
    replica.say(&format!("STOP {0}; START {0}", engine::replica())).unwrap();
    assert!(named(&topology, Some(1045), "does not let it in").await.contains("picup db replica apply"));
    apply(&topology).await.unwrap();
    is_healthy(&topology).await;

    an_account_without_its_rights(&primary, &replica, &mut topology).await;
    an_account_that_is_there_already(&primary, &replica, &topology).await;
    a_row_that_was_changed(&replica, &topology, &database).await;
    a_row_that_is_there_already(&replica, &topology, &database).await;
    received_and_damaged(&replica, &topology, &database).await;
    logs_that_are_gone(&primary, &replica, &topology, &database).await;
    a_primary_that_knows_less(&primary, &replica, &topology, &database).await;

    topology.channels[0].semi_sync = true;
    assert!(!named(&topology, None, "does not wait for it").await.is_empty());
    apply(&topology).await.unwrap();
    is_healthy(&topology).await;
    assert!(apply(&topology).await.unwrap().steps.is_empty());
    write(&database, 9).await;
    let waited = primary.say("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_%_yes_tx'").unwrap();
    assert!(waited.contains("yes_tx\t") && !waited.ends_with("\t0"), "{waited}");
    assert_equal(&topology).await;
}

async fn an_account_without_its_rights(primary: &DatabaseServer, replica: &DatabaseServer, topology: &mut Topology) {
    let again = format!("STOP {0}; START {0}", engine::replica());
    primary.say("SET sql_log_bin = 0; REVOKE REPLICATION SLAVE ON *.* FROM picup_replica_2@'%'").unwrap();
    replica.say(&again).unwrap();
    let number = if engine::is_mysql() { 13_120 } else { 1597 };
    assert!(named(topology, Some(number), "does not let it in").await.contains("picup db replica apply"));
    apply(topology).await.unwrap();
    is_healthy(topology).await;
    // It is to come from one place alone.
    topology.channels[0].from = "127.0.0.1".to_owned();
    assert!(!apply(topology).await.unwrap().steps.is_empty());
    primary.say("SET sql_log_bin = 0; DROP USER picup_replica_2@'%'").unwrap();
    replica.say(&again).unwrap();
    is_healthy(topology).await;
    assert!(apply(topology).await.unwrap().steps.is_empty());
}

async fn an_account_that_is_there_already(primary: &DatabaseServer, replica: &DatabaseServer, topology: &Topology) {
    let unfiltered = if engine::is_mysql() {
        "STOP REPLICA; CHANGE REPLICATION FILTER REPLICATE_WILD_DO_TABLE = (); START REPLICA"
    } else {
        "STOP SLAVE; SET GLOBAL replicate_wild_do_table = ''; START SLAVE"
    };
    write_on(replica, &format!("SET sql_log_bin = 0; CREATE USER twice; {unfiltered}"));
    let remedy = named(topology, None, "lost its filter").await;
    assert!(remedy.contains("replicate-wild-do-table=picup.%"), "{remedy}");
    primary.say("CREATE USER twice").unwrap();
    assert!(named(topology, Some(1396), "an account was made").await.contains("picup db replica apply"));
    apply(topology).await.unwrap();
    is_healthy(topology).await;
    replica.catch_up_with(primary).unwrap();
    if engine::is_mysql() {
        write_on(replica, "DO 0");
        let open = topology.status(NOW).await.unwrap().findings;
        assert!(open.iter().any(|finding| finding.what.contains("super_read_only is OFF")), "{open:?}");
    }
}

async fn a_row_that_was_changed(replica: &DatabaseServer, topology: &Topology, database: &Database) {
    write_on(replica, "SET GLOBAL read_only = OFF; UPDATE picup.accounts SET used_bytes = 99 LIMIT 1");
    let differing = topology.verify("", PATIENCE).await.unwrap();
    let differing: Vec<_> =
        differing.tables.iter().filter(|table| !table.is_equal()).map(|table| &table.table).collect();
    assert_eq!(differing, ["accounts"]);
    // All that it may be asked say the same, and that does it.
    let command = "picup db replica rebuild --config replica.toml --discard-writes";
    for words in ["written on the copy itself (", "read_only is OFF"] {
        let remedy = named(topology, None, words).await;
        assert!(remedy.ends_with(command), "{remedy}");
    }
    let told = objections(apply(topology).await);
    assert!(told.contains("writes of its own (") && told.trim_end().ends_with(command), "{told}");
    write(database, 1).await;
    if !engine::is_mysql() {
        // It has taken the number of the primary's next transaction.
        assert!(named(topology, Some(1950), "does not go together").await.contains("picup db replica rebuild"));
    }
    let told = objections(rebuild(topology, false).await);
    assert!(told.contains("read_only is OFF, as on a primary"), "{told}");
    assert!(told.lines().count() == 2 && told.lines().all(|line| line.ends_with(command)), "{told}");
    rebuild(topology, true).await.unwrap();
    is_healthy(topology).await;
    assert_equal(topology).await;
}

async fn a_row_that_is_there_already(replica: &DatabaseServer, topology: &Topology, database: &Database) {
    let next = "INSERT INTO picup.events (position, kind, payload, created_at) \
                SELECT last + 1, 'mine', '', 1 FROM picup.sequences WHERE name = 'events'";
    write_on(replica, &format!("SET sql_log_bin = 0; {next}"));
    write(database, 1).await;
    assert!(named(topology, Some(1062), "somebody wrote on the copy").await.contains("picup db replica rebuild"));
    rebuild(topology, false).await.unwrap();
    is_healthy(topology).await;
    assert_equal(topology).await;
}

/// What it has received and not applied is no log any more.
async fn received_and_damaged(replica: &DatabaseServer, topology: &Topology, database: &Database) {
    replica.say(&format!("STOP {} SQL_THREAD", engine::replica())).unwrap();
    write(database, 3).await;
    for file in std::fs::read_dir(replica.data()).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.contains("relay-bin.0") {
            std::fs::write(&path, [0xff; 4_096]).unwrap();
        }
    }
    replica.say(&format!("START {} SQL_THREAD", engine::replica())).unwrap();
    let number = if engine::is_mysql() { 13_117 } else { 1593 };
    let remedy = named(topology, Some(number), "what it had received is damaged").await;
    replica.say(&remedy).unwrap();
    is_healthy(topology).await;
    assert_equal(topology).await;
}

async fn logs_that_are_gone(
    primary: &DatabaseServer,
    replica: &DatabaseServer,
    topology: &Topology,
    database: &Database,
) {
    replica.say(&format!("STOP {}", engine::replica())).unwrap();
    write(database, 2).await;
    primary.say("FLUSH BINARY LOGS").unwrap();
    write(database, 3).await;
    // Logs that somebody is still sent stay.
    while primary.say("SHOW BINARY LOGS").unwrap().lines().count() > 1 {
        primary.say("FLUSH BINARY LOGS; PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY").unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    replica.say(&format!("START {}", engine::replica())).unwrap();
    let number = if engine::is_mysql() { 13_114 } else { 1236 };
    assert!(named(topology, Some(number), "no longer has the binary logs").await.contains("picup db replica rebuild"));
    rebuild(topology, false).await.unwrap();
    is_healthy(topology).await;
    assert_equal(topology).await;
}

/// As when it was set back to an older state.
async fn a_primary_that_knows_less(
    primary: &DatabaseServer,
    replica: &DatabaseServer,
    topology: &Topology,
    database: &Database,
) {
    replica.say(&format!("STOP {}", engine::replica())).unwrap();
    primary.say(engine::forget_log()).unwrap();
    let status = topology.status(NOW).await.unwrap();
    assert!(status.channels[0].recovery_point.is_none() && status.channels[0].lag.is_none(), "{status:#?}");
    write(database, 4).await;
    replica.say(&format!("START {}", engine::replica())).unwrap();
    let number = if engine::is_mysql() { 13_114 } else { 1236 };
    assert!(named(topology, Some(number), "source does not have").await.contains("all that is left"));
    rebuild(topology, true).await.unwrap();
    is_healthy(topology).await;
    assert_equal(topology).await;
}
