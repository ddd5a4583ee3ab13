//! How many clients a proxy port has at a time, and how many of them one machine may have: a port that others on the network can reach
//! must not be theirs alone who open connections and say nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::local::listener::ClientName;

/// Clients of one proxy port that may be without a stream at a time, and those whose requests of plain HTTP are carried. Each has a few
/// kilobytes, and 64 KiB if it sends a head as long as that; a browser has a few dozen connections.
pub(super) const MAX_CLIENTS: usize = if cfg!(test) { 8 } else { 1_024 };
/// How many times the free places one machine may hold: alone it gets three quarters, and some are always left for another.
const SHARE: usize = 3;

/// The places of one proxy port.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProxyPlaces(Arc<Mutex<Taken>>);

/// By whom they are taken; those of this machine's Unix sockets are those of `None`.
#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<Option<IpAddr>, usize>,
}

/// The place of one client, free again when it is dropped.
#[derive(Debug)]
pub(super) struct ProxyPlace {
    places: ProxyPlaces,
    machine: Option<IpAddr>,
}

impl ProxyPlaces {
    /// A place for one more client, if its machine may have it.
    pub(super) fn take(&self, client: ClientName) -> Option<ProxyPlace> {
        let machine = match client {
            ClientName::At(address) => Some(address.ip().to_canonical()),
            ClientName::Local | ClientName::Process => None,
        };
        let mut taken = self.lock();
        let free = MAX_CLIENTS.saturating_sub(taken.all + 1);
        let own = taken.by.get(&machine).map_or(1, |own| own + 1);
        if taken.all >= MAX_CLIENTS || own > free.saturating_mul(SHARE).max(1) {
            return None;
        }
        taken.all += 1;
        taken.by.insert(machine, own);
        Some(ProxyPlace { places: self.clone(), machine })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ProxyPlace {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        match taken.by.get_mut(&self.machine) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                taken.by.remove(&self.machine);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_for(places: &ProxyPlaces, client: ClientName) -> Vec<ProxyPlace> {
        std::iter::from_fn(|| places.take(client)).collect()
    }

    #[test]
    fn one_machine_leaves_places_to_the_others() {
        let at = |text: &str| ClientName::At(text.parse().unwrap());
        let places = ProxyPlaces::default();
        let first = all_for(&places, at("10.0.0.1:1"));
        assert_eq!(first.len(), MAX_CLIENTS / 4 * 3);
        assert!(places.take(at("10.0.0.1:2")).is_none(), "another port is no other machine");
        assert!(places.take(at("[::ffff:10.0.0.1]:3")).is_none());
        let second = all_for(&places, at("10.0.0.2:1"));
        assert!(!second.is_empty());
        assert!(places.take(ClientName::Local).is_some());
        drop(second);
        drop(first);
        let taken = places.lock();
        assert!(taken.all == 0 && taken.by.is_empty(), "{taken:?}");
    }

    #[test]
    fn there_is_an_end_to_the_places() {
        let places = ProxyPlaces::default();
        let machine = |n: u32| ClientName::At((std::net::Ipv4Addr::from_bits(n), 1).into());
        let held: Vec<_> = (0..5_000).filter_map(|n| places.take(machine(n))).collect();
        assert_eq!(held.len(), MAX_CLIENTS);
    }
}
