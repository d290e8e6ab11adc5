//! What a certificate says of itself: for whom it is, from when until when.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

/// What a certificate says of itself. Nothing of it is proven here: whoever holds its key wrote it, or had it written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The host names that it is for, in small letters.
    pub names: Vec<String>,
    /// From when on it is good, in seconds since 1970, UTC.
    pub not_before: i64,
    /// Until when, in the same way.
    pub not_after: i64,
    /// Whether it has no other issuer than itself: no authority stands behind it.
    pub is_self_signed: bool,
    /// All of it.
    pub der: CertificateDer<'static>,
}

impl Certificate {
    /// Of the first certificate in PEM, which is the one that the others are the issuers of. None when there is none, or it cannot be read.
    #[must_use]
    pub fn from_pem(pem: &[u8]) -> Option<Self> {
        Self::from_der(&CertificateDer::from_pem_slice(pem).ok()?)
    }

    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let alternatives = certificate.subject_alternative_name().ok()?;
        let names = alternatives.iter().flat_map(|names| &names.value.general_names);
        let names = names.filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        });
        Some(Self {
            names: names.collect(),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            is_self_signed: certificate.issuer() == certificate.subject(),
            der: CertificateDer::from(der.to_vec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn made() -> (String, Vec<u8>) {
        let mut parameters = CertificateParams::new(["Photos.example".to_owned(), "192.0.2.1".to_owned()]).unwrap();
        (parameters.not_before, parameters.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2026, 4, 1));
        let made = parameters.self_signed(&KeyPair::generate().unwrap()).unwrap();
        (made.pem(), made.der().to_vec())
    }

    #[test]
    fn it_says_for_whom_and_until_when() {
        let (pem, der) = made();
        let expected = Certificate {
            names: vec!["photos.example".to_owned()],
            not_before: 1_767_225_600,
            not_after: 1_775_001_600,
            is_self_signed: true,
            der: der.into(),
        };
        let key = KeyPair::generate().unwrap().serialize_pem();
        assert_eq!(Certificate::from_pem(format!("{key}{pem}").as_bytes()), Some(expected), "after a key, too");
        assert_eq!(Certificate::from_pem(key.as_bytes()), None);
        assert_eq!(Certificate::from_pem(b""), None);
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
            let _ = Certificate::from_der(&bytes);
            let _ = Certificate::from_pem(&bytes);
            let (_, mut der) = made();
            let at = at.index(der.len());
            der[at] = byte;
            let _ = Certificate::from_der(&der);
            let _ = Certificate::from_der(&der[..at]);
        }
    }
}
