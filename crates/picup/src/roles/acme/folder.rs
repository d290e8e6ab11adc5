//! `DATA/acme`: what is kept of certificates that were fetched. The folder is open to its owner alone, and so is every file in it.
//!
//! The certificate and its key are one file, because one file can be replaced at once: whoever reads it, or has to do after a power cut,
//! finds two that fit. Other programs are given that file for both.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use picup_domain::Sha256;
use picup_gateway::Certificate;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::schedule::Notes;
use crate::moving::note::write_whole;
use crate::secrets;

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

/// An account at an authority.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct AccountFile {
    pub(super) directory: String,
    /// Its private key, PKCS#8 in hexadecimal.
    pub(super) key: String,
    /// Its name there; none before the authority has answered. The key is written down first, so that whoever is killed in between asks
    /// again for the same account.
    pub(super) url: Option<String>,
    pub(super) contact: Option<String>,
}

impl Folder {
    /// That of a data folder; nothing is made.
    pub(crate) fn of(data_dir: &Path) -> Self {
        Self(data_dir.join("acme"))
    }

    /// Makes it, if it is not there.
    pub(super) fn make(&self) -> anyhow::Result<()> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.with_context(|| format!("making the folder {}", self.0.display()))
    }

    /// For as long as the file is held, nobody else fetches certificates into it. None when somebody does already.
    pub(super) fn try_lock(&self) -> anyhow::Result<Option<File>> {
        let path = self.0.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.with_context(|| format!("opening {}", path.display()))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("locking {}", path.display())),
        }
    }

    /// Where the certificate, those of its issuers, and the key are.
    pub(crate) fn certificate_and_key(&self) -> PathBuf {
        self.0.join("certificate-and-key.pem")
    }

    /// What the certificate says of itself; none where there is none that can be read.
    pub(crate) fn certificate(&self) -> Option<Certificate> {
        Certificate::from_pem(&std::fs::read(self.certificate_and_key()).ok()?)
    }

    /// Puts another in its place.
    pub(super) fn write_certificate(&self, chain: &str, key: &str) -> anyhow::Result<()> {
        write_whole(&self.certificate_and_key(), format!("{}\n{key}", chain.trim_end()).as_bytes(), 0o600)
    }

    /// What is known; nothing where nothing can be read: that costs a question, and no certificate.
    pub(crate) fn notes(&self) -> Notes {
        let text = std::fs::read(self.0.join("state.json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    pub(super) fn write_notes(&self, notes: &Notes) -> anyhow::Result<()> {
        write_whole(&self.0.join("state.json"), &serde_json::to_vec_pretty(notes)?, 0o600)
    }

    /// The account at that directory.
    pub(super) fn account(&self, directory: &str) -> anyhow::Result<Option<AccountFile>> {
        let path = self.account_path(directory);
        let Some(text) = secrets::acme_account(&path)? else { return Ok(None) };
        serde_json::from_str(&text)
            .map(Some)
            .with_context(|| format!("{} is no account of ACME; move it away, and another is made", path.display()))
    }

    pub(super) fn write_account(&self, account: &AccountFile) -> anyhow::Result<()> {
        write_whole(&self.account_path(&account.directory), &serde_json::to_vec_pretty(account)?, 0o600)
    }

    fn account_path(&self, directory: &str) -> PathBuf {
        self.0.join(format!("account-{}.json", &Sha256::of(directory.as_bytes()).to_string()[..12]))
    }

    /// Makes the folder and, where there is none, a certificate that no authority stands behind, so that TLS is spoken before there is a
    /// better one. Whether it had to.
    pub(super) fn begin(&self, names: &[String]) -> anyhow::Result<bool> {
        match self.certificate_and_key().symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let made = rcgen::generate_simple_self_signed(names).context("making a temporary certificate")?;
                self.write_certificate(&made.cert.pem(), &made.signing_key.serialize_pem())?;
                Ok(true)
            }
            other => other.map(|_| false).context("looking for the certificate"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use picup_gateway::{Tls, TlsProfile};
    use proptest::prelude::*;

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let data = tempfile::tempdir().unwrap();
        let folder = Folder::of(data.path());
        folder.make().unwrap();
        (data, folder)
    }

    #[test]
    fn everything_in_it_is_its_owners_alone_and_comes_back_as_it_was() {
        let (_data, folder) = folder();
        let notes = Notes { failures: 3, error: Some("down".to_owned()), ..Notes::default() };
        folder.write_notes(&notes).unwrap();
        assert_eq!(folder.notes(), notes);
        let directory = "https://ca.example/dir".to_owned();
        assert!(folder.account(&directory).unwrap().is_none());
        let account = AccountFile { directory: directory.clone(), key: "00".to_owned(), url: None, contact: None };
        folder.write_account(&account).unwrap();
        assert_eq!(folder.account(&directory).unwrap().unwrap().key, "00");
        assert!(folder.account("https://other.example/dir").unwrap().is_none());
        assert!(folder.begin(&["photos.example".to_owned()]).unwrap());
        assert!(folder.try_lock().unwrap().is_some());
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.0), 0o700);
        for entry in std::fs::read_dir(&folder.0).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
    }

    #[test]
    fn a_temporary_certificate_is_made_where_there_is_none_and_can_be_served() {
        let (_data, folder) = folder();
        let names = ["photos.example".to_owned()];
        assert!(folder.begin(&names).unwrap() && !folder.begin(&names).unwrap());
        assert!(folder.certificate().is_some_and(|made| made.is_self_signed && made.names == names));
        let pem = std::fs::read(folder.certificate_and_key()).unwrap();
        Tls::from_pem(&pem, &pem, TlsProfile::Modern).unwrap();
    }

    #[test]
    fn one_alone_fetches() {
        let (_data, folder) = folder();
        let held = folder.try_lock().unwrap();
        assert!(held.is_some() && folder.try_lock().unwrap().is_none());
        drop(held);
        assert!(folder.try_lock().unwrap().is_some());
    }

    proptest! {
        #[test]
        fn files_that_were_spoilt_never_panic(bytes: Vec<u8>) {
            let (_data, folder) = folder();
            std::fs::write(folder.0.join("state.json"), &bytes).unwrap();
            std::fs::write(folder.certificate_and_key(), &bytes).unwrap();
            let _ = (folder.notes(), folder.certificate());
        }
    }
}
