//! What a page costs, on databases of several sizes: the same kinds of pages, with as many assets in each, asked for in turn, one
//! after another, so that whatever else the machine does falls on all of them alike. Each is asked for twice: a small library is
//! always in the database's memory and a large one never wholly, so the first time tells of the disk, too, and the second of the
//! work alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use picup_api::wire;
use sqlx::{Connection, MySqlConnection};

use crate::figures::Figures;
use crate::user::{Door, User};

pub(crate) const PAGE_OF_AN_ALBUM: u64 = 100;
const PAGE_OF_THE_TIMELINE: u64 = 300;
/// On a server with more users than that, those have to do: each keeps a session open.
const MOST_USERS: usize = 300;
const KINDS: [&str; 6] = [
    "timeline, the newest 300",
    "timeline, 300 from some day on",
    "timeline, the next 300 anywhere",
    "list of albums",
    "album, its first 100",
    "album, the next 100 anywhere",
];

/// A PicUp with a library of some size.
struct Library {
    name: String,
    people: Vec<Person>,
    chance: Chance,
}

/// A page to ask for, and how many assets it has.
struct Request {
    person: usize,
    path: String,
    assets: u64,
}

struct Person {
    user: User,
    /// The days on which it has photos, newest first, and how many each has.
    days: Vec<wire::TimelineDay>,
    albums: Vec<wire::Album>,
}

/// Figures by kind of page and number of library.
type Table = BTreeMap<(usize, usize), Figures>;

/// `servers`: `NAME=URL`, commas between, the one to compare with first. `database` is that of all of them, by any account that
/// may see its counters.
pub(crate) async fn run(servers: &str, database: &str, rounds: usize, password: &str) -> anyhow::Result<()> {
    let mut libraries = Vec::new();
    for server in servers.split(',') {
        let (name, url) = server.split_once('=').context("a server is NAME=URL")?;
        libraries.push(Library::open(name, url, password).await?);
    }
    let (mut first, mut again) = (Table::new(), Table::new());
    // The first rounds warm up what is warm on a server that has run for a while; they are not counted.
    let warming = rounds / 5 + 1;
    for round in 0..warming + rounds {
        for kind in 0..KINDS.len() {
            for turn in 0..libraries.len() {
                // Each has each place in the row as often as the others.
                let number = (turn + round) % libraries.len();
                let request = libraries[number].draw(kind).await?;
                for table in [&mut first, &mut again] {
                    let (status, took) = libraries[number].ask(&request).await?;
                    if round >= warming {
                        table.entry((kind, number)).or_default().note(status, took);
                    }
                }
            }
        }
    }
    println!("\nAsked for the first time, from memory or from the disk:\n");
    print(&libraries, &first);
    println!("\nThe same page asked for again at once, so from memory:\n");
    print(&libraries, &again);
    work(&mut libraries, database, rounds.div_ceil(10)).await
}

fn print(libraries: &[Library], figures: &Table) {
    let names = libraries.iter().map(|library| format!(" {} p50 ms | p99 ms |", library.name));
    let ratios = libraries.iter().skip(1).map(|library| format!(" {}/{} |", library.name, libraries[0].name));
    head(&names.chain(ratios).collect::<String>(), " errors |");
    for (kind, name) in KINDS.iter().enumerate() {
        let all: Vec<&Figures> = (0..libraries.len()).map(|number| &figures[&(kind, number)]).collect();
        let times = all.iter().map(|it| format!(" {:.2} | {:.2} |", it.percentile(50), it.percentile(99)));
        let first = all[0].percentile(50);
        let ratios = all.iter().skip(1).map(|it| format!(" {:.2} |", it.percentile(50) / first));
        let errors: Vec<String> = all.iter().map(|it| it.errors()).collect();
        println!("| {name} |{} {} |", times.chain(ratios).collect::<String>(), errors.join(" "));
    }
}

/// Prints what the database does for a page: it does not depend on the machine.
async fn work(libraries: &mut [Library], database: &str, rounds: usize) -> anyhow::Result<()> {
    let mut counters = Counters(MySqlConnection::connect(database).await?);
    println!("\nPages of the database looked at for one answer, and how many of them came from the disk:\n");
    head(&libraries.iter().map(|library| format!(" {} looked at | read |", library.name)).collect::<String>(), "");
    for (kind, name) in KINDS.iter().enumerate() {
        let mut line = format!("| {name} |");
        for library in &mut *libraries {
            let mut requests = Vec::new();
            for _ in 0..rounds {
                requests.push(library.draw(kind).await?);
            }
            let before = counters.now().await?;
            for request in &requests {
                library.ask(request).await?;
            }
            let after = counters.now().await?;
            let each = |before: u64, after: u64| (after - before) as f64 / rounds as f64;
            write!(line, " {:.0} | {:.1} |", each(before.0, after.0), each(before.1, after.1))?;
        }
        println!("{line}");
    }
    Ok(())
}

fn head(columns: &str, more: &str) {
    println!("| page |{columns}{more}");
    println!("|{}", " --- |".repeat(columns.matches('|').count() + more.matches('|').count() + 1));
}

/// InnoDB's own: pages asked of the buffer pool, and those of them that were not in it.
struct Counters(MySqlConnection);

impl Counters {
    async fn now(&mut self) -> anyhow::Result<(u64, u64)> {
        let sql = "SELECT CAST(variable_value AS UNSIGNED) FROM information_schema.global_status WHERE variable_name IN \
                   ('INNODB_BUFFER_POOL_READ_REQUESTS', 'INNODB_BUFFER_POOL_READS') ORDER BY variable_name";
        let found: Vec<u64> = sqlx::query_scalar(sql).fetch_all(&mut self.0).await?;
        match found.as_slice() {
            [from_the_disk, looked_at] => Ok((*looked_at, *from_the_disk)),
            _ => bail!("the database has no InnoDB counters"),
        }
    }
}

impl Library {
    async fn open(name: &str, url: &str, password: &str) -> anyhow::Result<Self> {
        let door = Door::new(url)?;
        let begun = Instant::now();
        let mut people = Vec::new();
        while people.len() < MOST_USERS {
            let number = people.len() + 1;
            let Ok(user) = door.sign_in(number, password).await else { break };
            let timeline: wire::Timeline = user.get("/api/timeline").await.json()?;
            let albums: wire::Albums = user.get("/api/albums?limit=100").await.json()?;
            people.push(Person { user, days: timeline.days, albums: albums.albums });
        }
        ensure!(!people.is_empty(), "nobody can sign in at {url}");
        eprintln!("{name}: {} people signed in, in {:.0} s", people.len(), begun.elapsed().as_secs_f64());
        Ok(Self { name: name.to_owned(), people, chance: Chance(1) })
    }

    /// A page of that kind, somewhere.
    async fn draw(&mut self, kind: usize) -> anyhow::Result<Request> {
        let person = usize::try_from(self.chance.below(self.people.len() as u64))?;
        let (days, albums) = (&self.people[person].days, &self.people[person].albums);
        let timeline = format!("/api/timeline/assets?limit={PAGE_OF_THE_TIMELINE}");
        let (path, assets) = match kind {
            0 => (timeline, PAGE_OF_THE_TIMELINE),
            1 => (format!("{timeline}&newest={}", day(days, &mut self.chance)?), PAGE_OF_THE_TIMELINE),
            2 => (format!("{timeline}&cursor={}", noon(&day(days, &mut self.chance)?)?), PAGE_OF_THE_TIMELINE),
            3 => ("/api/albums?limit=100".to_owned(), 0),
            4 => {
                let album = &albums[usize::try_from(self.chance.below(albums.len() as u64))?];
                (format!("/api/albums/{}/assets?limit={PAGE_OF_AN_ALBUM}", album.id), PAGE_OF_AN_ALBUM)
            }
            _ => (album_page(albums, &mut self.chance)?, PAGE_OF_AN_ALBUM),
        };
        self.people[person].user.stay().await?;
        Ok(Request { person, path, assets })
    }

    async fn ask(&self, request: &Request) -> anyhow::Result<(u16, Duration)> {
        let answer = self.people[request.person].user.get(&request.path).await;
        if request.assets > 0 && answer.status == 200 {
            let page: wire::AssetColumns = answer.json()?;
            let (there, path) = (page.id.len() as u64, &request.path);
            ensure!(there == request.assets, "{path} has {there} assets; only whole pages compare");
        }
        Ok((answer.status, answer.took))
    }
}

/// Some day so that it and those before it fill a page.
fn day(days: &[wire::TimelineDay], chance: &mut Chance) -> anyhow::Result<String> {
    let mut from_the_oldest = 0;
    let few = days.iter().rev().take_while(|day| {
        from_the_oldest += day.count;
        from_the_oldest < 2 * PAGE_OF_THE_TIMELINE
    });
    let usable = (days.len() - few.count()) as u64;
    let day = days.get(usize::try_from(chance.below(usable))?).context("the library is too small")?;
    Ok(day.day.clone())
}

/// Pages of 100 anywhere in a user's albums, as addresses.
pub(crate) async fn album_pages(user: &User, pages: usize, seed: u64) -> anyhow::Result<Vec<String>> {
    let albums: wire::Albums = user.get("/api/albums?limit=100").await.json()?;
    let mut chance = Chance(seed);
    (0..pages).map(|_| album_page(&albums.albums, &mut chance)).collect()
}

fn album_page(albums: &[wire::Album], chance: &mut Chance) -> anyhow::Result<String> {
    ensure!(!albums.is_empty(), "there are no albums");
    let album = &albums[usize::try_from(chance.below(albums.len() as u64))?];
    let place = chance.below(album.count.saturating_sub(PAGE_OF_AN_ALBUM) + 1);
    let cursor = cursor(i64::try_from(place)?);
    Ok(format!("/api/albums/{}/assets?limit={PAGE_OF_AN_ALBUM}&cursor={cursor}", album.id))
}

/// As `app::cursor` writes it: a place, and the last of all ids.
fn cursor(place: i64) -> String {
    let mut bytes = [0xff; 24];
    bytes[..8].copy_from_slice(&place.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Right after a day's noon.
fn noon(day: &str) -> anyhow::Result<String> {
    let noon = day.parse::<picup_domain::LocalDay>()?.bounds().0.plus(Duration::from_secs(12 * 3_600));
    Ok(cursor(noon.micros()))
}

/// SplitMix64 (Steele, Lea, Flood, 2014): the same numbers at every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}
