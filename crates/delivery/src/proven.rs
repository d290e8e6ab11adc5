//! What was verified is remembered by its hash, so that the one costly step is taken once for a browser and not for each picture.

use aws_lc_rs::digest::{Context, SHA256};
use quick_cache::sync::Cache;

use crate::Denied;

/// Some 100 bytes each. A browser and a link hold one each.
const PROVEN: usize = 10_000;

/// Signatures that were found to be good. A new ring of keys begins with none: what an old one's key has signed is its own business.
pub(crate) struct Proven(Cache<[u8; 32], ()>);

impl Default for Proven {
    fn default() -> Self {
        Self(Cache::new(PROVEN))
    }
}

impl Proven {
    /// Whether `good` says so, which is asked once for the same `fields`, and only if there is leave to.
    ///
    /// # Errors
    /// [`Denied::Limited`] without leave, [`Denied::Signature`] when it is not good.
    pub(crate) fn check(&self, fields: &[&[u8]], may_verify: bool, good: impl FnOnce() -> bool) -> Result<(), Denied> {
        let fingerprint = fingerprint(fields);
        if self.0.get(&fingerprint).is_some() {
            return Ok(());
        }
        if !may_verify {
            return Err(Denied::Limited);
        }
        if !good() {
            return Err(Denied::Signature);
        }
        self.0.insert(fingerprint, ());
        Ok(())
    }
}

/// A hash of all of `fields`, each with its length before it.
fn fingerprint(fields: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for field in fields {
        context.update(&field.len().to_le_bytes());
        context.update(field);
    }
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(context.finish().as_ref());
    fingerprint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_is_asked_once_and_bad_again_and_again() {
        let proven = Proven::default();
        assert_eq!(proven.check(&[b"ab", b"c"], false, || unreachable!()), Err(Denied::Limited));
        assert_eq!(proven.check(&[b"ab", b"c"], true, || true), Ok(()));
        assert_eq!(proven.check(&[b"ab", b"c"], false, || unreachable!()), Ok(()));
        for _ in 0..2 {
            assert_eq!(proven.check(&[b"a", b"bc"], true, || false), Err(Denied::Signature));
        }
    }
}
