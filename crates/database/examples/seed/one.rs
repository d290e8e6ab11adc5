//! One account on a SQLite file. For speed, what is written here could not be undone half-way.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection, raw_sql};

use crate::Outcome;
use crate::library::{self, Asset, Day, Library};

/// One INSERT has so many rows: long enough that parsing it costs little, short enough to be put together in the cache.
const ROWS: usize = 500;
const MADE_FOR_FILLING: &str = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; \
     PRAGMA cache_size = -262144; PRAGMA temp_store = MEMORY";
const MADE_FOR_SERVING: &str = "PRAGMA locking_mode = NORMAL; PRAGMA journal_mode = WAL; PRAGMA optimize";

pub(crate) async fn fill(data_dir: &Path, email: &str, assets: u64) -> Outcome<()> {
    let begun = Instant::now();
    let path = data_dir.join("picup.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).disable_statement_logging();
    let mut database = SqliteConnection::connect_with(&options).await?;
    run(&mut database, MADE_FOR_FILLING).await?;
    let owner = owner(&mut database, email).await?;
    let indexes = take_indexes(&mut database).await?;
    let library = Library { assets, number: 0, brought_at: None };
    let days = library::days(library);
    let bytes = fill_assets(&mut database, &owner, library, &days).await?;
    for index in indexes {
        run(&mut database, &index).await?;
    }
    close_books(&mut database, &owner, &days, bytes).await?;
    run(&mut database, MADE_FOR_SERVING).await?;
    database.close().await?;
    let shown = days.iter().filter(|day| day.assets > 0).count();
    println!("{assets} assets on {shown} days, {bytes} bytes, in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

async fn run(database: &mut SqliteConnection, sql: &str) -> Outcome<()> {
    raw_sql(AssertSqlSafe(sql)).execute(database).await?;
    Ok(())
}

/// The account's id as an SQL literal.
async fn owner(database: &mut SqliteConnection, email: &str) -> Outcome<String> {
    let found =
        sqlx::query("SELECT hex(id) AS id FROM accounts WHERE email = ?").bind(email).fetch_optional(&mut *database);
    let Some(row) = found.await? else { return Err(format!("there is no account of {email}; make it first").into()) };
    let owner = format!("x'{}'", row.try_get::<String, _>("id")?);
    let sql = format!("SELECT 1 FROM assets WHERE owner = {owner} LIMIT 1");
    match sqlx::query(AssertSqlSafe(sql)).fetch_optional(database).await? {
        Some(_) => Err(format!("{email} has assets already; only an empty account is filled").into()),
        None => Ok(owner),
    }
}

/// Drops the indexes, which are quicker made at once than kept, and gives what makes them again.
async fn take_indexes(database: &mut SqliteConnection) -> Outcome<Vec<String>> {
    let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'assets' AND sql IS NOT NULL";
    let mut made = Vec::new();
    for row in sqlx::query(sql).fetch_all(&mut *database).await? {
        run(database, &format!("DROP INDEX {}", row.try_get::<String, _>("name")?)).await?;
        made.push(row.try_get("sql")?);
    }
    Ok(made)
}

/// Writes the assets, oldest first, and gives their bytes.
async fn fill_assets(database: &mut SqliteConnection, owner: &str, library: Library, days: &[Day]) -> Outcome<u64> {
    const COLUMNS: &str = "INSERT INTO assets (id, owner, kind, state, file_name, sha256, bytes, captured_at, captured_local, \
         offset_minutes, capture_source, local_day, width, height, duration_ms, placeholder, rendition_version, \
         thumbnail_extension, preview_extension, created_at, favourite) VALUES ";
    let (mut sql, mut rows, mut bytes) = (COLUMNS.to_owned(), 0, 0);
    run(database, "BEGIN").await?;
    for asset in library::assets(library, days) {
        bytes += asset.bytes;
        sql.push_str(if rows == 0 { "" } else { "," });
        push_row(&mut sql, owner, &asset)?;
        rows += 1;
        if rows == ROWS {
            run(database, &sql).await?;
            (rows, sql) = (0, COLUMNS.to_owned());
        }
    }
    if rows > 0 {
        run(database, &sql).await?;
    }
    run(database, "COMMIT").await?;
    Ok(bytes)
}

fn push_row(sql: &mut String, owner: &str, asset: &Asset) -> Outcome<()> {
    let (kind, extension) = if asset.duration_ms.is_some() { ("video", "mp4") } else { ("photo", "jpg") };
    let duration = asset.duration_ms.map_or_else(|| "NULL".to_owned(), |duration| duration.to_string());
    let hex = |sql: &mut String, bytes: &[u8]| -> std::fmt::Result {
        bytes.iter().try_for_each(|byte| write!(sql, "{byte:02x}"))
    };
    sql.push_str("(x'");
    hex(sql, &asset.id)?;
    write!(sql, "',{owner},'{kind}','ready','IMG_{:07}.{extension}',x'", asset.number)?;
    hex(sql, &asset.sha256)?;
    let Asset { bytes, captured_at, captured_local, offset_minutes, day, width, height, .. } = asset;
    write!(
        sql,
        "',{bytes},{captured_at},{captured_local},{offset_minutes},'exif',{day},{width},{height},{duration},x'"
    )?;
    hex(sql, &asset.placeholder)?;
    write!(sql, "',1,'webp','jpg',{captured_at},{})", u8::from(asset.favourite))?;
    Ok(())
}

/// Writes what the rows add up to.
async fn close_books(database: &mut SqliteConnection, owner: &str, days: &[Day], bytes: u64) -> Outcome<()> {
    run(database, "BEGIN").await?;
    for day in days.iter().filter(|day| day.assets > 0) {
        let sql = format!(
            "INSERT INTO timeline_days (owner, local_day, assets) VALUES ({owner}, {}, {})",
            day.number, day.assets
        );
        run(database, &sql).await?;
    }
    run(database, &format!("UPDATE accounts SET used_bytes = used_bytes + {bytes} WHERE id = {owner}")).await?;
    run(database, "COMMIT").await
}
