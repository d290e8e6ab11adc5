//! Room on the disk. Some of it is kept free of originals: on a disk that photos have filled to the last byte the database
//! beside them could write nothing more, so nobody could sign in, and nothing could be deleted.

use std::os::fd::AsFd;

use crate::Error;

/// What is kept free, in bytes; on a small disk a thirty-second part of it. `picup doctor` warns well before.
const KEPT: u64 = 256 << 20;

/// How many bytes of a file system of that size are kept free.
pub(crate) fn kept(total: u64) -> u64 {
    KEPT.min(total / 32)
}

/// Fine when a file of so many bytes more still leaves free what is to be kept.
pub(super) fn require(place: &impl AsFd, bytes: u64) -> Result<(), Error> {
    let space = rustix::fs::fstatvfs(place).map_err(|error| Error::io("look for room")(error.into()))?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let kept = kept(space.f_blocks.saturating_mul(space.f_frsize));
    if free < bytes.saturating_add(kept) { Err(Error::Full) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_the_room_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let place = std::fs::File::open(folder.path()).unwrap();
        let space = rustix::fs::fstatvfs(&place).unwrap();
        let free = space.f_bavail * space.f_frsize;
        assert!(require(&place, 0).is_ok(), "this disk is full");
        assert!(matches!(require(&place, free), Err(Error::Full)));
        assert!(matches!(require(&place, u64::MAX), Err(Error::Full)));
    }
}
