//! The slices on the disk: which there are, within a budget of bytes; what is let go when it is used up; and what a start finds.
//!
//! A file is written under a name that nobody looks for and renamed: a process that is killed leaves whole files and rubbish, which the
//! next start removes. Its name has a number that no other has, so that a file that is being removed is never a newer one.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};
use rustix::io::{Errno, ReadWriteFlags};

use super::slice::{Head, Medium, head_of};
use super::threads::Threads;

/// Names a slice: a hash of the medium's key, and which slice of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SliceId {
    pub(super) medium: [u8; 16],
    pub(super) index: u32,
}

/// Where a slice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    number: u64,
    bytes: u64,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<SliceId, Place> for ByBytes {
    fn weight(&self, _: &SliceId, place: &Place) -> u64 {
        place.bytes
    }
}

/// Collects what has to go, for whoever changed the index.
#[derive(Clone, Default)]
struct LetGo;

impl Lifecycle<SliceId, Place> for LetGo {
    type RequestState = Vec<(SliceId, Place)>;

    fn on_evict(&self, state: &mut Self::RequestState, id: SliceId, place: Place) {
        state.push((id, place));
    }
}

/// An open file of a slice.
pub(super) struct OpenSlice {
    file: File,
    head: Head,
}

/// Files that stay open: some 200 bytes and a descriptor each.
const OPEN: usize = 256;

/// The disk of a cache.
pub(super) struct Disk {
    folder: PathBuf,
    slices: Cache<SliceId, Place, ByBytes, DefaultHashBuilder, LetGo>,
    open: Cache<SliceId, Arc<OpenSlice>>,
    /// What the slices are of. More than there are slices at times, never many more.
    media: Mutex<HashMap<[u8; 16], Arc<Medium>>>,
    threads: Threads,
    /// In the upper half of the numbers of this process's files.
    process: u32,
    files: AtomicU32,
    /// What an earlier process left has been taken in.
    scanned: AtomicBool,
    /// Something was let go before that.
    purged: AtomicBool,
}

impl Disk {
    /// Makes the folder. Nothing of it is known before [`Disk::scan`].
    pub(super) fn open(folder: PathBuf, bytes: u64, process: u32, threads: Threads) -> std::io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let slices = usize::try_from(bytes >> 16).unwrap_or(usize::MAX).clamp(64, 1 << 22);
        // Each part of the index has its share of the budget; in one of a quarter of a gigabyte a slice is little.
        let parts = usize::try_from(bytes >> 28).unwrap_or(usize::MAX).clamp(1, 16);
        let options =
            OptionsBuilder::new().estimated_items_capacity(slices).weight_capacity(bytes).shards(parts).build();
        let options = options.map_err(std::io::Error::other)?;
        let slices = Cache::with_options(options, ByBytes, DefaultHashBuilder::default(), LetGo);
        Ok(Self {
            folder,
            slices,
            open: Cache::new(OPEN),
            media: Mutex::default(),
            threads,
            process,
            files: AtomicU32::default(),
            scanned: AtomicBool::default(),
            purged: AtomicBool::default(),
        })
    }

    /// Takes in what stands in the folder, and removes slices that are not whole. Slices are taken and given meanwhile.
    pub(super) fn scan(&self) -> std::io::Result<u64> {
        let mut found = 0;
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let whole = named(&path).and_then(|(id, number)| {
                let head = File::open(&path).and_then(|file| Head::read(&file)).ok()?;
                let bytes = path.metadata().ok()?.len();
                (head.index == id.index && id_of(&head.medium.key, id.index) == id).then_some((id, number, bytes, head))
            });
            match whole {
                // One that came meanwhile is newer.
                Some((id, number, bytes, head))
                    if self.slices.peek(&id).is_none() && !self.purged.load(Ordering::SeqCst) =>
                {
                    self.known(id, Arc::new(head.medium));
                    self.insert(id, Place { number, bytes });
                    found += 1;
                }
                Some((id, number, ..)) if self.slices.peek(&id).is_some_and(|place| place.number == number) => {}
                // What is being written now is not of an earlier process; and what is none of the cache's is not for it to remove.
                _ if self.is_being_written(&path) || !is_ours(&path) => {}
                _ => drop(fs::remove_file(&path)),
            }
        }
        // A purge meanwhile may have meant what was only then found.
        if self.purged.load(Ordering::SeqCst) {
            let left = fs::read_dir(&self.folder)?.filter_map(|entry| named(&entry.ok()?.path()));
            left.for_each(|(id, _)| self.remove(id));
        }
        self.scanned.store(true, Ordering::SeqCst);
        Ok(found)
    }

    /// A number for a file, which no other has had.
    fn number(&self) -> u64 {
        u64::from(self.process) << 32 | u64::from(self.files.fetch_add(1, Ordering::Relaxed))
    }

    fn is_being_written(&self, path: &Path) -> bool {
        let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".now"));
        let number = number.and_then(|number| u64::from_str_radix(number, 16).ok());
        number.is_some_and(|number| number >> 32 == u64::from(self.process))
    }

    /// Bytes and slices that are held.
    pub(super) fn held(&self) -> (u64, u64) {
        (self.slices.weight(), self.slices.len() as u64)
    }

    pub(super) fn has(&self, id: SliceId) -> bool {
        self.slices.peek(&id).is_some()
    }

    pub(super) fn medium(&self, id: [u8; 16]) -> Option<Arc<Medium>> {
        self.media.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Remembers what the slices of a medium are of, and forgets those of which there is none any more when they are too many.
    pub(super) fn known(&self, id: SliceId, medium: Arc<Medium>) {
        let mut media = self.media.lock().unwrap_or_else(PoisonError::into_inner);
        media.insert(id.medium, medium);
        if media.len() > 2 * self.slices.len() + 1_000 {
            let has = |id: &[u8; 16], medium: &Medium| {
                (0..medium.slices()).any(|index| self.has(SliceId { medium: *id, index }))
            };
            let kept = id.medium;
            media.retain(|id, medium| *id == kept || has(id, medium));
        }
    }

    /// Writes a slice and takes it in; `false` when it is more than the whole budget. An error leaves nothing.
    pub(super) fn put(&self, id: SliceId, medium: &Medium, blocks: &[Bytes]) -> std::io::Result<bool> {
        let number = self.number();
        let temporary = self.folder.join(format!("{number:016x}.now"));
        let head = head_of(medium, id.index, blocks);
        let written = File::create_new(&temporary).and_then(|mut file| {
            file.write_all(&head)?;
            blocks.iter().try_for_each(|block| file.write_all(block))
        });
        let written = written.and_then(|()| fs::rename(&temporary, self.path(id, number)));
        if let Err(error) = written {
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        let bytes = head.len() as u64 + blocks.iter().map(|block| block.len() as u64).sum::<u64>();
        self.insert(id, Place { number, bytes });
        Ok(self.has(id))
    }

    fn insert(&self, id: SliceId, place: Place) {
        let replaced = self.slices.peek(&id);
        let mut gone = Vec::new();
        self.slices.insert_with_lifecycle(id, place, &mut gone);
        for (id, place) in gone.into_iter().chain(replaced.map(|replaced| (id, replaced))) {
            if self.slices.peek(&id) != Some(place) {
                self.open.remove(&id);
                let _ = fs::remove_file(self.path(id, place.number));
            }
        }
    }

    /// Lets a slice go, because it is broken or not wanted any more.
    pub(super) fn remove(&self, id: SliceId) {
        if let Some((_, place)) = self.slices.remove(&id) {
            self.open.remove(&id);
            let _ = fs::remove_file(self.path(id, place.number));
        }
    }

    /// Lets go all slices of the media that `which` says; how many media there were.
    pub(super) fn purge(&self, which: impl Fn(&str) -> bool) -> u64 {
        if !self.scanned.load(Ordering::SeqCst) {
            self.purged.store(true, Ordering::SeqCst);
        }
        let found: Vec<_> = {
            let mut media = self.media.lock().unwrap_or_else(PoisonError::into_inner);
            media.extract_if(|_, medium| which(&medium.key)).collect()
        };
        for (id, medium) in &found {
            (0..medium.slices()).for_each(|index| self.remove(SliceId { medium: *id, index }));
        }
        found.len() as u64
    }

    /// The media of which anything is known.
    pub(super) fn media(&self) -> HashSet<[u8; 16]> {
        self.media.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// A block; `None` when there is no such slice, or it is not as it was written: then it is gone.
    pub(super) async fn block(self: &Arc<Self>, id: SliceId, block: u32) -> Option<Bytes> {
        let place = self.slices.get(&id)?;
        let open = match self.open.get(&id) {
            Some(open) => open,
            None => self.open_slice(id, place).await?,
        };
        // What the system has in memory is read here; what it has not costs a disk's time, on a thread for that.
        let read = match open.read(block, ReadWriteFlags::NOWAIT) {
            Ok(read) => Some(read),
            Err(_) => {
                let again = Arc::clone(&open);
                self.threads.run(move || again.read(block, ReadWriteFlags::empty()).ok()).await
            }
        };
        match read {
            Some(read) if open.head.proves(block, &read) => Some(read),
            _ => {
                self.remove(id);
                None
            }
        }
    }

    async fn open_slice(self: &Arc<Self>, id: SliceId, place: Place) -> Option<Arc<OpenSlice>> {
        let path = self.path(id, place.number);
        let opened = self.threads.run(move || {
            let file = File::open(path).ok()?;
            // A file that got the name of another one is not what its name says.
            let head = Head::read(&file).ok().filter(|head| id_of(&head.medium.key, head.index) == id)?;
            Some(Arc::new(OpenSlice { file, head }))
        });
        match opened.await {
            Some(open) => {
                self.open.insert(id, Arc::clone(&open));
                Some(open)
            }
            None => {
                self.remove(id);
                None
            }
        }
    }

    fn path(&self, id: SliceId, number: u64) -> PathBuf {
        self.folder.join(format!("{:032x}-{:08x}-{number:016x}.slice", u128::from_be_bytes(id.medium), id.index))
    }
}

impl OpenSlice {
    fn read(&self, block: u32, flags: ReadWriteFlags) -> Result<Bytes, Errno> {
        let (at, length) = self.head.place(block);
        let mut bytes = BytesMut::zeroed(length);
        let mut read = 0;
        while read < length {
            let mut into = [std::io::IoSliceMut::new(&mut bytes[read..])];
            match rustix::io::preadv2(&self.file, &mut into, at + read as u64, flags) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(read);
        Ok(bytes.freeze())
    }
}

/// The slice of a key.
pub(super) fn id_of(key: &str, index: u32) -> SliceId {
    SliceId { medium: medium_id(key), index }
}

/// The first half of the key's SHA-256.
pub(super) fn medium_id(key: &str) -> [u8; 16] {
    let mut medium = [0; 16];
    medium.copy_from_slice(&<sha2::Sha256 as sha2::Digest>::digest(key)[..16]);
    medium
}

/// What a file's name says.
/// Whether it has the name of a slice, or of one that was being written.
fn is_ours(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "slice" || ending == "now")
}

fn named(path: &Path) -> Option<(SliceId, u64)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".slice")?;
    let mut parts = name.split('-');
    let medium = u128::from_str_radix(parts.next()?, 16).ok()?.to_be_bytes();
    let index = u32::from_str_radix(parts.next()?, 16).ok()?;
    let number = u64::from_str_radix(parts.next()?, 16).ok()?;
    parts.next().is_none().then_some((SliceId { medium, index }, number))
}
