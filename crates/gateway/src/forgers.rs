//! Who shows wrong signatures: each costs a verification, so that they are counted, and those who show many get none for a while.

use std::net::IpAddr;

use picup_delivery::AddressRange;
use quick_cache::sync::Cache;

/// So many wrong signatures …
const MOST: u32 = 20;
/// … in so many seconds, and what was not seen before is not verified until these are over.
const WINDOW_S: u64 = 10;
/// How many clients are remembered: some 50 bytes each.
const CLIENTS: usize = 10_000;

/// Counts by client: one IPv4 address, or the network of an IPv6 one, which is given out as a whole.
pub(crate) struct Forgers(Cache<AddressRange, (u64, u32)>);

impl Default for Forgers {
    fn default() -> Self {
        Self(Cache::new(CLIENTS))
    }
}

impl Forgers {
    pub(crate) fn may_verify(&self, client: IpAddr, now_epoch_s: u64) -> bool {
        let counted = self.0.get(&AddressRange::of(client));
        !counted.is_some_and(|(window, count)| window == now_epoch_s / WINDOW_S && count >= MOST)
    }

    /// Two at once may count as one: who forges many is seen all the same.
    pub(crate) fn showed_a_wrong_one(&self, client: IpAddr, now_epoch_s: u64) {
        let (client, window) = (AddressRange::of(client), now_epoch_s / WINDOW_S);
        let count = self.0.get(&client).filter(|(of, _)| *of == window).map_or(0, |(_, count)| count);
        self.0.insert(client, (window, count + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_forges_many_waits_and_nobody_else_does() {
        let forgers = Forgers::default();
        let client = |text: &str| text.parse::<IpAddr>().unwrap();
        for (forger, same, other) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
        ] {
            for _ in 0..MOST {
                assert!(forgers.may_verify(client(same), 100));
                forgers.showed_a_wrong_one(client(forger), 100);
            }
            assert!(!forgers.may_verify(client(same), 109) && forgers.may_verify(client(other), 109));
            assert!(forgers.may_verify(client(same), 110), "the window is over");
        }
    }
}
