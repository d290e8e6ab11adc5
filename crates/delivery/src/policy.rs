//! A CloudFront policy: which resource, until when, optionally from when and from which addresses.
//!
//! Made by the signer and read by the verifier. Reading fails closed: an unknown field or condition, a second statement
//! or a repeated key refuses the policy, because a condition we skipped would be a right we invented. The signature is
//! always checked over the bytes as received; nothing here is serialised again to be verified.

use serde::{Deserialize, Serialize};

use crate::address::AddressRange;

/// Longest policy that is read, in bytes. A cookie holds 4096 characters in all, and ours are near 150.
pub(crate) const MAX_POLICY_BYTES: usize = 2048;
const MAX_RESOURCE_BYTES: usize = 1024;

/// What a policy opens: an absolute `http` or `https` URL in which `*` and `?` are wildcards.
///
/// It never starts with a wildcard, nor has one in the scheme or host, though CloudFront would allow it:
/// `*/media/A/*` also covers `/media/B/x?/media/A/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource(String);

/// Why a text is no [`Resource`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// Neither `http://` nor `https://`, or no host and path after it.
    #[error("a resource is an absolute URL: http:// or https://, a host and a path")]
    NotAbsolute,
    /// `*` or `?` where only fixed text may stand.
    #[error("a resource may have wildcards in its path only, and a folder none of its own")]
    Wildcard,
    /// A character that cannot stand in a URL on the wire, such as a space, a quote or `é`.
    #[error("a resource is written in URL characters; percent-encode the others")]
    Character,
    /// Over 1024 bytes.
    #[error("a resource has at most {MAX_RESOURCE_BYTES} bytes")]
    TooLong,
}

impl Resource {
    /// Everything below one folder: `under("https://photos.example", "/media/OWNER/")`.
    ///
    /// # Errors
    /// As [`Resource::parse`]; and [`ResourceError::Wildcard`] if either part has a wildcard of its own or the folder does
    /// not begin and end with `/` (without the last one, the folder of account 1 would open that of account 12).
    pub fn under(public_base: &str, folder: &str) -> Result<Self, ResourceError> {
        let has_wildcard = |text: &str| text.contains(['*', '?']);
        if has_wildcard(public_base) || has_wildcard(folder) || !folder.starts_with('/') || !folder.ends_with('/') {
            return Err(ResourceError::Wildcard);
        }
        Self::parse(&format!("{public_base}{folder}*"))
    }

    /// Any resource, wildcards included.
    ///
    /// # Errors
    /// [`ResourceError`] says which rule is broken.
    pub fn parse(text: &str) -> Result<Self, ResourceError> {
        if text.len() > MAX_RESOURCE_BYTES {
            return Err(ResourceError::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'#')) {
            return Err(ResourceError::Character);
        }
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let (host, _) = rest.and_then(|rest| rest.split_once('/')).ok_or(ResourceError::NotAbsolute)?;
        if host.is_empty() {
            return Err(ResourceError::NotAbsolute);
        }
        if host.contains(['*', '?']) {
            return Err(ResourceError::Wildcard);
        }
        Ok(Self(text.to_owned()))
    }

    /// As it stands in the policy.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it may cover more than one URL.
    pub(crate) fn has_wildcard(&self) -> bool {
        self.0.contains(['*', '?'])
    }

    /// Whether the resource covers this absolute URL, given as it was on the wire.
    pub fn covers(&self, url: &str) -> bool {
        crate::wildcard::matches(&self.0, url)
    }
}

/// How a policy is sent beside its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As a canned policy, which is its end alone, where it is of one address and has no other condition; else whole.
    Shortest,
    /// Whole: a custom policy.
    Custom,
}

/// One statement: who holds it signed may fetch `resource` while the conditions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What it opens.
    pub resource: Resource,
    /// First second, since 1970 in UTC, at which it opens nothing any more.
    pub expires_at_epoch_s: u64,
    /// Last second at which it opens nothing yet.
    pub not_before_epoch_s: Option<u64>,
    /// The only client addresses it opens for.
    pub addresses: Option<AddressRange>,
}

/// The bytes are not a policy that we can honour in full.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Over 2048 bytes.
    #[error("a policy has at most {MAX_POLICY_BYTES} bytes")]
    TooLong,
    /// Not JSON, not one statement, a condition missing or unknown.
    #[error("not one statement with the conditions we know: {0}")]
    Shape(#[from] serde_json::Error),
    /// The resource is not one we allow.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// `AWS:SourceIp` is neither an address nor a range.
    #[error(transparent)]
    Address(#[from] crate::address::AddressRangeError),
}

impl Policy {
    /// A policy with no other condition than its end.
    #[must_use]
    pub fn until(resource: Resource, expires_at_epoch_s: u64) -> Self {
        Self { resource, expires_at_epoch_s, not_before_epoch_s: None, addresses: None }
    }

    /// Whether it has no other condition than its end.
    pub(crate) fn is_of_time_alone(&self) -> bool {
        self.not_before_epoch_s.is_none() && self.addresses.is_none()
    }

    /// The policy as the JSON text to sign, without spaces, in the order that CloudFront's guide gives.
    pub fn to_json(&self) -> String {
        let document = Document {
            statement: [Statement {
                resource: self.resource.0.clone(),
                condition: Condition {
                    date_less_than: EpochTime { seconds: self.expires_at_epoch_s },
                    date_greater_than: self.not_before_epoch_s.map(|seconds| EpochTime { seconds }),
                    ip_address: self.addresses.map(|range| SourceIp { range: range.to_string() }),
                },
            }],
        };
        serde_json::to_string(&document).expect("strings and numbers always serialise")
    }

    /// Reads the decoded bytes of a policy.
    ///
    /// # Errors
    /// [`PolicyError`] for anything that is not exactly one statement with conditions we know.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > MAX_POLICY_BYTES {
            return Err(PolicyError::TooLong);
        }
        let Document { statement: [Statement { resource, condition }] } = serde_json::from_slice(bytes)?;
        Ok(Self {
            resource: Resource::parse(&resource)?,
            expires_at_epoch_s: condition.date_less_than.seconds,
            not_before_epoch_s: condition.date_greater_than.map(|time| time.seconds),
            addresses: condition.ip_address.map(|source| source.range.parse()).transpose()?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "Statement")]
    statement: [Statement; 1],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Resource")]
    resource: String,
    #[serde(rename = "Condition")]
    condition: Condition,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    #[serde(rename = "DateLessThan")]
    date_less_than: EpochTime,
    #[serde(
        rename = "DateGreaterThan",
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    date_greater_than: Option<EpochTime>,
    #[serde(rename = "IpAddress", default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    ip_address: Option<SourceIp>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EpochTime {
    #[serde(rename = "AWS:EpochTime")]
    seconds: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceIp {
    #[serde(rename = "AWS:SourceIp")]
    range: String,
}

/// A condition that is there must say something: `null` would otherwise read as "no such condition".
pub(crate) fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINIMAL: &str = r#"{"Statement":[{"Resource":"https://a.example/media/1/*","Condition":{"DateLessThan":{"AWS:EpochTime":1700000000}}}]}"#;

    #[test]
    fn reads_and_writes_the_shape_of_the_guide() {
        let policy = Policy::parse(MINIMAL.as_bytes()).unwrap();
        assert_eq!(policy.resource.as_str(), "https://a.example/media/1/*");
        assert_eq!(
            (policy.expires_at_epoch_s, policy.not_before_epoch_s, policy.addresses),
            (1_700_000_000, None, None)
        );
        assert_eq!(policy.to_json(), MINIMAL);
    }

    #[test]
    fn reads_conditions_in_any_order_and_with_spaces() {
        let text = r#"{ "Statement": [{ "Condition": { "IpAddress": {"AWS:SourceIp": "192.0.2.0/24"},
            "DateGreaterThan": {"AWS:EpochTime": 5}, "DateLessThan": {"AWS:EpochTime": 9} }, "Resource": "http://a/?" }] }"#;
        let policy = Policy::parse(text.as_bytes()).unwrap();
        assert_eq!((policy.expires_at_epoch_s, policy.not_before_epoch_s), (9, Some(5)));
        assert_eq!(policy.addresses.unwrap().to_string(), "192.0.2.0/24");
        assert_eq!(Policy::parse(policy.to_json().as_bytes()).unwrap(), policy);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let time = r#"{"AWS:EpochTime":9}"#;
        let with =
            |condition: &str| format!(r#"{{"Statement":[{{"Resource":"https://a/*","Condition":{{{condition}}}}}]}}"#);
        let good = with(&format!(r#""DateLessThan":{time}"#));
        assert!(Policy::parse(good.as_bytes()).is_ok());
        for wrong in [
            with(""),
            with(&format!(r#""DateGreaterThan":{time}"#)),
            with(&format!(r#""DateLessThan":{time},"DateLessThan":{time}"#)),
            with(&format!(r#""DateLessThan":{time},"DateGreaterThan":null"#)),
            with(&format!(r#""DateLessThan":{time},"IpAddress":null"#)),
            with(&format!(r#""DateLessThan":{time},"IpAddress":{{"AWS:SourceIp":"everyone"}}"#)),
            with(&format!(r#""DateLessThan":{time},"StringEquals":{{"x":"y"}}"#)),
            with(r#""DateLessThan":{"AWS:EpochTime":-1}"#),
            with(r#""DateLessThan":{"AWS:EpochTime":"9"}"#),
            with(r#""DateLessThan":{"AWS:EpochTime":9.5}"#),
            with(r#""DateLessThan":{"AWS:EpochTime":9,"AWS:Other":1}"#),
            good.replace(r#""Resource""#, r#""Effect":"Deny","Resource""#),
            good.replace("https://a/*", "*"),
            good.replace("https://a/*", "https://*/media/1/*"),
            good.replace(r#"[{"#, r#"[{"Resource":"https://b/*","#),
            good.replace(']', ",{}]"),
            good.clone() + "x",
            r#"{"Statement":[]}"#.to_owned(),
            String::new(),
        ] {
            assert!(Policy::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(matches!(Policy::parse(&[b' '; MAX_POLICY_BYTES + 1]), Err(PolicyError::TooLong)));
    }

    #[test]
    fn resources_never_begin_with_a_wildcard() {
        use ResourceError::{Character, NotAbsolute, TooLong, Wildcard};
        for (text, error) in [
            ("*", NotAbsolute),
            ("*/media/1/*", NotAbsolute),
            ("http*://a/", NotAbsolute),
            ("ftp://a/", NotAbsolute),
            ("https://a", NotAbsolute),
            ("https:///x", NotAbsolute),
            ("https://*.example/x", Wildcard),
            ("https://a?/x", Wildcard),
            ("https://a/ x", Character),
            ("https://a/é", Character),
            ("https://a/\"", Character),
            (&format!("https://a/{}", "x".repeat(1024)), TooLong),
        ] {
            assert_eq!(Resource::parse(text), Err(error), "{text}");
        }
        for (base, folder) in
            [("https://a", "/media/*/"), ("https://a?", "/m/"), ("https://a", "m/"), ("https://a", "/media/1")]
        {
            assert_eq!(Resource::under(base, folder), Err(Wildcard), "{base} {folder}");
        }
        assert_eq!(Resource::under("https://a:8443", "/media/1/").unwrap().as_str(), "https://a:8443/media/1/*");
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, cut in 0..MINIMAL.len(), replacement: u8) {
            let _ = Policy::parse(&bytes);
            let mut near = MINIMAL.as_bytes().to_vec();
            near[cut] = replacement;
            let _ = Policy::parse(&near);
        }

        #[test]
        fn round_trip(path in "[a-z0-9/*?%._-]{0,60}", expires: u64, begins: Option<u64>, address: Option<([u8; 4], u8)>) {
            let policy = Policy {
                resource: Resource::parse(&format!("https://a.example/{path}")).unwrap(),
                expires_at_epoch_s: expires,
                not_before_epoch_s: begins,
                addresses: address.map(|([a, b, c, d], prefix)| format!("{a}.{b}.{c}.{d}/{}", prefix % 33).parse().unwrap()),
            };
            prop_assert_eq!(Policy::parse(policy.to_json().as_bytes()).unwrap(), policy);
        }
    }
}
