use std::collections::BTreeSet;

use picup_database::{AssetEdit, Database, Motion, NewAlbum, Search, TimelineAsset, Walk};
use picup_domain::{
    AccountId, AlbumId, AlbumTitle, AssetId, AssetKind, Description, FileName, LocalDay, MotionState, Place,
    SearchKind, Vicinity, Words,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::asset::facts;
use crate::fresh::{account, at, capture, fresh, hash, new_asset, size};

const DAY: i64 = 86_400;
/// Texts in which one word is part of another, in other cases, and full of what means something to a pattern.
const TEXTS: [&str; 8] = ["IMG_1.JPG", "img 1.jpg", "100% sea", "IMGX1", "바다 Sea", "Canon!", "under_sea", "École"];
const WORDS: [&str; 12] = ["img", "IMG_1", "%", "_", "!", "sea", "바", "jpg", "é", "%%", "école", "absent"];
/// Near each other and far, across the 180th meridian, and in the corner of a square whose circle does not reach there.
const PLACES: [(f64, f64); 5] = [(48.85, 2.29), (48.86, 2.30), (48.866, 2.314), (-17.0, 179.99), (-17.0, -179.99)];

/// All that a search may ask of an asset.
#[derive(Debug, Clone)]
struct Seed {
    captured: i64,
    name: &'static str,
    description: Option<&'static str>,
    camera: Option<&'static str>,
    lens: Option<&'static str>,
    kind: AssetKind,
    live: bool,
    favourite: bool,
    place: Option<(f64, f64)>,
    /// Which of the two albums it is in.
    albums: [bool; 2],
    trashed: bool,
    anothers: bool,
}

fn seed() -> impl Strategy<Value = Seed> {
    let text = || prop::option::of(select(&TEXTS[..]));
    let kinds = select(vec![AssetKind::Photo, AssetKind::Video, AssetKind::Other]);
    let words = (select(&TEXTS[..]), text(), text(), text());
    let facts = ((-3i64..6), kinds, any::<bool>(), any::<bool>(), prop::option::of(select(&PLACES[..])));
    let rare = || prop::bool::weighted(0.15);
    (words, facts, any::<[bool; 2]>(), rare(), rare()).prop_map(|(words, facts, albums, trashed, anothers)| Seed {
        captured: facts.0 * DAY / 2,
        name: words.0,
        description: words.1,
        camera: words.2,
        lens: words.3,
        kind: facts.1,
        live: facts.2,
        favourite: facts.3,
        place: facts.4,
        albums,
        trashed,
        anothers,
    })
}

#[derive(Debug, Clone)]
struct Wish {
    text: Vec<&'static str>,
    camera: Option<&'static str>,
    from: Option<i64>,
    to: Option<i64>,
    kind: Option<SearchKind>,
    album: Option<usize>,
    favourite: Option<bool>,
    located: Option<bool>,
    near: Option<((f64, f64), f64)>,
}

fn wish() -> impl Strategy<Value = Wish> {
    let kinds = [AssetKind::Photo, AssetKind::Video, AssetKind::Other].map(SearchKind::Is);
    let kinds: Vec<SearchKind> = kinds.into_iter().chain([SearchKind::Live]).collect();
    // Most searches say little, or nothing would ever be found.
    fn seldom<S: Strategy>(it: S) -> impl Strategy<Value = Option<S::Value>> {
        prop::option::weighted(0.2, it)
    }
    let near = (select(&PLACES[..]), select(vec![0.1, 2.0, 1000.0]));
    let words = prop::collection::vec(select(&WORDS[..]), 0..3);
    (
        (words, seldom(select(&WORDS[..])), seldom(-3i64..6), seldom(-3i64..6)),
        (seldom(select(kinds)), seldom(0usize..2), seldom(any::<bool>()), seldom(any::<bool>()), seldom(near)),
    )
        .prop_map(|((text, camera, from, to), (kind, album, favourite, located, near))| Wish {
            text,
            camera,
            from,
            to,
            kind,
            album,
            favourite,
            located,
            near,
        })
}

fn day(half_days: i64) -> LocalDay {
    capture(half_days * DAY / 2).day()
}

fn vicinity(((latitude, longitude), km): ((f64, f64), f64)) -> Vicinity {
    Vicinity::new(Place::new(latitude, longitude, None).unwrap(), km).unwrap()
}

impl Wish {
    fn search(&self, albums: &[AlbumId; 2]) -> Search {
        Search {
            text: Words::new("text", &self.text.join(" ")).unwrap(),
            from: self.from.map(day),
            to: self.to.map(day),
            kind: self.kind,
            camera: self.camera.and_then(|word| Words::new("camera", word).unwrap()),
            album: self.album.map(|which| albums[which]),
            favourite: self.favourite,
            located: self.located,
            near: self.near.map(vicinity),
        }
    }

    /// Whether an asset is what is looked for, by the plainest means.
    fn meets(&self, seed: &Seed, titles: [&str; 2]) -> bool {
        let has = |text: &str, word: &str| text.to_lowercase().contains(&word.to_lowercase());
        let mut texts: Vec<&str> = vec![seed.name];
        texts.extend([seed.description, seed.camera, seed.lens].into_iter().flatten());
        texts.extend(titles.into_iter().zip(seed.albums).filter(|(_, inside)| *inside).map(|(title, _)| title));
        let day = capture(seed.captured).day();
        let kind = match self.kind {
            None => true,
            Some(SearchKind::Live) => seed.live,
            Some(SearchKind::Is(kind)) => seed.kind == kind,
        };
        !seed.trashed
            && !seed.anothers
            && self.text.iter().all(|word| texts.iter().any(|text| has(text, word)))
            && self.camera.is_none_or(|word| seed.camera.is_some_and(|camera| has(camera, word)))
            && self.from.is_none_or(|from| day >= self::day(from))
            && self.to.is_none_or(|to| day <= self::day(to))
            && kind
            && self.album.is_none_or(|which| seed.albums[which])
            && self.favourite.is_none_or(|favourite| seed.favourite == favourite)
            && self.located.is_none_or(|located| seed.place.is_some() == located)
            && self.near.is_none_or(|near| seed.place.is_some_and(|(n, e)| vicinity(near).holds(n, e)))
    }
}

/// Puts it into the database as processing and its owner would.
async fn plant(db: &Database, owner: AccountId, albums: &[AlbumId; 2], seed: &Seed) -> AssetId {
    let mut tx = db.write().await.unwrap();
    let description = seed.description.and_then(|text| Description::new(text).unwrap());
    let new = picup_database::NewAsset {
        file_name: FileName::new(seed.name).unwrap(),
        description,
        favourite: seed.favourite,
        ..new_asset(owner, seed.captured)
    };
    tx.asset_insert(&new).await.unwrap();
    let mut facts = facts(seed.captured);
    facts.kind = seed.kind;
    (facts.camera_make, facts.camera_model) = (None, seed.camera.map(str::to_owned));
    facts.lens = seed.lens.map(str::to_owned);
    (facts.latitude, facts.longitude) = seed.place.unzip();
    assert!(tx.asset_make_ready(owner, new.id, &facts).await.unwrap().is_some());
    if seed.live {
        let motion = Motion {
            file_name: FileName::new("a.mov").unwrap(),
            bytes: size(1),
            sha256: hash("film"),
            state: MotionState::Verified,
        };
        assert!(tx.motion_insert(owner, new.id, &motion).await.unwrap());
    }
    if !seed.anothers {
        for (album, _) in albums.iter().zip(seed.albums).filter(|(_, inside)| *inside) {
            tx.album_add(owner, *album, owner, &[new.id], at(0)).await.unwrap();
        }
    }
    if seed.trashed {
        tx.asset_trash(owner, &[new.id], at(1)).await.unwrap();
    }
    tx.commit().await.unwrap();
    new.id
}

async fn album(db: &Database, owner: AccountId, title: &str) -> AlbumId {
    let (id, title) = (AlbumId::new(at(0)), AlbumTitle::new(title).unwrap());
    let mut tx = db.write().await.unwrap();
    tx.album_insert(&NewAlbum { id, owner, title, created_at: at(0) }).await.unwrap();
    tx.commit().await.unwrap();
    id
}

/// Everything that a search finds, page by page; each page keeps to its bounds, and says truly how far it has come.
async fn all(db: &Database, owner: AccountId, search: &Search, walk: Walk) -> Vec<TimelineAsset> {
    let mut read = db.read().await.unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    for _ in 0..1000 {
        let page = read.search_page(owner, search, after, walk).await.unwrap();
        assert!(page.found.len() <= walk.find as usize);
        found.extend(page.found);
        let Some(reached) = page.reached else { return found };
        assert!(found.last().is_none_or(|last| last.day >= reached.day));
        assert!(
            after.is_none_or(
                |after| (reached.cursor.captured_local, reached.cursor.id) < (after.captured_local, after.id)
            )
        );
        after = Some(reached.cursor);
    }
    panic!("the search goes on for ever");
}

fn ids(assets: &[TimelineAsset]) -> Vec<AssetId> {
    assets.iter().map(|asset| asset.id).collect()
}

#[test]
fn what_is_found_is_what_a_plain_filter_leaves() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let db = runtime.block_on(fresh());
    let titles = ["Sea of 100%", "IMG_ 바다"];
    let seeds = prop::collection::vec(seed(), 0..24);
    let wishes = prop::collection::vec((wish(), 1u32..9, 1u32..9), 8);
    proptest!(ProptestConfig::with_cases(80), |(seeds in seeds, wishes in wishes)| {
        runtime.block_on(async {
            let (owner, other) = (account(&db, None).await, account(&db, None).await);
            let albums = [album(&db, owner, titles[0]).await, album(&db, owner, titles[1]).await];
            let mut planted = Vec::new();
            for seed in &seeds {
                planted.push((plant(&db, if seed.anothers { other } else { owner }, &albums, seed).await, seed));
            }
            planted.sort_unstable_by_key(|(id, seed)| std::cmp::Reverse((seed.captured, *id)));
            for (wish, inspect, find) in &wishes {
                let expected: Vec<AssetId> =
                    planted.iter().filter(|(_, seed)| wish.meets(seed, titles)).map(|(id, _)| *id).collect();
                let walk = Walk { inspect: *inspect, find: *find };
                let found = all(&db, owner, &wish.search(&albums), walk).await;
                prop_assert_eq!(ids(&found), expected, "{:?}", wish);
            }
            Ok(())
        })?;
    });
}

#[tokio::test]
async fn a_page_looks_at_no_more_than_it_may() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let mut assets = Vec::new();
    let mut tx = db.write().await.unwrap();
    for number in 0..10 {
        let new = new_asset(owner, number * DAY);
        tx.asset_insert(&new).await.unwrap();
        assets.push(new.id);
    }
    let best = AssetEdit { favourite: Some(true), ..AssetEdit::default() };
    tx.asset_edit(owner, assets[0], &best).await.unwrap();
    tx.commit().await.unwrap();
    let search = Search { favourite: Some(true), ..Search::default() };
    let walk = Walk { inspect: 4, find: 4 };
    let mut read = db.read().await.unwrap();
    let first = read.search_page(owner, &search, None, walk).await.unwrap();
    let reached = first.reached.unwrap();
    assert_eq!((first.found.len(), reached.cursor.id, reached.day), (0, assets[6], capture(6 * DAY).day()));
    let second = read.search_page(owner, &search, Some(reached.cursor), walk).await.unwrap();
    assert_eq!((second.found.len(), second.reached.unwrap().cursor.id), (0, assets[2]));
    let third = read.search_page(owner, &search, second.reached.map(|it| it.cursor), walk).await.unwrap();
    assert_eq!((ids(&third.found), third.reached), (vec![assets[0]], None));
    // The last that may be looked at is the last there is.
    let exact = read.search_page(owner, &Search::default(), None, Walk { inspect: 10, find: 10 }).await.unwrap();
    assert_eq!((exact.found.len(), exact.reached), (10, None));
}

#[tokio::test]
async fn a_word_is_found_however_it_is_spelt() {
    let db = fresh().await;
    let owner = account(&db, None).await;
    let mut tx = db.write().await.unwrap();
    // The middle one as a Mac writes it: every syllable in its letters, every accent by itself.
    let names = ["École 바다.jpg", "E\u{301}cole \u{1107}\u{1161}\u{1103}\u{1161}.jpg", "ÉCOLE 바다.JPG", "other.jpg"];
    let mut assets = BTreeSet::new();
    for name in names {
        let new = picup_database::NewAsset { file_name: FileName::new(name).unwrap(), ..new_asset(owner, 0) };
        tx.asset_insert(&new).await.unwrap();
        assets.insert(new.id);
    }
    tx.commit().await.unwrap();
    for word in ["école", "ÉCOLE", "E\u{301}cole", "바다", "\u{1107}\u{1161}\u{1103}\u{1161}", "École.JPG 바"] {
        let text = word.replace(".JPG", " .JPG");
        let search = Search { text: Words::new("text", &text).unwrap(), ..Search::default() };
        let found = all(&db, owner, &search, Walk { inspect: 2, find: 10 }).await;
        assert_eq!(found.len(), 3, "{word}: {:?}", ids(&found));
    }
}
