//! How those who look at objects read them: through PicUp, or straight from the bucket. Called by `picup`'s origin where it sends
//! a reader there, and at the start.

use std::time::Duration;

use picup_domain::ObjectKey;

use crate::site::{Site, Store};
use crate::{Check, Error, ReadAs};

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

    pub(crate) fn bucket_origin(&self) -> Option<&str> {
        match &self.store {
            Store::S3(s3) => Some(&s3.origin),
            _ => None,
        }
    }

    pub(crate) async fn check_reads(&self) -> Check {
        let (ok, advice) = match self.probe_reads().await {
            Ok(()) => {
                let rules = "no CORS rule is needed for it, since pages read nothing there by script";
                (true, format!("pictures and videos are read straight from the bucket; {rules}"))
            }
            Err(why) => {
                let remedy = "PicUp carries them all the same; set store.reads = \"proxy\" to have no more said of it";
                (false, format!("store.reads is \"redirect\", but {why}; {remedy}"))
            }
        };
        Check { name: "storage-reads", ok, advice }
    }
}
