//! How many connections an address has open: one alone must not take the places of all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use picup_delivery::AddressRange;

/// Counts them. Cheap to clone; clones are one.
#[derive(Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<HashMap<AddressRange, usize>>>);

/// One of them, for as long as it lives.
pub(crate) struct Open {
    counts: Connections,
    network: AddressRange,
}

impl Connections {
    /// One more from there; none when there are `most`.
    pub(crate) fn open(&self, from: IpAddr, most: usize) -> Option<Open> {
        let network = AddressRange::of(from);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(network).or_default();
        (*count < most).then(|| {
            *count += 1;
            Open { counts: self.clone(), network }
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut counts = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_and_gets_them_back() {
        let connections = Connections::default();
        let open = |from: &str| connections.open(from.parse().unwrap(), 2);
        let (first, second) = (open("198.51.100.1"), open("::ffff:198.51.100.1"));
        assert!(
            first.is_some() && second.is_some() && open("198.51.100.1").is_none() && open("198.51.100.2").is_some()
        );
        drop(first);
        assert!(open("198.51.100.1").is_some());
        drop(second);
        assert!(connections.0.lock().unwrap().is_empty());
    }
}
