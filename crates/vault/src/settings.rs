//! What has to be known to ask Vault: where it is, whom to trust, and how to show who we are.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::{Address, AwsSource, Error, Hidden};

/// How to ask Vault.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is.
    pub address: Address,
    /// The namespace in which all of it lies (`X-Vault-Namespace`); `None` is the root.
    pub namespace: Option<String>,
    /// The authorities of its certificate, in PEM: these alone are trusted then. Without it, those of the system.
    pub ca_file: Option<PathBuf>,
    /// How to show who we are.
    pub identity: Identity,
    /// How long is waited.
    pub timeouts: Timeouts,
    /// How often a KV secret is looked at again.
    pub look_again: Duration,
}

impl Settings {
    /// Asks there as that identity, and waits as long as is usual; looks at KV secrets again every five minutes.
    #[must_use]
    pub fn new(address: Address, identity: Identity) -> Self {
        let look_again = Duration::from_secs(300);
        Self { address, namespace: None, ca_file: None, identity, timeouts: Timeouts::default(), look_again }
    }

    /// What is wrong with them, as far as that can be seen without asking anybody.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |problem: &str| Err(Error::Settings(problem.to_owned()));
        if self.ca_file.is_some() && !self.address.is_https() {
            return wrong("a CA file is of no use with http://; write the address as https://");
        }
        if matches!(self.identity, Identity::Certificate { .. }) && !self.address.is_https() {
            return wrong("a certificate is shown by TLS alone; write the address as https://");
        }
        if self.look_again.is_zero() || self.timeouts.answer.is_zero() || self.timeouts.connect.is_zero() {
            return wrong("no time may be zero");
        }
        if let Some(mount) = self.identity.mount() {
            crate::address::path(mount)?;
        }
        Ok(())
    }
}

/// How long is waited for Vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For a whole answer, the connection included.
    pub answer: Duration,
    /// For all that is given back at the end.
    pub close: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(5), answer: seconds(15), close: seconds(5) }
    }
}

/// How we show who we are. Files are read anew at each login.
#[derive(Clone)]
pub enum Identity {
    /// The service account of a pod: its projected token, which others in the pod may read.
    Kubernetes {
        /// The role to log in as.
        role: String,
        /// Where the method is, `kubernetes` as a rule.
        mount: String,
        /// The projected token, with the audience that the role asks for.
        token_file: PathBuf,
    },
    /// A token that somebody else has signed: a CI, a cloud.
    Jwt {
        /// The role to log in as.
        role: String,
        /// Where the method is, `jwt` as a rule.
        mount: String,
        /// The token.
        token: Jwt,
    },
    /// A machine: an id that is no secret, and one that is.
    AppRole {
        /// Where the method is, `approle` as a rule.
        mount: String,
        /// Which role; no secret.
        role_id: String,
        /// The secret id, or the token that gives it out once. Nobody else may read it.
        secret_id_file: PathBuf,
        /// Whether it is such a token. It is unwrapped once, and the secret id is kept in memory; a new token in the file is unwrapped
        /// at the next login.
        wrapped: bool,
    },
    /// A client's certificate.
    Certificate {
        /// Where the method is, `cert` as a rule.
        mount: String,
        /// The role to log in as.
        role: String,
        /// The certificate with those that lead to its authority, in PEM.
        certificate_file: PathBuf,
        /// Its key, in PEM. Nobody else may read it.
        key_file: PathBuf,
    },
    /// A role of AWS IAM: a signed question to STS, "who am I?", which Vault asks for us.
    Aws {
        /// Where the method is, `aws` as a rule.
        mount: String,
        /// The role to log in as.
        role: String,
        /// What the method wants as `X-Vault-AWS-IAM-Server-ID`, so that the question is good for this Vault alone.
        server_id: Option<String>,
        /// Whose STS is asked.
        region: String,
        /// Where keys and time come from.
        source: Arc<dyn AwsSource>,
    },
    /// The token that an agent beside us keeps in a file (a sink). It is the agent's: it is neither renewed nor revoked. Nobody else may
    /// read it.
    TokenFile {
        /// The sink.
        path: PathBuf,
    },
}

impl Identity {
    pub(crate) fn mount(&self) -> Option<&str> {
        match self {
            Self::Kubernetes { mount, .. }
            | Self::Jwt { mount, .. }
            | Self::AppRole { mount, .. }
            | Self::Certificate { mount, .. }
            | Self::Aws { mount, .. } => Some(mount),
            Self::TokenFile { .. } => None,
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, shown): (_, &dyn fmt::Debug) = match self {
            Self::Kubernetes { role, .. } => ("Kubernetes", role),
            Self::Jwt { role, .. } => ("Jwt", role),
            Self::AppRole { role_id, .. } => ("AppRole", role_id),
            Self::Certificate { role, .. } => ("Certificate", role),
            Self::Aws { role, .. } => ("Aws", role),
            Self::TokenFile { path } => ("TokenFile", path),
        };
        formatter.debug_tuple(name).field(shown).finish()
    }
}

/// Where a signed token comes from.
#[derive(Debug, Clone)]
pub enum Jwt {
    /// A file, which others may read: what keeps it fresh decides that.
    File(PathBuf),
    /// Read by whoever made these settings.
    Text(Hidden),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_show_no_secret() {
        let token = Jwt::Text(Hidden::from("tulip".to_owned()));
        let identity = Identity::Jwt { role: "picup".to_owned(), mount: "jwt".to_owned(), token };
        let settings = Settings::new(Address::parse("https://vault.example").unwrap(), identity);
        let shown = format!("{settings:?} {settings:#?}");
        assert!(!shown.contains("tulip"), "{shown}");
        assert!(shown.contains("picup") && shown.contains("vault.example"), "{shown}");
        assert_eq!(settings.check(), Ok(()));
    }

    #[test]
    fn tls_is_asked_for_where_something_rests_on_it() {
        let plain = Address::parse("http://127.0.0.1:8200").unwrap();
        let mut settings = Settings::new(plain.clone(), Identity::TokenFile { path: "/run/sink".into() });
        settings.ca_file = Some("/etc/ca.pem".into());
        assert!(matches!(settings.check(), Err(Error::Settings(_))));
        let identity = Identity::Certificate {
            mount: "cert".to_owned(),
            role: "picup".to_owned(),
            certificate_file: "/etc/picup.pem".into(),
            key_file: "/etc/picup.key".into(),
        };
        assert!(matches!(Settings::new(plain, identity).check(), Err(Error::Settings(_))));
    }
}
