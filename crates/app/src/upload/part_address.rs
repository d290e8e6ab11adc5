//! The address a part is sent to carries its own right: which upload, which part, exactly these bytes, until when.
//!
//! It is the counterpart of a presigned S3 `UploadPart`, so that a client sends parts the same way to either and never with
//! its credentials. The signature is an HMAC-SHA-256 over every field; a byte changed anywhere and the address is void.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use picup_domain::{Sha256, Timestamp, UploadId};

use crate::Error;

/// What one address allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartAddress {
    /// The upload.
    pub upload: UploadId,
    /// The part, from 1.
    pub number: u32,
    /// Exactly so many bytes.
    pub bytes: u64,
    /// With exactly this hash.
    pub sha256: Sha256,
    /// Until this second of the epoch, exclusive.
    pub expires: i64,
}

impl PartAddress {
    /// The path and query, signed with `key`.
    pub(super) fn to_url(self, key: &[u8; 32]) -> String {
        let Self { upload, number, bytes, sha256, expires } = self;
        let signature = hex::encode(self.mac(key).finalize().into_bytes());
        let mut url = format!("/api/uploads/{upload}/parts/{number}");
        // Writing to a String cannot fail.
        let _ = write!(url, "?bytes={bytes}&expires={expires}&sha256={sha256}&signature={signature}");
        url
    }

    /// Whether `signature` (hexadecimal) was made for exactly this address by `key`, and `now` is before its end.
    pub(super) fn verify(&self, signature: &str, key: &[u8; 32], now: Timestamp) -> Result<(), Error> {
        if now.seconds() >= self.expires {
            return Err(Error::PartAddress);
        }
        let signature = hex::decode(signature).map_err(|_| Error::PartAddress)?;
        // Compares in constant time.
        self.mac(key).verify_slice(&signature).map_err(|_| Error::PartAddress)
    }

    fn mac(&self, key: &[u8; 32]) -> Hmac<sha2::Sha256> {
        let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
        // Fixed widths throughout, so no two addresses give the same bytes.
        mac.update(b"picup part address 1");
        mac.update(self.upload.as_bytes());
        mac.update(&self.number.to_be_bytes());
        mac.update(&self.bytes.to_be_bytes());
        mac.update(self.sha256.as_bytes());
        mac.update(&self.expires.to_be_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_signed_and_time_ends_it() {
        let key = [7; 32];
        let now = Timestamp::from_micros(1_000_000_000);
        let address =
            PartAddress { upload: UploadId::new(now), number: 1, bytes: 10, sha256: Sha256::of(b"x"), expires: 2_000 };
        let url = address.to_url(&key);
        let signature = url.rsplit('=').next().unwrap();
        assert!(address.verify(signature, &key, now).is_ok());
        let altered = [
            PartAddress { upload: UploadId::new(now), ..address },
            PartAddress { number: 2, ..address },
            PartAddress { bytes: 11, ..address },
            PartAddress { sha256: Sha256::of(b"y"), ..address },
            PartAddress { expires: 3_000, ..address },
        ];
        for other in altered {
            assert!(other.verify(signature, &key, now).is_err(), "{other:?}");
        }
        assert!(address.verify(signature, &[8; 32], now).is_err());
        assert!(address.verify(signature, &key, Timestamp::from_micros(2_000_000_000)).is_err());
        for bad in ["", "00", "zz", &signature[2..]] {
            assert!(address.verify(bad, &key, now).is_err());
        }
    }
}
