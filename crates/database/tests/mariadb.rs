//! What only a server can do to PicUp: end its connections, be told to forget, migrate by steps; and that its tables are SQLite's.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeSet;
use std::time::Duration;

use picup_database::{Alone, Claim, Database, Error, Metrics, Part, Place, Server, Settings};
use picup_domain::Timestamp;
use picup_testkit::DatabaseServer;
use sqlx::{AnyConnection, Connection, Row};

/// A server with an empty database.
fn server(options: &[&str]) -> DatabaseServer {
    let server = DatabaseServer::start(options).unwrap();
    server.say("CREATE DATABASE picup").unwrap();
    server
}

async fn open(server: &DatabaseServer) -> Result<Database, Error> {
    Database::open(&Settings::mysql(server.url("picup")), Metrics::default()).await
}

async fn append(database: &Database) -> Result<(), Error> {
    let mut tx = database.write().await?;
    tx.event_append("a", None, "", Timestamp::from_micros(1)).await?;
    tx.commit().await
}

async fn latest(database: &Database) -> Result<i64, Error> {
    database.read().await?.event_latest().await
}

/// What a table has, a line each: its columns, with whether they may be NULL, and its indexes, with their columns in order. Types
/// are each engine's own.
const ON_THE_SERVER: &str = "SELECT CONCAT(table_name, '.', column_name, ' ', is_nullable = 'YES') \
     FROM information_schema.columns WHERE table_schema = 'picup' \
     UNION ALL SELECT CONCAT(table_name, ' ', index_name, ' ', non_unique = 0, ' ', GROUP_CONCAT(column_name ORDER BY seq_in_index)) \
     FROM information_schema.statistics WHERE table_schema = 'picup' AND index_name <> 'PRIMARY' GROUP BY table_name, index_name, non_unique";
const IN_THE_FILE: &str = "SELECT t.name || '.' || c.name || ' ' || (1 - c.\"notnull\") AS line \
     FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' \
     UNION ALL SELECT t.name || ' ' || i.name || ' ' || i.\"unique\" || ' ' || \
     (SELECT GROUP_CONCAT(name) FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) \
     FROM sqlite_schema t JOIN pragma_index_list(t.name) i WHERE t.type = 'table' AND i.origin = 'c'";

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_and_indexes() {
    let server = server(&[]);
    open(&server).await.unwrap();
    let there: BTreeSet<String> = server.say(ON_THE_SERVER).unwrap().lines().map(str::to_owned).collect();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picup.db");
    Database::open(&Settings::sqlite(&path), Metrics::default()).await.unwrap();
    let mut file = AnyConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let rows = sqlx::query(IN_THE_FILE).fetch_all(&mut file).await.unwrap();
    let here: BTreeSet<String> = rows.iter().map(|row| row.get("line")).collect();

    // Foreign keys bring indexes of their own, and the steps of a migration are noted on servers alone.
    let own = |line: &&String| line.contains("_ibfk_") || line.starts_with("schema_steps");
    let only_there: Vec<_> = there.difference(&here).filter(|line| !own(line)).collect();
    let only_here: Vec<_> = here.difference(&there).collect();
    assert!(here.len() > 100 && only_there.is_empty() && only_here.is_empty(), "{only_there:#?} {only_here:#?}");
}

#[tokio::test]
async fn connections_that_the_server_ends_are_replaced() {
    let server = server(&[]);
    let database = open(&server).await.unwrap();
    append(&database).await.unwrap();
    latest(&database).await.unwrap();
    // Longer than a connection is trusted without a question.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let ended = "SELECT GROUP_CONCAT(CONCAT('KILL ', id) SEPARATOR '; ') FROM information_schema.processlist WHERE db = 'picup'";
    server.say(&server.say(ended).unwrap()).unwrap();
    append(&database).await.unwrap();
    assert_eq!(latest(&database).await.unwrap(), 2);
}

#[tokio::test]
async fn one_that_reads_cannot_write() {
    let server = server(&[]);
    let database = open(&server).await.unwrap();
    let mut read = database.read().await.unwrap();
    read.event_latest().await.unwrap();
    let readers = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_is_read_only = 1";
    assert_eq!(server.say(readers).unwrap(), "1");
}

#[tokio::test]
async fn a_migration_that_was_cut_off_goes_on_and_a_newer_schema_is_refused() {
    let server = server(&[]);
    open(&server).await.unwrap().close().await;
    let whole = server.say(ON_THE_SERVER).unwrap();
    // As one leaves it that died in the second migration, after an index was made and before that was noted.
    let steps: u32 = server.say("SELECT done FROM picup.schema_steps WHERE version = 2").unwrap().parse().unwrap();
    let cut = format!(
        "USE picup; DELETE FROM schema_versions WHERE version >= 2; DELETE FROM schema_steps WHERE version = 3; \
         UPDATE schema_steps SET done = {} WHERE version = 2; \
         DROP INDEX assets_state ON assets; DROP INDEX assets_motion_state ON assets",
        steps - 1
    );
    server.say(&cut).unwrap();
    let database = open(&server).await.unwrap();
    append(&database).await.unwrap();
    assert_eq!(
        server.say(ON_THE_SERVER).unwrap().lines().collect::<BTreeSet<_>>(),
        whole.lines().collect::<BTreeSet<_>>()
    );

    server.say("INSERT INTO picup.schema_versions VALUES (99)").unwrap();
    assert!(matches!(open(&server).await, Err(Error::NewerSchema { found: 99, .. })));
    let schema = database.check_at_a_glance().await.into_iter().find(|check| check.name == "database schema").unwrap();
    assert!(!schema.ok && schema.advice.contains("newer"), "{schema:?}");
}

#[tokio::test]
async fn two_that_migrate_at_once_wait_for_each_other() {
    let server = server(&[]);
    let (one, two, three) = tokio::join!(open(&server), open(&server), open(&server));
    for database in [one, two, three] {
        append(&database.unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_may_lose_commits_is_told_of() {
    let server = server(&["--log-bin=bin", "--sync-binlog=1"]);
    let database = open(&server).await.unwrap();
    let ill = async || {
        let checks = database.check().await;
        assert_eq!(checks.len(), 5, "{checks:?}");
        checks.into_iter().filter(|check| !check.ok).map(|check| check.advice).collect::<Vec<_>>()
    };
    assert_eq!(ill().await, [""; 0]);
    for (setting, good) in [("sync_binlog", 1), ("innodb_flush_log_at_trx_commit", 1)] {
        server.say(&format!("SET GLOBAL {setting} = 0")).unwrap();
        let told = ill().await;
        assert!(told.len() == 1 && told[0].contains(setting), "{told:?}");
        server.say(&format!("SET GLOBAL {setting} = {good}")).unwrap();
    }
}

#[tokio::test]
async fn a_server_that_is_away_or_refuses_is_an_error_and_not_a_wait() {
    let server = server(&[]);
    let url = server.url("picup");
    let begun = std::time::Instant::now();
    let refused = Database::open(&Settings::mysql(url.replace("root", "nobody")), Metrics::default()).await;
    assert!(matches!(refused, Err(Error::Engine(_))), "{:?}", refused.err());
    drop(server);
    let away = Database::open(&Settings::mysql(url), Metrics::default()).await;
    assert!(matches!(away, Err(Error::Lost(_))), "{:?}", away.err());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_change_and_no_transaction_notices() {
    let server = server(&[]);
    for user in ["first", "second"] {
        let made = format!("CREATE USER {user}@'%' IDENTIFIED BY 'of {user}'; GRANT ALL ON picup.* TO {user}@'%'");
        server.say(&made).unwrap();
    }
    let first = Server { url: server.url("picup").replace("root", "first"), password: Some("of first".to_owned()) };
    let settings = Settings { place: Place::MySql(first), ..Settings::mysql("") };
    let database = Database::open(&settings, Metrics::default()).await.unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let workers: Vec<_> = (0..6)
        .map(|number| {
            let (database, stopped) = (database.clone(), stopped.clone());
            tokio::spawn(async move {
                let mut done = 0;
                while !*stopped.borrow() {
                    match number {
                        0 => append(&database).await.unwrap(),
                        _ => drop(latest(&database).await.unwrap()),
                    }
                    done += 1;
                }
                done
            })
        })
        .collect();

    let refused = database.sign_in_as(Some("second"), "of nobody").await;
    assert!(matches!(refused, Err(Error::Engine(_))), "{refused:?}");
    database.sign_in_as(Some("second"), "of second").await.unwrap();
    let left = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'first'";
    let begun = std::time::Instant::now();
    while server.say(left).unwrap() != "0" {
        assert!(begun.elapsed() < Duration::from_secs(30), "old connections stay");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.say("DROP USER first@'%'").unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.send(true).unwrap();
    for worker in workers {
        assert!(worker.await.unwrap() > 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_serves_from_a_database_also_after_the_server_was_away() {
    // Shorter than anybody waits: a connection that only holds a lock would be ended.
    let mut server = server(&["--wait-timeout=2"]);
    let settings = Settings::mysql(server.url("picup"));
    let database = open(&server).await.unwrap();
    let claim = Claim::make(&settings, &Part::All).await.unwrap();
    let kept = tokio::spawn({
        let database = database.clone();
        async move { claim.keep(&database).await }
    });
    let refused = Claim::make(&settings, &Part::All).await;
    assert!(matches!(&refused, Err(Error::Place(why)) if why.contains("another PicUp")), "{refused:?}");

    let holder = "SELECT IS_USED_LOCK(SHA2('picup.picup.serve', 224))";
    let before = server.say(holder).unwrap();
    server.say(&format!("KILL {before}")).unwrap();
    claimed(&server, holder, &before).await;
    server.kill().unwrap();
    server.start_again().unwrap();
    claimed(&server, holder, "NULL").await;
    assert!(!kept.is_finished());

    // Another one waits for it, and has it as soon as this one's connection ends: this one is told.
    let mut other = AnyConnection::connect(&server.url("picup")).await.unwrap();
    let waits = tokio::spawn(async move {
        sqlx::raw_sql("SELECT GET_LOCK(SHA2('picup.picup.serve', 224), 20)").execute(&mut other).await.unwrap();
        other
    });
    let waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT GET_LOCK%'";
    while server.say(waiting).unwrap() == "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.say(&format!("KILL {}", server.say(holder).unwrap())).unwrap();
    let _other = waits.await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), kept).await.unwrap().unwrap();
}

#[tokio::test]
async fn several_processes_serve_together_one_of_them_as_the_worker_and_none_beside_one_that_does_all() {
    let server = server(&[]);
    let settings = Settings::mysql(server.url("picup"));
    let make = async |part: &Part| Claim::make(&settings, part).await;
    let refused = async |part: &Part| match make(part).await {
        Err(Error::Place(why)) => why,
        other => panic!("{other:?}"),
    };
    let [requests, alone, work, both] =
        [vec![], vec![Alone::Requests], vec![Alone::Work], vec![Alone::Requests, Alone::Work]].map(Part::Some);
    let parts = (make(&requests).await.unwrap(), make(&requests).await.unwrap(), make(&work).await.unwrap());
    assert!(refused(&work).await.contains("is the worker"));
    assert!(refused(&Part::All).await.contains("--roles api"));
    drop(parts);
    let all = make(&Part::All).await.unwrap();
    for part in [&requests, &alone, &work, &both] {
        assert!(refused(part).await.contains("plays all roles"));
    }
    drop(all);
    let one = make(&alone).await.unwrap();
    assert!(refused(&both).await.contains("in a folder"));
    drop(one);
    make(&both).await.unwrap();
}

async fn claimed(server: &DatabaseServer, holder: &str, not: &str) {
    let begun = std::time::Instant::now();
    loop {
        let now = server.say(holder).unwrap();
        if now != "NULL" && now != not {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it is not claimed again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
