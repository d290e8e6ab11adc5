//! The hash that Immich's programs compare by: SHA-1. It only answers whether they need to send a file; what PicUp itself trusts
//! is SHA-256, because two files with one SHA-1 can be made on purpose.

use std::fmt;
use std::str::FromStr;

use sha1::Digest;

use crate::Invalid;

/// A SHA-1 digest, written as 40 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha1([u8; 20]);

impl Sha1 {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha1::Sha1::digest(bytes).into())
    }

    /// The digest a hasher has come to.
    #[must_use]
    pub fn from_hasher(hasher: sha1::Sha1) -> Self {
        Self(hasher.finalize().into())
    }

    /// The 20 bytes a database stores.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The digest back from the 20 bytes a database stores.
    ///
    /// # Errors
    /// When there are not exactly 20.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Invalid> {
        bytes.try_into().map(Self).map_err(|_| Invalid::new("sha1", "a SHA-1 has 20 bytes"))
    }
}

impl fmt::Display for Sha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha1({self})")
    }
}

impl FromStr for Sha1 {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut digest = [0; 20];
        match hex::decode_to_slice(text, &mut digest) {
            Ok(()) if !text.bytes().any(|b| b.is_ascii_uppercase()) => Ok(Self(digest)),
            _ => Err(Invalid::new("sha1", "write the SHA-1 as 40 lower-case hexadecimal digits")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_empty_digest_and_refuses_other_spellings() {
        let empty = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
        assert_eq!(Sha1::of(b"").to_string(), empty);
        assert_eq!(empty.parse(), Ok(Sha1::of(b"")));
        for bad in ["", &empty[1..], &empty.to_uppercase(), &format!("{empty}00"), &empty.replace('e', "g")] {
            assert!(bad.parse::<Sha1>().is_err(), "{bad}");
        }
    }
}
