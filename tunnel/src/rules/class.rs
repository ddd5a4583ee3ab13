//! Which addresses are public, and what the others are: the registries of special addresses (RFC 6890, RFC 8190) as they matter for
//! what a stranger may reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// Anybody can reach it: what `*` and `*.example.com` mean.
    Public,
    /// Of a site's own network: RFC 1918, RFC 6598 (shared between customers and their provider) and RFC 4193.
    Private,
    /// Of this machine: 127.0.0.0/8 and ::1.
    Loopback,
    /// Of one network segment: 169.254.0.0/16 and fe80::/10.
    LinkLocal,
    /// Where a cloud's machines find out about themselves, often with secrets.
    Metadata,
    /// Of no single machine (unspecified, multicast, broadcast), for a purpose of its own (documentation, benchmarks, protocols),
    /// reserved, or an IPv6 address around an IPv4 address that is not public.
    Special,
}

impl AddressClass {
    /// The class of an address. An IPv4 address in IPv6 form is that IPv4 address.
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => of_v4(ip),
            IpAddr::V6(ip) => of_v6(ip),
        }
    }
}

/// Services of clouds that tell a machine about itself, by their documentation: AWS, Azure, Google, Oracle, DigitalOcean, OpenStack
/// (169.254.169.254), AWS's credentials of containers (169.254.170.2, 169.254.170.23), Scaleway (169.254.42.42), Tencent
/// (169.254.0.23), Azure (168.63.129.16), Alibaba (100.100.100.200), Oracle's older one (192.0.0.192).
const METADATA_V4: [Ipv4Addr; 8] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(169, 254, 42, 42),
    Ipv4Addr::new(169, 254, 0, 23),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// The same over IPv6: AWS (fd00:ec2::254, and ::23 for containers), Google (fd20:ce::254), Scaleway (fd00:42::42), Oracle
/// (fd00:c1::a9fe:a9fe), Akamai (fd00:a9fe:a9fe::1), Alibaba (fd00:100::100:200), and the link-local fe80::a9fe:a9fe of OpenStack and
/// Akamai.
const METADATA_V6: [Ipv6Addr; 8] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
    Ipv6Addr::new(0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0xfd00, 0x100, 0, 0, 0, 0, 0x100, 0x200),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];

fn of_v4(ip: Ipv4Addr) -> AddressClass {
    if METADATA_V4.contains(&ip) {
        return AddressClass::Metadata;
    }
    match ip.octets() {
        [127, ..] => AddressClass::Loopback,
        [169, 254, ..] => AddressClass::LinkLocal,
        // RFC 1918, and 100.64.0.0/10 of RFC 6598.
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => AddressClass::Private,
        // "This network" (RFC 791), protocol assignments (RFC 6890), documentation (RFC 5737), 6to4 relays (RFC 7526), benchmarks
        // (RFC 2544), multicast, reserved and broadcast (RFC 1112).
        [0, ..]
        | [192, 0, 0, _]
        | [192, 0, 2, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [224..=255, ..] => AddressClass::Special,
        _ => AddressClass::Public,
    }
}

fn of_v6(ip: Ipv6Addr) -> AddressClass {
    if METADATA_V6.contains(&ip) {
        return AddressClass::Metadata;
    }
    if ip == Ipv6Addr::LOCALHOST {
        return AddressClass::Loopback;
    }
    let embedded: Vec<_> = embedded(ip).into_iter().flatten().map(of_v4).collect();
    if embedded.contains(&AddressClass::Metadata) {
        return AddressClass::Metadata;
    }
    match ip.segments() {
        [0xfe80..=0xfebf, ..] => AddressClass::LinkLocal,
        [0xfc00..=0xfdff, ..] => AddressClass::Private,
        _ if embedded.iter().any(|class| *class != AddressClass::Public) => AddressClass::Special,
        // NAT64 (RFC 6052): the IPv4 address in it is public.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => AddressClass::Public,
        // Protocols of their own, Teredo among them (RFC 2928), documentation (RFC 3849, RFC 9637).
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => AddressClass::Special,
        // What has been given out so far (RFC 4291 section 2.4).
        [0x2000..=0x3fff, ..] => AddressClass::Public,
        _ => AddressClass::Special,
    }
}

/// The IPv4 addresses that an IPv6 address leads to, wherever a router or a translator on the way may take one from.
fn embedded(ip: Ipv6Addr) -> [Option<Ipv4Addr>; 4] {
    // The 32 bits that end so many bits before the address does.
    let low = |bits: u128, behind: u32| {
        let low = u32::try_from((bits >> behind) & u128::from(u32::MAX)).expect("32 bits are left");
        Some(Ipv4Addr::from_bits(low))
    };
    let bits = ip.to_bits();
    let at = |behind| low(bits, behind);
    // RFC 6052 section 2.2: bits 64 to 71, which are zero, stand between its parts.
    let around_zero = |behind| low(((bits >> 64) << 56) | (bits << 72 >> 72), behind);
    match ip.segments() {
        // A network's own NAT64 (RFC 8215), with a prefix of 48, 56, 64 or 96 bits.
        [0x64, 0xff9b, 1, ..] => [at(0), around_zero(40), around_zero(32), around_zero(24)],
        // IPv4-compatible (RFC 4291), mapped and translated (RFC 7915), NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0, ..]
        | [0, 0, 0, 0, 0, 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, ..] => [at(0), None, None, None],
        // 6to4 (RFC 3056).
        [0x2002, ..] => [at(80), None, None, None],
        // Teredo (RFC 4380): its server, and its client with each bit turned.
        [0x2001, 0, ..] => [at(64), at(0).map(|ip| Ipv4Addr::from_bits(!ip.to_bits())), None, None],
        // ISATAP (RFC 5214 section 6.1).
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => [at(0), None, None, None],
        _ => [None; 4],
    }
}
