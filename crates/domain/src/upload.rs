//! How a file is cut into parts for its upload.
//!
//! The plan follows what S3 and its kin accept, also on a file store, so that a client sees one rule: every part but the last
//! has the same size, from 5 MiB up; at most 10,000 parts; and no part reaches 64 MiB, because common proxies refuse bodies
//! over 100 MB.

use crate::{ByteSize, Invalid};

const MIB: u64 = 1 << 20;
const MAX_PARTS: u64 = 10_000;
/// The part size of ordinary files: large enough that a photo is one part, small enough to lose little on bad Wi-Fi.
const USUAL_PART: u64 = 16 * MIB;
const LARGEST_PART: u64 = 63 * MIB;

/// How one file is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartPlan {
    size: u64,
    part_size: u64,
}

/// One piece of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// From 1, as S3 counts.
    pub number: u32,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How many bytes it has; 0 only for the single part of an empty file.
    pub bytes: u64,
}

impl PartPlan {
    /// The plan for a file of `size` bytes.
    ///
    /// # Errors
    /// Above 10,000 parts of 63 MiB (615 GiB).
    pub fn new(size: ByteSize) -> Result<Self, Invalid> {
        let size = size.get();
        let needed = size.div_ceil(MAX_PARTS).div_ceil(MIB) * MIB;
        if needed > LARGEST_PART {
            return Err(Invalid::new("size", "a file has at most 615 GiB"));
        }
        Ok(Self { size, part_size: needed.max(USUAL_PART) })
    }

    /// The size of every part but the last, in bytes.
    #[must_use]
    pub const fn part_size(&self) -> u64 {
        self.part_size
    }

    /// How many parts there are, from 1 to 10,000. An empty file has one empty part.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.size.div_ceil(self.part_size).max(1)).unwrap_or(u32::MAX)
    }

    /// The part with that number, counted from 1.
    #[must_use]
    pub fn part(&self, number: u32) -> Option<Part> {
        if number == 0 || number > self.count() {
            return None;
        }
        let offset = u64::from(number - 1) * self.part_size;
        Some(Part { number, offset, bytes: (self.size - offset).min(self.part_size) })
    }

    /// All parts in order.
    pub fn parts(&self) -> impl Iterator<Item = Part> + use<> {
        let plan = *self;
        (1..=self.count()).filter_map(move |number| plan.part(number))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(size: u64) -> Result<PartPlan, Invalid> {
        PartPlan::new(ByteSize::new(size).unwrap())
    }

    #[test]
    fn an_empty_file_has_one_empty_part() {
        let plan = plan(0).unwrap();
        assert_eq!(plan.parts().collect::<Vec<_>>(), [Part { number: 1, offset: 0, bytes: 0 }]);
        assert_eq!(plan.part(2), None);
        assert_eq!(plan.part(0), None);
    }

    #[test]
    fn a_photo_is_one_part_and_the_largest_file_ten_thousand() {
        assert_eq!(plan(12_000_000).unwrap().count(), 1);
        assert_eq!(plan(MAX_PARTS * LARGEST_PART).unwrap().count(), 10_000);
        assert!(plan(MAX_PARTS * LARGEST_PART + 1).is_err());
        assert!(plan(u64::MAX >> 1).is_err());
    }

    proptest! {
        #[test]
        fn parts_tile_the_file(size in 0u64..=200_000_000_000) {
            let plan = plan(size).unwrap();
            prop_assert!(plan.count() <= 10_000);
            let mut end = 0;
            for part in plan.parts() {
                prop_assert_eq!(part.offset, end);
                prop_assert!(part.bytes < 64 * MIB);
                prop_assert!(part.bytes >= 5 * MIB || part.number == plan.count());
                end += part.bytes;
            }
            prop_assert_eq!(end, size);
        }
    }
}
