//! What must be true of a data folder whenever nothing is under way: the figures are the sums they claim to be, and the
//! store holds exactly what the database says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use picup_domain::{Sha1, Sha256};
use sqlx::{AnyConnection, Connection, Executor};

type Bytes = Vec<u8>;

/// A connection of the test's own, beside PicUp's.
pub(crate) async fn open(data: &Path) -> AnyConnection {
    sqlx::any::install_default_drivers();
    if let Some(server) = server(data) {
        return AnyConnection::connect(&server).await.unwrap();
    }
    let mut file = AnyConnection::connect(&format!("sqlite://{}", data.join("picup.db").display())).await.unwrap();
    let wait = format!("PRAGMA busy_timeout = {}", crate::app::PATIENCE.as_millis());
    file.execute(sqlx::AssertSqlSafe(wait)).await.unwrap();
    file
}

/// The address of the database, where it is a server's.
pub(crate) fn server(data: &Path) -> Option<String> {
    let settings = std::fs::read_to_string(data.join("picup.toml")).ok()?;
    let line = settings.lines().find_map(|line| line.strip_prefix("database.url = "))?;
    Some(line.trim_matches('"').to_owned())
}

/// Where the bucket stands that the objects are in, if they are: a test's settings say so in a remark.
fn bucket(data: &Path) -> Option<PathBuf> {
    let settings = std::fs::read_to_string(data.join("picup.toml")).ok()?;
    settings.lines().find_map(|line| line.strip_prefix("# objects: ")).map(PathBuf::from)
}

/// The folder that objects are files in, by their keys.
fn store(data: &Path) -> PathBuf {
    bucket(data).unwrap_or_else(|| data.join("objects"))
}

/// Objects that are being removed: what they belonged to is gone.
const ORPHANS: &str = "SELECT COUNT(*) FROM objects WHERE asset NOT IN (SELECT id FROM assets) \
                       AND asset NOT IN (SELECT asset FROM uploads)";

/// Whether nothing is left to do: no job waits, runs or was given up.
pub(crate) async fn at_rest(data: &Path) -> bool {
    none(data, "SELECT COUNT(*) FROM jobs").await
}

/// Whether what was given up has been removed, too. What a killed process left of it goes with the next start.
pub(crate) async fn is_tidy(data: &Path) -> bool {
    none(data, ORPHANS).await
}

async fn none(data: &Path, count: &'static str) -> bool {
    let mut database = open(data).await;
    let (count,) = sqlx::query_as::<_, (i64,)>(count).fetch_one(&mut database).await.unwrap();
    database.close().await.unwrap();
    count == 0
}

/// Holds everything against everything.
pub(crate) async fn audit(data: &Path) {
    if let Some(url) = server(data) {
        picup_testkit::engine::assert_replicated(&url);
    }
    let mut database = open(data).await;
    let given_up: Vec<(String, Option<String>)> =
        sqlx::query_as("SELECT payload, last_error FROM jobs").fetch_all(&mut database).await.unwrap();
    assert!(given_up.is_empty(), "jobs are left: {given_up:?}");
    quotas(&mut database).await;
    uploads_under_way(&mut database).await;
    belongings(&mut database).await;
    days(&mut database).await;
    albums(&mut database).await;
    shown(&mut database).await;
    objects(&mut database, data).await;
    sha1s(&mut database, data).await;
    copies(&mut database).await;
    staging(&mut database, data).await;
    database.close().await.unwrap();
}

/// Holds the figures of a database against its rows, also where work is under way.
pub(crate) async fn audit_figures(database: &mut AnyConnection) {
    quotas(database).await;
    uploads_under_way(database).await;
    days(database).await;
    albums(database).await;
}

async fn quotas(database: &mut AnyConnection) {
    let accounts: Vec<(String, i64, i64, i64, i64, Option<i64>)> = sqlx::query_as(
        "SELECT email, used_bytes, reserved_bytes, \
         (SELECT CAST(COALESCE(SUM(bytes + COALESCE(motion_bytes, 0)), 0) AS SIGNED) FROM assets \
          WHERE owner = accounts.id), \
         (SELECT CAST(COALESCE(SUM(bytes), 0) AS SIGNED) FROM uploads \
          WHERE owner = accounts.id AND state <> 'committed'), \
         quota_bytes FROM accounts",
    )
    .fetch_all(&mut *database)
    .await
    .unwrap();
    for (email, used, reserved, assets, uploads, quota) in accounts {
        assert_eq!(used, assets, "{email}: used bytes are not those of its assets");
        assert_eq!(reserved, uploads, "{email}: reserved bytes are not those of its uploads");
        assert!(quota.is_none_or(|quota| used + reserved <= quota), "{email}: over quota");
    }
}

async fn uploads_under_way(database: &mut AnyConnection) {
    let accounts: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT email, open_uploads, \
         (SELECT COUNT(*) FROM uploads WHERE owner = accounts.id AND state <> 'committed') FROM accounts",
    )
    .fetch_all(database)
    .await
    .unwrap();
    for (email, counted, there) in accounts {
        assert_eq!(counted, there, "{email}: the number of its uploads under way");
    }
}

/// Every object has its copy's row at every destination, and how many there are of a kind is what is counted.
async fn copies(database: &mut AnyConnection) {
    let missing = "SELECT COUNT(*) FROM objects, destinations WHERE objects.state = 'committed' AND destinations.state <> 'retired' \
                   AND NOT EXISTS (SELECT 1 FROM object_copies WHERE destination = destinations.id \
                   AND object_copies.object_key = objects.object_key AND object_copies.state <> 'doomed')";
    let (missing,) = sqlx::query_as::<_, (i64,)>(missing).fetch_one(&mut *database).await.unwrap();
    assert_eq!(missing, 0, "objects without the row of a copy");
    let counts: Vec<(String, i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT state, copies, bytes, \
         (SELECT COUNT(*) FROM object_copies AS c WHERE c.destination = n.destination AND c.state = n.state), \
         (SELECT CAST(COALESCE(SUM(bytes), 0) AS SIGNED) FROM object_copies AS c \
          WHERE c.destination = n.destination AND c.state = n.state) FROM copy_counts AS n",
    )
    .fetch_all(database)
    .await
    .unwrap();
    for (state, copies, bytes, there, there_bytes) in counts {
        assert_eq!((copies, bytes), (there, there_bytes), "the count of {state} copies");
    }
}

/// Nothing belongs to an account that is gone.
async fn belongings(database: &mut AnyConnection) {
    for (table, column) in [
        ("sessions", "account"),
        ("api_keys", "account"),
        ("invitations", "account"),
        ("assets", "owner"),
        ("albums", "owner"),
        ("uploads", "owner"),
        ("timeline_days", "owner"),
    ] {
        let count = format!("SELECT COUNT(*) FROM {table} WHERE {column} NOT IN (SELECT id FROM accounts)");
        let count = sqlx::query_as::<_, (i64,)>(sqlx::AssertSqlSafe(count));
        assert_eq!(count.fetch_one(&mut *database).await.unwrap().0, 0, "{table} of accounts that are gone");
    }
    let (orphans,) = sqlx::query_as::<_, (i64,)>(ORPHANS).fetch_one(database).await.unwrap();
    assert_eq!(orphans, 0, "objects of no asset and no upload");
}

async fn days(database: &mut AnyConnection) {
    let counted: Vec<(Bytes, i64, i64)> =
        sqlx::query_as("SELECT owner, local_day, assets FROM timeline_days ORDER BY owner, local_day")
            .fetch_all(&mut *database)
            .await
            .unwrap();
    let there: Vec<(Bytes, i64, i64)> = sqlx::query_as(
        "SELECT owner, local_day, COUNT(*) FROM assets WHERE trashed_at IS NULL GROUP BY owner, local_day \
         ORDER BY owner, local_day",
    )
    .fetch_all(database)
    .await
    .unwrap();
    assert_eq!(counted, there, "the days of the timeline are not those of the assets");
}

async fn albums(database: &mut AnyConnection) {
    let albums: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT title, asset_count, (SELECT COUNT(*) FROM album_assets JOIN assets ON assets.id = asset \
         WHERE album = albums.id AND trashed_at IS NULL) FROM albums",
    )
    .fetch_all(database)
    .await
    .unwrap();
    for (title, counted, there) in albums {
        assert_eq!(counted, there, "album {title}");
    }
}

/// What is ready has both its pictures; no content is there twice; nothing is half looked at.
async fn shown(database: &mut AnyConnection) {
    let count = "SELECT COUNT(*) FROM assets WHERE state = 'ready' AND 3 <> \
         (SELECT COUNT(*) FROM objects WHERE objects.asset = assets.id AND objects.state = 'committed' AND role <> 'motion')";
    let (incomplete,) = sqlx::query_as::<_, (i64,)>(count).fetch_one(&mut *database).await.unwrap();
    assert_eq!(incomplete, 0, "ready assets without all of original, thumbnail and preview");
    let count = "SELECT COUNT(*) FROM assets WHERE state = 'processing'";
    let (processing,) = sqlx::query_as::<_, (i64,)>(count).fetch_one(&mut *database).await.unwrap();
    assert_eq!(processing, 0, "assets in processing without a job");
    let count = "SELECT COUNT(*) FROM assets WHERE motion_state = 'processing' OR \
         (motion_state IS NOT NULL) <> (SELECT COUNT(*) FROM objects WHERE objects.asset = assets.id \
          AND role = 'motion' AND objects.state = 'committed')";
    let (odd,) = sqlx::query_as::<_, (i64,)>(count).fetch_one(&mut *database).await.unwrap();
    assert_eq!(odd, 0, "live photos without their moving part, or whose part nobody has looked at");
    let twice = "SELECT MIN(file_name), COUNT(*) FROM assets WHERE state <> 'damaged' GROUP BY owner, sha256 HAVING COUNT(*) > 1";
    let twice: Vec<(String, i64)> = sqlx::query_as(twice).fetch_all(database).await.unwrap();
    assert!(twice.is_empty(), "one content, several assets: {twice:?}");
}

/// Every committed object is a file of exactly that size and hash, and every file is a committed object.
async fn objects(database: &mut AnyConnection, data: &Path) {
    let rows: Vec<(String, i64, Option<Bytes>, String, i64)> = sqlx::query_as(
        "SELECT object_key, bytes, sha256, state, \
         EXISTS (SELECT 1 FROM assets WHERE id = objects.asset AND \
         CASE role WHEN 'motion' THEN motion_state ELSE state END = 'damaged') FROM objects",
    )
    .fetch_all(database)
    .await
    .unwrap();
    let mut expected = BTreeSet::new();
    for (key, bytes, sha256, state, damaged) in rows {
        match state.as_str() {
            "committed" => {
                let content = std::fs::read(store(data).join(&key)).unwrap_or_else(|error| panic!("{key}: {error}"));
                assert_eq!(content.len() as i64, bytes, "{key}: size");
                // A damaged asset is one whose bytes have another hash than was declared.
                assert_eq!(Sha256::of(&content).as_bytes()[..] == sha256.unwrap(), damaged == 0, "{key}: hash");
                expected.insert(key);
            }
            // Of an upload that is open: its bytes are in the staging folder.
            "staged" => {
                let sent = key.contains("/file/original.") || key.contains("/file/motion.");
                assert!(sent, "{key}: a rendition was left staged");
            }
            other => panic!("{key} is {other}"),
        }
    }
    let mut found = BTreeSet::new();
    let media = store(data).join("media");
    walk(&media, &mut |file| {
        found.insert(format!("media/{}", file.strip_prefix(&media).unwrap().display()));
    });
    assert_eq!(found, expected, "files in the store against committed objects");
}

/// Whatever was proved has the SHA-1 that Immich's uploaders ask by, and it is its file's.
async fn sha1s(database: &mut AnyConnection, data: &Path) {
    let rows: Vec<(String, Option<Bytes>, String)> = sqlx::query_as(
        "SELECT object_key, assets.sha1, assets.state FROM assets JOIN objects ON objects.asset = assets.id \
         WHERE objects.role = 'original'",
    )
    .fetch_all(database)
    .await
    .unwrap();
    for (key, sha1, state) in rows {
        if matches!(state.as_str(), "ready" | "unviewable") {
            let content = std::fs::read(store(data).join(&key)).unwrap();
            assert_eq!(sha1.as_deref(), Some(&Sha1::of(&content).as_bytes()[..]), "{key}: SHA-1");
        } else {
            assert_eq!(sha1, None, "{key} is {state} and has a SHA-1");
        }
    }
}

/// Only open uploads have anything staged, each with its object's row: of one part one file, of more their bytes and a list; in a
/// bucket, a note that it has begun.
async fn staging(database: &mut AnyConnection, data: &Path) {
    const PART: i64 = 16 << 20;
    let open: Vec<(Bytes, Bytes, i64, String)> =
        sqlx::query_as("SELECT id, asset, bytes, state FROM uploads WHERE state <> 'committed'")
            .fetch_all(&mut *database)
            .await
            .unwrap();
    let mut expected: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (id, asset, bytes, state) in open {
        assert_eq!(state, "open", "an upload was left half completed");
        let id = uuid::Uuid::from_slice(&id).unwrap().to_string();
        let files = match bucket(data) {
            Some(_) => vec!["begun"],
            None if bytes <= PART => vec!["one"],
            None => vec!["", "parts"],
        };
        expected.insert(id, files);
        let count = "SELECT COUNT(*) FROM objects WHERE asset = ? AND state = 'staged'";
        let row = sqlx::query_as::<_, (i64,)>(count).bind(asset);
        assert_eq!(row.fetch_one(&mut *database).await.unwrap().0, 1, "staged objects of an open upload");
    }
    let staged: Vec<(i64,)> =
        sqlx::query_as("SELECT COUNT(*) FROM objects WHERE state = 'staged'").fetch_all(database).await.unwrap();
    assert_eq!(staged[0].0 as usize, expected.len(), "staged objects against open uploads");
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    walk(&store(data).join("staging"), &mut |file| {
        let (id, kind) = if bucket(data).is_some() { note(file) } else { staged_file(file) };
        found.entry(id).or_default().extend(kind);
    });
    found.values_mut().for_each(|endings| endings.sort_unstable());
    assert_eq!(found, expected, "files in the staging folder against open uploads");
}

/// Whose a file in the staging folder is, and what of it.
fn staged_file(file: &Path) -> (String, Option<&'static str>) {
    let name = file.file_name().unwrap().to_str().unwrap();
    let (id, ending) = name.split_once('.').unwrap_or((name, ""));
    let kind = match ending {
        "" => "",
        "parts" => "parts",
        // Before and after the part has arrived.
        "one" | "whole" => "one",
        _ => panic!("{name} was left in the staging folder"),
    };
    (id.to_owned(), Some(kind))
}

/// Whose a note in a bucket is, and whether it is the first one.
fn note(file: &Path) -> (String, Option<&'static str>) {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let (id, note) = (name(file.parent().unwrap()), name(file));
    assert!(id != "staging", "{note} was left among the notes");
    (id, note.starts_with("begun.").then_some("begun"))
}

fn walk(folder: &Path, each: &mut impl FnMut(&Path)) {
    // A bucket has folders only as far as there are objects in them.
    for entry in walkdir::WalkDir::new(folder).into_iter().take_while(|_| folder.exists()) {
        let entry = entry.unwrap();
        if !entry.file_type().is_dir() {
            each(entry.path());
        }
    }
}
