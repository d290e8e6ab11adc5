//! Addresses at which a sender puts a part straight into the bucket.
//!
//! Each is good for one part of one upload with one hash, an hour at most, and for nothing once the upload is completed. The
//! hash is in headers that are signed, so that a service which heeds them stores nothing else; whether it does is probed. Which
//! hash of several counts that are asked for is said in `announced`.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::FutureExt;
use object_store::path::Path;
use object_store::signer::{HeaderName, HeaderValue, Method, SignedUrlOptions, Signer};
use picup_domain::Sha256;

use super::S3;
use super::uploads::{every, taking_parts};
use crate::told::without_queries;
use crate::{Error, PartStored, Upload};

/// The longest that an address is good for.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);
/// The hash a service is to hold the bytes against …
const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-checksum-sha256");
/// … and the word without which some do not look at it.
const ALGORITHM: HeaderName = HeaderName::from_static("x-amz-sdk-checksum-algorithm");

/// Where a sender puts one part, with a PUT.
#[derive(Clone, PartialEq, Eq)]
pub struct PartAddress {
    /// Which part.
    pub number: u32,
    /// The address. Whoever has it may put this one part.
    pub url: String,
    /// Headers that have to be sent as they are.
    pub headers: Vec<(String, String)>,
}

/// Without the right that the address carries: addresses may be logged.
impl fmt::Debug for PartAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = without_queries(&self.url);
        f.debug_struct("PartAddress").field("number", &self.number).field("at", &at).finish_non_exhaustive()
    }
}

impl S3 {
    /// Addresses for parts with those hashes; the upload's lock is held.
    pub(crate) async fn part_addresses(
        &self,
        upload: &Upload,
        wanted: &[PartStored],
        life: Duration,
    ) -> Result<Vec<PartAddress>, Error> {
        let notes = self.notes(upload.id()).await?;
        let multipart = taking_parts(upload, &notes)?;
        let at = self.at(upload.key());
        let Some(listed) = self.parts_listed(&at, multipart).await? else {
            return Err(self.gone(upload.id(), multipart).await?);
        };
        let announced = wanted.iter().map(|part| {
            let announce = self.announce(upload.id(), &notes, &listed, *part);
            async move { announce.await.map(|_| ()) }.boxed()
        });
        every(announced.collect()).await?;
        let mut addresses = Vec::with_capacity(wanted.len());
        for part in wanted {
            addresses.push(self.part_address(&at, multipart, part.number, part.sha256, life).await?);
        }
        Ok(addresses)
    }

    pub(super) async fn part_address(
        &self,
        at: &Path,
        multipart: &str,
        number: u32,
        sha256: Sha256,
        life: Duration,
    ) -> Result<PartAddress, Error> {
        let checksum = BASE64_STANDARD.encode(sha256.as_bytes());
        let value = HeaderValue::from_str(&checksum).map_err(|error| Error::remote("sign an address", error))?;
        let options = SignedUrlOptions::new()
            .with_query([("partNumber", number.to_string()), ("uploadId", multipart.to_owned())])
            .with_signed_header(CHECKSUM, value)
            .with_signed_header(ALGORITHM, HeaderValue::from_static("SHA256"));
        let url = self.store.signed_url_opts(Method::PUT, at, life.min(LONGEST), &options).await;
        let url = url.map_err(|error| Error::remote("sign an address", error))?.to_string();
        let headers = [(CHECKSUM, checksum), (ALGORITHM, "SHA256".to_owned())];
        let headers = headers.into_iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect();
        Ok(PartAddress { number, url, headers })
    }
}
