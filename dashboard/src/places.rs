//! Who may connect: how many at a time, and how many of one address.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections at a time. Who comes beyond waits to be accepted.
pub(crate) const CONNECTIONS: usize = 64;
/// Of these the ones that only this machine may have: whatever comes from elsewhere, its own monitoring gets in.
const KEPT: usize = 8;
/// Connections of one other address: a browser has six, a reverse proxy that is busy some more.
const OF_ONE: usize = 16;

/// The connections of other machines. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Arc<Mutex<BTreeMap<Client, usize>>>);

/// An address, as far as it tells one client from another: whoever has an IPv6 address has the 2^64 beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Client(IpAddr);

/// A place that is taken, until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    /// `None`: from this machine, of which none are counted. All who come by way of ssh or of a reverse proxy have its address.
    client: Option<Client>,
}

impl Places {
    /// A place for who comes from there, if there is one.
    pub(crate) fn take(&self, from: IpAddr) -> Option<Place> {
        let from = from.to_canonical();
        if from.is_loopback() {
            return Some(Place { places: self.clone(), client: None });
        }
        let client = Client::of(from);
        let mut taken = self.taken();
        let all: usize = taken.values().sum();
        let own = taken.get(&client).copied().unwrap_or(0);
        if all >= CONNECTIONS - KEPT || own >= OF_ONE {
            return None;
        }
        taken.insert(client, own + 1);
        Some(Place { places: self.clone(), client: Some(client) })
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<Client, usize>> {
        // Nothing panics with the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self(address),
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Self(Ipv6Addr::from_bits(network).into())
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(client) = self.client else { return };
        let mut taken = self.places.taken();
        match taken.get_mut(&client) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(taken.remove(&client)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many places as there are.
    fn take_all(places: &Places, from: &str) -> Vec<Place> {
        let from = from.parse().unwrap();
        std::iter::from_fn(|| places.take(from)).take(1_000).collect()
    }

    #[test]
    fn one_address_has_its_share_and_gives_it_back() {
        let places = Places::default();
        let mut first = take_all(&places, "192.0.2.1");
        assert_eq!(first.len(), OF_ONE);
        assert_eq!(take_all(&places, "::ffff:192.0.2.1").len(), 0, "that is the same one");
        assert_eq!(take_all(&places, "192.0.2.2").len(), OF_ONE);
        first.pop();
        assert_eq!(take_all(&places, "192.0.2.1").len(), 1);
        drop(first);
        assert!(places.taken().is_empty(), "nothing is kept of who is gone");
    }

    #[test]
    fn the_addresses_of_one_network_are_one_client() {
        let places = Places::default();
        let first = take_all(&places, "2001:db8:0:1::1");
        assert_eq!(first.len(), OF_ONE);
        assert_eq!(take_all(&places, "2001:db8:0:1:ffff::2").len(), 0);
        assert_eq!(take_all(&places, "2001:db8:0:2::1").len(), OF_ONE);
    }

    #[test]
    fn this_machine_finds_a_place_whoever_else_comes() {
        let places = Places::default();
        let others: Vec<_> =
            (1..=10).flat_map(|host| take_all(&places, &format!("192.0.2.{host}"))).collect();
        assert_eq!(others.len(), CONNECTIONS - KEPT);
        for own in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(places.take(own.parse().unwrap()).is_some(), "{own}");
        }
    }
}
