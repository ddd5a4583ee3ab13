//! Which addresses are what.

use std::net::IpAddr;

use crate::rules::AddressClass::{self, LinkLocal, Loopback, Metadata, Private, Public, Special};

fn class(text: &str) -> AddressClass {
    AddressClass::of(text.parse::<IpAddr>().expect(text))
}

#[test]
fn ipv4_addresses_are_told_apart() {
    for (class_of, addresses) in [
        (
            Public,
            "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.1 192.169.0.1",
        ),
        (Public, "168.63.129.17 192.0.1.1 198.17.0.1 198.20.0.1 223.255.255.255 169.253.0.1 128.0.0.1"),
        (Private, "10.0.0.0 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.0 100.127.255.255"),
        (Loopback, "127.0.0.1 127.255.255.255 127.0.0.53"),
        (LinkLocal, "169.254.0.1 169.254.169.253 169.254.255.255"),
        (Metadata, "169.254.169.254 169.254.170.2 169.254.170.23 168.63.129.16 100.100.100.200 192.0.0.192"),
        (Special, "0.0.0.0 0.1.2.3 192.0.0.1 192.0.2.1 198.51.100.1 203.0.113.1 198.18.0.1 198.19.255.255"),
        (Special, "224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 192.88.99.1"),
    ] {
        addresses.split_whitespace().for_each(|address| assert_eq!(class(address), class_of, "{address}"));
    }
}

#[test]
fn ipv6_addresses_are_told_apart() {
    for (class_of, addresses) in [
        (Public, "2606:4700::1111 2a00::1 2400:cb00::1"),
        (Private, "fc00::1 fd00::1 fdff:ffff::1"),
        (Loopback, "::1"),
        (LinkLocal, "fe80::1 febf::1"),
        (Metadata, "fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fe80::a9fe:a9fe"),
        (Metadata, "fd00:c1::a9fe:a9fe fd00:a9fe:a9fe::1 fd00:100::100:200"),
        (Special, ":: ff02::1 fec0::1 2001:db8::1 3fff::1 100::1 2001:2::1 2001:10::1 4000::1 5f00::1"),
    ] {
        addresses.split_whitespace().for_each(|address| assert_eq!(class(address), class_of, "{address}"));
    }
}

#[test]
fn an_ipv4_address_inside_an_ipv6_address_counts() {
    for (address, class_of) in [
        // Mapped.
        ("::ffff:127.0.0.1", Loopback),
        ("::ffff:10.0.0.1", Private),
        ("::ffff:169.254.169.254", Metadata),
        ("::ffff:8.8.8.8", Public),
        // Compatible, translated.
        ("::127.0.0.1", Special),
        ("::169.254.169.254", Metadata),
        ("::ffff:0:10.0.0.1", Special),
        ("::ffff:0:169.254.169.254", Metadata),
        // NAT64.
        ("64:ff9b::127.0.0.1", Special),
        ("64:ff9b::192.168.1.1", Special),
        ("64:ff9b::169.254.169.254", Metadata),
        ("64:ff9b::8.8.8.8", Public),
        ("64:ff9b:1::10.0.0.1", Special),
        ("64:ff9b:1::8.8.8.8", Special),
        // Prefixes of 96, 48, 56 and 64 bits.
        ("64:ff9b:1::169.254.169.254", Metadata),
        ("64:ff9b:1:a9fe:a9:fe00::", Metadata),
        ("64:ff9b:1:12a9:fe:a9fe::", Metadata),
        ("64:ff9b:1:1234:a9:fea9:fe00:0", Metadata),
        // 6to4.
        ("2002:7f00:1::", Special),
        ("2002:a9fe:a9fe::1", Metadata),
        ("2002:0a00:0001::1", Special),
        ("2002:0808:0808::1", Public),
        // Teredo: the client's address has its bits turned; 5601:5601 is 169.254.169.254.
        ("2001:0:0808:0808::5601:5601", Metadata),
        ("2001:0:0808:0808::f7f7:f7f7", Special),
        ("2001:0:a9fe:a9fe::f7f7:f7f7", Metadata),
        // ISATAP.
        ("2400::5efe:10.0.0.1", Special),
        ("2400::200:5efe:169.254.169.254", Metadata),
        ("2400::5efe:8.8.8.8", Public),
    ] {
        assert_eq!(class(address), class_of, "{address}");
    }
}
