//! Many accounts with libraries and albums on a MariaDB server.
//!
//! An account is one transaction: whatever kills this, the next run goes on with the accounts that are not there yet. They come
//! one after another by id, and so do their assets, as if each had been imported when the one before was done. Every index
//! begins with the owner or the asset, so its new entries lie beside each other too, and keeping it costs less than sorting it
//! in the end, and no room for sorting.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use picup_domain::{AccountId, AssetId, ObjectKey, ObjectRole, Timestamp};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, MySqlConnection, Row as _, raw_sql};

use crate::Outcome;
use crate::library::{self, Asset, Chance, Day, Library};
use crate::rows::Rows;

/// So many connections write at once, each another account.
const AT_ONCE: usize = 2;
const ROWS: usize = 1_000;
/// 1 July 2026, and how long each import takes.
const FIRST_IMPORT: Timestamp = Timestamp::from_micros(1_782_864_000_000_000);
const BETWEEN_IMPORTS: Duration = Duration::from_secs(3_600);
/// What this writes is right by itself, and is written again after a crash.
const SESSION: &str = "SET SESSION unique_checks = 0, foreign_key_checks = 0, \
     sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')";
const CAMERAS: [(&str, &str); 5] = [
    ("Apple", "iPhone 13"),
    ("Apple", "iPhone 16 Pro"),
    ("Google", "Pixel 8"),
    ("Canon", "Canon EOS R6"),
    ("FUJIFILM", "X-T5"),
];

/// What is wanted.
pub(crate) struct Wish {
    pub(crate) url: String,
    pub(crate) accounts: u64,
    /// Of each account, as the albums.
    pub(crate) assets: u64,
    pub(crate) albums: u64,
    /// So many of the accounts have rows of objects; the others look as they do and cannot be opened or deleted.
    pub(crate) objects_of: u64,
    /// The account whose password all have.
    pub(crate) like: String,
}

/// What one connection knows.
struct Filler {
    database: MySqlConnection,
    wish: Arc<Wish>,
    password_hash: String,
}

/// The rows of an album that are not written yet, and what stands on it.
struct Album {
    id: [u8; 16],
    first: u64,
    step: u64,
    count: u64,
}

pub(crate) async fn fill(wish: Wish) -> Outcome<()> {
    let mut database = connect(&wish.url).await?;
    let like = sqlx::query("SELECT password_hash FROM accounts WHERE email = ?").bind(&wish.like);
    let Some(like) = like.fetch_optional(&mut database).await? else {
        return Err(format!("there is no account of {}; make it first", wish.like).into());
    };
    let password_hash: String = like.try_get(0)?;
    let there: HashSet<String> =
        sqlx::query_scalar("SELECT email FROM accounts").fetch_all(&mut database).await?.into_iter().collect();
    let missing: Vec<u64> = (1..=wish.accounts).filter(|number| !there.contains(&email(*number))).collect();
    println!("{} of {} accounts are there", wish.accounts - missing.len() as u64, wish.accounts);
    let (wish, missing) = (Arc::new(wish), Arc::new(Mutex::new(missing.into_iter())));
    let (begun, done) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let mut filler = Filler {
            database: connect(&wish.url).await?,
            wish: Arc::clone(&wish),
            password_hash: password_hash.clone(),
        };
        let (missing, done) = (Arc::clone(&missing), Arc::clone(&done));
        tasks.spawn(async move {
            loop {
                let next = missing.lock().expect("nobody panics with it").next();
                let Some(number) = next else { return filler.database.close().await.map_err(Into::into) };
                filler.account(number).await?;
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                let rate = done as f64 * filler.wish.assets as f64 / begun.elapsed().as_secs_f64();
                println!("account {number} of {}: {rate:.0} assets a second so far", filler.wish.accounts);
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        let ended: Outcome<()> = ended?;
        ended?;
    }
    let analyse = "ANALYZE TABLE accounts, assets, albums, album_assets, timeline_days, objects";
    raw_sql(analyse).execute(&mut database).await?;
    Ok(database.close().await?)
}

async fn connect(url: &str) -> Outcome<MySqlConnection> {
    let mut database = url.parse::<MySqlConnectOptions>()?.disable_statement_logging().connect().await?;
    raw_sql(SESSION).execute(&mut database).await?;
    Ok(database)
}

fn email(number: u64) -> String {
    format!("person{number:03}@example.org")
}

impl Filler {
    async fn account(&mut self, number: u64) -> Outcome<()> {
        let brought_at = FIRST_IMPORT.plus(BETWEEN_IMPORTS * u32::try_from(number)?);
        let library = Library { assets: self.wish.assets, number, brought_at: Some(brought_at) };
        let mut chance = Chance::of(number, 3);
        let owner = AccountId::from_slice(&library::id(brought_at, &mut chance))?;
        let days = library::days(library);
        let mut albums = plan_albums(&self.wish, brought_at, &mut chance);
        self.run("START TRANSACTION".to_owned()).await?;
        let (ids, bytes) = self.assets(owner, library, &days, number <= self.wish.objects_of).await?;
        self.book(owner, number, &days, bytes, brought_at).await?;
        for album in &mut albums {
            self.album(owner, album, &ids, brought_at).await?;
        }
        self.run("COMMIT".to_owned()).await
    }

    /// Writes the assets and gives their ids and bytes.
    async fn assets(
        &mut self,
        owner: AccountId,
        library: Library,
        days: &[Day],
        with_objects: bool,
    ) -> Outcome<(Vec<[u8; 16]>, u64)> {
        let mut rows = Rows::new(
            "INSERT INTO assets (id, owner, kind, state, file_name, sha256, bytes, captured_at, captured_local, \
             offset_minutes, capture_source, local_day, width, height, duration_ms, placeholder, camera_make, \
             camera_model, details, rendition_version, thumbnail_extension, preview_extension, created_at, favourite, \
             sha1) VALUES ",
        );
        let mut objects =
            Rows::new("INSERT INTO objects (object_key, asset, role, bytes, sha256, state, created_at) VALUES ");
        let (mut ids, mut bytes) = (Vec::new(), 0);
        for asset in library::assets(library, days) {
            ids.push(asset.id);
            bytes += asset.bytes;
            push_asset(&mut rows, owner, &asset);
            if with_objects {
                push_objects(&mut objects, owner, &asset)?;
            }
            if rows.len() == ROWS {
                self.write(&mut rows).await?;
                self.write(&mut objects).await?;
            }
        }
        self.write(&mut rows).await?;
        self.write(&mut objects).await?;
        Ok((ids, bytes))
    }

    /// Writes the account and its days with what the assets add up to.
    async fn book(&mut self, owner: AccountId, number: u64, days: &[Day], bytes: u64, at: Timestamp) -> Outcome<()> {
        let mut rows = Rows::new(
            "INSERT INTO accounts (id, email, name, role, password_hash, used_bytes, reserved_bytes, created_at, \
             updated_at) VALUES ",
        );
        let name = format!("Person {number}");
        let (password_hash, at) = (self.password_hash.clone(), at.micros());
        let row = rows.row().bytes(owner.as_bytes()).text(&email(number)).text(&name).text("member");
        drop(row.text(&password_hash).int(bytes).int(0).int(at).int(at));
        self.write(&mut rows).await?;
        let mut rows = Rows::new("INSERT INTO timeline_days (owner, local_day, assets) VALUES ");
        for day in days.iter().filter(|day| day.assets > 0) {
            drop(rows.row().bytes(owner.as_bytes()).int(day.number).int(day.assets));
        }
        self.write(&mut rows).await
    }

    async fn album(&mut self, owner: AccountId, album: &mut Album, ids: &[[u8; 16]], at: Timestamp) -> Outcome<()> {
        let chosen = ids.iter().skip(usize::try_from(album.first)?).step_by(usize::try_from(album.step)?);
        let chosen: Vec<&[u8; 16]> = chosen.take(usize::try_from(album.count)?).collect();
        let mut rows = Rows::new(
            "INSERT INTO albums (id, owner, title, cover_asset, asset_count, created_at, updated_at) VALUES ",
        );
        let at = at.plus(BETWEEN_IMPORTS).micros();
        let title = format!("{} photos from number {}", chosen.len(), album.first);
        let row = rows.row().bytes(&album.id).bytes(owner.as_bytes()).text(&title);
        let cover = *chosen.first().ok_or("an album would be empty; ask for more assets")?;
        drop(row.bytes(cover).int(chosen.len() as u64).int(at).int(at));
        self.write(&mut rows).await?;
        let mut rows = Rows::new("INSERT INTO album_assets (album, asset, position, added_at) VALUES ");
        for (place, asset) in chosen.into_iter().enumerate() {
            drop(rows.row().bytes(&album.id).bytes(asset).int(place as u64 + 1).int(at));
            if rows.len() == ROWS {
                self.write(&mut rows).await?;
            }
        }
        self.write(&mut rows).await
    }

    async fn write(&mut self, rows: &mut Rows) -> Outcome<()> {
        match rows.take() {
            Some(sql) => self.run(sql).await,
            None => Ok(()),
        }
    }

    async fn run(&mut self, sql: String) -> Outcome<()> {
        raw_sql(AssertSqlSafe(sql)).execute(&mut self.database).await?;
        Ok(())
    }
}

/// A stretch of the timeline each, or every second or third photo of one: from a hundredth to a tenth of the library.
fn plan_albums(wish: &Wish, brought_at: Timestamp, chance: &mut Chance) -> Vec<Album> {
    let plan = |number| {
        let step = 1 + chance.below(3);
        let most = wish.assets / 10;
        // As many small ones as middling ones as large ones, by their logarithm.
        let count = (most >> chance.below(4)).min(most - chance.below(most / 5 + 1)).max(wish.assets / 100).max(1);
        let first = chance.below(wish.assets.saturating_sub(count * step) + 1);
        let born = brought_at.plus(BETWEEN_IMPORTS + Duration::from_secs(number));
        Album { id: library::id(born, chance), first, step, count }
    };
    (0..wish.albums).map(plan).collect()
}

fn push_asset(rows: &mut Rows, owner: AccountId, asset: &Asset) {
    let (kind, extension) = kind(asset);
    let name = format!("IMG_{:07}.{extension}", asset.number);
    let picture = usize::from(asset.sha256[0]);
    let (make, model) = CAMERAS[picture % CAMERAS.len()];
    let details = format!(
        "{{\"f_number\":1.{},\"exposure_seconds\":0.0{},\"iso\":{},\"focal_length_mm\":4.2}}",
        picture % 10,
        1 + picture % 9,
        50 << (picture % 6)
    );
    let row = rows.row().bytes(&asset.id).bytes(owner.as_bytes()).text(kind).text("ready").text(&name);
    let row = row.bytes(&asset.sha256).int(asset.bytes).int(asset.captured_at).int(asset.captured_local);
    let row = row.int(asset.offset_minutes).text("exif").int(asset.day).int(asset.width).int(asset.height);
    let row = row.maybe_int(asset.duration_ms).bytes(&asset.placeholder).text(make).text(model).text(&details);
    let row = row.int(1).text("webp").text("jpg").int(asset.created_at).int(u8::from(asset.favourite));
    drop(row.bytes(&asset.sha256[12..]));
}

fn push_objects(rows: &mut Rows, owner: AccountId, asset: &Asset) -> Outcome<()> {
    let id = AssetId::from_slice(&asset.id)?;
    let roles = [
        (ObjectRole::Original, kind(asset).1, asset.bytes),
        (ObjectRole::Preview, "jpg", 400_000),
        (ObjectRole::Thumbnail, "webp", 12_000),
    ];
    for (role, extension, bytes) in roles {
        let key = ObjectKey::new(owner, id, role, 1, extension).to_string();
        let row = rows.row().text(&key).bytes(&asset.id).text(role.as_str()).int(bytes).bytes(&asset.sha256);
        drop(row.text("committed").int(asset.created_at));
    }
    Ok(())
}

const fn kind(asset: &Asset) -> (&'static str, &'static str) {
    if asset.duration_ms.is_some() { ("video", "mp4") } else { ("photo", "jpg") }
}
