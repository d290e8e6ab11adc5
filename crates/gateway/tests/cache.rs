//! The cache before an origin that counts, waits and fails: the right bytes to everybody, each byte asked for once.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use picup_gateway::{BoxError, ByteStream, Cache, CacheSettings, Opened, Origin, OriginError};
use proptest::prelude::*;
use tokio::sync::Semaphore;

const MIB: u64 = 1 << 20;

/// What an origin holds is made of its key and the place in it.
fn content(key: &str, range: Range<u64>) -> Vec<u8> {
    let seed = key.bytes().fold(7_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    range.map(|at| (at.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 7) as u8).collect()
}

struct TestOrigin {
    sizes: HashMap<String, u64>,
    opened: AtomicU64,
    bytes: Arc<AtomicU64>,
    /// Each chunk takes one; closed: they come as they are.
    gate: Arc<Semaphore>,
    away: Arc<AtomicBool>,
    ranges: Mutex<Vec<Range<u64>>>,
}

impl TestOrigin {
    fn new(media: &[(&str, u64)]) -> Arc<Self> {
        let sizes = media.iter().map(|(key, size)| ((*key).to_owned(), *size)).collect();
        let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS >> 1));
        let (opened, bytes, away) = Default::default();
        Arc::new(Self { sizes, opened, bytes, gate, away, ranges: Mutex::default() })
    }

    fn asked(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Origin for TestOrigin {
    async fn open(&self, key: &str) -> Result<Opened, OriginError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(OriginError::Unavailable("the origin is away".into()));
        }
        self.opened.fetch_add(1, Ordering::SeqCst);
        let size = *self.sizes.get(key).ok_or(OriginError::NotFound)?;
        Ok(Opened::new(size, "image/webp", |_| Box::pin(stream::empty())))
    }

    async fn read(&self, key: &str, range: Range<u64>) -> Result<ByteStream, OriginError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(OriginError::Unavailable("the origin is away".into()));
        }
        self.ranges.lock().unwrap().push(range.clone());
        let (gate, away, bytes) = (Arc::clone(&self.gate), Arc::clone(&self.away), Arc::clone(&self.bytes));
        let chunks: Vec<Vec<u8>> = content(key, range).chunks(100_000).map(<[u8]>::to_vec).collect();
        Ok(Box::pin(stream::iter(chunks).then(move |chunk| {
            let (gate, away, bytes) = (Arc::clone(&gate), Arc::clone(&away), Arc::clone(&bytes));
            async move {
                gate.acquire().await?.forget();
                if away.load(Ordering::SeqCst) {
                    return Err::<_, BoxError>("the origin went away".into());
                }
                bytes.fetch_add(chunk.len() as u64, Ordering::SeqCst);
                Ok(Bytes::from(chunk))
            }
        })))
    }
}

struct Stage {
    folder: tempfile::TempDir,
    origin: Arc<TestOrigin>,
}

impl Stage {
    fn new(media: &[(&str, u64)]) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), origin: TestOrigin::new(media) }
    }

    fn cache(&self) -> Cache {
        self.cache_of(64 * MIB, 4 * MIB)
    }

    fn cache_of(&self, disk_bytes: u64, memory_bytes: u64) -> Cache {
        let folder = self.folder.path().join("cache");
        let settings = CacheSettings { folder, disk_bytes, memory_bytes, process: rand::random() };
        Cache::open(&settings, Arc::clone(&self.origin) as Arc<dyn Origin>).unwrap()
    }

    /// The files of slices.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("cache")).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

async fn read(cache: &Cache, key: &str, range: Range<u64>) -> Result<Vec<u8>, String> {
    let stream = cache.read(key, range).await.map_err(|error| error.to_string())?;
    let chunks: Vec<Bytes> = stream.try_collect().await.map_err(|error| error.to_string())?;
    Ok(chunks.concat())
}

/// Reads it, and compares every byte.
async fn must_read(cache: &Cache, key: &str, range: Range<u64>) {
    let got = read(cache, key, range.clone()).await.unwrap();
    assert!(got == content(key, range.clone()), "{key} {range:?}: other bytes");
}

/// Until what was filled is on the disk.
async fn settled(cache: &Cache, slices: u64) {
    for _ in 0..500 {
        if cache.counts().slices == slices {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", cache.counts());
}

#[tokio::test]
async fn everything_is_asked_for_once_and_given_from_then_on() {
    let size = 2 * MIB + 70_001;
    let stage = Stage::new(&[("media/a", size), ("media/small", 30_000), ("media/empty", 0)]);
    let cache = stage.cache();
    for _ in 0..3 {
        must_read(&cache, "media/a", 0..size).await;
        must_read(&cache, "media/small", 0..30_000).await;
        for range in [0..1, MIB - 1..MIB + 1, size - 1..size, 65_535..65_537, 5..2 * MIB + 5] {
            must_read(&cache, "media/a", range).await;
        }
    }
    assert_eq!(stage.origin.asked(), size + 30_000);
    assert_eq!((cache.counts().fills, cache.counts().origin_bytes), (4, size + 30_000));
    assert_eq!(stage.origin.opened.load(Ordering::SeqCst), 2);
    assert_eq!(cache.open("media/empty").await.unwrap().size, 0);
    assert!(matches!(cache.open("media/none").await, Err(OriginError::NotFound)));
    settled(&cache, 4).await;
    // Only the slices that a range touches are asked for.
    let fresh = Stage::new(&[("media/a", 50 * MIB)]);
    let cache = fresh.cache();
    must_read(&cache, "media/a", 20 * MIB + 7..20 * MIB + 9).await;
    assert_eq!(fresh.origin.ranges.lock().unwrap().as_slice(), std::slice::from_ref(&(20 * MIB..21 * MIB)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_is_one_reader_to_the_origin() {
    let size = 5 * MIB + 3;
    let stage = Stage::new(&[("media/a", size)]);
    let cache = stage.cache();
    let crowd = (0..200).map(|_| {
        let cache = cache.clone();
        tokio::spawn(async move { must_read(&cache, "media/a", 0..size).await })
    });
    for reader in crowd.collect::<Vec<_>>() {
        reader.await.unwrap();
    }
    assert_eq!((stage.origin.asked(), stage.origin.opened.load(Ordering::SeqCst)), (size, 1));
    assert!(cache.counts().waited > 0);
}

/// Those who wait get what has come, before the rest has; and it comes on when the first who asked has gone.
#[tokio::test]
async fn a_fill_streams_to_all_and_outlives_who_began_it() {
    let stage = Stage::new(&[("media/a", MIB)]);
    let (origin, cache) = (&stage.origin, stage.cache());
    origin.gate.forget_permits(usize::MAX);
    origin.gate.add_permits(2);
    let mut first = cache.read("media/a", 0..MIB).await.unwrap();
    let mut second = cache.read("media/a", 0..MIB).await.unwrap();
    for stream in [&mut first, &mut second] {
        assert!(stream.next().await.unwrap().unwrap() == content("media/a", 0..65_536));
    }
    assert!(cache.open("media/a").await.is_ok());
    drop(first);
    drop(second);
    origin.gate.add_permits(100);
    settled(&cache, 1).await;
    assert_eq!((origin.asked(), cache.counts().fills), (MIB, 1));
    must_read(&cache, "media/a", 0..MIB).await;
    assert_eq!(origin.asked(), MIB);
}

#[tokio::test]
async fn a_failure_is_told_and_the_next_who_asks_begins_anew() {
    let stage = Stage::new(&[("media/a", 2 * MIB)]);
    let (origin, cache) = (&stage.origin, stage.cache());
    must_read(&cache, "media/a", 0..10).await;
    origin.gate.forget_permits(usize::MAX);
    origin.gate.add_permits(2);
    let mut stream = cache.read("media/a", MIB..2 * MIB).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    origin.away.store(true, Ordering::SeqCst);
    origin.gate.add_permits(1_000);
    let rest: Result<Vec<Bytes>, BoxError> = stream.try_collect().await;
    assert_eq!(rest.unwrap_err().to_string(), "the origin went away");
    // What is here is given while the origin is away; what is not is a failure, and nothing false.
    must_read(&cache, "media/a", 0..MIB).await;
    assert_eq!(read(&cache, "media/a", MIB..MIB + 1).await, Err("the store failed".to_owned()));
    origin.away.store(false, Ordering::SeqCst);
    must_read(&cache, "media/a", 0..2 * MIB).await;
}

#[tokio::test]
async fn what_is_let_go_before_it_was_found_does_not_come_back() {
    let stage = Stage::new(&[("media/a", 3 * MIB)]);
    let cache = stage.cache();
    must_read(&cache, "media/a", 0..3 * MIB).await;
    settled(&cache, 3).await;
    drop(cache);
    let cache = stage.cache();
    assert_eq!(cache.purge(|key| key == "media/a").await, 0, "nothing is known yet");
    cache.scan().await;
    assert_eq!((cache.counts().slices, stage.files().len()), (0, 0));
}

#[tokio::test]
async fn a_slice_that_has_another_ones_name_is_not_given() {
    let stage = Stage::new(&[("media/a", 3 * MIB)]);
    let cache = stage.cache();
    must_read(&cache, "media/a", 0..3 * MIB).await;
    settled(&cache, 3).await;
    drop(cache);
    let cache = stage.cache();
    assert_eq!(cache.scan().await, 3);
    let files = stage.files();
    fs::copy(&files[0], &files[1]).unwrap();
    must_read(&cache, "media/a", 0..3 * MIB).await;
    assert_eq!(cache.counts().broken, 1);
}

#[tokio::test]
async fn a_start_finds_what_was_whole_and_removes_what_was_not() {
    let stage = Stage::new(&[("media/a", 3 * MIB), ("media/b", 100)]);
    let cache = stage.cache();
    must_read(&cache, "media/a", 0..3 * MIB).await;
    must_read(&cache, "media/b", 0..100).await;
    settled(&cache, 4).await;
    drop(cache);
    let files = stage.files();
    assert_eq!(files.len(), 4);
    let folder = stage.folder.path().join("cache");
    // Cut short, of another name than its head says, begun by a process that was killed, and nobody's.
    let cut = files.iter().find(|file| fs::metadata(file).unwrap().len() > MIB / 2).unwrap();
    fs::OpenOptions::new().write(true).open(cut).unwrap().set_len(1_000).unwrap();
    let whole = files.iter().find(|file| fs::metadata(file).unwrap().len() > MIB / 2).unwrap();
    let renamed = whole.file_name().unwrap().to_str().unwrap().replacen(|digit: char| digit.is_ascii_digit(), "f", 1);
    fs::copy(whole, folder.join(renamed)).unwrap();
    fs::write(folder.join("0000000000000001.now"), b"half").unwrap();
    fs::write(folder.join("other"), b"x").unwrap();

    let asked = stage.origin.asked();
    let cache = stage.cache();
    assert_eq!(cache.scan().await, 3);
    assert!(fs::remove_file(folder.join("other")).is_ok(), "what is none of the cache's is not for it to remove");
    assert_eq!(stage.files().len(), 3, "{:?}", stage.files());
    stage.origin.away.store(true, Ordering::SeqCst);
    must_read(&cache, "media/b", 0..100).await;
    stage.origin.away.store(false, Ordering::SeqCst);
    must_read(&cache, "media/a", 0..3 * MIB).await;
    assert_eq!(stage.origin.asked(), asked + MIB, "one was cut short");
}

/// A flipped byte anywhere in a file, head or blocks: never a wrong byte to a client.
#[tokio::test]
async fn what_is_broken_on_the_disk_is_found_and_fetched_again() {
    let stage = Stage::new(&[("media/a", 200_000)]);
    let cache = stage.cache();
    must_read(&cache, "media/a", 0..200_000).await;
    settled(&cache, 1).await;
    for number in 0..12_u64 {
        let file = stage.files().pop().unwrap();
        let mut bytes = fs::read(&file).unwrap();
        let at = (number * 7_919) as usize % bytes.len();
        bytes[at] ^= 0x10;
        fs::write(&file, bytes).unwrap();
        // What is in memory and open is not looked for on the disk.
        let again = stage.cache_of(64 * MIB, 0);
        again.scan().await;
        must_read(&again, "media/a", 0..200_000).await;
        settled(&again, 1).await;
    }
    // And while it is in use, as a disk does it.
    let cache = stage.cache_of(64 * MIB, 0);
    cache.scan().await;
    must_read(&cache, "media/a", 0..200_000).await;
    let file = stage.files().pop().unwrap();
    let length = fs::metadata(&file).unwrap().len();
    let asked = stage.origin.asked();
    std::os::unix::fs::FileExt::write_all_at(
        &fs::OpenOptions::new().write(true).open(&file).unwrap(),
        b"???",
        length - 90,
    )
    .unwrap();
    must_read(&cache, "media/a", 0..200_000).await;
    assert_eq!((stage.origin.asked() - asked, cache.counts().broken), (200_000, 1));
}

#[tokio::test]
async fn the_budget_holds_and_what_is_asked_for_stays() {
    let names: Vec<String> = (0..40).map(|number| format!("media/{number}")).collect();
    let media: Vec<_> = names.iter().map(|name| (name.as_str(), MIB)).collect();
    let stage = Stage::new(&media);
    let cache = stage.cache_of(10 * MIB, 0);
    for name in &names {
        must_read(&cache, name, 0..MIB).await;
        must_read(&cache, "media/0", 0..10).await;
        let on_disk: u64 = stage.files().iter().map(|file| fs::metadata(file).unwrap().len()).sum();
        assert!(on_disk <= 12 * MIB && cache.counts().disk_bytes <= 10 * MIB, "{on_disk} {:?}", cache.counts());
    }
    let fills = cache.counts().fills;
    must_read(&cache, "media/0", 0..MIB).await;
    assert_eq!(cache.counts().fills, fills, "what everybody asks for has gone");
}

#[tokio::test]
async fn a_purge_lets_go_and_nothing_that_was_on_its_way_stays() {
    let stage = Stage::new(&[("media/a/1", MIB), ("media/a/2", 10), ("media/ab/1", 10)]);
    let (origin, cache) = (&stage.origin, stage.cache());
    for (key, size) in [("media/a/1", MIB), ("media/a/2", 10), ("media/ab/1", 10)] {
        must_read(&cache, key, 0..size).await;
    }
    settled(&cache, 3).await;
    assert_eq!(cache.purge(|key| key == "media/a/2").await, 1);
    assert_eq!((cache.counts().slices, cache.purge(|key| key.starts_with("media/a/")).await), (2, 1));
    assert_eq!((cache.counts().slices, stage.files().len()), (1, 1));
    origin.gate.forget_permits(usize::MAX);
    origin.gate.add_permits(2);
    let mut stream = cache.read("media/a/1", 0..MIB).await.unwrap();
    stream.next().await.unwrap().unwrap();
    cache.purge(|key| key.starts_with("media/a/")).await;
    origin.gate.add_permits(1_000);
    let rest: Vec<Bytes> = stream.try_collect().await.unwrap();
    assert!(rest.concat() == content("media/a/1", 65_536..MIB));
    assert_eq!(cache.counts().slices, 1);
    let asked = origin.asked();
    must_read(&cache, "media/a/1", 0..MIB).await;
    assert_eq!(origin.asked() - asked, MIB);
}

/// A budget that no slice fits into.
#[tokio::test]
async fn a_cache_without_room_passes_on() {
    let stage = Stage::new(&[("media/a", 2 * MIB)]);
    let cache = stage.cache_of(1_000, 0);
    must_read(&cache, "media/a", 0..2 * MIB).await;
    assert_eq!((stage.origin.asked(), cache.counts().slices), (2 * MIB, 0));
}

/// A disk that takes nothing: everybody is served, each from one fill.
#[tokio::test]
async fn without_a_disk_it_passes_on() {
    let stage = Stage::new(&[("media/a", 3 * MIB)]);
    let cache = stage.cache_of(64 * MIB, 0);
    fs::remove_dir_all(stage.folder.path().join("cache")).unwrap();
    must_read(&cache, "media/a", 0..3 * MIB).await;
    while cache.counts().unkept < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!((stage.origin.asked(), cache.counts().slices), (3 * MIB, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn any_ranges_in_any_order_give_the_right_bytes(
        size in 1_u64..3 * MIB, parts in prop::collection::vec((0.0..1.0_f64, 0.0..1.0_f64), 1..6), memory in prop::bool::ANY,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let stage = Stage::new(&[("media/x", size)]);
            let cache = stage.cache_of(2 * MIB, if memory { MIB } else { 0 });
            for (from, length) in parts {
                let from = ((size as f64 * from) as u64).min(size - 1);
                let to = from + 1 + ((size - from - 1) as f64 * length) as u64;
                must_read(&cache, "media/x", from..to).await;
            }
        });
    }
}
