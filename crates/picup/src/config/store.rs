//! The section `[store]`: which bucket or folder the photos are in, and how it is reached. Without it they are in the data folder.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use picup_delivery::KeyId;
use picup_storage::{PartsBy, Profile, Style};
use reqwest::Url;
use serde::de::{Deserialize, Deserializer};

use super::backup::Place;
use super::reads::{ReadsBy, reads};
use super::units::from_text;

/// What requests are signed for when nothing is said.
const USUAL_REGION: &str = "us-east-1";
/// A key may have 1,024 bytes, and PicUp's own part of it takes some 150.
const LONGEST_PREFIX: usize = 512;

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct StoreConfig {
    /// A bucket of an S3 service for the photos and videos, instead of the folder `objects` in the data folder: `s3://BUCKET`, or
    /// `s3://BUCKET/PREFIX` for a part of one. It must exist, and no other PicUp may use the same part. Or another folder, by its
    /// whole path. `picup storage move` takes photos along that are there already.
    #[config(deserialize_with = place)]
    pub(crate) url: Option<Place>,

    /// Whose service it is: `aws`, `vultr`, `r2`, `b2`, `wasabi`, `garage`, `minio` or `other`. Without it, `aws` where there is no
    /// `endpoint`, else `other`.
    #[config(deserialize_with = provider)]
    pub(crate) provider: Option<Profile>,

    /// The address of the service, such as `https://ewr1.vultrobjects.com`. Without it, Amazon's of the region.
    pub(crate) endpoint: Option<Endpoint>,

    /// The region of the bucket, by the service's own name for it. Without it, `us-east-1`.
    #[config(deserialize_with = region)]
    pub(crate) region: Option<String>,

    /// Where the bucket's name stands in addresses: `virtual-host` for `https://BUCKET.HOST/…`, `path` for
    /// `https://HOST/BUCKET/…`. Without it, `virtual-host` for `aws`, else `path`.
    #[config(deserialize_with = style)]
    pub(crate) style: Option<Style>,

    /// How parts of uploads come into the bucket: `direct` from the browser or program that sends them, `proxied` through PicUp, or
    /// `probe`: straight where a probe at the start, and each hour, shows that the service stores nothing but what was announced
    /// and that its CORS rules let the pages in, else through PicUp.
    #[config(deserialize_with = parts)]
    pub(crate) parts: Option<PartsBy>,

    /// How photos and videos come from the bucket to who looks at them: `proxy` through PicUp, or `redirect` from the bucket itself,
    /// by addresses that open one photo or video for some minutes, or `cdn` from one before the bucket, by such addresses too. Where
    /// a probe at the start, and each hour, shows that the service keeps to them; else through PicUp. Without it, `proxy`.
    #[config(deserialize_with = reads)]
    pub(crate) reads: Option<ReadsBy>,

    /// With `reads = "cdn"`, the address of the CDN: CloudFront's, such as `https://d111111abcdef8.cloudfront.net`, or another's that
    /// takes signed URLs in its format. Below it lies what lies below the bucket's prefix.
    pub(crate) cdn: Option<Endpoint>,

    /// The file with the private key that the CDN's addresses are signed with, in PEM; only the user who runs PicUp may read it.
    pub(crate) cdn_key_file: Option<PathBuf>,

    /// What the CDN calls the public half of that key.
    #[config(deserialize_with = key_id)]
    pub(crate) cdn_key_id: Option<KeyId>,

    /// Start also when the store is empty although there are photos, as it is while a lost one is healed from copies. Without it, PicUp
    /// takes an empty store for a disk that is not mounted, or the wrong bucket.
    #[config(default = false)]
    pub(crate) accept_empty: bool,

    /// The file with an access key of the service: its ID on the first line, its secret on the second; only the user who runs
    /// PicUp may read it. Without it, PicUp is who the role of its pod says it is (EKS), or of the machine (EC2's instance metadata).
    pub(crate) access_key_file: Option<PathBuf>,
}

impl StoreConfig {
    pub(super) fn profile(&self) -> Profile {
        self.provider.unwrap_or(if self.endpoint.is_some() { Profile::Other } else { Profile::Aws })
    }

    pub(super) fn style(&self) -> Style {
        let usual = if self.profile() == Profile::Aws { Style::VirtualHost } else { Style::Path };
        self.style.unwrap_or(usual)
    }

    pub(super) fn region(&self) -> &str {
        self.region.as_deref().unwrap_or(USUAL_REGION)
    }

    /// Those that belong to `reads = "cdn"`, and whether each is set.
    fn cdn_settings(&self) -> [(&'static str, bool); 3] {
        [
            ("cdn", self.cdn.is_some()),
            ("cdn_key_file", self.cdn_key_file.is_some()),
            ("cdn_key_id", self.cdn_key_id.is_some()),
        ]
    }

    /// Rules between the settings of this section.
    pub(super) fn validate(&self) -> Result<(), String> {
        let Some(Place::Bucket(url)) = &self.url else {
            let set = [
                ("provider", self.provider.is_some()),
                ("endpoint", self.endpoint.is_some()),
                ("region", self.region.is_some()),
                ("style", self.style.is_some()),
                ("parts", self.parts.is_some()),
                ("reads", self.reads.is_some()),
            ];
            let key = ("access_key_file", self.access_key_file.is_some());
            return match set.into_iter().chain(self.cdn_settings()).chain([key]).find(|(_, set)| *set) {
                Some((name, _)) if self.url.is_some() => Err(format!("store.{name} is of no use for a folder")),
                Some((name, _)) => Err(format!("store.{name} is of no use without store.url; a folder has none")),
                None => Ok(()),
            };
        };
        if self.endpoint.is_none() && self.profile() != Profile::Aws {
            let provider = self.profile();
            return Err(format!("store.provider is {provider}, so store.endpoint has to say where its service is"));
        }
        for (name, set) in self.cdn_settings() {
            match (self.reads == Some(ReadsBy::Cdn), set) {
                (true, false) => return Err(format!("store.reads is \"cdn\", so store.{name} has to be set too")),
                (false, true) => return Err(format!("store.{name} is of no use without store.reads = \"cdn\"")),
                _ => {}
            }
        }
        if self.style() == Style::VirtualHost {
            if self.endpoint.as_ref().is_some_and(Endpoint::is_numeric) {
                return Err("store.endpoint is an address in numbers, which has no names below it; set store.style = \
                            \"path\""
                    .to_owned());
            }
            if url.bucket().contains('.') {
                return Err("store.url names a bucket with a dot, for whose host no certificate is good; set \
                            store.style = \"path\""
                    .to_owned());
            }
        }
        Ok(())
    }
}

/// A bucket, or the part of one below a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BucketUrl {
    bucket: String,
    prefix: String,
}

impl BucketUrl {
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Without slashes at its ends; empty for the whole bucket.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl BucketUrl {
    /// Whether one is the other or a part of it.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let within = |inner: &str, outer: &str| {
            outer.is_empty() || inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.bucket == other.bucket && (within(&self.prefix, &other.prefix) || within(&other.prefix, &self.prefix))
    }
}

impl std::fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl FromStr for BucketUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A mistyped address may hold a secret, so what was typed is not said again. Taken apart here, because a general reader of
        // addresses would quietly make `a/../b` another prefix.
        let advice = || "not a bucket; write for example s3://family-photos or s3://family/photos".to_owned();
        let rest = text.trim().strip_prefix("s3://").ok_or_else(advice)?;
        if rest.contains('@') {
            return Err(
                "an access key does not belong here; write it into a file and name that in access_key_file".to_owned()
            );
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_bucket(bucket) {
            return Err("not the name of a bucket; it has 3 to 63 small letters, digits, '-' and '.', and begins and ends with a \
                        letter or digit"
                .to_owned());
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if !prefix.is_empty() && !prefix.split('/').all(is_segment) {
            return Err(
                "not a prefix; write names of letters, digits, '-', '_' and '.' with a '/' between them".to_owned()
            );
        }
        if prefix.len() > LONGEST_PREFIX {
            return Err(format!("the prefix is too long; {LONGEST_PREFIX} bytes are the most"));
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

/// Amazon's rules for general purpose buckets, which the others' names follow too.
fn is_bucket(name: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = |byte: Option<&u8>| byte.is_some_and(|byte| alphanumeric(*byte));
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| alphanumeric(*byte) || b"-.".contains(byte))
        && ends(bytes.first())
        && ends(bytes.last())
        && !name.contains("..")
        && name.parse::<IpAddr>().is_err()
}

fn is_segment(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// A bucket, or a folder by its whole path.
fn place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Place, D::Error> {
    from_text(deserializer, "a bucket as text, such as \"s3://family-photos\"", |text| {
        if text.starts_with('/') { Ok(Place::Folder(text.into())) } else { text.parse().map(Place::Bucket) }
    })
}

/// Where an S3 service is reached: `https`, a host and perhaps a port; `http` on this machine alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    address: String,
    numeric: bool,
}

impl Endpoint {
    /// The address, such as `https://ewr1.vultrobjects.com`.
    pub(crate) fn as_str(&self) -> &str {
        &self.address
    }

    fn is_numeric(&self) -> bool {
        self.numeric
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // As above: what was typed is not said again.
        let advice = || "not the address of a service; write for example https://ewr1.vultrobjects.com".to_owned();
        let url = Url::parse(text.trim()).map_err(|_| advice())?;
        let host = url.host_str().ok_or_else(advice)?;
        let number: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(advice());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "an access key does not belong here; write it into a file and name that in access_key_file".to_owned()
            );
        }
        if url.path() != "/" {
            return Err("an endpoint has no path; the bucket's name stands in url".to_owned());
        }
        let loopback = host == "localhost" || number.is_some_and(|number| number.is_loopback());
        if url.scheme() == "http" && !loopback {
            return Err("write https://…; without it anybody on the way could read and change the photos".to_owned());
        }
        Ok(Self { address: url.origin().ascii_serialization(), numeric: number.is_some() })
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "an address as text, such as \"https://ewr1.vultrobjects.com\"", Self::from_str)
    }
}

fn key_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KeyId, D::Error> {
    from_text(deserializer, "an ID as text, such as \"K2JCJMDEHXQW5F\"", |text| {
        KeyId::parse(text).map_err(|error| error.to_string())
    })
}

pub(super) fn provider<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Profile, D::Error> {
    from_text(deserializer, "a provider as text, such as \"vultr\"", |word| {
        word.parse().map_err(|invalid: picup_domain::Invalid| invalid.advice)
    })
}

pub(super) fn style<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Style, D::Error> {
    from_text(deserializer, "\"path\" or \"virtual-host\"", |word| match word {
        "path" => Ok(Style::Path),
        "virtual-host" => Ok(Style::VirtualHost),
        other => Err(format!("'{other}' is neither path nor virtual-host")),
    })
}

fn parts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PartsBy, D::Error> {
    from_text(deserializer, "\"probe\", \"direct\" or \"proxied\"", |word| match word {
        "probe" => Ok(PartsBy::Probe),
        "direct" => Ok(PartsBy::Direct),
        "proxied" => Ok(PartsBy::Proxied),
        other => Err(format!("'{other}' is not one of probe, direct and proxied")),
    })
}

pub(super) fn region<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    from_text(deserializer, "a region as text, such as \"eu-central-1\"", |name| {
        let plain = (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if plain { Ok(name.to_owned()) } else { Err("not a region; write for example eu-central-1".to_owned()) }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::check::read;
    use super::super::{Config, Flags};
    use super::*;

    fn told(text: &str) -> Result<Config, String> {
        read(text, Flags::default()).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn a_bucket_has_a_name_and_perhaps_a_prefix() {
        for (text, bucket, prefix) in [
            ("s3://family-photos", "family-photos", ""),
            ("s3://family.photos/", "family.photos", ""),
            (" s3://123/Ada/2026_a-b.c/ ", "123", "Ada/2026_a-b.c"),
        ] {
            let url: BucketUrl = text.parse().unwrap();
            assert_eq!((url.bucket(), url.prefix()), (bucket, prefix));
            assert_eq!(url.to_string().parse(), Ok(url));
        }
        let long = format!("s3://photos/{}", "a".repeat(600));
        for (bad, says) in [
            ("", "s3://family-photos"),
            ("https://bucket.s3.amazonaws.com", "s3://family-photos"),
            ("family", "s3://family-photos"),
            ("s3://", "3 to 63"),
            ("s3://ab", "3 to 63"),
            ("s3://Family", "3 to 63"),
            ("s3://family-", "3 to 63"),
            ("s3://fam..ily", "3 to 63"),
            ("s3://127.0.0.1", "3 to 63"),
            ("s3://family?secret", "3 to 63"),
            ("s3://AKIA:secret@family/photos", "access_key_file"),
            ("s3://family/a/../b", "not a prefix"),
            ("s3://family/..", "not a prefix"),
            ("s3://family//a", "not a prefix"),
            ("s3://family/a//", "not a prefix"),
            ("s3://family/a?secret=1", "not a prefix"),
            ("s3://family/a%2fb", "not a prefix"),
            ("s3://family/a b", "not a prefix"),
            (&long, "too long"),
        ] {
            let said = bad.parse::<BucketUrl>().unwrap_err();
            assert!(said.contains(says) && !said.contains("secret"), "{bad}: {said}");
        }
    }

    #[test]
    fn an_endpoint_is_a_host_and_encrypted_unless_it_is_this_machine() {
        for (text, address) in [
            ("https://ewr1.vultrobjects.com/", "https://ewr1.vultrobjects.com"),
            ("https://minio.home:9000", "https://minio.home:9000"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://[::1]:9000", "http://[::1]:9000"),
            ("http://localhost:9000", "http://localhost:9000"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().as_str(), address);
        }
        for (bad, says) in [
            ("minio.home", "https://ewr1"),
            ("s3://minio.home", "https://ewr1"),
            ("http://minio.home", "write https"),
            ("http://192.168.1.2:9000", "write https"),
            ("https://AKIA:secret@minio.home", "access_key_file"),
            ("https://minio.home/bucket", "no path"),
            ("https://minio.home/?secret", "https://ewr1"),
        ] {
            let said = bad.parse::<Endpoint>().unwrap_err();
            assert!(said.contains(says) && !said.contains("secret"), "{bad}: {said}");
        }
    }

    #[test]
    fn what_is_not_said_follows_from_what_is() {
        let store = |text: &str| told(&format!("[store]\nurl = 's3://photos'\n{text}")).unwrap().store;
        let usual = store("");
        assert_eq!((usual.profile(), usual.style(), usual.region()), (Profile::Aws, Style::VirtualHost, "us-east-1"));
        assert_eq!(usual.reads.unwrap_or_default(), ReadsBy::Proxy);
        assert_eq!(store("reads = 'redirect'").reads, Some(ReadsBy::Redirect));
        let own = store("endpoint = 'https://minio.home'\nregion = 'home'");
        assert_eq!((own.profile(), own.style(), own.region()), (Profile::Other, Style::Path, "home"));
        let named = store("provider = 'vultr'\nendpoint = 'https://ewr1.vultrobjects.com'\nstyle = 'virtual-host'");
        assert_eq!((named.profile(), named.style()), (Profile::Vultr, Style::VirtualHost));
    }

    #[test]
    fn a_folder_has_a_whole_path_and_is_no_part_of_the_data_folder_but_one() {
        let url = told("[store]\nurl = '/mnt/disk/photos'").unwrap().store.url;
        assert_eq!(url, Some(Place::Folder("/mnt/disk/photos".into())));
        told("data_dir = '/srv'\n[store]\nurl = '/srv/objects'").unwrap();
        for (text, says) in [
            ("[store]\nurl = 'mnt/photos'", "s3://family-photos"),
            ("[store]\nurl = '/mnt/photos'\nregion = 'home'", "store.region is of no use for a folder"),
            ("data_dir = '/srv'\n[store]\nurl = '/srv/secrets'", "store.url is in the data folder"),
            ("data_dir = '/srv/picup'\n[store]\nurl = '/srv'", "store.url is in the data folder, or around it"),
            (
                "[store]\nurl = '/mnt/photos'\n[backup.destinations.disk]\nurl = '/mnt/photos/copies'",
                "backup.destinations.disk is where the photos are",
            ),
        ] {
            let said = told(text).unwrap_err();
            assert!(said.contains(says), "{text}: {said}");
        }
    }

    #[test]
    fn settings_that_do_not_go_together_are_told() {
        for setting in [
            "provider = 'aws'",
            "endpoint = 'https://a.b'",
            "region = 'a'",
            "style = 'path'",
            "parts = 'proxied'",
            "reads = 'redirect'",
            "cdn = 'https://d1.cloudfront.net'",
            "access_key_file = 'key'",
        ] {
            let said = told(&format!("[store]\n{setting}")).unwrap_err();
            let name = setting.split(' ').next().unwrap();
            assert!(said.contains(&format!("store.{name} is of no use without store.url")), "{said}");
        }
        for (settings, says) in [
            ("provider = 'vultr'", "store.endpoint has to say"),
            ("provider = 'amazon'", "aws, vultr, r2"),
            ("style = 'host'", "neither path nor virtual-host"),
            ("parts = 'straight'", "not one of probe, direct and proxied"),
            ("reads = 'edge'", "not one of proxy, redirect and cdn"),
            ("reads = 'cdn'", "store.cdn has to be set"),
            ("reads = 'cdn'\ncdn = 'https://d1.cloudfront.net'", "store.cdn_key_file has to be set"),
            ("reads = 'redirect'\ncdn_key_id = 'K1'", "store.cdn_key_id is of no use"),
            ("reads = 'cdn'\ncdn = 'http://d1.cloudfront.net'", "write https://"),
            ("cdn_key_id = 'a b'", "1 to 64 letters"),
            ("region = 'eu central'", "eu-central-1"),
            ("provider = 'aws'\nendpoint = 'https://10.0.0.1'", "store.style = \"path\""),
        ] {
            let said = told(&format!("[store]\nurl = 's3://photos'\n{settings}")).unwrap_err();
            assert!(said.contains(says), "{settings}: {said}");
        }
        let dotted = told("[store]\nurl = 's3://family.photos'").unwrap_err();
        assert!(dotted.contains("a bucket with a dot"), "{dotted}");
        told("[store]\nurl = 's3://family.photos'\nstyle = 'path'").unwrap();
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_taken_stays_below_its_prefix(text in "(s3://)?[a-z/.@?%-]{0,20}|.*") {
            let _ = text.parse::<Endpoint>();
            if let Ok(url) = text.parse::<BucketUrl>() {
                prop_assert!(!url.prefix().split('/').any(|name| name == ".."));
            }
        }
    }
}
