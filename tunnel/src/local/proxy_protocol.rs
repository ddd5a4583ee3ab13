//! The header of the PROXY protocol (haproxy, `doc/proxy-protocol.txt`): who the client is, said to a target before the client's first byte.

use std::net::{IpAddr, SocketAddr};

use crate::settings::ProxyProtocol;

/// The client, and the address that it has connected to. Both known, or it is told that nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Where the client comes from.
    pub(crate) client: SocketAddr,
    /// Where it has connected.
    pub(crate) local: SocketAddr,
}

/// Section 2.2: the twelve bytes that begin version 2.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, and a connection on somebody's behalf.
const PROXY: u8 = 0x21;
/// Version 2, and a connection of the sender's own: nothing is known of a client.
const LOCAL: u8 = 0x20;

/// The header for a client of TCP; `None`: of a Unix socket, or of this process.
pub(crate) fn header(version: ProxyProtocol, addresses: Option<Addresses>) -> Vec<u8> {
    let addresses = addresses.map(Addresses::of_one_family);
    match version {
        ProxyProtocol::V1 => line(addresses).into_bytes(),
        ProxyProtocol::V2 => binary(addresses),
    }
}

fn line(addresses: Option<Addresses>) -> String {
    let Some(Addresses { client, local }) = addresses else { return "PROXY UNKNOWN\r\n".into() };
    let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
    format!("PROXY {family} {} {} {} {}\r\n", client.ip(), local.ip(), client.port(), local.port())
}

fn binary(addresses: Option<Addresses>) -> Vec<u8> {
    /// Families, each with the protocol TCP.
    const UNSPECIFIED: u8 = 0x00;
    const TCP4: u8 = 0x11;
    const TCP6: u8 = 0x21;
    let mut header = SIGNATURE.to_vec();
    let Some(Addresses { client, local }) = addresses else {
        header.extend([LOCAL, UNSPECIFIED, 0, 0]);
        return header;
    };
    let (family, length) = if client.is_ipv4() { (TCP4, 12) } else { (TCP6, 36) };
    header.extend([PROXY, family, 0, length]);
    for ip in [client.ip(), local.ip()] {
        match ip {
            IpAddr::V4(ip) => header.extend(ip.octets()),
            IpAddr::V6(ip) => header.extend(ip.octets()),
        }
    }
    for port in [client.port(), local.port()] {
        header.extend(port.to_be_bytes());
    }
    header
}

impl Addresses {
    /// Both of IPv4 if they can be: a socket for both families shows IPv4 addresses in IPv6 ones.
    fn of_one_family(self) -> Self {
        let with = |address: SocketAddr, ip| SocketAddr::new(ip, address.port());
        let (client, local) = (self.client.ip().to_canonical(), self.local.ip().to_canonical());
        let [client, local] = match (client, local) {
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => [client, local],
            _ => [client, local].map(|ip| match ip {
                IpAddr::V4(ip) => IpAddr::V6(ip.to_ipv6_mapped()),
                ip @ IpAddr::V6(_) => ip,
            }),
        };
        Self { client: with(self.client, client), local: with(self.local, local) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(client: &str, local: &str) -> Option<Addresses> {
        Some(Addresses { client: client.parse().unwrap(), local: local.parse().unwrap() })
    }

    /// The lines of section 2.1, and their worst cases.
    #[test]
    fn version_1_is_one_line() {
        for (client, local, line) in [
            ("192.168.0.1:56324", "192.168.0.11:443", "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"),
            (
                "255.255.255.255:65535",
                "255.255.255.255:65535",
                "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            ),
            ("[::ffff:10.0.0.1]:1", "[::ffff:10.0.0.2]:2", "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n"),
            ("[2001:db8::1]:1", "[2001:db8::2]:2", "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"),
            ("[2001:db8::1]:1", "10.0.0.2:2", "PROXY TCP6 2001:db8::1 ::ffff:10.0.0.2 1 2\r\n"),
        ] {
            let header = header(ProxyProtocol::V1, addresses(client, local));
            assert_eq!(String::from_utf8(header).unwrap(), line);
        }
        assert_eq!(header(ProxyProtocol::V1, None), b"PROXY UNKNOWN\r\n");
    }

    /// The layout of section 2.2.
    #[test]
    fn version_2_is_binary() {
        let signature = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
        let mut v4 = signature.to_vec();
        v4.extend([0x21, 0x11, 0, 12, 192, 168, 0, 1, 192, 168, 0, 11, 0xdc, 0x04, 0x01, 0xbb]);
        let header_4 = header(ProxyProtocol::V2, addresses("192.168.0.1:56324", "192.168.0.11:443"));
        assert_eq!(header_4, v4);
        let mut v6 = signature.to_vec();
        v6.extend([0x21, 0x21, 0, 36, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        v6.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 2]);
        assert_eq!(header(ProxyProtocol::V2, addresses("[2001:db8::1]:1", "[2001:db8::2]:2")), v6);
        let mut local = signature.to_vec();
        local.extend([0x20, 0x00, 0, 0]);
        assert_eq!(header(ProxyProtocol::V2, None), local);
    }
}
