//! Many blocks together allow what each of them allows, and nothing else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use proto::target::{Host, Target};

use crate::rules::{Asked, Cidr, HostPattern, Place, Protocol, Rule, Rules};

/// An address of few bits that vary, so that blocks lie in one another: 10.x.0.y and fd00::x:0:y.
fn address(is_v6: bool, high: u8, low: u8) -> IpAddr {
    match is_v6 {
        false => Ipv4Addr::new(10, high, 0, low).into(),
        true => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, high.into(), 0, low.into()).into(),
    }
}

/// The block around an address, whatever bits stand behind the prefix.
fn block(ip: IpAddr, prefix_len: u8) -> Cidr {
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix_len)).unwrap_or(0);
            Cidr::new(Ipv4Addr::from_bits(ip.to_bits() & mask).into(), prefix_len).unwrap()
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix_len)).unwrap_or(0);
            Cidr::new(Ipv6Addr::from_bits(ip.to_bits() & mask).into(), prefix_len).unwrap()
        }
    }
}

/// As a block is defined.
fn contains(cidr: Cidr, ip: IpAddr) -> bool {
    let same = |one: &[u8], other: &[u8]| {
        let bit = |bytes: &[u8], at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
        (0..usize::from(cidr.prefix_len())).all(|at| bit(one, at) == bit(other, at))
    };
    match (cidr.first(), ip) {
        (IpAddr::V4(first), IpAddr::V4(ip)) => same(&first.octets(), &ip.octets()),
        (IpAddr::V6(first), IpAddr::V6(ip)) => same(&first.octets(), &ip.octets()),
        _ => false,
    }
}

proptest! {
    #[test]
    fn blocks_allow_as_they_are_defined(
        blocks in prop::collection::vec((any::<bool>(), 0..4_u8, 0..4_u8, 0..=32_u8, 1..4_u16), 0..30),
        asked in prop::collection::vec((any::<bool>(), 0..4_u8, 0..4_u8, 1..4_u16), 1..20),
    ) {
        let blocks: Vec<(Cidr, u16)> = blocks
            .into_iter()
            .map(|(is_v6, high, low, len, port)| {
                (block(address(is_v6, high, low), if is_v6 { len + 96 } else { len }), port)
            })
            .collect();
        let rule = |(cidr, port): &(Cidr, u16)| {
            Rule::Dial(Place::Ports { host: HostPattern::Net(*cidr), ports: (*port).into(), protocol: Protocol::Tcp })
        };
        let rules: Rules = blocks.iter().map(rule).collect();
        for (is_v6, high, low, port) in asked {
            let ip = address(is_v6, high, low);
            let target = Target::new(Host::Ip(ip), port).unwrap();
            let expected = blocks.iter().any(|(cidr, of)| *of == port && contains(*cidr, ip));
            let allowed = rules.may_dial(&Asked::new(&target, Protocol::Tcp, None), ip).is_ok();
            prop_assert_eq!(allowed, expected, "{} in {:?}", target, rules);
        }
    }

    #[test]
    fn a_block_is_read_as_it_is_written(is_v6: bool, high: u8, low: u8, len in 0..=32_u8) {
        let cidr = block(address(is_v6, high, low), if is_v6 { len * 4 } else { len });
        let text = format!("dial:{cidr}:1");
        let rule = Rule::Dial(Place::Ports { host: HostPattern::Net(cidr), ports: 1.into(), protocol: Protocol::Tcp });
        prop_assert_eq!(text.parse(), Ok(rule));
    }
}
