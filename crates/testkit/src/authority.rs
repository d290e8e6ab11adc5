//! An authority of certificates of a server's own: that of the server for loopback, and those of who shows it one.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use crate::Error;

/// An authority whose certificate lies in a file.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    /// Makes one, and a certificate of it by which a server is known on loopback, in that folder. The names are for people.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn make(folder: &Path, server: &str) -> Result<Self, Error> {
        let made = || {
            let mut parameters = CertificateParams::new(Vec::new())?;
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            parameters.distinguished_name.push(DnType::CommonName, format!("{server}'s own authority"));
            let key = KeyPair::generate()?;
            let root = parameters.self_signed(&key)?.pem();
            Ok((root, Issuer::new(parameters, key)))
        };
        let (root, issuer) = made().map_err(unmade)?;
        let authority = Self { issuer, folder: folder.to_owned() };
        authority.keep("root.pem", &root)?;
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let (certificate, key) = authority.issue(names, server, ExtendedKeyUsagePurpose::ServerAuth)?;
        authority.keep("server.pem", &certificate)?;
        authority.keep("server.key", &key)?;
        Ok(authority)
    }

    /// A certificate, and its key, by which somebody of that name is known; in PEM.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn client(&self, name: &str) -> Result<(String, String), Error> {
        self.issue([name.to_owned()], name, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// Its own certificate, in PEM.
    #[must_use]
    pub fn root_file(&self) -> PathBuf {
        self.folder.join("root.pem")
    }

    /// The server's certificate and its key, in PEM.
    pub(crate) fn server_files(&self) -> (PathBuf, PathBuf) {
        (self.folder.join("server.pem"), self.folder.join("server.key"))
    }

    pub(crate) fn certificate(&self) -> Result<reqwest::Certificate, Error> {
        let doing = "read an authority's certificate";
        let pem = std::fs::read(self.root_file()).map_err(Error::io(doing))?;
        reqwest::Certificate::from_pem(&pem).map_err(|error| Error::io(doing)(std::io::Error::other(error)))
    }

    fn issue(
        &self,
        names: impl IntoIterator<Item = String>,
        called: &str,
        purpose: ExtendedKeyUsagePurpose,
    ) -> Result<(String, String), Error> {
        let made = || {
            let mut parameters = CertificateParams::new(names.into_iter().collect::<Vec<_>>())?;
            parameters.distinguished_name.push(DnType::CommonName, called);
            parameters.extended_key_usages = vec![purpose];
            let key = KeyPair::generate()?;
            Ok((parameters.signed_by(&key, &self.issuer)?.pem(), key.serialize_pem()))
        };
        made().map_err(unmade)
    }

    fn keep(&self, name: &str, text: &str) -> Result<(), Error> {
        std::fs::write(self.folder.join(name), text).map_err(Error::io("write a certificate"))
    }
}

fn unmade(error: rcgen::Error) -> Error {
    Error::io("make a certificate")(std::io::Error::other(error))
}
