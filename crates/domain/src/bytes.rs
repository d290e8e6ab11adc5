//! Sizes in bytes, as people write them in configuration and on the command line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// A number of bytes, at most `i64::MAX` (what a database's BIGINT holds).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteSize(u64);

impl ByteSize {
    /// Exactly so many bytes.
    ///
    /// # Errors
    /// Above `i64::MAX`.
    pub fn new(bytes: u64) -> Result<Self, Invalid> {
        if i64::try_from(bytes).is_ok() { Ok(Self(bytes)) } else { Err(Invalid::new("size", "larger than 8 EiB")) }
    }

    /// The number of bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteSize {
    /// Decimal units with one digit (`4.2 GB`), as disks are sold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 5] = [
            (1_000_000_000_000_000, "PB"),
            (1_000_000_000_000, "TB"),
            (1_000_000_000, "GB"),
            (1_000_000, "MB"),
            (1_000, "kB"),
        ];
        match UNITS.iter().find(|(unit, _)| self.0 >= *unit) {
            Some((unit, name)) => {
                let tenths = u128::from(self.0) * 10 / u128::from(*unit);
                write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
            }
            None => write!(f, "{} B", self.0),
        }
    }
}

impl FromStr for ByteSize {
    type Err = Invalid;

    /// A whole number and an optional unit: `B kB MB GB TB PB` (powers of 1000) or `KiB MiB GiB TiB PiB` (of 1024);
    /// case does not matter, a space between is allowed.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let advice = || Invalid::new("size", format!("'{text}' is not a size; write for example 500MB, 10GB or 2TiB"));
        let text_trimmed = text.trim();
        let digits = text_trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(text_trimmed.len());
        let (number, unit) = text_trimmed.split_at(digits);
        let number: u64 = number.parse().map_err(|_| advice())?;
        let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" | "k" => 1_000,
            "mb" | "m" => 1_000_000,
            "gb" | "g" => 1_000_000_000,
            "tb" | "t" => 1_000_000_000_000,
            "pb" | "p" => 1_000_000_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "tib" => 1 << 40,
            "pib" => 1 << 50,
            _ => return Err(advice()),
        };
        Self::new(number.checked_mul(factor).ok_or_else(advice)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!("10GB".parse(), ByteSize::new(10_000_000_000));
        assert_eq!("1 gib".parse(), ByteSize::new(1 << 30));
        assert_eq!("0".parse(), ByteSize::new(0));
        for bad in ["", "GB", "-1", "1.5GB", "10 bananas", "99999999999PB", "18446744073709551615"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn shows_one_digit() {
        assert_eq!(ByteSize(999).to_string(), "999 B");
        assert_eq!(ByteSize(4_250_000_000).to_string(), "4.2 GB");
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<ByteSize>();
        }
    }
}
