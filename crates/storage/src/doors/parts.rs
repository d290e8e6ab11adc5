//! How parts come into a store: through PicUp, or straight from their senders.

use std::time::Duration;

use picup_domain::Sha256;

use crate::{Check, Error, PartAddress, Storage, Upload, WhyProxied};

impl Storage {
    /// Whether parts of what is begun now go straight into the store.
    #[must_use]
    pub fn takes_parts_straight(&self) -> bool {
        self.sites().0.takes_parts_straight()
    }

    /// Where the senders of those parts put them straight into the store; `None` when parts come through PicUp.
    ///
    /// # Errors
    /// [`Error::PartUnknown`]; [`Error::PartExists`] when one has arrived with another hash; [`Error::UploadNotFound`],
    /// [`Error::UploadDiffers`].
    pub async fn part_addresses(
        &self,
        upload: &Upload,
        wanted: &[(u32, Sha256)],
        life: Duration,
    ) -> Result<Option<Vec<PartAddress>>, Error> {
        self.site_of(upload.id()).await?.part_addresses(upload, wanted, life).await
    }

    /// Finds out, where that is left to a probe, whether senders may put parts straight into the store, pages of `origin`
    /// (`https://photos.example.org`) among them, or of anywhere, and has them do so from now on. Until then parts come through
    /// PicUp. It is given up at `stop`.
    ///
    /// # Errors
    /// Why they come through PicUp.
    pub async fn probe(&self, origin: Option<&str>, stop: impl Future<Output = ()> + Send) -> Result<(), WhyProxied> {
        match self.told_site() {
            Some(site) => site.probe(origin, stop).await,
            None => Err(WhyProxied::Moved),
        }
    }

    /// Where senders put parts if they may put them straight into the store (`https://bucket.example.org/`): what a page has to be
    /// allowed to send to.
    #[must_use]
    pub fn parts_origin(&self) -> Option<String> {
        Some(self.told_site()?.parts_origin()?.to_owned())
    }

    /// Asks how parts come into the store, for `picup doctor`; nothing where that is no question.
    pub async fn check_parts(&self, origin: Option<&str>) -> Option<Check> {
        self.sites().0.check_parts(origin).await
    }
}
