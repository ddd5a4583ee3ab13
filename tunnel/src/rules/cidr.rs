//! Blocks of addresses (RFC 4632).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::error::RuleFault;

/// A block of addresses, or one address: `10.0.0.0/8`, `192.0.2.7`, `[2001:db8::/32]`, `[::1]`.
///
/// A block of IPv4 addresses in IPv6 form (`::ffff:0:0/96` and what is in it) is the block of IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    first: IpAddr,
    prefix_len: u8,
}

/// Bits before the IPv4 address in its IPv6 form.
const MAPPED_LEN: u8 = 96;

impl Cidr {
    /// The block of that many leading bits in common with `first`.
    ///
    /// # Errors
    /// More bits than the address has, or bits set behind them.
    pub fn new(first: IpAddr, prefix_len: u8) -> Result<Self, RuleFault> {
        let (first, prefix_len) = match (first.to_canonical(), prefix_len.checked_sub(MAPPED_LEN)) {
            (canonical @ IpAddr::V4(_), Some(len)) if first.is_ipv6() => (canonical, len),
            // A wider block than all that are IPv4 addresses.
            (IpAddr::V4(_), None) if first.is_ipv6() => (first, prefix_len),
            (canonical, _) => (canonical, prefix_len),
        };
        if prefix_len > width(first) {
            return Err(RuleFault::PrefixLen(format!("/{prefix_len}")));
        }
        let meant = Self { first: masked(first, prefix_len), prefix_len };
        if meant.first == first {
            return Ok(meant);
        }
        Err(RuleFault::HostBits { given: format!("{first}/{prefix_len}"), meant: meant.to_string() })
    }

    /// Reads what stands before the ports: `10.0.0.0/8`, `192.0.2.7`, `[2001:db8::/32]`, `[2001:db8::]/32`; `None` if it is no
    /// address at all.
    pub(super) fn read(text: &str) -> Option<Result<Self, RuleFault>> {
        let bare = text.strip_prefix('[').and_then(|text| match text.split_once(']') {
            Some((address, "")) => Some(address.to_owned()),
            Some((address, rest)) if rest.starts_with('/') => Some([address, rest].concat()),
            _ => None,
        });
        let is_bracketed = bare.is_some();
        let bare = bare.unwrap_or_else(|| text.to_owned());
        let (address, len) =
            bare.split_once('/').map_or((&*bare, None), |(address, len)| (address, Some(len)));
        if let Some((unzoned, _)) = address.split_once('%')
            && unzoned.parse::<Ipv6Addr>().is_ok()
        {
            return Some(Err(RuleFault::Zone(text.into())));
        }
        let address: IpAddr = address.parse().ok().filter(|ip: &IpAddr| ip.is_ipv6() == is_bracketed)?;
        let Some(len) = len else { return Some(Ok(address.into())) };
        let is_number = !len.is_empty() && len.bytes().all(|byte| byte.is_ascii_digit());
        Some(match len.parse() {
            Ok(number) if is_number => Self::new(address, number),
            _ => Err(RuleFault::PrefixLen(format!("/{len}"))),
        })
    }

    /// The first address.
    pub const fn first(&self) -> IpAddr {
        self.first
    }

    /// Leading bits that all its addresses have in common.
    pub const fn prefix_len(&self) -> u8 {
        self.prefix_len
    }

    /// Whether it is one address.
    pub const fn is_one(&self) -> bool {
        self.prefix_len == width(self.first)
    }

    /// The first and the last address as numbers.
    pub(super) fn bounds(&self) -> (u128, u128) {
        let first = number(self.first);
        let others = u32::from(width(self.first) - self.prefix_len);
        (first, first | 1u128.checked_shl(others).map_or(u128::MAX, |count| count - 1))
    }
}

impl From<IpAddr> for Cidr {
    fn from(ip: IpAddr) -> Self {
        let first = ip.to_canonical();
        Self { first, prefix_len: width(first) }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.is_one()) {
            (IpAddr::V4(ip), true) => ip.fmt(f),
            (IpAddr::V4(ip), false) => write!(f, "{ip}/{}", self.prefix_len),
            (IpAddr::V6(ip), true) => write!(f, "[{ip}]"),
            (IpAddr::V6(ip), false) => write!(f, "[{ip}/{}]", self.prefix_len),
        }
    }
}

/// An address as a number.
pub(super) fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// Bits of an address.
const fn width(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn masked(ip: IpAddr, prefix_len: u8) -> IpAddr {
    let others = u32::from(width(ip).saturating_sub(prefix_len));
    match ip {
        IpAddr::V4(ip) => {
            Ipv4Addr::from_bits(ip.to_bits() & u32::MAX.checked_shl(others).unwrap_or(0)).into()
        }
        IpAddr::V6(ip) => {
            Ipv6Addr::from_bits(ip.to_bits() & u128::MAX.checked_shl(others).unwrap_or(0)).into()
        }
    }
}
