//! The file with the prices: the one in the program, or one that is named.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use super::money::Price;
use crate::cli::Failure;

/// The prices that come with PicUp.
const OURS: &str = include_str!("prices.toml");
/// The most GB, requests or times that a figure of the file may say; far beyond what is sold.
const HIGHEST: u64 = 1_000_000_000_000;

/// What providers ask, and when that was read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prices {
    /// `2026`, `2026-11` or `2026-11-30`.
    pub(super) read: String,
    #[serde(rename = "offer")]
    pub(super) offers: Vec<Offer>,
}

/// One offer. What the fields mean stands at the head of `prices.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Offer {
    pub(super) name: String,
    pub(super) storage_usd_per_tb_month: Price,
    #[serde(default)]
    pub(super) storage_free_gb: u64,
    #[serde(default)]
    pub(super) storage_least_gb: u64,
    pub(super) egress_usd_per_gb: Option<Price>,
    #[serde(default)]
    pub(super) egress_free_gb: u64,
    #[serde(default)]
    pub(super) egress_free_times_stored: u64,
    #[serde(default)]
    pub(super) writes_usd_per_million: Price,
    #[serde(default)]
    pub(super) writes_free: u64,
    #[serde(default)]
    pub(super) reads_usd_per_million: Price,
    #[serde(default)]
    pub(super) reads_free: u64,
    pub(super) least_days: Option<u32>,
    pub(super) note: Option<String>,
    pub(super) source: Option<String>,
}

impl Prices {
    /// Those of `file`, or PicUp's own.
    pub(super) fn load(file: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = file else { return read(OURS).map_err(Failure::usage) };
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("{shown} cannot be read: {error}")).next(NEXT))?;
        read(&text).map_err(|mistake| Failure::usage(format!("{shown}: {mistake}")).next(NEXT))
    }
}

const NEXT: &str = "give a file in the form of crates/picup/src/cli/cost/prices.toml, or leave --prices out";

fn read(text: &str) -> Result<Prices, String> {
    let prices: Prices = toml::from_str(text).map_err(|error| error.to_string())?;
    if !is_date(&prices.read) {
        return Err("`read` says when the prices were read; write \"2026\", \"2026-11\" or \"2026-11-30\"".to_owned());
    }
    if prices.offers.is_empty() {
        return Err("it has no [[offer]]".to_owned());
    }
    let mut names = HashSet::new();
    for offer in &prices.offers {
        let name = &offer.name;
        let counts = [
            offer.storage_free_gb,
            offer.storage_least_gb,
            offer.egress_free_gb,
            offer.egress_free_times_stored,
            offer.writes_free,
            offer.reads_free,
        ];
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            return Err("an offer's name is a line with something on it".to_owned());
        }
        if !names.insert(name) {
            return Err(format!("there are two offers of the name '{name}'"));
        }
        if counts.into_iter().any(|count| count > HIGHEST) {
            return Err(format!("a figure of '{name}' is too large; {HIGHEST} is the most"));
        }
    }
    Ok(prices)
}

/// A year, a month or a day.
fn is_date(text: &str) -> bool {
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split('-').collect::<Vec<_>>()[..] {
        [year] => digits(year, 4),
        [year, month] => digits(year, 4) && digits(month, 2),
        [year, month, day] => digits(year, 4) && digits(month, 2) && digits(day, 2),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEAST: &str = "read = '2026-11'\n[[offer]]\nname = 'A'\nstorage_usd_per_tb_month = '5'\n";

    #[test]
    fn our_own_prices_are_sound_and_say_where_they_are_from() {
        let prices = Prices::load(None).unwrap();
        assert!(prices.offers.len() >= 9);
        for offer in prices.offers {
            assert!(offer.source.is_some_and(|source| source.starts_with("https://")), "{}", offer.name);
        }
    }

    #[test]
    fn what_is_not_said_is_nothing() {
        let prices = read(LEAST).unwrap();
        let offer = &prices.offers[0];
        assert_eq!((offer.egress_usd_per_gb, offer.reads_free, offer.least_days), (None, 0, None));
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (text, says) in [
            ("", "missing field `read`"),
            ("read = '2026'\noffer = []", "no [[offer]]"),
            (&LEAST.replace("2026-11", "last week"), "when the prices were read"),
            (&LEAST.replace("'5'", "'five'"), "'five' is no price"),
            (&LEAST.replace("'5'", "5.0"), "expected a string"),
            (&LEAST.replace("name = 'A'", "name = ' '"), "an offer's name"),
            (&format!("{LEAST}egress = '1'"), "unknown field `egress`"),
            (&format!("{LEAST}reads_free = 9999999999999"), "too large"),
            (&format!("{LEAST}reads_free = -1"), "invalid value"),
            (&format!("{LEAST}{}", LEAST.split_once('\n').unwrap().1), "two offers of the name 'A'"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(says), "{text}: {said}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let said = Prices::load(Some(Path::new("/nonexistent/prices.toml"))).unwrap_err().to_string();
        assert!(said.contains("/nonexistent/prices.toml cannot be read") && said.contains("next: "), "{said}");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "([a-z_\\[\\]='\". 0-9#\n-]|read|offer|storage_usd_per_tb_month|name){0,60}") {
            let _ = read(&text);
            let _ = read(&format!("{LEAST}{text}"));
        }
    }
}
