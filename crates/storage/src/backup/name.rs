//! What things are called in a backup. An object keeps its key, so that a backup that is not sealed can be read without PicUp; what
//! was written anew, because the copy before it was found broken, has its generation behind it, since nothing is ever overwritten.

use std::fmt;
use std::str::FromStr;

use picup_domain::{CaptureSource, CaptureTime, Invalid, ObjectKey, Timestamp};

/// The name of one thing in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BackupName {
    /// The copy of an object.
    Object {
        /// Its key in the primary store.
        key: ObjectKey,
        /// Which copy of it, from 1.
        generation: u32,
        /// Whether it is encrypted.
        sealed: bool,
    },
    /// The database as it was at a moment, and what else a restore needs; always encrypted.
    Catalogue(Stamp),
    /// What the copies are called by people, for those who have no PicUp.
    Index {
        /// When it was made.
        stamp: Stamp,
        /// Whether it is encrypted.
        sealed: bool,
    },
}

/// A moment as it stands in a name: `20261130T005354.000000Z`, which sorts by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(String);

impl BackupName {
    /// Whether its bytes are encrypted.
    #[must_use]
    pub const fn is_sealed(&self) -> bool {
        match self {
            Self::Object { sealed, .. } | Self::Index { sealed, .. } => *sealed,
            Self::Catalogue(_) => true,
        }
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object { key, generation: 1, .. } => write!(f, "{key}")?,
            Self::Object { key, generation, .. } => write!(f, "{key}.g{generation}")?,
            Self::Catalogue(stamp) => write!(f, "catalogue/{}", stamp.0)?,
            Self::Index { stamp, .. } => write!(f, "index/{}.jsonl", stamp.0)?,
        }
        f.write_str(if self.is_sealed() { ".age" } else { "" })
    }
}

impl FromStr for BackupName {
    type Err = Invalid;

    /// Reads exactly what `Display` writes and nothing else.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (plain, sealed) = text.strip_suffix(".age").map_or((text, false), |plain| (plain, true));
        let name = match plain.split_once('/') {
            Some(("catalogue", stamp)) => Self::Catalogue(stamp.parse()?),
            Some(("index", file)) => {
                let stamp = file.strip_suffix(".jsonl").ok_or_else(|| invalid("not a name of an index"))?;
                Self::Index { stamp: stamp.parse()?, sealed }
            }
            _ => {
                let numbered =
                    plain.rsplit_once(".g").and_then(|(key, number)| Some((key, number.parse::<u32>().ok()?)));
                let numbered = numbered.filter(|(_, generation)| *generation > 1);
                let (key, generation) = numbered.unwrap_or((plain, 1));
                Self::Object { key: key.parse()?, generation, sealed }
            }
        };
        if name.to_string() == text { Ok(name) } else { Err(invalid("not PicUp's own spelling")) }
    }
}

impl Stamp {
    /// The name of a moment.
    ///
    /// # Errors
    /// For a year that has not four digits.
    pub fn at(moment: Timestamp) -> Result<Self, Invalid> {
        let day = CaptureTime::from_moment(moment, None, CaptureSource::File)?.day().as_number();
        let second = moment.micros().div_euclid(1_000_000).rem_euclid(86_400);
        let micros = moment.micros().rem_euclid(1_000_000);
        format!("{day:08}T{:02}{:02}{:02}.{micros:06}Z", second / 3600, second / 60 % 60, second % 60).parse()
    }

    /// As it stands in the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Stamp {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let shape = |(at, byte): (usize, u8)| match at {
            8 => byte == b'T',
            15 => byte == b'.',
            22 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        };
        let good = text.len() == 23 && text.bytes().enumerate().all(shape);
        if good { Ok(Self(text.to_owned())) } else { Err(invalid("not a moment such as 20261130T005354.000000Z")) }
    }
}

fn invalid(advice: &str) -> Invalid {
    Invalid { field: "backup name", advice: advice.to_owned() }
}

#[cfg(test)]
mod tests {
    use picup_domain::{AccountId, AssetId, ObjectRole};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_name_is_read_back_and_no_other_spelling() {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let key = ObjectKey::new(AccountId::new(now), AssetId::new(now), ObjectRole::Original, 1, "jpg");
        let stamp = Stamp::at(now).unwrap();
        assert_eq!(stamp.as_str(), "20231114T221320.000000Z");
        let mut names = vec![BackupName::Catalogue(stamp.clone())];
        for sealed in [false, true] {
            names.push(BackupName::Index { stamp: stamp.clone(), sealed });
            for generation in [1, 2, 12] {
                names.push(BackupName::Object { key: key.clone(), generation, sealed });
            }
        }
        for name in names {
            assert_eq!(name.to_string().parse(), Ok(name.clone()), "{name}");
        }
        for bad in [
            format!("{key}.g1"),
            format!("{key}.g0"),
            format!("{key}.g02"),
            format!("{key}.age.age"),
            "catalogue/20261130T005304.000000Z".to_owned(),
            "catalogue/x.age".to_owned(),
            "index/20261130T005304.000000Z".to_owned(),
            "other".to_owned(),
            String::new(),
        ] {
            assert!(bad.parse::<BackupName>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_read_is_written_the_same(text in "((catalogue|index|media)/)?[a-z0-9TZ./-]{0,120}(.g[0-9]{1,3})?(.jsonl)?(.age)?") {
            if let Ok(name) = text.parse::<BackupName>() {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
