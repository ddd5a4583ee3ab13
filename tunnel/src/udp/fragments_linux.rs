//! Fragments of datagrams: what `quinn-udp` switches off for the sake of a link's own path MTU discovery.

use std::os::fd::AsFd;

use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
};

/// As an ordinary socket has it: the system knows the path's MTU and cuts what is larger.
pub(super) fn allow(socket: &impl AsFd, v6: bool) {
    // A failure leaves what was: large datagrams are not sent, and counted.
    let _ = set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::WANT);
    if v6 {
        let _ = set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::WANT);
    }
}

/// As a link has it: what is larger than the path's MTU is lost, whatever the system knows of the path.
pub(super) fn forbid(socket: &impl AsFd, v6: bool) {
    // A failure leaves what was: the path seems to carry more than it does without fragments.
    let _ = if v6 {
        set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::PROBE)
    } else {
        set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::PROBE)
    };
}
