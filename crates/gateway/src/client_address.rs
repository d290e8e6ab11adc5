//! Phase: who asks. Allow list, rate limit, policies bound to an address, and the log go by this.
//!
//! It is the peer of the connection, or of the one that a trusted proxy has told of (PROXY protocol, `proxied.rs`). Where that one is a
//! trusted proxy, its header says who asked there: the last address in it that is no trusted proxy's. What stands before that one may
//! have been written by anybody, and no header counts that comes from anybody else.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use picup_delivery::AddressRange;

use crate::allow::within;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");

/// The header in which proxies say for whom they ask. One alone: the other goes through them as it came, and anybody can send it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, as nginx and most others have it.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies whose word is taken for who asks.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies {
    /// Where they are.
    pub networks: Vec<AddressRange>,
    /// What they write it into.
    pub header: ForwardedHeader,
}

impl TrustedProxies {
    pub(crate) fn has(&self, address: IpAddr) -> bool {
        within(&self.networks, address)
    }

    /// Who asks, as an IPv4 address also where an IPv6 socket shows it as one (`::ffff:192.0.2.1`). The port is the peer's.
    pub(crate) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        let mut client = peer.ip().to_canonical();
        if self.has(client) {
            let name = match self.header {
                ForwardedHeader::XForwardedFor => X_FORWARDED_FOR,
                ForwardedHeader::Forwarded => FORWARDED,
            };
            let lines: Vec<_> = headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect();
            // From the last on: each was written by the one after it. One that cannot be read ends what is known. Each is read alone:
            // what a client wrote stands in one line with what its proxy says of it, and may be any bytes.
            for said in lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')) {
                let said = std::str::from_utf8(said).ok().and_then(|said| self.address(said.trim()));
                let Some(address) = said else { break };
                client = address.to_canonical();
                if !self.has(client) {
                    break;
                }
            }
        }
        SocketAddr::new(client, peer.port())
    }

    fn address(&self, said: &str) -> Option<IpAddr> {
        match self.header {
            ForwardedHeader::XForwardedFor => node(said),
            ForwardedHeader::Forwarded => {
                let node_of = |pair: &str| {
                    let (name, value) = pair.trim().split_once('=')?;
                    name.eq_ignore_ascii_case("for").then(|| node(value.trim_matches('"')))
                };
                said.split(';').find_map(node_of)?
            }
        }
    }
}

/// An address, with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn node(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn client(header: ForwardedHeader, peer: &str, lines: &[(&'static str, &str)]) -> String {
        let networks = ["10.0.0.0/8", "2001:db8:f::/48"].map(|text| text.parse().unwrap()).to_vec();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        TrustedProxies { networks, header }.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_last_address_that_no_trusted_proxy_has_is_the_client() {
        for (peer, lines, expected) in [
            ("192.0.2.1:7", &["198.51.100.1"][..], "192.0.2.1:7"),
            ("[::ffff:192.0.2.1]:7", &[], "192.0.2.1:7"),
            ("10.0.0.1:7", &[], "10.0.0.1:7"),
            ("10.0.0.1:7", &["198.51.100.1"], "198.51.100.1:7"),
            ("[::ffff:10.0.0.1]:7", &["198.51.100.1"], "198.51.100.1:7"),
            ("10.0.0.1:7", &["203.0.113.9, 198.51.100.1"], "198.51.100.1:7"),
            ("10.0.0.1:7", &["203.0.113.9, 198.51.100.1, 10.0.0.2"], "198.51.100.1:7"),
            ("10.0.0.1:7", &["203.0.113.9", "198.51.100.1", "10.0.0.2,10.0.0.3"], "198.51.100.1:7"),
            ("10.0.0.1:7", &["10.0.0.9,10.0.0.2"], "10.0.0.9:7"),
            ("10.0.0.1:7", &["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2:7"),
            ("10.0.0.1:7", &["203.0.113.9,"], "10.0.0.1:7"),
            ("10.0.0.1:7", &["203.0.113.9", "\u{e9}"], "10.0.0.1:7"),
            ("10.0.0.1:7", &["\u{e9}, 198.51.100.1"], "198.51.100.1:7"),
            ("10.0.0.1:7", &["198.51.100.1:4711"], "198.51.100.1:7"),
            ("[2001:db8:f::1]:7", &["2001:db8::1"], "[2001:db8::1]:7"),
            ("[2001:db8:f::1]:7", &["[2001:db8::1]:80, [2001:db8:f::2]"], "[2001:db8::1]:7"),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
            assert_eq!(client(ForwardedHeader::XForwardedFor, peer, &lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn the_other_header_is_anybodys() {
        let both = [("forwarded", "for=203.0.113.9"), ("x-forwarded-for", "198.51.100.1")];
        assert_eq!(client(ForwardedHeader::XForwardedFor, "10.0.0.1:7", &both), "198.51.100.1:7");
        assert_eq!(client(ForwardedHeader::Forwarded, "10.0.0.1:7", &both), "203.0.113.9:7");
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_has_it() {
        for (line, expected) in [
            ("for=198.51.100.1;proto=https;by=10.0.0.1", "198.51.100.1:7"),
            ("For=\"[2001:db8::17]:4711\"", "[2001:db8::17]:7"),
            ("proto=http; for=203.0.113.9, for=198.51.100.1, for=10.0.0.5", "198.51.100.1:7"),
            ("for=203.0.113.9, for=unknown", "10.0.0.1:7"),
            ("for=203.0.113.9, for=_hidden", "10.0.0.1:7"),
            ("for=203.0.113.9, proto=https", "10.0.0.1:7"),
        ] {
            assert_eq!(client(ForwardedHeader::Forwarded, "10.0.0.1:7", &[("forwarded", line)]), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn a_stranger_is_who_it_is_whatever_it_says(name in "x-forwarded-for|forwarded", line in "[ -~]{0,80}") {
            let mut headers = HeaderMap::new();
            headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(line).unwrap());
            let networks = vec!["10.0.0.0/8".parse().unwrap()];
            for header in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
                let proxies = TrustedProxies { networks: networks.clone(), header };
                let stranger = "192.0.2.1:7".parse().unwrap();
                prop_assert_eq!(proxies.client(stranger, &headers), stranger);
                // And a trusted one may say what it likes.
                let _ = proxies.client("10.0.0.1:7".parse().unwrap(), &headers);
            }
        }

        #[test]
        fn what_a_client_writes_before_its_own_address_changes_nothing(
            forged in prop::collection::vec(prop_oneof![b' '..=b'~', 0x80..=0xff_u8], 0..80)
        ) {
            for (header, name, own) in [
                (ForwardedHeader::XForwardedFor, "x-forwarded-for", "198.51.100.1"),
                (ForwardedHeader::Forwarded, "forwarded", "for=198.51.100.1"),
            ] {
                let line = [&forged[..], b", ", own.as_bytes()].concat();
                let mut headers = HeaderMap::new();
                headers.append(name, HeaderValue::from_bytes(&line).unwrap());
                let proxies = TrustedProxies { networks: vec!["10.0.0.0/8".parse().unwrap()], header };
                let found = proxies.client("10.0.0.1:7".parse().unwrap(), &headers);
                prop_assert_eq!(found, "198.51.100.1:7".parse().unwrap());
            }
        }
    }
}
