//! The section `[gateway.tls.acme]`: certificates that PicUp fetches itself.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use http::Uri;
use serde::de::{Deserialize, Deserializer};
use serde::{Serialize, Serializer};

use super::units::from_text;

#[derive(Debug, Clone, confique::Config)]
#[config(layer_attr(derive(Debug)))]
pub(crate) struct AcmeConfig {
    /// The host names to get a certificate for, such as `["photos.example.org"]`, in the place of `certificate_file` and `key_file`: from
    /// Let's Encrypt, or whatever `directory` names, whose terms of service you accept by that. Without names, none is fetched.
    #[config(default = [])]
    pub(crate) domains: Vec<DomainName>,

    /// Where the authority is. Try a new setting at `https://acme-staging-v02.api.letsencrypt.org/directory` first: nobody trusts its
    /// certificates, and mistakes cost nothing there.
    #[config(default = "https://acme-v02.api.letsencrypt.org/directory")]
    pub(crate) directory: Directory,

    /// The mail address that the authority may write to.
    #[config(deserialize_with = contact)]
    pub(crate) contact: Option<String>,

    /// A file with the certificate, in PEM, by which the authority itself is known, if it is your own and the system does not know it.
    pub(crate) root_file: Option<PathBuf>,

    /// How the authority may see that the names are yours: `http-01` at `redirect_listen`, which people have to reach as port 80 of each
    /// name, and `tls-alpn-01` at `listen`, as port 443. The next is tried when one fails.
    #[config(default = ["http-01", "tls-alpn-01"])]
    pub(crate) challenges: Vec<AcmeChallenge>,

    /// The name of the account that the authority has given you, if it gives certificates to customers alone (EAB).
    pub(crate) account_key_id: Option<String>,

    /// The file with its key, as the authority writes it (base64url); only the user who runs PicUp may read it.
    pub(crate) account_key_file: Option<PathBuf>,
}

impl AcmeConfig {
    /// Whether certificates are fetched.
    pub(crate) fn is_on(&self) -> bool {
        !self.domains.is_empty()
    }

    pub(crate) fn domains(&self) -> Vec<String> {
        self.domains.iter().map(|domain| domain.0.clone()).collect()
    }

    pub(crate) fn directory(&self) -> &str {
        &self.directory.0
    }

    pub(crate) fn contact(&self) -> Option<&str> {
        self.contact.as_deref()
    }

    /// What this section cannot mean, beside pages at that address; `redirects` says whether people who come without TLS are listened to.
    pub(super) fn validate(&self, public_base: Option<&str>, redirects: bool) -> Result<(), String> {
        if self.account_key_id.is_some() != self.account_key_file.is_some() {
            return Err("gateway.tls.acme.account_key_id and account_key_file go together".to_owned());
        }
        if !self.is_on() {
            return Ok(());
        }
        let base = public_base.and_then(|base| base.strip_prefix("https://")).unwrap_or_default();
        let host = base.rsplit_once(':').map_or(base, |(host, _)| host);
        if !self.domains.iter().any(|domain| domain.0 == host) {
            return Err(format!(
                "gateway.tls.acme.domains does not name the host of public_base; write public_base = \"https://{}\"",
                self.domains.first().map_or("photos.example.org", |domain| &domain.0)
            ));
        }
        match self.challenges[..] {
            [] => Err("gateway.tls.acme.challenges names none; write \"http-01\" or \"tls-alpn-01\"".to_owned()),
            [AcmeChallenge::Http01] if !redirects => {
                Err("gateway.tls.acme.challenges: http-01 needs gateway.tls.redirect_listen, such as 0.0.0.0:80"
                    .to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// A way to show that a name is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcmeChallenge {
    /// A file at port 80.
    Http01,
    /// A certificate at port 443.
    TlsAlpn01,
}

impl AcmeChallenge {
    /// As ACME calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        }
    }
}

impl FromStr for AcmeChallenge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Http01, Self::TlsAlpn01].into_iter().find(|known| known.name() == text);
        known.ok_or_else(|| format!("'{text}' is not one of http-01 and tls-alpn-01"))
    }
}

impl<'de> Deserialize<'de> for AcmeChallenge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "\"http-01\" or \"tls-alpn-01\"", Self::from_str)
    }
}

impl Serialize for AcmeChallenge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The name of a host, in small letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DomainName(String);

impl FromStr for DomainName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("*.") {
            return Err(format!(
                "'{text}' stands for many hosts, and those cannot be shown to be yours here; name each"
            ));
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let is_address = text.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        if text.len() > 253 || is_address || !text.split('.').all(is_label) {
            return Err(format!(
                "'{text}' is no host name; write for example photos.example.org (xn--… for other letters)"
            ));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl<'de> Deserialize<'de> for DomainName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a host name as text, such as \"photos.example.org\"", Self::from_str)
    }
}

/// Where an authority tells what it offers.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Directory(String);

impl fmt::Debug for Directory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Directory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_https = |uri: Uri| uri.scheme_str() == Some("https") && uri.host().is_some_and(|host| !host.is_empty());
        if reqwest::Url::parse(text).is_ok() && text.parse().is_ok_and(is_https) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("'{text}' is no https address; write for example https://acme-v02.api.letsencrypt.org/directory"))
    }
}

impl<'de> Deserialize<'de> for Directory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "the https address of an authority's directory as text", Self::from_str)
    }
}

fn contact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    from_text(deserializer, "a mail address as text", |text| {
        let is_mail = text.split_once('@').is_some_and(|(who, at)| !who.is_empty() && !at.is_empty());
        // `?` and `,` would make it something else in a mailto: address.
        if is_mail && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?,:%".contains(&byte)) {
            return Ok(text.to_owned());
        }
        Err(format!("'{text}' is no mail address; write for example ada@example.org"))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{Flags, read};

    const FINE: &str =
        "public_base = 'https://photos.example.org:8443'\n[gateway.tls.acme]\ndomains = ['Photos.example.org']\n";

    #[test]
    fn a_name_is_enough() {
        let acme = read(FINE, Flags::default()).unwrap().gateway.tls;
        assert_eq!(acme.acme.domains(), ["photos.example.org"]);
        assert_eq!(acme.ways(), [AcmeChallenge::TlsAlpn01], "there is nobody at port 80");
        let redirecting =
            FINE.replace("[gateway.tls.acme]", "[gateway.tls]\nredirect_listen = '0.0.0.0:80'\n[gateway.tls.acme]");
        let ways = read(&redirecting, Flags::default()).unwrap().gateway.tls.ways();
        assert_eq!(ways, [AcmeChallenge::Http01, AcmeChallenge::TlsAlpn01]);
        assert!(!read("", Flags::default()).unwrap().gateway.tls.is_on());
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (text, says) in [
            (FINE.replace("https://photos", "http://photos"), "write public_base = \"https://photos.example.org\""),
            (FINE.replace("https://photos", "https://other"), "write public_base"),
            (FINE.replace("public_base", "#"), "write public_base"),
            (format!("{FINE}challenges = []"), "names none"),
            (format!("{FINE}challenges = ['http-01']"), "redirect_listen"),
            (format!("{FINE}challenges = ['dns-01']"), "tls-alpn-01"),
            (format!("{FINE}account_key_id = 'x'"), "go together"),
            (format!("{FINE}contact = 'ada'"), "ada@example.org"),
            (format!("{FINE}directory = 'http://ca.example'"), "https://acme-v02"),
            (FINE.replace("Photos.", "*."), "name each"),
            (FINE.replace("Photos.example.org", "192.0.2.1"), "photos.example.org"),
            (
                FINE.replace(
                    "[gateway.tls.acme]",
                    "[gateway.tls]\ncertificate_file = '/c'\nkey_file = '/k'\n[gateway.tls.acme]",
                ),
                "or the other",
            ),
        ] {
            let told = read(&text, Flags::default()).unwrap_err().to_string();
            assert!(told.contains(says), "{text}: {told}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = (text.parse::<DomainName>(), text.parse::<Directory>(), text.parse::<AcmeChallenge>());
        }
    }
}
