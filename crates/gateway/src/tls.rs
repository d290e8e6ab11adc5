//! Phase: TLS. The certificate and its key, as rustls serves them; a new one counts from the next connection on.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WantsServerCert;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ConfigBuilder, ServerConfig};

use crate::certificate::Certificate;

/// Which clients are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsProfile {
    /// TLS 1.3 alone.
    Modern,
    /// TLS 1.2 too, with ciphers that keep what was said secret for good.
    #[default]
    Intermediate,
}

/// A certificate with its key, ready to serve. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    certificate: Arc<Certificate>,
}

/// Why a certificate or key cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// No certificate, or one that cannot be read.
    #[error("the certificate file has no PEM certificate (BEGIN CERTIFICATE) that can be read")]
    Certificate,
    /// No key, or one that cannot be read.
    #[error("the key file has no PEM private key (BEGIN PRIVATE KEY) that can be read")]
    Key,
    /// The two do not fit, or are of a kind that is not served.
    #[error("the certificate and the key cannot be served together: {0}")]
    Unfit(#[source] rustls::Error),
}

impl Tls {
    /// From PEM: the certificate, then those of its issuers, and its private key.
    ///
    /// # Errors
    /// [`TlsError`] says which of the two is at fault, and never what is in them.
    pub fn from_pem(certificates: &[u8], key: &[u8], profile: TlsProfile) -> Result<Self, TlsError> {
        let (certificates, key) = read(certificates, key)?;
        let says = says(&certificates)?;
        let config = builder(profile)?.with_single_cert(certificates, key).map_err(TlsError::Unfit)?;
        Ok(Self::speaking(&[b"h2", b"http/1.1"], config, says))
    }

    /// For a challenge: a certificate that no client takes, for what it has to hold is critical and known to authorities alone. Whether
    /// the key is its own is not looked at, because that would be the first thing to refuse it.
    pub(crate) fn of_challenge(protocol: &[u8], certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let (certificates, key) = read(certificate, key)?;
        let says = says(&certificates)?;
        let key = aws_lc_rs::default_provider().key_provider.load_private_key(key).map_err(TlsError::Unfit)?;
        let shown = SingleCertAndKey::from(CertifiedKey::new(certificates, key));
        let config = builder(TlsProfile::Intermediate)?.with_cert_resolver(Arc::new(shown));
        Ok(Self::speaking(&[protocol], config, says))
    }

    fn speaking(protocols: &[&[u8]], mut config: ServerConfig, says: Certificate) -> Self {
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Self { config: Arc::new(config), certificate: Arc::new(says) }
    }

    /// What the certificate says of itself.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

fn read(certificates: &[u8], key: &[u8]) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let certificates = CertificateDer::pem_slice_iter(certificates).collect::<Result<_, _>>();
    let key = PrivateKeyDer::from_pem_slice(key);
    Ok((certificates.map_err(|_| TlsError::Certificate)?, key.map_err(|_| TlsError::Key)?))
}

fn says(certificates: &[CertificateDer<'_>]) -> Result<Certificate, TlsError> {
    certificates.first().and_then(|first| Certificate::from_der(first)).ok_or(TlsError::Certificate)
}

fn builder(profile: TlsProfile) -> Result<ConfigBuilder<ServerConfig, WantsServerCert>, TlsError> {
    let versions = match profile {
        TlsProfile::Modern => &[&TLS13][..],
        TlsProfile::Intermediate => &[&TLS13, &TLS12],
    };
    let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions);
    Ok(builder.map_err(TlsError::Unfit)?.with_no_client_auth())
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tls")
    }
}
