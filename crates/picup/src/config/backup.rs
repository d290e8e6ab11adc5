//! The section `[backup]`: other stores that hold a copy of every photo and video, each in a section of its own.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use confique::Config as _;
use picup_domain::ByteSize;
use picup_storage::{Profile, Style};
use serde::de::{Deserialize, Deserializer};

use super::store::{BucketUrl, Endpoint, StoreConfig, provider, region, style};
use super::units::{self, from_text};

/// The longest name: what a column and a label of a metric take.
const LONGEST_NAME: usize = 32;

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct BackupConfig {
    /// Other stores that hold a copy of every photo and video, each in a section `[backup.destinations.NAME]` as below.
    #[config(default = {})]
    pub(crate) destinations: BTreeMap<String, Layer>,

    /// How long copies of what was deleted for ever are kept. From 1 to 3650 days.
    #[config(default = "30d", deserialize_with = units::duration)]
    #[config(validate(
        (Duration::from_secs(86_400)..=Duration::from_secs(3650 * 86_400)).contains(retention), "must be from 1d to 3650d"
    ))]
    pub(crate) retention: Duration,

    /// Within how many days everything is read again, in the store and at the destinations, and healed from where it is good; 0
    /// for never. Reading costs money where a provider charges for what leaves it.
    #[config(default = 30, validate(*scrub_days <= 3650, "must be at most 3650"))]
    pub(crate) scrub_days: u32,

    /// How often the database is written down at the destinations, when something has changed: what is newer than that is not in
    /// a restore. From 1 minute to 7 days.
    #[config(default = "1h", deserialize_with = units::duration)]
    #[config(validate(
        (Duration::from_secs(60)..=Duration::from_secs(7 * 86_400)).contains(catalogue_every), "must be from 1m to 7d"
    ))]
    pub(crate) catalogue_every: Duration,

    /// How often a restore from each destination is rehearsed by itself, such as `30d`; from 1 to 3650 days. Without it, only when
    /// somebody runs `picup backup drill`: it fetches everything, which costs money where a provider charges for what leaves it,
    /// and needs as much free room in the data folder as all of it takes.
    #[config(deserialize_with = units::duration)]
    #[config(validate(
        (Duration::from_secs(86_400)..=Duration::from_secs(3650 * 86_400)).contains(drill_every), "must be from 1d to 3650d"
    ))]
    pub(crate) drill_every: Option<Duration>,
}

pub(super) type Layer = <DestinationConfig as confique::Config>::Layer;

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug, Clone)))]
pub(crate) struct DestinationConfig {
    /// Where the copies go: `s3://BUCKET` or `s3://BUCKET/PREFIX` of an S3 service, or a folder, of another disk. It must exist, be no
    /// part of the store's, and be this PicUp's alone.
    #[config(deserialize_with = place)]
    pub(crate) url: Place,

    /// As in `[store]`.
    #[config(deserialize_with = provider)]
    pub(crate) provider: Option<Profile>,

    /// As in `[store]`.
    pub(crate) endpoint: Option<Endpoint>,

    /// As in `[store]`.
    #[config(deserialize_with = region)]
    pub(crate) region: Option<String>,

    /// As in `[store]`.
    #[config(deserialize_with = style)]
    pub(crate) style: Option<Style>,

    /// The file with the access key that writes: best one that may do nothing but add objects. As in `[store]`.
    pub(crate) access_key_file: Option<PathBuf>,

    /// The file with the access key that reads back, proves and restores. Without it, the one that writes does.
    pub(crate) reader_key_file: Option<PathBuf>,

    /// The file with the access key that removes what was deleted, after the retention. Without it, nothing is ever removed from a
    /// bucket.
    pub(crate) remover_key_file: Option<PathBuf>,

    /// Whether copies are encrypted before they leave this machine. Without it, they are on their way to a bucket, and not in a
    /// folder.
    pub(crate) encrypt: Option<bool>,

    /// The most that goes there and comes back in a second, such as `2MB`. Without it, as much as there is room for.
    pub(crate) bandwidth: Option<ByteSizeText>,
}

/// Where a destination is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A folder.
    Folder(PathBuf),
    /// A bucket.
    Bucket(BucketUrl),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match text.split_once("://") {
            Some(("s3", _)) => text.parse().map(Self::Bucket),
            Some((_, _)) => {
                Err("neither a bucket nor a folder; write s3://family-backup or /mnt/disk/picup".to_owned())
            }
            None if text.is_empty() => Err("empty; write s3://family-backup or /mnt/disk/picup".to_owned()),
            None => Ok(Self::Folder(text.into())),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Bucket(url) => url.fmt(f),
        }
    }
}

/// Whether one folder is the other, or in it, by whatever name.
pub(super) fn are_nested(one: &Path, other: &Path) -> bool {
    is_within(one, other) || is_within(other, one)
}

fn is_within(inner: &Path, outer: &Path) -> bool {
    real(inner).starts_with(real(outer))
}

/// A whole path without links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = whole.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    there.and_then(|(above, real)| Some(real.join(whole.strip_prefix(above).ok()?))).unwrap_or(whole)
}

fn place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Place, D::Error> {
    from_text(deserializer, "a bucket or a folder as text, such as \"s3://family-backup\"", Place::from_str)
}

/// A number of bytes, at least 64 kB: less would never end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteSizeText(NonZeroU64);

impl ByteSizeText {
    pub(crate) const fn get(self) -> NonZeroU64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for ByteSizeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a size as text, such as \"2MB\"", |text| {
            let size: ByteSize = text.parse().map_err(|invalid: picup_domain::Invalid| invalid.advice)?;
            let size = NonZeroU64::new(size.get()).filter(|size| size.get() >= 64_000);
            size.map(Self).ok_or_else(|| "must be at least 64kB".to_owned())
        })
    }
}

impl BackupConfig {
    /// The destinations by name.
    ///
    /// # Errors
    /// What is wrong with one.
    pub(crate) fn all(&self) -> Result<BTreeMap<String, DestinationConfig>, String> {
        let one = |(name, layer): (&String, &Layer)| {
            let fits = (1..=LONGEST_NAME).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            if !fits || name == "primary" {
                return Err(format!(
                    "backup.destinations.{name}: not a name for a destination; it has up to {LONGEST_NAME} small letters, digits and \
                     '-', and is not 'primary'"
                ));
            }
            let destination = DestinationConfig::from_layer(layer.clone())
                .map_err(|_| format!("backup.destinations.{name}.url has to say where the copies go"))?;
            destination.validate().map_err(|error| format!("backup.destinations.{name}: {error}"))?;
            Ok((name.clone(), destination))
        };
        self.destinations.iter().map(one).collect()
    }

    /// Rules between the settings of this section and the store's.
    pub(super) fn validate(&self, store: &StoreConfig, data_dir: &Path) -> Result<(), String> {
        let all = self.all()?;
        for (name, destination) in &all {
            let same = match (&destination.url, &store.url) {
                (Place::Bucket(bucket), Some(Place::Bucket(url))) => {
                    bucket.overlaps(url) && destination.endpoint == store.endpoint
                }
                (Place::Folder(folder), url) => {
                    let beside = |url: &Place| matches!(url, Place::Folder(photos) if are_nested(folder, photos));
                    is_within(folder, data_dir) || url.as_ref().is_some_and(beside)
                }
                (Place::Bucket(_), _) => false,
            };
            if same {
                return Err(format!(
                    "backup.destinations.{name} is where the photos are: what is lost there would take its copies along"
                ));
            }
            let twice = all.iter().find(|(other, also)| {
                *other != name && also.url == destination.url && also.endpoint == destination.endpoint
            });
            if let Some((other, _)) = twice {
                return Err(format!("backup.destinations.{name} and {other} are the same place"));
            }
        }
        Ok(())
    }
}

impl DestinationConfig {
    /// One that is not in the configuration, from the words of a command line.
    ///
    /// # Errors
    /// What is wrong with a word.
    pub(crate) fn of_words(url: &str, words: [(&str, &Option<String>); 4]) -> Result<Self, String> {
        let mut table = toml::Table::from_iter([("url".to_owned(), url.into())]);
        for (name, word) in words {
            table.extend(word.as_ref().map(|word| (name.to_owned(), word.as_str().into())));
        }
        let layer: Layer = table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
        let destination = Self::from_layer(layer).map_err(|error| error.to_string())?;
        destination.validate()?;
        Ok(destination)
    }

    /// Whether copies are encrypted.
    pub(crate) fn encrypts(&self) -> bool {
        self.encrypt.unwrap_or(matches!(self.url, Place::Bucket(_)))
    }

    /// The settings that a bucket of a destination shares with one of the store.
    pub(super) fn as_store(&self, url: &BucketUrl) -> StoreConfig {
        StoreConfig {
            accept_empty: false,
            url: Some(Place::Bucket(url.clone())),
            provider: self.provider,
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            style: self.style,
            parts: None,
            reads: None,
            cdn: None,
            cdn_key_file: None,
            cdn_key_id: None,
            access_key_file: self.access_key_file.clone(),
        }
    }

    fn validate(&self) -> Result<(), String> {
        match &self.url {
            Place::Bucket(url) => {
                self.as_store(url).validate().map_err(|error| error.replace("store.", ""))?;
                if self.access_key_file.is_none() && (self.reader_key_file.is_some() || self.remover_key_file.is_some())
                {
                    return Err("reader_key_file and remover_key_file are of no use without access_key_file".to_owned());
                }
                Ok(())
            }
            Place::Folder(folder) => {
                let of_a_bucket = [
                    ("provider", self.provider.is_some()),
                    ("endpoint", self.endpoint.is_some()),
                    ("region", self.region.is_some()),
                    ("style", self.style.is_some()),
                    ("access_key_file", self.access_key_file.is_some()),
                    ("reader_key_file", self.reader_key_file.is_some()),
                    ("remover_key_file", self.remover_key_file.is_some()),
                ];
                if let Some((name, _)) = of_a_bucket.into_iter().find(|(_, set)| *set) {
                    return Err(format!("{name} is of no use for a folder"));
                }
                if folder.is_absolute() { Ok(()) } else { Err("write the whole path of the folder".to_owned()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::read;
    use super::super::{Config, Flags};
    use super::*;

    fn told(text: &str) -> Result<Config, String> {
        read(text, Flags::default()).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn each_destination_has_a_section() {
        let config = told(
            "[backup]\nretention = '7d'\n[backup.destinations.disk]\nurl = '/mnt/disk'\n\
             [backup.destinations.vultr-1]\nurl = 's3://family-backup/picup'\nprovider = 'vultr'\n\
             endpoint = 'https://ewr1.vultrobjects.com'\naccess_key_file = 'w'\nreader_key_file = 'r'\nbandwidth = '2MB'\n",
        )
        .unwrap();
        let all = config.backup.all().unwrap();
        assert_eq!(all.keys().collect::<Vec<_>>(), ["disk", "vultr-1"]);
        assert!(!all["disk"].encrypts() && all["vultr-1"].encrypts());
        assert_eq!(all["vultr-1"].bandwidth.unwrap().get().get(), 2_000_000);
        assert_eq!(config.backup.retention, Duration::from_secs(7 * 86_400));
        assert!(told("").unwrap().backup.all().unwrap().is_empty());
    }

    /// A relative data folder, and another name for the same place.
    #[test]
    fn where_the_photos_are_is_known_by_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let (data, link) = (folder.path().join("data"), folder.path().join("link"));
        std::fs::create_dir(&data).unwrap();
        std::os::unix::fs::symlink(&data, &link).unwrap();
        for (inner, within) in
            [(link.join("objects"), true), (data.join("x/y"), true), (folder.path().join("data2"), false)]
        {
            assert_eq!(is_within(&inner, &data), within, "{}", inner.display());
        }
        let here = std::env::current_dir().unwrap();
        let told = told(&format!("[backup.destinations.disk]\nurl = '{}/data/objects'\n", here.display())).unwrap_err();
        assert!(told.contains("is where the photos are"), "the data folder is `data` here: {told}");
    }

    #[test]
    fn mistakes_are_told_where_they_are() {
        let disk = "[backup.destinations.disk]\nurl = '/mnt/disk'\n";
        for (text, says) in [
            ("[backup.destinations.disk]\nurl = '/mnt/disk'\nurk = 1".to_owned(), "`backup.destinations.disk.urk`"),
            ("[backup.destinations.disk]\nurl = 'https://x'".to_owned(), ":2: `backup.destinations.disk.url`"),
            ("[backup.destinations.disk]\n".to_owned(), "backup.destinations.disk.url has to say"),
            ("[backup.destinations]\ndisk = 's3://photos'\n".to_owned(), "write [backup.destinations.disk]"),
            ("[backup.destinations.Disk]\nurl = '/mnt/disk'\n".to_owned(), "not a name"),
            ("[backup.destinations.primary]\nurl = '/mnt/disk'\n".to_owned(), "not a name"),
            (format!("{disk}region = 'home'"), "region is of no use for a folder"),
            (disk.replace("/mnt", "mnt"), "the whole path"),
            (format!("{disk}bandwidth = '1kB'"), "at least 64kB"),
            ("[backup]\ndrill_every = '1h'".to_owned(), "from 1d to 3650d"),
            (format!("data_dir = '/mnt'\n{disk}"), "is where the photos are"),
            (format!("{disk}[backup.destinations.other]\nurl = '/mnt/disk'"), "are the same place"),
            (
                "[store]\nurl = 's3://photos/a'\n[backup.destinations.b]\nurl = 's3://photos'".to_owned(),
                "is where the photos are",
            ),
            (
                "[backup.destinations.b]\nurl = 's3://photos'\nreader_key_file = 'r'".to_owned(),
                "without access_key_file",
            ),
            ("[backup.destinations.b]\nurl = 's3://photos'\nprovider = 'b2'".to_owned(), "endpoint has to say"),
        ] {
            let said = told(&text).map(|_| ()).unwrap_err();
            assert!(said.contains(says.trim_start_matches(":2: ")), "{text}: {said}");
        }
        told("[store]\nurl = 's3://photos/a'\n[backup.destinations.b]\nurl = 's3://photos/b'").unwrap();
    }
}
