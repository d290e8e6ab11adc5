//! A library of odd values in every column of every table, carried between real databases.

use std::collections::BTreeMap;

use picup_testkit::{DatabaseServer, TempDir, fresh_folder};
use sqlx::Executor;

use super::*;
use crate::{Database, Metrics, Settings};

/// So many rows of the tables that can be large: some pages.
const MANY: u64 = 1_100;
const FEW: u64 = 3;

/// What the migrations insert stays as it is.
const FIXED: [&str; 3] = ["installation", "sequences", "heartbeat"];

struct Column {
    name: String,
    declared: String,
    needed: bool,
    refers_to: Option<String>,
}

/// Bytes that look drawn by chance and are the same at every run.
fn chance(what: &str, length: usize) -> Vec<u8> {
    (0..).flat_map(|part| *Sha256::of(format!("{what} {part}").as_bytes()).as_bytes()).take(length).collect()
}

fn number(what: &str) -> i64 {
    i64::from_be_bytes(chance(what, 8).try_into().unwrap())
}

fn size(declared: &str) -> usize {
    declared.split(['(', ')']).nth(1).map_or(2_000, |size| size.parse().unwrap())
}

/// A value that the column may hold, often an extreme one.
fn value(column: &Column, what: &str, parents: &BTreeMap<String, Vec<Vec<u8>>>) -> Value {
    let of = |choices: usize| chance(&format!("{what} choice"), 1)[0] as usize % choices;
    if let Some(parents) = column.refers_to.as_ref().map(|parent| &parents[parent]) {
        return Value::Blob(parents[of(parents.len().min(3))].clone());
    }
    if !column.needed && of(4) == 0 {
        return Value::Null;
    }
    let extremes = |least: i64, most: i64| [least, -1, 0, 1, most, number(what).rem_euclid(most)][of(6)];
    match column.declared.split('(').next().unwrap() {
        "SMALLINT" => Value::Int(extremes(i16::MIN.into(), i16::MAX.into())),
        "INTEGER" => Value::Int(extremes(i32::MIN.into(), i32::MAX.into())),
        "BIGINT" => Value::Int(extremes(i64::MIN, i64::MAX)),
        "DOUBLE" => Value::Real([-0.0, 0.1, 48.0, -1e-300, 1.797e308, number(what) as f64 / 3.0][of(6)]),
        "BINARY" => Value::Blob(chance(what, size(&column.declared))),
        "VARBINARY" => Value::Blob(chance(what, of(size(&column.declared) + 1))),
        _ => {
            let letters = ['a', 'Z', ' ', '\'', '"', '\\', '%', 'é', 'ß', '写', '🎞', '\n', '\t', '?', '_', 'a'];
            let text =
                |length| chance(what, length).iter().map(|byte| letters[*byte as usize % 16]).collect::<String>();
            Value::Text(text([0, size(&column.declared), of(40).min(size(&column.declared))][of(3)]))
        }
    }
}

async fn columns(file: &mut AnyConnection, table: &Table) -> Vec<Column> {
    let asked = "SELECT c.name AS name, c.type AS declared, c.\"notnull\" AS needed, f.\"table\" AS parent \
         FROM pragma_table_info(?) c LEFT JOIN pragma_foreign_key_list(?) f ON f.\"from\" = c.name ORDER BY c.cid";
    let rows = sqlx::query(asked).bind(&table.name).bind(&table.name).fetch_all(file).await.unwrap();
    rows.iter()
        .map(|row| Column {
            name: row.get("name"),
            declared: row.get("declared"),
            needed: row.get::<i64, _>("needed") != 0,
            refers_to: row.get("parent"),
        })
        .collect()
}

/// A key is unlike every other; of one in several columns the first is the same in many rows.
fn key(column: &Column, row: u64, last: bool, parents: &BTreeMap<String, Vec<Vec<u8>>>) -> Value {
    match (&column.refers_to, last) {
        (Some(parent), true) => Value::Blob(parents[parent][usize::try_from(row).unwrap()].clone()),
        (Some(parent), false) => Value::Blob(parents[parent][usize::from(row % 10 == 9)].clone()),
        (None, false) => Value::Blob(vec![u8::from(row % 10 == 9); 16]),
        (None, true) if column.declared.starts_with("BINARY") => {
            Value::Blob(chance(&format!("{} {row}", column.name), size(&column.declared)))
        }
        (None, true) if column.declared.starts_with("VARCHAR") => Value::Text(format!("k{}é", row * 7_919 % 104_729)),
        (None, true) => Value::Int(i64::try_from(row).unwrap() * 3 - 100),
    }
}

/// Fills every table of a new library.
pub(crate) async fn fill(file: &mut AnyConnection, tables: &Tables) {
    let mut parents: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    file.execute("BEGIN").await.unwrap();
    for table in tables.0.iter().filter(|table| !FIXED.contains(&table.name.as_str())) {
        let columns = columns(file, table).await;
        let many = ["assets", "album_assets", "timeline_days", "objects", "events"].contains(&table.name.as_str());
        let mut rows = Vec::new();
        for number in 0..if many { MANY } else { FEW } {
            let mut row = Vec::new();
            for (place, column) in columns.iter().enumerate() {
                let what = format!("{}.{} {number}", table.name, column.name);
                let unique = column.name == "dedupe_key" || column.name == "email";
                row.push(match table.key.iter().position(|key| *key == place) {
                    Some(in_key) => key(column, number, in_key + 1 == table.key.len(), &parents),
                    None if unique => Value::Text(format!("Ünique{number}")),
                    None => value(column, &what, &parents),
                });
            }
            if let Value::Blob(id) = &row[table.key[0]] {
                parents.entry(table.name.clone()).or_default().push(id.clone());
            }
            rows.push(row);
        }
        for page in rows.chunks(table.page()) {
            insert(file, table, page.to_vec()).await.unwrap();
        }
    }
    file.execute("COMMIT").await.unwrap();
}

pub(crate) async fn new_file(folder: &TempDir, name: &str) -> AnyConnection {
    let path = folder.path().join(name);
    Database::open(&Settings::sqlite(&path), Metrics::default()).await.unwrap().close().await;
    AnyConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap()
}

async fn new_database(server: &DatabaseServer, name: &str) -> AnyConnection {
    server.say(&format!("CREATE DATABASE {name}")).unwrap();
    Database::open(&Settings::mysql(server.url(name)), Metrics::default()).await.unwrap().close().await;
    AnyConnection::connect(&server.url(name)).await.unwrap()
}

pub(crate) fn on(_: Progress<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub(crate) async fn sums_of(connection: &mut AnyConnection, tables: &Tables) -> Vec<TableSum> {
    sums(connection, tables, &mut on).await.unwrap()
}

#[tokio::test]
async fn a_library_is_the_same_on_every_engine_also_where_the_copy_was_cut_off() {
    let (folder, server) = (fresh_folder(), DatabaseServer::start(&[]).unwrap());
    let tables = Tables::newest().await.unwrap();
    let mut first = new_file(&folder, "first.db").await;
    fill(&mut first, &tables).await;
    let filled = sums_of(&mut first, &tables).await;
    assert!(filled.iter().all(|sum| sum.rows > 0), "{filled:#?}");

    let mut there = new_database(&server, "there").await;
    empty(&mut there, &tables).await.unwrap();
    let (mut tries, mut most, mut counted) = (0, 0, 0);
    let copied = loop {
        tries += 1;
        let mut pages = 0;
        let mut cut = |progress: Progress<'_>| {
            pages += 1;
            assert!(progress.rows <= progress.all, "{progress:?}");
            (most, counted) = (most.max(progress.rows), progress.all);
            if pages == tries { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        match copy(&mut first, &mut there, &tables, &mut cut).await {
            Err(Error::Interrupted) => {}
            done => break done.unwrap(),
        }
    };
    assert!(tries > 15, "{tries} pages");
    assert_eq!(
        (most, filled.iter().map(|sum| sum.rows).sum()),
        (counted, counted),
        "rows are read twice or not at all"
    );
    assert_eq!((&copied, &sums_of(&mut there, &tables).await), (&filled, &filled));

    let mut back = new_file(&folder, "back.db").await;
    empty(&mut back, &tables).await.unwrap();
    copy(&mut there, &mut back, &tables, &mut on).await.unwrap();
    assert_eq!(sums_of(&mut back, &tables).await, filled);
    let odd: Vec<String> = sqlx::query("PRAGMA integrity_check")
        .fetch_all(&mut back)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(odd, ["ok"]);
}

#[tokio::test]
async fn from_server_to_server_it_is_one_moment_of_what_goes_on() {
    let server = DatabaseServer::start(&[]).unwrap();
    let tables = Tables::newest().await.unwrap();
    let (mut source, mut target) = (new_database(&server, "source").await, new_database(&server, "target").await);
    let events = (1..=1_200).map(|number| format!("({number}, 'a', '', 0)")).collect::<Vec<_>>().join(", ");
    let events = format!("INSERT INTO source.events (position, kind, payload, created_at) VALUES {events}");
    server.say(&events).unwrap();
    source.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    source.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await.unwrap();
    let before = sums_of(&mut source, &tables).await;
    empty(&mut target, &tables).await.unwrap();
    let mut page = 0;
    let mut change = |_: Progress<'_>| {
        page += 1;
        let change = "DELETE FROM events WHERE position = 1000; UPDATE sequences SET last = last + 1; \
             INSERT INTO events (position, kind, payload, created_at) VALUES";
        server.say(&format!("USE source; {change} ({}, 'b', '', 0)", 5_000 + page)).unwrap();
        ControlFlow::Continue(())
    };
    copy(&mut source, &mut target, &tables, &mut change).await.unwrap();
    assert_eq!(sums_of(&mut target, &tables).await, before);
    source.execute("COMMIT").await.unwrap();
    assert_ne!(sums_of(&mut source, &tables).await, before);
}

#[tokio::test]
async fn every_change_of_a_value_changes_its_tables_sum_and_no_other() {
    let folder = fresh_folder();
    let tables = Tables::newest().await.unwrap();
    let mut file = new_file(&folder, "picup.db").await;
    fill(&mut file, &tables).await;
    let before = sums_of(&mut file, &tables).await;
    for change in [
        "UPDATE assets SET latitude = COALESCE(latitude, 0) + 0.5 WHERE id = (SELECT MAX(id) FROM assets)",
        "UPDATE assets SET camera_make = COALESCE(camera_make, '') || 'x' WHERE id = (SELECT MIN(id) FROM assets)",
        "UPDATE objects SET state = role, role = state",
        "UPDATE jobs SET leased_until = CASE WHEN leased_until IS NULL THEN 0 END",
        "DELETE FROM events WHERE position = (SELECT MAX(position) FROM events)",
        "UPDATE installation SET setup_code_hash = zeroblob(32)",
    ] {
        file.execute("BEGIN").await.unwrap();
        file.execute(change).await.unwrap();
        let after = sums_of(&mut file, &tables).await;
        let changed: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
        assert!(changed.len() == 1 && change.contains(&changed[0].0.table), "{change}: {changed:?}");
        file.execute("ROLLBACK").await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
    let silent = in_time(Duration::from_millis(10), std::future::pending::<Result<(), Error>>()).await;
    assert!(matches!(silent, Err(Error::Lost(_))), "{silent:?}");
}
