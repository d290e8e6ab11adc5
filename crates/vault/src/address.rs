//! Where Vault is: `https://` and a name. Without TLS whoever stands between reads every secret, so that this is taken on loopback alone.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use crate::Error;

/// An address that may be asked for secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Takes `https://HOST[:PORT]`, or `http://` of loopback.
    ///
    /// # Errors
    /// When it is anything else; what to write instead is in the error.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |problem: &str| Error::Settings(format!("address: {problem}"));
        // What was typed may hold a password, and is not repeated.
        let url = Url::parse(text.trim())
            .map_err(|error| wrong(&format!("{error}; write it as https://vault.example:8200")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it must not hold a name or password; how PicUp shows who it is, is set apart from it"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("nothing may stand behind host and port"));
        }
        let host = url.host_str().unwrap_or_default();
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => return Err(wrong(&format!("{host} is another machine: secrets go there by https:// alone"))),
            other => return Err(wrong(&format!("{other}:// is not spoken; write it as https://vault.example:8200"))),
        }
        Ok(Self(url))
    }

    /// Whether it is spoken to by TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The address of a path below `/v1/`.
    pub(crate) fn at(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().push("v1").extend(path.split('/'));
        }
        url
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A path or mount as it is asked for: no empty part, none that leads elsewhere.
pub(crate) fn path(text: &str) -> Result<&str, Error> {
    let trimmed = text.trim_matches('/');
    if trimmed.is_empty() || trimmed.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(Error::Settings(format!("{text:?} is not a path in Vault")));
    }
    Ok(trimmed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_alone() {
        for good in ["https://vault.example:8200", "http://127.0.0.1:8200/", "http://[::1]:8200", "http://localhost:1"]
        {
            assert!(Address::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://vault.example:8200",
            "http://10.0.0.1:8200",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "ftp://127.0.0.1",
            "vault.example:8200",
            "https://me:tulip@vault.example",
            "https://vault.example/v1",
            "https://vault.example/?token=tulip",
            "",
        ] {
            let refused = Address::parse(bad).unwrap_err().to_string();
            assert!(refused.starts_with("the settings for Vault: address: "), "{refused}");
            assert!(!refused.contains("tulip"), "{refused}");
        }
    }

    #[test]
    fn a_path_stays_below_v1() {
        let address = Address::parse("https://vault.example:8200").unwrap();
        assert_eq!(address.at("kv/data/a b?c").as_str(), "https://vault.example:8200/v1/kv/data/a%20b%3Fc");
        assert_eq!(address.to_string(), "https://vault.example:8200");
        assert_eq!(path("/kv/picup/").unwrap(), "kv/picup");
        for bad in ["", "/", "kv//a", "kv/../sys", "."] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }
}
