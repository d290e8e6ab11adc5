//! What `picup doctor` and the System page ask a store: is it there, can it be written, is it private, is there room.

use std::io;
use std::sync::Arc;

use picup_domain::ByteSize;

use crate::Error;
use crate::files::{self, Files};
use crate::site::{Site, Store};

/// Below this share of free space a store is unhealthy: 5 %, or …
const LEAST_FREE_PERCENT: u64 = 5;
/// … below this many bytes, whichever is less: room for a few videos.
const LEAST_FREE_BYTES: u64 = 5_000_000_000;

/// The answer to one question about a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was asked: `storage-there`, `storage-writable`, `storage-private` or, of a folder, `storage-space`.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found, and when it is not as it should be, what to do.
    pub advice: String,
}

/// Room in a store, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What this process may still write.
    pub free: u64,
    /// The size of the file system.
    pub total: u64,
    /// What is never filled with originals, of what is free.
    pub kept: u64,
}

impl Site {
    pub(crate) async fn check(&self) -> Vec<Check> {
        match &self.store {
            Store::Memory(_) => Vec::new(),
            Store::S3(s3) => s3.check().await,
            Store::Files(files) => {
                let ask = |files: &Files| Ok(vec![there(files), writable(files), private(files), space(files)]);
                self.on_files(files, ask).await.unwrap_or_default()
            }
        }
    }

    pub(crate) async fn check_at_a_glance(&self) -> Vec<Check> {
        match &self.store {
            Store::S3(s3) => s3.check_at_a_glance().await,
            _ => self.check().await,
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match &self.store {
            Store::Files(_) => "files",
            Store::S3(_) => "s3",
            Store::Memory(_) => "memory",
        }
    }

    pub(crate) async fn space(&self) -> Result<Option<Space>, Error> {
        let Store::Files(files) = &self.store else { return Ok(None) };
        let ask = |files: &Files| files.space().map_err(Error::io("ask for free space"));
        let (free, total) = self.on_files(&Arc::clone(files), ask).await?;
        self.metrics.space(free, total);
        Ok(Some(Space { free, total, kept: files::kept(total) }))
    }
}

fn there(files: &Files) -> Check {
    let path = files.path().display();
    let (ok, advice) = match files.in_place() {
        Ok(()) => (true, format!("{path} is where it was")),
        Err(error) => {
            let remedy = "put it back, or mount its disk, and restart PicUp";
            (false, format!("{path} is not the folder any more that PicUp opened ({error}); {remedy}"))
        }
    };
    Check { name: "storage-there", ok, advice }
}

fn writable(files: &Files) -> Check {
    let path = files.path().display();
    let (ok, advice) = match files.write_test() {
        Ok(()) => (true, format!("{path} can be written and synced")),
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            (false, format!("cannot write in {path}: {error}; make room on its disk"))
        }
        Err(error) => (false, format!("cannot write in {path}: {error}; let the user who runs PicUp own it")),
    };
    Check { name: "storage-writable", ok, advice }
}

fn private(files: &Files) -> Check {
    let path = files.path().display();
    let (ok, advice) = match files.mode() {
        Ok(mode) if mode & 0o007 == 0 => (true, format!("{path} is closed to other users")),
        Ok(mode) => (false, format!("{path} is open to every user (mode {mode:o}); run: chmod 0700 {path}")),
        Err(error) => (false, format!("cannot look at {path}: {error}")),
    };
    Check { name: "storage-private", ok, advice }
}

fn space(files: &Files) -> Check {
    let path = files.path().display();
    let (ok, advice) = match files.space() {
        Ok((free, total)) => {
            let size = |bytes| ByteSize::new(bytes).unwrap_or_default();
            let room = format!("{} of {} free in {path}", size(free), size(total));
            let ok = enough(free, total);
            (ok, if ok { room } else { format!("only {room}; make room before uploads are refused") })
        }
        Err(error) => (false, format!("cannot ask for the free space of {path}: {error}")),
    };
    Check { name: "storage-space", ok, advice }
}

fn enough(free: u64, total: u64) -> bool {
    free >= LEAST_FREE_BYTES.min(total / 100 * LEAST_FREE_PERCENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_unhealthy_large_disks_need_no_percentage() {
        assert!(enough(6_000_000_000, 10_000_000_000_000));
        assert!(!enough(4_000_000_000, 10_000_000_000_000));
        assert!(enough(6_000_000, 100_000_000));
        assert!(!enough(4_000_000, 100_000_000));
    }
}
