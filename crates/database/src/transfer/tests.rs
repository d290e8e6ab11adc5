//! What only shows from inside: older schemas, what stands in the way, a copy that was meddled with, single bits.

use std::path::PathBuf;

use picup_testkit::{DatabaseServer, TempDir, fresh_folder};

use super::*;
use crate::copy::tests::{fill, new_file, sums_of};
use crate::copy::{Tables, empty};
use crate::{Database, Metrics, Place, Settings};

fn on(_: Stage, _: Progress<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn about() -> About {
    About { made_at: picup_domain::Timestamp::from_micros(1_700_000_000_000_000), version: "1.2.3".to_owned() }
}

/// A library in a file, and what is in it.
async fn library_in(folder: &TempDir, name: &str) -> (PathBuf, Vec<TableSum>) {
    let tables = Tables::newest().await.unwrap();
    let mut file = new_file(folder, name).await;
    fill(&mut file, &tables).await;
    let sums = sums_of(&mut file, &tables).await;
    file.close().await.unwrap();
    (folder.path().join(name), sums)
}

fn database(server: &DatabaseServer, name: &str) -> Server {
    server.say(&format!("CREATE DATABASE {name}")).unwrap();
    Server { url: server.url(name), password: None }
}

async fn sums_on(server: &Server) -> Vec<TableSum> {
    sums_of(&mut open_server(server).await.unwrap(), &Tables::newest().await.unwrap()).await
}

async fn sums_in(file: &Path) -> Vec<TableSum> {
    sums_of(&mut open_file(file, "mode=rw").await.unwrap(), &Tables::newest().await.unwrap()).await
}

#[tokio::test]
async fn an_older_schema_is_backed_up_as_it_is_and_restored_as_the_newest() {
    let (folder, server) = (fresh_folder(), DatabaseServer::start(&[]).unwrap());
    let old = folder.path().join("old.db");
    std::fs::write(&old, "").unwrap();
    let mut file = open_file(&old, "mode=rw").await.unwrap();
    migrations::at_once(&mut file, Dialect::Sqlite, 2).await.unwrap();
    fill(&mut file, &Tables::of_schema(2).await.unwrap()).await;
    file.close().await.unwrap();
    let kept = folder.path().join("kept.db");
    let made = backup(&Place::Sqlite(old.clone()), &kept, &about(), &mut on).await.unwrap();
    assert!(made.tables.iter().all(|sum| sum.table != "heartbeat" && sum.rows > 0), "{:#?}", made.tables);
    let there = database(&server, "there");
    let refused = copy_to(&old, &there, &mut on).await.unwrap_err();
    assert!(matches!(refused, Error::OlderSchema { found: 2, .. }), "{refused:?}");

    // What this PicUp makes of the old file itself.
    Database::open(&Settings::sqlite(&old), Metrics::default()).await.unwrap().close().await;
    let expected = sums_in(&old).await;
    let back = folder.path().join("back.db");
    let restored = restore(&kept, &Place::Sqlite(back.clone()), folder.path(), &mut on).await.unwrap();
    assert_eq!((restored.about, sums_in(&back).await), (about(), expected.clone()));
    let restored = restore(&kept, &Place::MySql(there.clone()), folder.path(), &mut on).await.unwrap();
    assert_eq!((restored.by, sums_on(&there).await), (By::Copying, expected));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_str().unwrap().contains(".part")), "{left:?}");
    Database::open(&Settings::mysql(&there.url), Metrics::default()).await.unwrap().close().await;
}

#[tokio::test]
async fn what_is_there_already_is_left_alone() {
    let (folder, server) = (fresh_folder(), DatabaseServer::start(&[]).unwrap());
    let (ours, sums) = library_in(&folder, "ours.db").await;
    let shared = database(&server, "shared");
    server.say("CREATE TABLE shared.notes (id INT); INSERT INTO shared.notes VALUES (7)").unwrap();
    let refused = copy_to(&ours, &shared, &mut on).await.unwrap_err();
    assert!(matches!(&refused, Error::Occupied(what) if what.contains("other things")), "{refused:?}");
    assert_eq!(server.say("SHOW TABLES FROM shared; SELECT id FROM shared.notes").unwrap(), "notes\n7");

    let served = database(&server, "served");
    let settings = Settings { place: Place::MySql(served.clone()), ..Settings::mysql("") };
    let claim = crate::Claim::make(&settings, &crate::Part::All).await.unwrap();
    let refused = copy_to(&ours, &served, &mut on).await.unwrap_err();
    assert!(matches!(&refused, Error::Occupied(what) if what.contains("is serving")), "{refused:?}");
    assert_eq!(server.say("SHOW TABLES FROM served").unwrap(), "");
    drop(claim);

    // Two at once: one copies, the other finds it done.
    let there = database(&server, "there");
    let (mut a, mut b) = (on, on);
    let (one, other) = tokio::join!(copy_to(&ours, &there, &mut a), async {
        let second = folder.path().join("second.db");
        std::fs::copy(&ours, &second).unwrap();
        copy_to(&second, &there, &mut b).await
    });
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!([&one.tables, &other.tables], [&sums, &sums]);
    assert!([one.by, other.by].contains(&By::Copying) && [one.by, other.by].contains(&By::Looking), "{one:?}");

    let (another, _) =
        (folder.path().join("another.db"), std::fs::copy(&ours, folder.path().join("another.db")).unwrap());
    let mut file = open_file(&another, "mode=rw").await.unwrap();
    file.execute("UPDATE accounts SET created_at = 1 - rowid").await.unwrap();
    file.close().await.unwrap();
    let refused = copy_to(&another, &there, &mut on).await.unwrap_err();
    assert!(matches!(&refused, Error::Occupied(what) if what.contains("another library")), "{refused:?}");
    server.say("UPDATE there.accounts SET name = 'Changed since'").unwrap();
    let refused = copy_to(&ours, &there, &mut on).await.unwrap_err();
    assert!(matches!(&refused, Error::Occupied(what) if what.contains("changed since")), "{refused:?}");
}

#[tokio::test]
async fn a_backup_of_a_server_that_shows_whatever_is_newest_is_one_moment_all_the_same() {
    let (folder, server) =
        (fresh_folder(), DatabaseServer::start(&["--transaction-isolation=READ-COMMITTED"]).unwrap());
    let (ours, sums) = library_in(&folder, "ours.db").await;
    let there = database(&server, "there");
    copy_to(&ours, &there, &mut on).await.unwrap();
    let mut changes = 0;
    let mut change = |stage, _: Progress<'_>| {
        if stage == Stage::Copying {
            changes += 1;
            let change = "UPDATE there.events SET kind = 'later'; UPDATE there.jobs SET attempts = 0 LIMIT 1; \
                 INSERT INTO there.events (position, kind, payload, created_at) VALUES";
            server.say(&format!("{change} ({}, 'a', '', 0)", 1_000_000 + changes)).unwrap();
        }
        ControlFlow::Continue(())
    };
    let kept = folder.path().join("kept.db");
    let made = backup(&Place::MySql(there.clone()), &kept, &about(), &mut change).await.unwrap();
    assert!(changes > 10 && sums_on(&there).await != sums, "{changes}");
    assert_eq!(made.tables, sums);
}

/// Ends a copy at the first page of a stage.
async fn cut(file: &Path, there: &Server, at: Stage) {
    let mut watch =
        |stage, _: Progress<'_>| if stage == at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    assert!(matches!(copy_to(file, there, &mut watch).await, Err(Error::Interrupted)));
}

#[tokio::test]
async fn an_unfinished_copy_is_no_database_and_goes_on_as_long_as_its_source_is_the_same() {
    let (folder, server) = (fresh_folder(), DatabaseServer::start(&[]).unwrap());
    let (ours, sums) = library_in(&folder, "ours.db").await;
    let there = database(&server, "there");
    cut(&ours, &there, Stage::Copying).await;
    for refused in [
        Database::open(&Settings::mysql(&there.url), Metrics::default()).await.err().unwrap(),
        Database::open_to_look(&Settings::mysql(&there.url)).await.err().unwrap(),
        backup(&Place::MySql(there.clone()), &folder.path().join("b"), &about(), &mut on).await.unwrap_err(),
    ] {
        assert!(matches!(refused, Error::Unfinished), "{refused:?}");
    }
    let (another, _) = library_in(&folder, "another.db").await;
    let mut file = open_file(&another, "mode=rw").await.unwrap();
    file.execute("UPDATE accounts SET created_at = 1 - rowid").await.unwrap();
    file.close().await.unwrap();
    let refused = copy_to(&another, &there, &mut on).await.unwrap_err();
    assert!(matches!(&refused, Error::Occupied(what) if what.contains("unfinished copy of another")), "{refused:?}");

    // Rows that somebody changed meanwhile are seen at the end, and the run after that begins anew.
    cut(&ours, &there, Stage::Verifying).await;
    server.say("UPDATE there.events SET kind = 'x' LIMIT 1").unwrap();
    let differs = copy_to(&ours, &there, &mut on).await.unwrap_err();
    assert!(matches!(&differs, Error::Differs(table) if table == "events"), "{differs:?}");
    cut(&ours, &there, Stage::Verifying).await;
    let done = copy_to(&ours, &there, &mut on).await.unwrap();
    assert_eq!((done.by, &done.tables), (By::GoingOn, &sums));

    // A source that has changed since is copied anew, whatever is there of the one before.
    let again = database(&server, "again");
    cut(&ours, &again, Stage::Verifying).await;
    let mut file = open_file(&ours, "mode=rw").await.unwrap();
    file.execute("UPDATE assets SET description = 'after the cut' WHERE id = (SELECT MIN(id) FROM assets)")
        .await
        .unwrap();
    file.close().await.unwrap();
    let done = copy_to(&ours, &again, &mut on).await.unwrap();
    assert_eq!((done.by, sums_on(&again).await), (By::Copying, sums_in(&ours).await));
    assert_ne!(done.tables, sums);
}

#[tokio::test]
async fn a_copy_is_found_though_its_connection_ends_while_the_file_is_read() {
    let (folder, server) = (fresh_folder(), DatabaseServer::start(&[]).unwrap());
    let (ours, sums) = library_in(&folder, "ours.db").await;
    let there = database(&server, "there");
    copy_to(&ours, &there, &mut on).await.unwrap();
    let mut passed = 0;
    let mut cut = |_, progress: Progress<'_>| {
        passed += u32::from(progress.rows == progress.all);
        if passed == 1 && progress.rows == progress.all {
            let ours = "SELECT GROUP_CONCAT(id) FROM information_schema.processlist WHERE db = 'there'";
            server.say(&format!("KILL {}", server.say(ours).unwrap())).unwrap();
        }
        ControlFlow::Continue(())
    };
    let found = copy_to(&ours, &there, &mut cut).await.unwrap();
    assert_eq!((found.by, found.tables, passed), (By::Looking, sums, 2));
}

/// Changes one bit of a name in a backup as soon as it was read whole.
fn meddle(kept: PathBuf) -> impl FnMut(Stage, Progress<'_>) -> ControlFlow<()> + Send {
    let mut done = false;
    move |stage, progress| {
        if !done && stage == Stage::Verifying && progress.rows == progress.all {
            let mut bytes = std::fs::read(&kept).unwrap();
            let name = bytes.windows(NAME.len()).position(|part| part == NAME.as_bytes()).unwrap();
            bytes[name] ^= 1;
            std::fs::write(&kept, bytes).unwrap();
            done = true;
        }
        ControlFlow::Continue(())
    }
}

const NAME: &str = "A name that is found";

#[tokio::test]
async fn what_is_restored_is_what_was_read() {
    let (folder, server) = (fresh_folder(), DatabaseServer::start(&[]).unwrap());
    for (schema, name) in [(2, "older"), (migrations::LATEST, "newest")] {
        let there = database(&server, name);
        let (ours, kept) = (folder.path().join(format!("{schema}.db")), folder.path().join(format!("{schema}.kept")));
        std::fs::write(&ours, "").unwrap();
        let mut file = open_file(&ours, "mode=rw").await.unwrap();
        migrations::at_once(&mut file, Dialect::Sqlite, schema).await.unwrap();
        fill(&mut file, &Tables::of_schema(schema).await.unwrap()).await;
        file.execute(sqlx::AssertSqlSafe(format!("UPDATE accounts SET name = '{NAME}'"))).await.unwrap();
        file.close().await.unwrap();
        backup(&Place::Sqlite(ours), &kept, &about(), &mut on).await.unwrap();
        let place = Place::MySql(there.clone());
        let refused = restore(&kept, &place, folder.path(), &mut meddle(kept.clone())).await.unwrap_err();
        assert!(matches!(&refused, Error::NotABackup { .. } | Error::Differs(_)), "{schema}: {refused:?}");
        let tables = server.say(&format!("SHOW TABLES FROM {name}")).unwrap();
        assert!(tables.is_empty() || tables.contains("unfinished_copy"), "{schema}: {tables}");
    }
}

#[tokio::test]
async fn what_a_killed_restore_was_undoing_is_not_undone_in_the_next() {
    let folder = fresh_folder();
    let (ours, sums) = library_in(&folder, "ours.db").await;
    let (kept, back) = (folder.path().join("kept.db"), folder.path().join("back.db"));
    backup(&Place::Sqlite(ours.clone()), &kept, &about(), &mut on).await.unwrap();
    let mut file = open_file(&ours, "mode=rw").await.unwrap();
    file.execute("PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN; UPDATE events SET kind = 'x'")
        .await
        .unwrap();
    let journal = folder.path().join("back.db.part-journal");
    std::fs::copy(folder.path().join("ours.db-journal"), &journal).unwrap();
    assert!(journal.metadata().unwrap().len() > 10_000);
    file.close().await.unwrap();
    restore(&kept, &Place::Sqlite(back.clone()), folder.path(), &mut on).await.unwrap();
    assert_eq!(sums_in(&back).await, sums);
    assert!(!journal.exists());
}

#[tokio::test]
async fn a_backup_that_is_laid_out_otherwise_is_refused_though_its_rows_are_right() {
    let folder = fresh_folder();
    let (ours, _) = library_in(&folder, "ours.db").await;
    let kept = folder.path().join("kept.db");
    backup(&Place::Sqlite(ours), &kept, &about(), &mut on).await.unwrap();
    for (name, done) in [
        ("evil", "CREATE TRIGGER evil AFTER INSERT ON sessions BEGIN UPDATE accounts SET role = 'admin'; END"),
        (
            "events",
            "DROP TABLE events; CREATE VIEW events AS WITH RECURSIVE n(n) AS (VALUES(1) UNION ALL SELECT n FROM n) SELECT n FROM n",
        ),
        ("accounts_email", "DROP INDEX accounts_email"),
        ("more", "CREATE TABLE more (id INTEGER PRIMARY KEY)"),
        ("accounts", "ALTER TABLE accounts ADD COLUMN more AS (email || '!')"),
    ] {
        let altered = folder.path().join("altered.db");
        std::fs::copy(&kept, &altered).unwrap();
        let mut file = open_file(&altered, "mode=rw").await.unwrap();
        file.execute(done).await.unwrap();
        file.close().await.unwrap();
        let back = folder.path().join("back.db");
        let refused = restore(&altered, &Place::Sqlite(back.clone()), folder.path(), &mut on).await.unwrap_err();
        let names = |reason: &String| reason.starts_with(&format!("{name} in it"));
        assert!(matches!(&refused, Error::NotABackup { reason, .. } if names(reason)), "{done}: {refused:?}");
        assert!(!back.exists());
    }
}

#[tokio::test]
async fn every_bit_of_a_backup_counts() {
    let folder = fresh_folder();
    let tables = Tables::newest().await.unwrap();
    let mut file = new_file(&folder, "picup.db").await;
    fill(&mut file, &tables).await;
    // Smaller, so that many can be tried.
    file.execute("DELETE FROM events WHERE position > 300; DELETE FROM album_assets; DELETE FROM share_link_assets; DELETE FROM objects")
        .await
        .unwrap();
    file.execute("DELETE FROM assets WHERE id > (SELECT id FROM assets ORDER BY id LIMIT 1 OFFSET 40)").await.unwrap();
    file.close().await.unwrap();
    let kept = folder.path().join("kept.db");
    let sums = backup(&Place::Sqlite(folder.path().join("picup.db")), &kept, &about(), &mut on).await.unwrap().tables;
    let whole = std::fs::read(&kept).unwrap();
    let (bad, back) = (folder.path().join("bad.db"), folder.path().join("back.db"));
    let mut refused = 0;
    for number in 0..120 {
        let mut bytes = whole.clone();
        // The header first, then all over the file.
        let at = if number < 20 { number * 5 } else { number * 7_919 % whole.len() };
        bytes[at] ^= 1 << (number % 8);
        std::fs::write(&bad, bytes).unwrap();
        match restore(&bad, &Place::Sqlite(back.clone()), folder.path(), &mut on).await {
            Ok(_) => {
                // It was a bit that nothing is kept in.
                assert_eq!(sums_in(&back).await, sums, "byte {at}");
                let beside = |end: &str| folder.path().join(format!("back.db{end}"));
                for end in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(beside(end));
                }
            }
            Err(error) => {
                assert!(matches!(error, Error::NotABackup { .. } | Error::NewerSchema { .. }), "byte {at}: {error:?}");
                assert!(!back.exists());
                refused += 1;
            }
        }
    }
    assert!(refused > 30, "{refused} of 120 were refused");
}

#[tokio::test]
async fn the_migrations_own_rows_go_out_of_a_target_first() {
    let folder = fresh_folder();
    let tables = Tables::newest().await.unwrap();
    let mut file = new_file(&folder, "picup.db").await;
    assert!(sums_of(&mut file, &tables).await.iter().any(|sum| sum.rows > 0));
    empty(&mut file, &tables).await.unwrap();
    assert!(sums_of(&mut file, &tables).await.iter().all(|sum| sum.rows == 0));
}
