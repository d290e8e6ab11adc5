//! Phase: from where a class of requests may come. Who is not let in is told so at once, before anything is looked at.

use std::collections::BTreeMap;
use std::net::IpAddr;

use picup_delivery::AddressRange;

use crate::class::Class;

/// From where requests may come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks {
    /// From here alone; from everywhere when it is empty.
    pub allow: Vec<AddressRange>,
    /// Never from here, whatever is allowed.
    pub deny: Vec<AddressRange>,
}

impl Networks {
    fn admit(&self, client: IpAddr) -> bool {
        !within(&self.deny, client) && (self.allow.is_empty() || within(&self.allow, client))
    }
}

/// Whether one of the networks has the client.
pub(crate) fn within(networks: &[AddressRange], client: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(client))
}

/// The allow list: what holds for all requests, and for a class beside that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList {
    /// For every request.
    pub all: Networks,
    /// For those of a class, which must be let in by both.
    pub classes: BTreeMap<Class, Networks>,
}

impl AllowList {
    pub(crate) fn admits(&self, class: Class, client: IpAddr) -> bool {
        self.all.admit(client) && self.classes.get(&class).is_none_or(|networks| networks.admit(client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(allow: &[&str], deny: &[&str]) -> Networks {
        let read = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Networks { allow: read(allow), deny: read(deny) }
    }

    #[test]
    fn both_lists_must_let_a_client_in() {
        let admin = networks(&["192.168.0.0/16", "fd00::/8"], &["192.168.6.6"]);
        let list = AllowList { all: networks(&[], &["203.0.113.0/24"]), classes: [(Class::Admin, admin)].into() };
        for (class, client, admitted) in [
            (Class::Api, "198.51.100.1", true),
            (Class::Api, "203.0.113.7", false),
            (Class::Api, "::ffff:203.0.113.7", false),
            (Class::Admin, "198.51.100.1", false),
            (Class::Admin, "192.168.1.1", true),
            (Class::Admin, "::ffff:192.168.1.1", true),
            (Class::Admin, "192.168.6.6", false),
            (Class::Admin, "fd12::1", true),
            (Class::Admin, "2001:db8::1", false),
        ] {
            assert_eq!(list.admits(class, client.parse().unwrap()), admitted, "{class:?} {client}");
        }
        assert!(AllowList::default().admits(Class::Admin, "198.51.100.1".parse().unwrap()));
    }
}
