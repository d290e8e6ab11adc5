//! How those who look at objects read them: through PicUp, or straight from the bucket. Called by `picup`'s origin where it sends
//! a reader there, and at the start.

use std::time::Duration;

use picup_domain::ObjectKey;

use crate::{Check, Error, ReadAs, Storage, Store};

impl Storage {
    /// An address at which whoever has it reads that one object, for so long, and is told what `told` says; `None` where a store
    /// has no addresses. Whether there is such an object is not looked at, and the service is asked nothing.
    ///
    /// # Errors
    /// When it cannot be signed: the machine's role is asked of somebody who does not answer.
    pub async fn read_address(&self, key: &ObjectKey, told: &ReadAs, life: Duration) -> Result<Option<String>, Error> {
        let Store::S3(s3) = &self.store else { return Ok(None) };
        self.metrics.count("read_address", s3.read_address(key, told, life).await.map(Some))
    }

    /// Finds out whether the service keeps to what an address says: gives the object that it names and no other, for as long as it
    /// says, and tells the reader what it says.
    ///
    /// # Errors
    /// Why readers are better not sent there.
    pub async fn probe_reads(&self) -> Result<(), String> {
        match &self.store {
            Store::S3(s3) => s3.probe_reads().await,
            _ => Err("the store is no bucket".to_owned()),
        }
    }

    /// What all addresses of a bucket begin with (`https://bucket.example.org/`): where a page has to be allowed to show from, if
    /// readers are sent there.
    #[must_use]
    pub fn bucket_origin(&self) -> Option<&str> {
        match &self.store {
            Store::S3(s3) => Some(&s3.origin),
            _ => None,
        }
    }

    /// Asks, for `picup doctor`, whether readers can be sent to the store.
    pub async fn check_reads(&self) -> Check {
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
