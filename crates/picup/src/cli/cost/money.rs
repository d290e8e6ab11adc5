//! US dollars, exactly: every price times every amount is a whole number of attodollars, so nothing is rounded before it is shown.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error};

const ATTO_PER_CENT: u128 = 10_000_000_000_000_000;
/// Digits of a price behind its point.
const DECIMALS: usize = 6;
/// The highest price that is read: a million dollars for a unit. With the largest amounts it stays far within a `u128`.
const HIGHEST_MICROS: u64 = 1_000_000_000_000;

/// A price for one unit, in millionths of a dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Price {
    micros: u64,
}

/// What something costs, in billionths of a billionth of a dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Money {
    atto: u128,
}

impl Price {
    /// So many of a unit of which this is the price of a million million: bytes at the price of a TB.
    pub(super) fn of_tera(self, count: u128) -> Money {
        Money { atto: u128::from(self.micros) * count }
    }

    /// The same at the price of a thousand million: bytes at the price of a GB.
    pub(super) fn of_giga(self, count: u128) -> Money {
        Money { atto: u128::from(self.micros) * count * 1_000 }
    }

    /// The same at the price of a million: requests.
    pub(super) fn of_mega(self, count: u128) -> Money {
        Money { atto: u128::from(self.micros) * count * 1_000_000 }
    }
}

impl FromStr for Price {
    type Err = String;

    /// Digits, and perhaps a point with up to six more.
    fn from_str(text: &str) -> Result<Self, String> {
        let advice =
            || format!("'{text}' is no price; write dollars such as \"0.09\", with at most {DECIMALS} decimals");
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > DECIMALS {
            return Err(advice());
        }
        let micros = format!("{whole}{decimals:0<DECIMALS$}").parse().map_err(|_| advice())?;
        if micros > HIGHEST_MICROS {
            return Err(format!("'{text}' is more than a million dollars; see that the unit is the one in the name"));
        }
        Ok(Self { micros })
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { atto: self.atto + other.atto }
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Money {
    /// Dollars and cents, the nearest; half a cent is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = (self.atto + ATTO_PER_CENT / 2) / ATTO_PER_CENT;
        f.pad(&format!("{}.{:02}", cents / 100, cents % 100))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    #[test]
    fn prices_are_read_exactly() {
        for (text, micros) in [("0", 0), ("0.09", 90_000), ("23.00", 23_000_000), ("7.99", 7_990_000), ("0.000001", 1)]
        {
            assert_eq!(price(text), Price { micros });
        }
        for bad in ["", ".5", "5.", "-1", "+1", "1,5", "1e3", "0.0000001", "$5", " 5", "99999999999999999999"] {
            assert!(bad.parse::<Price>().unwrap_err().contains("is no price"), "{bad}");
        }
        assert!("1000001".parse::<Price>().unwrap_err().contains("more than a million"));
    }

    #[test]
    fn amounts_are_multiplied_exactly_and_rounded_when_shown() {
        assert_eq!(price("23").of_tera(1_500_000_000_000).to_string(), "34.50");
        assert_eq!(price("0.09").of_giga(100_000_000_000).to_string(), "9.00");
        assert_eq!(price("0.36").of_mega(10_000_000).to_string(), "3.60");
        // Half a cent, and a byte's worth less.
        assert_eq!(price("0.005").of_giga(1_000_000_000).to_string(), "0.01");
        assert_eq!(price("0.005").of_giga(999_999_999).to_string(), "0.00");
        // A thousand times a tenth of a cent is a dollar: nothing was rounded on the way.
        assert_eq!((0..1000).map(|_| price("0.001").of_giga(1_000_000_000)).sum::<Money>().to_string(), "1.00");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9.+-]{0,30}|.*") {
            let _ = text.parse::<Price>();
        }

        #[test]
        fn what_is_written_is_what_is_read(cents in 0_u64..100_000_000) {
            let text = format!("{}.{:02}", cents / 100, cents % 100);
            prop_assert_eq!(price(&text).of_mega(1_000_000).to_string(), text);
        }
    }
}
