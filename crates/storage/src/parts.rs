//! How parts come into a store: through PicUp, or straight from their senders. Called by `app` where it hands out addresses, and at
//! the start.

use std::future::pending;
use std::sync::atomic::Ordering;
use std::time::Duration;

use picup_domain::Sha256;

use crate::locks::Name;
use crate::site::{Site, Store};
use crate::{Check, Error, PartAddress, PartStored, PartsBy, Upload};

/// A page that nobody has: what lets it in lets all in.
const ANYWHERE: &str = "https://picup.invalid";

/// Why parts of uploads come through PicUp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhyProxied {
    /// There is no other way.
    #[error("the store is no bucket")]
    NoBucket,
    /// It is insisted on.
    #[error("the configuration says so")]
    Configured,
    /// The service makes of an address what it should not.
    #[error("{0}")]
    Unsafe(String),
    /// Browsers would not let a page send parts.
    #[error("the bucket's CORS rules do not let pages of {0} send parts")]
    ClosedToPages(String),
    /// The photos have moved into it while PicUp ran: the pages that are open may not send to it.
    #[error("the photos have moved since PicUp was started; at its next start it is tried out")]
    Moved,
    /// It could not be found out.
    #[error("it could not be tried out on the service: {0}")]
    Unknown(String),
}

impl Site {
    pub(crate) fn takes_parts_straight(&self) -> bool {
        matches!(&self.store, Store::S3(s3) if s3.direct.load(Ordering::Relaxed))
    }

    pub(crate) async fn part_addresses(
        &self,
        upload: &Upload,
        wanted: &[(u32, Sha256)],
        life: Duration,
    ) -> Result<Option<Vec<PartAddress>>, Error> {
        let Store::S3(s3) = &self.store else { return Ok(None) };
        if !self.takes_parts_straight() {
            return Ok(None);
        }
        let part = |(number, sha256): &(u32, Sha256)| {
            let bytes = upload.part(*number)?.bytes;
            Ok(PartStored { number: *number, bytes, sha256: *sha256 })
        };
        let wanted: Vec<PartStored> = wanted.iter().map(part).collect::<Result<_, Error>>()?;
        // Of two that ask for one part with different hashes, one comes first.
        let _held = self.locks.hold(Name::Upload(upload.id())).await;
        let addresses = s3.part_addresses(upload, &wanted, life).await;
        self.metrics.count("part_addresses", addresses.map(Some))
    }

    pub(crate) async fn probe(
        &self,
        origin: Option<&str>,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), WhyProxied> {
        let Store::S3(s3) = &self.store else { return Err(WhyProxied::NoBucket) };
        match s3.parts_by {
            PartsBy::Direct => Ok(()),
            PartsBy::Proxied => Err(WhyProxied::Configured),
            PartsBy::Probe => {
                let found = s3.probe(origin.unwrap_or(ANYWHERE), stop).await;
                s3.direct.store(found.is_ok(), Ordering::Relaxed);
                found
            }
        }
    }

    pub(crate) fn parts_origin(&self) -> Option<&str> {
        match &self.store {
            Store::S3(s3) if s3.parts_by != PartsBy::Proxied => Some(&s3.origin),
            _ => None,
        }
    }

    pub(crate) async fn check_parts(&self, origin: Option<&str>) -> Option<Check> {
        let Store::S3(s3) = &self.store else { return None };
        let (found, insisted) = match s3.parts_by {
            PartsBy::Proxied => return None,
            by => (s3.probe(origin.unwrap_or(ANYWHERE), pending()).await, by == PartsBy::Direct),
        };
        let advice = match (&found, insisted) {
            (Ok(()), _) => "parts of uploads go straight into the bucket".to_owned(),
            (Err(why), true) => {
                format!("store.parts is \"direct\", but {why}; take it out, and PicUp carries the parts")
            }
            (Err(why), false) => format!("PicUp carries the parts of uploads, because {why}"),
        };
        let rules = match &found {
            Err(WhyProxied::ClosedToPages(_)) => cors_rules(origin.unwrap_or("*")),
            _ => String::new(),
        };
        Some(Check { name: "storage-parts", ok: found.is_ok() || !insisted, advice: advice + &rules })
    }
}

/// What lets pages of `origin` send parts, as S3's own tools take it.
fn cors_rules(origin: &str) -> String {
    format!(
        "; set these rules: [{{\"AllowedOrigins\":[\"{origin}\"],\"AllowedMethods\":[\"PUT\"],\
         \"AllowedHeaders\":[\"x-amz-checksum-sha256\",\"x-amz-sdk-checksum-algorithm\"],\"MaxAgeSeconds\":3600}}]"
    )
}
