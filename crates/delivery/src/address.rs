//! The `AWS:SourceIp` condition: one address, or a range in CIDR notation.
//!
//! CloudFront knows IPv4 here; IPv6 is PicUp's extension, so a policy with one works at our gateway only.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A range of client addresses, e.g. `192.0.2.0/24` or `2001:db8::/32`; a lone address is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressRange {
    network: IpAddr,
    prefix: u8,
}

/// The text is neither an address nor a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an IP address or CIDR range, such as 192.0.2.0/24")]
pub struct AddressRangeError;

impl AddressRange {
    /// The range of one client: its own address; of IPv6 its network (/64), in which devices change their address all the time.
    #[must_use]
    pub fn of(client: IpAddr) -> Self {
        match client.to_canonical() {
            IpAddr::V6(address) => {
                let network = Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX));
                Self { network: network.into(), prefix: 64 }
            }
            v4 @ IpAddr::V4(_) => Self { network: v4, prefix: 32 },
        }
    }

    /// Whether `client` lies in the range. An IPv4 client seen through an IPv6 socket (`::ffff:192.0.2.1`) counts as IPv4.
    pub fn contains(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        client.is_ipv4() == self.network.is_ipv4() && {
            let shift = u32::from(width(self.network) - self.prefix);
            (bits(client) ^ bits(self.network)).checked_shr(shift).unwrap_or(0) == 0
        }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => Ipv6Addr::to_bits(address),
    }
}

impl FromStr for AddressRange {
    type Err = AddressRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().map_err(|_| AddressRangeError)?;
        let prefix = match prefix {
            None => width(network),
            Some(digits) if digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| AddressRangeError)?
            }
            Some(_) => return Err(AddressRangeError),
        };
        if prefix > width(network) { Err(AddressRangeError) } else { Ok(Self { network, prefix }) }
    }
}

impl std::fmt::Display for AddressRange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.network, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_its_address_or_its_network() {
        let of = |text: &str| AddressRange::of(text.parse().unwrap());
        assert!(of("192.0.2.7").contains("192.0.2.7".parse().unwrap()));
        assert!(of("::ffff:192.0.2.7").contains("192.0.2.7".parse().unwrap()));
        assert!(!of("192.0.2.7").contains("192.0.2.8".parse().unwrap()));
        assert!(of("2001:db8::1").contains("2001:db8::ffff:2".parse().unwrap()));
        assert!(!of("2001:db8::1").contains("2001:db8:0:1::1".parse().unwrap()));
        assert_eq!(
            (of("192.0.2.7").to_string(), of("2001:db8::1").to_string()),
            ("192.0.2.7/32".to_owned(), "2001:db8::/64".to_owned())
        );
    }

    #[test]
    fn ranges_hold_what_they_say() {
        for (range, client, inside) in [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.7/24", "192.0.2.1", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("192.0.2.7", "::ffff:192.0.2.7", true),
            ("0.0.0.0/0", "255.1.2.3", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db9::1", true),
        ] {
            let range: AddressRange = range.parse().unwrap();
            assert_eq!(range.contains(client.parse().unwrap()), inside, "{range} {client}");
        }
    }

    #[test]
    fn refuses_what_is_no_range() {
        for wrong in [
            "",
            "192.0.2",
            "192.0.2.0/33",
            "192.0.2.0/",
            "192.0.2.0/+8",
            "192.0.2.0/-1",
            "::/129",
            "a/8",
            "1.2.3.4/8/8",
        ] {
            assert!(wrong.parse::<AddressRange>().is_err(), "{wrong}");
        }
    }
}
