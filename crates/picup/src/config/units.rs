//! Values of the configuration that people write as text: addresses, durations, sizes.
//!
//! Each says, when it cannot be read, what to write instead. Called by the derived reader in [`super`] and, for flags, by
//! the command line, so that both speak alike.

use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use picup_domain::ByteSize;
use picup_gateway::AccessFormat;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Reads a text by `parse`; anything but a text is refused with `expecting`.
struct FromText<T> {
    expecting: &'static str,
    parse: fn(&str) -> Result<T, String>,
    kind: PhantomData<T>,
}

impl<T> Visitor<'_> for FromText<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

pub(super) fn from_text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expecting: &'static str,
    parse: fn(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(FromText { expecting, parse, kind: PhantomData })
}

pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    from_text(deserializer, "an address and port as text, such as \"127.0.0.1:8080\"", parse_address)
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    from_text(deserializer, "a duration as text, such as \"30s\", \"5m\", \"12h\" or \"30d\"", parse_duration)
}

pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
    from_text(deserializer, "a size as text, such as \"500MB\" or \"10GiB\"", |text| {
        text.parse().map_err(|invalid: picup_domain::Invalid| invalid.advice)
    })
}

pub(super) fn access_format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccessFormat, D::Error> {
    from_text(deserializer, "\"text\", \"json\" or \"combined\"", |word| match word {
        "text" => Ok(AccessFormat::Text),
        "json" => Ok(AccessFormat::Json),
        "combined" => Ok(AccessFormat::Combined),
        other => Err(format!("'{other}' is not one of text, json and combined")),
    })
}

/// Checks a log level: words for all parts or `part=word`, joined by commas. (The logger's own reader takes any unknown
/// word for a part's name, so a misspelt level would silence everything.)
#[allow(clippy::ptr_arg, reason = "confique calls validators with a reference to the field's own type")]
pub(super) fn log_level(level: &String) -> Result<(), String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for directive in level.split(',') {
        let word = directive.rsplit('=').next().unwrap_or_default().trim();
        if !LEVELS.contains(&word) {
            return Err(format!("'{word}' is no log level; write error, warn, info, debug or trace"));
        }
    }
    tracing_subscriber::filter::EnvFilter::builder().parse(level).map(|_| ()).map_err(|error| error.to_string())
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("'{text}' is not an address and port; write for example 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080")
    })
}

/// A whole number and its unit: `ms`, `s`, `m`, `h`, `d` or `w`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let advice = || format!("'{text}' is not a duration; write for example 30s, 5m, 12h or 30d");
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).ok_or_else(advice)?;
    let (number, unit) = trimmed.split_at(digits);
    let number: u64 = number.parse().map_err(|_| advice())?;
    let milliseconds: u64 = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return Err(advice()),
    };
    // A hundred years fit every clock and database; more is a slip of the keyboard.
    number
        .checked_mul(milliseconds)
        .filter(|total| *total <= 100 * 366 * 86_400_000)
        .map(Duration::from_millis)
        .ok_or_else(advice)
}

/// An address to listen on, or nothing when the text is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListenAddress(Option<SocketAddr>);

impl ListenAddress {
    /// The address; `None` means off.
    pub(crate) fn address(self) -> Option<SocketAddr> {
        self.0
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() { Ok(Self(None)) } else { parse_address(text).map(|address| Self(Some(address))) }
    }
}

impl<'de> Deserialize<'de> for ListenAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expecting = "an address and port as text, such as \"127.0.0.1:9090\", or \"\" for off";
        from_text(deserializer, expecting, Self::from_str)
    }
}

/// Where a PicUp is reached: `http` or `https`, a host and perhaps a port, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseAddress(String);

impl BaseAddress {
    /// The address, such as `https://photos.example.org`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BaseAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let advice = || format!("'{text}' is not a web address; write for example https://photos.example.org");
        let url = reqwest::Url::parse(text.trim()).map_err(|_| advice())?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain {
            return Err(advice());
        }
        if url.path() != "/" {
            return Err(format!(
                "'{text}' has a path, but PicUp is at the root of its host; write {}",
                url.origin().ascii_serialization()
            ));
        }
        Ok(Self(url.origin().ascii_serialization()))
    }
}

impl<'de> Deserialize<'de> for BaseAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "an address as text, such as \"https://photos.example.org\"", Self::from_str)
    }
}

/// Where a database server is, and which of its databases is PicUp's: `mysql://USER@HOST:PORT/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The address, such as `mysql://picup@db.example.org:3306/picup`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The server alone, such as `db.example.org:3306`, or its socket.
    pub(crate) fn server(&self) -> String {
        let Ok(url) = reqwest::Url::parse(&self.0) else { return self.0.clone() };
        if let Some((_, socket)) = url.query_pairs().find(|(key, _)| key == "socket") {
            return socket.into_owned();
        }
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        format!("{host}:{}", url.port().unwrap_or(3306))
    }
}

/// What may stand behind the question mark; what it means is the driver's to say.
const DATABASE_OPTIONS: [&str; 5] = ["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key", "socket"];

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A mistyped address may hold a password, so what was typed is not said again.
        let advice =
            || "not the address of a database; write for example mysql://picup@127.0.0.1:3306/picup".to_owned();
        let url = reqwest::Url::parse(text.trim()).map_err(|_| advice())?;
        if url.password().is_some() {
            return Err(
                "a password does not belong here; write it into a file and name that in password_file".to_owned()
            );
        }
        let name = url.path().strip_prefix('/').unwrap_or_default();
        let plain = matches!(url.scheme(), "mysql" | "mariadb")
            && url.has_host()
            && !url.username().is_empty()
            && url.fragment().is_none()
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte));
        if !plain {
            return Err(advice());
        }
        if let Some((unknown, _)) = url.query_pairs().find(|(key, _)| !DATABASE_OPTIONS.contains(&key.as_ref())) {
            return Err(format!("unknown option '{unknown}'; there are {}", DATABASE_OPTIONS.join(", ")));
        }
        Ok(Self(url.into()))
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expecting = "an address as text, such as \"mysql://picup@127.0.0.1:3306/picup\"";
        from_text(deserializer, expecting, Self::from_str)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration(" 5 m "), Ok(Duration::from_secs(300)));
        assert_eq!(parse_duration("30d"), Ok(Duration::from_secs(2_592_000)));
        for bad in ["", "30", "s", "-5s", "1.5h", "5 minutes", "99999999999999999999s", "9999999999d"] {
            assert!(parse_duration(bad).unwrap_err().contains("30s, 5m"), "{bad}");
        }
    }

    #[test]
    fn an_empty_listen_address_is_off() {
        assert_eq!("".parse(), Ok(ListenAddress(None)));
        assert_eq!("127.0.0.1:0".parse::<ListenAddress>().unwrap().address().unwrap().port(), 0);
        assert!("localhost".parse::<ListenAddress>().is_err());
    }

    #[test]
    fn public_addresses_lose_their_last_slash_and_default_port() {
        assert_eq!(
            "https://Photos.Example.org:443/".parse::<BaseAddress>().unwrap().as_str(),
            "https://photos.example.org"
        );
        assert_eq!("http://[::1]:8080".parse::<BaseAddress>().unwrap().as_str(), "http://[::1]:8080");
        for bad in
            ["", "photos.example.org", "ftp://x", "https://a:b@x", "https://x/?q", "https://x/#f", "https://x/photos"]
        {
            assert!(bad.parse::<BaseAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_database_has_an_address_without_a_password() {
        for good in
            ["mysql://picup@127.0.0.1:3306/picup", "mariadb://a@db.example.org/my_db?ssl-mode=VERIFY_CA&ssl-ca=/x"]
        {
            assert_eq!(good.parse::<DatabaseUrl>().unwrap().as_str(), good);
        }
        for (address, server) in [
            ("mysql://picup@DB.example.org/picup", "db.example.org:3306"),
            ("mysql://picup@[::1]:3307/picup", "[::1]:3307"),
            ("mysql://picup@localhost/picup?socket=%2Frun%2Fdb.sock", "/run/db.sock"),
        ] {
            assert_eq!(address.parse::<DatabaseUrl>().unwrap().server(), server);
        }
        for (bad, says) in [
            ("mysql://picup:secret@db/picup", "password_file"),
            ("postgres://picup@db/picup", "mysql://"),
            ("mysql://db/picup", "mysql://picup@"),
            ("mysql://picup@db", "mysql://picup@"),
            ("mysql://picup@db/a/b", "mysql://picup@"),
            ("mysql://picup@db/a?password=secret", "unknown option 'password'"),
            ("picup:secret@db", "mysql://picup@"),
        ] {
            let said = bad.parse::<DatabaseUrl>().unwrap_err();
            assert!(said.contains(says) && !said.contains("secret"), "{bad}: {said}");
        }
    }

    #[test]
    fn log_levels() {
        assert!(log_level(&"info,picup_database=debug".to_owned()).is_ok());
        assert!(log_level(&"inf o".to_owned()).is_err());
        assert!(log_level(&String::new()).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse_duration(&text);
            let _ = text.parse::<ListenAddress>();
            let _ = text.parse::<BaseAddress>();
            let _ = text.parse::<DatabaseUrl>();
        }
    }
}
