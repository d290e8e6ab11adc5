//! What a server's address tells about the way to it: whether a password in the clear would leave the home.

use std::net::IpAddr;

use reqwest::Url;

/// Whether the host is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match address(url) {
        Some(address) => address.to_canonical().is_loopback(),
        None => url.host_str().is_some_and(|host| host == "localhost" || host.ends_with(".localhost")),
    }
}

/// What to say before a password goes to `url`, if anything.
pub(super) fn clear_text_warning(url: &Url) -> Option<String> {
    if url.scheme() != "http" || is_private(url) {
        return None;
    }
    let host = url.host_str().unwrap_or_default();
    Some(format!(
        "the password and the photos travel unencrypted to {host}; use https:// unless the whole way there is a private network"
    ))
}

/// Whether the host is this machine or, by its address or name, one in a home or company network.
fn is_private(url: &Url) -> bool {
    if is_loopback(url) {
        return true;
    }
    match address(url).map(|address| address.to_canonical()) {
        Some(IpAddr::V4(v4)) => v4.is_private() || v4.is_link_local(),
        Some(IpAddr::V6(v6)) => v6.is_unique_local() || v6.is_unicast_link_local(),
        None => url.host_str().is_some_and(|host| {
            // Names without a dot, of mDNS (RFC 6762) and of home networks (RFC 8375) never leave them.
            !host.contains('.') || [".local", ".home.arpa", ".internal"].iter().any(|end| host.ends_with(end))
        }),
    }
}

fn address(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_password_that_leaves_the_home_in_clear_is_warned_about() {
        let warns = |url: &str| clear_text_warning(&Url::parse(url).unwrap()).is_some();
        for quiet in [
            "https://photos.example.org",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "http://localhost",
            "http://192.168.1.5:8080",
            "http://[fd00::1]",
            "http://nas",
            "http://nas.local:8080",
        ] {
            assert!(!warns(quiet), "{quiet}");
        }
        for loud in ["http://photos.example.org", "http://203.0.113.7", "http://[2001:db8::1]", "http://local.example"]
        {
            assert!(warns(loud), "{loud}");
        }
    }
}
