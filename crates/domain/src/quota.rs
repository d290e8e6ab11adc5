//! How much an account may keep.

use crate::ByteSize;

/// An account's limit and what it holds against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The most it may keep; `None` means no limit.
    pub limit: Option<ByteSize>,
    /// The originals it keeps.
    pub used: ByteSize,
    /// What uploads under way have been promised.
    pub reserved: ByteSize,
}

impl Quota {
    /// Whether `bytes` more may be promised. The database decides with the same rule in one conditional statement.
    #[must_use]
    pub fn admits(&self, bytes: ByteSize) -> bool {
        self.limit.is_none_or(|limit| {
            u128::from(self.used.get()) + u128::from(self.reserved.get()) + u128::from(bytes.get())
                <= u128::from(limit.get())
        })
    }

    /// What is left to promise; `None` means no limit.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        self.limit.map(|limit| limit.get().saturating_sub(self.used.get()).saturating_sub(self.reserved.get()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn size(bytes: u64) -> ByteSize {
        ByteSize::new(bytes >> 1).unwrap()
    }

    #[test]
    fn the_last_byte_fits_and_the_next_does_not() {
        let quota = Quota { limit: Some(size(20)), used: size(8), reserved: size(8) };
        assert!(quota.admits(size(4)));
        assert!(!quota.admits(size(6)));
        assert_eq!(quota.remaining(), Some(2));
        assert!(Quota { limit: None, ..quota }.admits(size(u64::MAX)));
    }

    proptest! {
        #[test]
        fn admits_exactly_what_remains(limit: u64, used: u64, reserved: u64, more: u64) {
            let quota = Quota { limit: Some(size(limit)), used: size(used), reserved: size(reserved) };
            let more = size(more);
            if quota.admits(more) {
                prop_assert!(more.get() <= quota.remaining().unwrap());
            } else {
                prop_assert!(more.get() > quota.remaining().unwrap());
            }
        }
    }
}
