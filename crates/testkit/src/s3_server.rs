//! A strict S3 store on a free port of loopback: s3s-fs, which keeps objects as files, checks signatures, expiry and checksums,
//! and knows no CORS and no versions. It runs in this process, yet in a thread and a runtime of its own: a test whose own
//! runtime is busy or blocked is answered all the same.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use crate::amazon::Amazon;
use crate::amazon_flaws::Flaw;
use crate::s3_keys::{BUCKET, Keys, make_bucket};
use crate::s3_rights::Rights;
use crate::s3_serving::{Running, Trouble, service};
use crate::{Error, TempDir, free_address, fresh_folder};

/// A running store with one bucket and a pair of keys that may do everything in it. Dropping it stops it.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    keys: Keys,
    pub(crate) rights: Option<Rights>,
    folder: Folder,
    manners: Manners,
    trouble: Arc<Trouble>,
    running: Option<Running>,
}

/// What it makes of uploads, and of addresses that were given away.
#[derive(Debug, Clone, Copy)]
enum Manners {
    /// As s3s-fs does: a part whose checksum is wrong is stored, a PUT can be turned into a copy, and pages may not ask.
    Own,
    /// As Amazon S3 does, but for a flaw; its bucket's rules let the pages of any site in, or of none.
    Amazon { pages: bool, flaw: Option<Flaw> },
}

#[derive(Debug)]
enum Folder {
    /// Removed with the server, once that has stopped.
    Own(TempDir),
    Given(PathBuf),
}

impl S3Server {
    /// Starts one that holds nothing, in a folder of its own that goes with it. Connections are accepted from then on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start() -> Result<Self, Error> {
        Self::serve(Folder::Own(fresh_folder()), Manners::Own)
    }

    /// As [`start`](Self::start), one that does with addresses that were given away what Amazon S3 does with them.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start_like_amazon() -> Result<Self, Error> {
        Self::serve(Folder::Own(fresh_folder()), Manners::Amazon { pages: true, flaw: None })
    }

    /// As [`start_like_amazon`](Self::start_like_amazon), with one flaw.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start_like_amazon_but(flaw: Flaw) -> Result<Self, Error> {
        Self::serve(Folder::Own(fresh_folder()), Manners::Amazon { pages: true, flaw: Some(flaw) })
    }

    /// As [`start_like_amazon`](Self::start_like_amazon), with a bucket that has no CORS rules.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start_closed_to_pages() -> Result<Self, Error> {
        Self::serve(Folder::Own(fresh_folder()), Manners::Amazon { pages: false, flaw: None })
    }

    /// As [`start_closed_to_pages`](Self::start_closed_to_pages), one that knows keys with fewer rights too: see
    /// [`writer`](Self::writer) and those after it.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start_with_rights() -> Result<Self, Error> {
        let mut server = Self::start_closed_to_pages()?;
        server.rights = Some(Rights::random());
        server.start_again()?;
        Ok(server)
    }

    /// Starts one on a folder that is there, with what it holds, and leaves the folder behind.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start_in(folder: &Path) -> Result<Self, Error> {
        Self::serve(Folder::Given(folder.to_owned()), Manners::Own)
    }

    fn serve(folder: Folder, manners: Manners) -> Result<Self, Error> {
        let mut server = Self {
            address: free_address(),
            keys: Keys::random(),
            rights: None,
            folder,
            manners,
            trouble: Arc::default(),
            running: None,
        };
        make_bucket(server.folder())?;
        server.start_again()?;
        Ok(server)
    }

    /// Goes away, as a store that is switched off: cuts the connections that stand, and nobody listens any more. When this
    /// returns, nothing is written to its folder any more either.
    pub fn stop(&mut self) {
        if let Some(Running { stop, thread }) = self.running.take() {
            drop(stop);
            // It ends only in this way, and whether one of its connections has panicked is shown by what a client got.
            let _ = thread.join();
        }
    }

    /// Comes back at the same address, on the same folder and with the same keys. One that runs is stopped first.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start_again(&mut self) -> Result<(), Error> {
        self.stop();
        let service = service(self.folder(), &self.keys, self.rights.as_ref())?;
        let amazon = match self.manners {
            Manners::Own => None,
            Manners::Amazon { pages, flaw } => Some(Amazon { folder: self.folder().to_owned(), pages, flaw }),
        };
        self.running = Some(Running::start(self.address, service, amazon, Arc::clone(&self.trouble))?);
        Ok(())
    }

    /// From now on refuses one of so many requests (503 SlowDown), and says of one that it has carried out that it failed (500);
    /// 0 for none.
    pub fn trouble_every(&self, requests: usize) {
        self.trouble.every.store(requests, Ordering::Relaxed);
    }

    /// Refuses the next request to put the parts of an upload together, with 400 and this code.
    pub fn refuse_completion(&self, code: &'static str) {
        *self.trouble.completion.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL; buckets are named in the path.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its one bucket.
    #[must_use]
    pub const fn bucket(&self) -> &str {
        BUCKET
    }

    /// Who may ask it.
    #[must_use]
    pub fn access_key(&self) -> &str {
        &self.keys.access
    }

    /// What requests are signed with.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.keys.secret
    }

    /// The folder of its buckets: an object is the file BUCKET/KEY in it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match &self.folder {
            Folder::Own(own) => own.path(),
            Folder::Given(path) => path,
        }
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.stop();
    }
}
