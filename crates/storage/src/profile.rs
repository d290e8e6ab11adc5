//! Whose S3 service a bucket is at, and what its kind is known to do differently. What a service does with addresses that are
//! handed out is never taken from here alone: it is probed.

use std::fmt;
use std::str::FromStr;

use picup_domain::Invalid;

/// A kind of S3 service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Amazon S3.
    Aws,
    /// Vultr Object Storage, and other Ceph.
    Vultr,
    /// Cloudflare R2.
    R2,
    /// Backblaze B2.
    B2,
    /// Wasabi.
    Wasabi,
    /// Garage.
    Garage,
    /// MinIO.
    Minio,
    /// Any other: nothing beyond the common ground is relied on.
    Other,
}

impl Profile {
    /// All of them, in the order they are told to people.
    pub const ALL: [Self; 8] =
        [Self::Aws, Self::Vultr, Self::R2, Self::B2, Self::Wasabi, Self::Garage, Self::Minio, Self::Other];

    /// The word in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Vultr => "vultr",
            Self::R2 => "r2",
            Self::B2 => "b2",
            Self::Wasabi => "wasabi",
            Self::Garage => "garage",
            Self::Minio => "minio",
            Self::Other => "other",
        }
    }

    /// Whether an upload has to say at its beginning and its end that its parts have SHA-256 checksums, or takes none.
    pub(crate) const fn wants_checksums_named(self) -> bool {
        matches!(self, Self::Aws)
    }

    /// Whether a write that must not replace anything is refused when something stands there (`If-None-Match: *`). Services that
    /// do not know the header ignore it, so that nothing may depend on it alone.
    pub(crate) const fn refuses_to_replace(self) -> bool {
        matches!(self, Self::Aws | Self::R2 | Self::Minio)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = Invalid;

    fn from_str(word: &str) -> Result<Self, Invalid> {
        let known = || Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|profile| profile.as_str() == word);
        found.ok_or_else(|| Invalid { field: "provider", advice: format!("'{word}' is not one of {}", known()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for profile in Profile::ALL {
            assert_eq!(profile.to_string().parse(), Ok(profile));
        }
        assert!("amazon".parse::<Profile>().unwrap_err().advice.contains("aws, vultr"));
    }
}
