//! How those who look at objects read them: through PicUp, or straight from the bucket. Called by `picup`'s origin where it sends
//! a reader there, and at the start.

use std::time::Duration;

use picup_domain::ObjectKey;

use crate::site::{Site, Store};
use crate::{Check, Error, ReadAs};

/// Signs the address at a CDN of what lies below the bucket's prefix at that path, for that long.
pub type CdnSign = dyn Fn(&str, Duration) -> Result<String, String> + Send + Sync;

impl Site {
    pub(crate) async fn read_address(
        &self,
        key: &ObjectKey,
        told: &ReadAs,
        life: Duration,
    ) -> Result<Option<String>, Error> {
        let Store::S3(s3) = &self.store else { return Ok(None) };
        self.metrics.count("read_address", s3.read_address(key, told, life).await.map(Some))
    }

    pub(crate) async fn probe_reads(&self) -> Result<(), String> {
        match &self.store {
            Store::S3(s3) => s3.probe_reads().await,
            _ => Err("the store is no bucket".to_owned()),
        }
    }

    pub(crate) async fn probe_cdn(&self, sign: &CdnSign) -> Result<(), String> {
        match &self.store {
            Store::S3(s3) => s3.probe_cdn(sign).await,
            _ => Err("the store is no bucket".to_owned()),
        }
    }

    pub(crate) fn bucket_origin(&self) -> Option<&str> {
        match &self.store {
            Store::S3(s3) => Some(&s3.origin),
            _ => None,
        }
    }
}

/// What `picup doctor` says of a probe.
pub(crate) fn check(mode: &str, whence: &str, found: Result<(), String>) -> Check {
    let (ok, advice) = match found {
        Ok(()) => {
            let rules = "no CORS rule is needed for it, since pages read nothing there by script";
            (true, format!("pictures and videos are read {whence}; {rules}"))
        }
        Err(why) => {
            let remedy = "PicUp carries them all the same; set store.reads = \"proxy\" to have no more said of it";
            (false, format!("store.reads is \"{mode}\", but {why}; {remedy}"))
        }
    };
    Check { name: "storage-reads", ok, advice }
}
