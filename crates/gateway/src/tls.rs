//! Phase: TLS. The certificate and its key, as rustls serves them; a new one counts from the next connection on.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};

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
        Self::speaking(&[b"h2", b"http/1.1"], certificates, key, profile)
    }

    /// The same, for other protocols.
    pub(crate) fn speaking(
        protocols: &[&[u8]],
        certificates: &[u8],
        key: &[u8],
        profile: TlsProfile,
    ) -> Result<Self, TlsError> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsError::Certificate)?;
        let says = certificates.first().and_then(|first| Certificate::from_der(first)).ok_or(TlsError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::Key)?;
        let versions = match profile {
            TlsProfile::Modern => &[&TLS13][..],
            TlsProfile::Intermediate => &[&TLS13, &TLS12],
        };
        let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions);
        let config = builder.map_err(TlsError::Unfit)?.with_no_client_auth().with_single_cert(certificates, key);
        let mut config = config.map_err(TlsError::Unfit)?;
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Self { config: Arc::new(config), certificate: Arc::new(says) })
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

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tls")
    }
}
