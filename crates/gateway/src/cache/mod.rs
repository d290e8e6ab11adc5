//! The cache of an edge: media as slices, in memory and on disk, before an origin.
//!
//! A key always means the same bytes, so what is here is never asked for again, and is given also while the origin is down. Of a slice that
//! is not here one fill is under way at a time, whoever asks: all get its blocks as they come, and it goes on when they leave. The key is
//! the path alone: a signature is no part of it.
//!
//! [`Cache`] is an [`Origin`] before another one; the gateway knows of no difference but what it says in `Cache-Status`.

mod disk;
mod fill;
mod metrics;
mod slice;
mod threads;

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use quick_cache::Weighter;
use tokio::sync::Semaphore;

use crate::body::{BoxError, ByteStream};
use crate::origin::{Elsewhere, Opened, Origin, OriginError, Told};
use disk::{Disk, SliceId, medium_id};
use fill::Fill;
use slice::{BLOCK, Medium, SLICE};
use threads::Threads;

/// Fills at once. Each holds a slice in memory.
const FILLS: usize = 32;
/// How long one may take, so that an origin which drips does not keep others waiting for ever.
const FILL_TIME: Duration = Duration::from_secs(120);
/// No medium is longer: an origin that says so is wrong.
const LARGEST: u64 = 1 << 44;
/// Threads that read and write files at once.
const THREADS: usize = 16;

/// What a person may decide about the cache. Plain values.
#[derive(Debug, Clone)]
pub struct CacheSettings {
    /// The folder; it is the cache's alone.
    pub folder: PathBuf,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Bytes in memory.
    pub memory_bytes: u64,
    /// A number that no other process that ever used the folder had: a random one.
    pub process: u32,
}

/// Media from an origin, kept. Cheap to clone: clones are one.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    origin: Arc<dyn Origin>,
    disk: Arc<Disk>,
    memory: quick_cache::sync::Cache<(SliceId, u32), Bytes, ByBytes>,
    fills: Mutex<HashMap<SliceId, Arc<Fill>>>,
    /// Questions to the origin what a medium is, one of a medium at a time.
    asked: Mutex<HashMap<[u8; 16], Arc<tokio::sync::Mutex<()>>>>,
    at_once: Arc<Semaphore>,
    threads: Threads,
    /// The disk did not take the last slice.
    refuses: AtomicBool,
    /// Counts purges: what was just being kept at one is not.
    purges: AtomicU64,
    counts: Counts,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<(SliceId, u32), Bytes> for ByBytes {
    fn weight(&self, _: &(SliceId, u32), block: &Bytes) -> u64 {
        block.len() as u64
    }
}

/// What the cache has done since it was opened.
#[derive(Debug, Default)]
struct Counts {
    memory: AtomicU64,
    disk: AtomicU64,
    waited: AtomicU64,
    fills: AtomicU64,
    origin_bytes: AtomicU64,
    broken: AtomicU64,
    unkept: AtomicU64,
}

/// The same, to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// Blocks that were given from memory.
    pub memory: u64,
    /// Blocks that were read from the disk.
    pub disk: u64,
    /// Blocks that were waited for while another's fill brought them.
    pub waited: u64,
    /// Slices that the origin was asked for.
    pub fills: u64,
    /// Bytes that came from it.
    pub origin_bytes: u64,
    /// Slices on disk that were not as they were written.
    pub broken: u64,
    /// Slices that could not be written to the disk.
    pub unkept: u64,
    /// Bytes on the disk now.
    pub disk_bytes: u64,
    /// Slices on the disk now.
    pub slices: u64,
}

impl Cache {
    /// Opens a cache before `origin`. What an earlier one has left is taken in by [`Cache::scan`].
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(settings: &CacheSettings, origin: Arc<dyn Origin>) -> std::io::Result<Self> {
        let threads = Threads::new(THREADS);
        let disk = Disk::open(settings.folder.clone(), settings.disk_bytes, settings.process, threads.clone())?;
        let blocks = usize::try_from(settings.memory_bytes / BLOCK).unwrap_or(usize::MAX).max(64);
        Ok(Self(Arc::new(Inner {
            origin,
            disk: Arc::new(disk),
            memory: quick_cache::sync::Cache::with_weighter(blocks, settings.memory_bytes, ByBytes),
            fills: Mutex::default(),
            asked: Mutex::default(),
            at_once: Arc::new(Semaphore::new(FILLS)),
            threads,
            refuses: AtomicBool::default(),
            purges: AtomicU64::default(),
            counts: Counts::default(),
        })))
    }

    /// Takes in what stands on the disk from an earlier run; how many slices that were. Media are given meanwhile.
    pub async fn scan(&self) -> u64 {
        let disk = Arc::clone(&self.0.disk);
        self.0.threads.run(move || disk.scan().ok()).await.unwrap_or_default()
    }

    /// Lets the media go whose keys `which` names; how many were known. What is being sent is sent to its end.
    pub async fn purge(&self, which: impl Fn(&str) -> bool + Send + 'static) -> u64 {
        let cache = Arc::clone(&self.0);
        let purged = self.0.threads.run(move || {
            cache.purges.fetch_add(1, Ordering::SeqCst);
            let gone = cache.disk.purge(which);
            // Blocks are known by a hash of their medium's key alone: what is of no medium any more goes, too.
            let left = cache.disk.media();
            cache.memory.retain(|(slice, _), _| left.contains(&slice.medium));
            Some(gone)
        });
        purged.await.unwrap_or_default()
    }

    /// What it has done, and holds.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        let counts = &self.0.counts;
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (disk_bytes, slices) = self.0.disk.held();
        CacheCounts {
            memory: of(&counts.memory),
            disk: of(&counts.disk),
            waited: of(&counts.waited),
            fills: of(&counts.fills),
            origin_bytes: of(&counts.origin_bytes),
            broken: of(&counts.broken),
            unkept: of(&counts.unkept),
            disk_bytes,
            slices,
        }
    }
}

#[async_trait]
impl Origin for Cache {
    async fn open(&self, key: &str) -> Result<Opened, OriginError> {
        let id = medium_id(key);
        let medium = self.0.medium(id, key).await?;
        let (size, content_type) = (medium.size, medium.content_type.clone());
        let cache = self.clone();
        let looks = self.clone();
        let status = move |at: u64| looks.0.status(SliceId { medium: id, index: slice_at(at) });
        let opened = Opened::new(size, content_type, move |range| cache.read_all(id, medium, range));
        Ok(opened.with_status(status))
    }

    async fn read(&self, key: &str, range: Range<u64>) -> Result<ByteStream, OriginError> {
        let id = medium_id(key);
        let medium = self.0.medium(id, key).await?;
        Ok(self.clone().read_all(id, medium, range))
    }

    async fn elsewhere(&self, key: &str, told: Told) -> Result<Option<Elsewhere>, OriginError> {
        self.0.origin.elsewhere(key, told).await
    }
}

impl Cache {
    /// Blocks in order, cut to the range.
    fn read_all(self, id: [u8; 16], medium: Arc<Medium>, range: Range<u64>) -> ByteStream {
        let end = range.end.min(medium.size);
        let begin = (range.start, None::<(SliceId, Arc<Fill>)>);
        Box::pin(stream::try_unfold(begin, move |(at, held)| {
            let (cache, medium) = (self.clone(), Arc::clone(&medium));
            async move {
                if at >= end {
                    return Ok(None);
                }
                let slice = SliceId { medium: id, index: slice_at(at) };
                let block = u32::try_from(at % SLICE / BLOCK).unwrap_or_default();
                let held = held.filter(|(of, _)| *of == slice);
                let (bytes, fill) = cache.0.block(slice, &medium, block, held.map(|(_, fill)| fill)).await?;
                let from = usize::try_from(at % BLOCK).unwrap_or_default();
                let to = bytes.len().min(from + usize::try_from(end - at).unwrap_or(usize::MAX));
                if from >= to {
                    return Err::<_, BoxError>("a block is shorter than its medium says".into());
                }
                let next = at + (to - from) as u64;
                Ok(Some((bytes.slice(from..to), (next, fill.map(|fill| (slice, fill))))))
            }
        }))
    }
}

impl Inner {
    /// What a medium is: known here, or asked of the origin, once however many want to know.
    async fn medium(&self, id: [u8; 16], key: &str) -> Result<Arc<Medium>, OriginError> {
        if let Some(medium) = self.disk.medium(id) {
            return Ok(medium);
        }
        let turn = Turn::new(self, id);
        let _turn = turn.lock.lock().await;
        if let Some(medium) = self.disk.medium(id) {
            return Ok(medium);
        }
        let Opened { size, content_type, .. } = self.origin.open(key).await?;
        if size > LARGEST {
            return Err(OriginError::Unavailable(format!("the origin says that a medium has {size} bytes").into()));
        }
        let medium = Arc::new(Medium { key: key.to_owned(), size, content_type });
        self.disk.known(SliceId { medium: id, index: 0 }, Arc::clone(&medium));
        Ok(medium)
    }

    /// A block, from wherever it is had soonest; and the fill to hold on to until the cache has what it brings.
    async fn block(
        self: &Arc<Self>,
        id: SliceId,
        medium: &Arc<Medium>,
        block: u32,
        held: Option<Arc<Fill>>,
    ) -> Result<(Bytes, Option<Arc<Fill>>), BoxError> {
        if let Some(fill) = held.filter(|fill| !fill.is_kept()) {
            return Ok((fill.block(block).await?, Some(fill)));
        }
        if let Some(bytes) = self.memory.get(&(id, block)) {
            self.counts.memory.fetch_add(1, Ordering::Relaxed);
            return Ok((bytes, None));
        }
        if self.disk.has(id) {
            if let Some(bytes) = self.disk.block(id, block).await {
                self.counts.disk.fetch_add(1, Ordering::Relaxed);
                self.memory.insert((id, block), bytes.clone());
                return Ok((bytes, None));
            }
            self.counts.broken.fetch_add(1, Ordering::Relaxed);
        }
        let fill = self.fill(id, medium);
        Ok((fill.block(block).await?, Some(fill)))
    }

    /// The fill of a slice that is under way, or a new one.
    fn fill(self: &Arc<Self>, id: SliceId, medium: &Arc<Medium>) -> Arc<Fill> {
        let mut fills = self.fills.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fill) = fills.get(&id) {
            self.counts.waited.fetch_add(1, Ordering::Relaxed);
            return Arc::clone(fill);
        }
        let fill = Arc::new(Fill::new());
        fills.insert(id, Arc::clone(&fill));
        self.counts.fills.fetch_add(1, Ordering::Relaxed);
        let (inner, medium, filled) = (Arc::clone(self), Arc::clone(medium), Arc::clone(&fill));
        tokio::spawn(async move {
            // However it ends, by a panic too, the next who asks begins anew, and who waits is told.
            let ended = Ended { inner: Arc::clone(&inner), id, fill: Arc::clone(&filled) };
            inner.run(id, &medium, &filled).await;
            drop(ended);
        });
        fill
    }

    async fn run(&self, id: SliceId, medium: &Arc<Medium>, fill: &Fill) {
        let Ok(_place) = self.at_once.acquire().await else { return };
        let begin = u64::from(id.index) * SLICE;
        let bytes = medium.slice_bytes(id.index);
        let taken = tokio::time::timeout(FILL_TIME, async {
            match self.origin.read(&medium.key, begin..begin + bytes).await {
                Ok(stream) => fill.take(stream, bytes).await,
                Err(error) => Err(error.into()),
            }
        });
        let taken = taken.await.unwrap_or_else(|_| Err("the origin is too slow".into()));
        if let Err(error) = taken {
            tracing::warn!(key = medium.key, error, "a slice did not come from the origin");
            return fill.failed(&error.to_string());
        }
        self.counts.origin_bytes.fetch_add(bytes, Ordering::Relaxed);
        let blocks = fill.blocks();
        // A medium that was let go meanwhile is known no more, or is another one.
        let stands = self.disk.medium(id.medium).is_some_and(|known| Arc::ptr_eq(&known, medium));
        let before = self.purges.load(Ordering::SeqCst);
        let kept = stands && self.keep(id, medium, blocks).await;
        if self.purges.load(Ordering::SeqCst) != before {
            self.disk.purge(|key| key == medium.key);
        }
        fill.whole(kept);
    }

    /// Puts a slice into memory and on the disk; `false` when the disk does not take it.
    async fn keep(&self, id: SliceId, medium: &Arc<Medium>, blocks: Vec<Bytes>) -> bool {
        for (number, block) in (0..).zip(&blocks) {
            self.memory.insert((id, number), block.clone());
        }
        self.disk.known(id, Arc::clone(medium));
        let (disk, medium) = (Arc::clone(&self.disk), Arc::clone(medium));
        let put = self.threads.run(move || Some(disk.put(id, &medium, &blocks)));
        match put.await {
            Some(Ok(kept)) => {
                self.refuses.store(false, Ordering::Relaxed);
                kept
            }
            failed => {
                self.counts.unkept.fetch_add(1, Ordering::Relaxed);
                // Once, until it takes one again: a full disk takes none of thousands.
                if !self.refuses.swap(true, Ordering::Relaxed) {
                    tracing::warn!(?failed, "the cache's disk does not take slices; they are given without being kept");
                }
                false
            }
        }
    }

    /// What RFC 9211 has a cache say of a slice.
    fn status(&self, id: SliceId) -> &'static str {
        let is_under_way = || self.fills.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&id);
        if self.memory.peek(&(id, 0)).is_some() || self.disk.has(id) {
            "PicUp; hit"
        } else if is_under_way() {
            "PicUp; fwd=uri-miss; collapsed"
        } else {
            "PicUp; fwd=uri-miss; stored"
        }
    }
}

fn slice_at(at: u64) -> u32 {
    u32::try_from(at / SLICE).unwrap_or(u32::MAX)
}

/// A place among those who want to know what a medium is.
struct Turn<'c> {
    inner: &'c Inner,
    id: [u8; 16],
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl<'c> Turn<'c> {
    fn new(inner: &'c Inner, id: [u8; 16]) -> Self {
        let mut asked = inner.asked.lock().unwrap_or_else(PoisonError::into_inner);
        Self { inner, id, lock: Arc::clone(asked.entry(id).or_default()) }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut asked = self.inner.asked.lock().unwrap_or_else(PoisonError::into_inner);
        // The last one's, and the list's own.
        if Arc::strong_count(&self.lock) <= 2 {
            asked.remove(&self.id);
        }
    }
}

/// Takes a fill off the list when it ends.
struct Ended {
    inner: Arc<Inner>,
    id: SliceId,
    fill: Arc<Fill>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.fill.failed("the fill ended before its time");
        self.inner.fills.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
