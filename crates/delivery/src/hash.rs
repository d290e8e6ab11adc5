//! The hash that a signature is made over.

/// A hash algorithm that CloudFront knows, under the name it goes by in `Hash-Algorithm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// What CloudFront means when nothing is said. Broken for whoever may choose what is signed; accepted only where asked for.
    Sha1,
    /// Said by `Hash-Algorithm=SHA256`.
    Sha256,
}

const SHA256: &str = "SHA256";

impl HashAlgorithm {
    /// What stands in `Hash-Algorithm`; SHA-1 is told by leaving it out.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Sha1 => None,
            Self::Sha256 => Some(SHA256),
        }
    }

    /// The algorithm that `name` means; `None` for what CloudFront does not know.
    pub(crate) fn of(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("SHA1") => Some(Self::Sha1),
            Some(SHA256) => Some(Self::Sha256),
            Some(_) => None,
        }
    }
}
