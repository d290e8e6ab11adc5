//! How a store is, and whether who looks at objects may be sent to it.

use std::time::Duration;

use picup_domain::ObjectKey;

use crate::{CdnSign, Check, Error, ReadAs, Space, Storage};

impl Storage {
    /// Asks everything; a store in memory is always healthy and has nothing to ask. Of one that moves, both places are asked.
    pub async fn check(&self) -> Vec<Check> {
        let (site, other) = self.sites();
        let mut checks = site.check().await;
        if let Some(other) = other {
            checks.extend(other.check().await);
        }
        checks
    }

    /// Asks what may be asked every few seconds: everything, but that nothing is written to a bucket, which costs money.
    pub async fn check_at_a_glance(&self) -> Vec<Check> {
        let (site, other) = self.sites();
        let mut checks = site.check_at_a_glance().await;
        if let Some(other) = other {
            checks.extend(other.check_at_a_glance().await);
        }
        checks
    }

    /// What kind of store it is, in a word; while it moves, what it becomes.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.sites().0.kind()
    }

    /// How much room there is; `None` for a store that has no measure of it.
    ///
    /// # Errors
    /// When the system does not say.
    pub async fn space(&self) -> Result<Option<Space>, Error> {
        self.sites().0.space().await
    }

    /// An address at which whoever has it reads that one object, for so long, and is told what `told` says; `None` where a store
    /// has no addresses, while it moves, and after a move that pages were not told of. Whether there is such an object is not
    /// looked at, and the service is asked nothing.
    ///
    /// # Errors
    /// When it cannot be signed: the machine's role is asked of somebody who does not answer.
    pub async fn read_address(&self, key: &ObjectKey, told: &ReadAs, life: Duration) -> Result<Option<String>, Error> {
        match self.sites() {
            (site, None) if site.is_told => site.read_address(key, told, life).await,
            _ => Ok(None),
        }
    }

    /// Finds out whether the service keeps to what an address says: gives the object that it names and no other, for as long as it
    /// says, and tells the reader what it says.
    ///
    /// # Errors
    /// Why readers are better not sent there.
    pub async fn probe_reads(&self) -> Result<(), String> {
        match self.sites() {
            (site, None) if site.is_told => site.probe_reads().await,
            _ => Err("the photos move, or have moved since PicUp was started".to_owned()),
        }
    }

    /// The same of a CDN before the bucket: that it gives what a signed address names, and nothing to whoever has none.
    ///
    /// # Errors
    /// Why readers are better not sent there.
    pub async fn probe_cdn(&self, sign: &CdnSign) -> Result<(), String> {
        match self.sites() {
            (site, None) if site.is_told => site.probe_cdn(sign).await,
            _ => Err("the photos move, or have moved since PicUp was started".to_owned()),
        }
    }

    /// What all addresses of a bucket begin with (`https://bucket.example.org/`): where a page has to be allowed to show from, if
    /// readers are sent there.
    #[must_use]
    pub fn bucket_origin(&self) -> Option<String> {
        Some(self.told_site()?.bucket_origin()?.to_owned())
    }

    /// Asks, for `picup doctor`, whether readers can be sent to the store.
    pub async fn check_reads(&self) -> Check {
        crate::reads::check("redirect", "straight from the bucket", self.sites().0.probe_reads().await)
    }

    /// The same of a CDN before it.
    pub async fn check_cdn(&self, sign: &CdnSign) -> Check {
        crate::reads::check("cdn", "from the CDN", self.sites().0.probe_cdn(sign).await)
    }
}
