//! What may be dialled.

use std::net::IpAddr;

use proto::target::Target;

use super::rules;
use crate::address::HostPort;
use crate::rules::{Asked, Forbidden, Protocol, Rules, SocketGrant};

/// Whether a target may be dialled at that address.
fn may(rules: &Rules, target: &str, at: &str) -> bool {
    may_by(rules, target, Protocol::Tcp, at, None)
}

fn may_by(rules: &Rules, target: &str, protocol: Protocol, at: &str, own: Option<&str>) -> bool {
    let target: Target = target.parse().expect(target);
    let own = own.map(|own| HostPort::from(&own.parse::<Target>().expect(own)));
    let asked = Asked::new(&target, protocol, own.as_ref());
    let may_dial = rules.may_dial(&asked, at.parse().expect(at)).is_ok();
    assert!(!may_dial || rules.may_look_up(&asked).is_ok(), "{target} cannot be dialled without a look-up");
    may_dial
}

#[test]
fn a_star_means_public_addresses() {
    for rules in [rules("dial:*:*"), rules("dial:*.example.com:*")] {
        assert!(may(&rules, "www.example.com:80", "8.8.8.8"));
        assert!(may(&rules, "a.b.example.com.:80", "2606:4700::1111"));
        for at in [
            "127.0.0.1",
            "::1",
            "10.0.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "fd00::1",
            "169.254.1.1",
            "fe80::1",
            "169.254.169.254",
            "fd00:ec2::254",
            "0.0.0.0",
            "::",
            "255.255.255.255",
            "224.0.0.1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:7f00:1::",
        ] {
            assert!(!may(&rules, "www.example.com:80", at), "{at}");
        }
    }
    assert!(may(&rules("dial:*:*"), "8.8.8.8:80", "8.8.8.8"));
    let below = rules("dial:*.example.com:443");
    for other in [
        "example.com:443",
        "badexample.com:443",
        "example.com.evil.org:443",
        "8.8.8.8:443",
        "a.example.com:80",
    ] {
        assert!(!may(&below, other, "8.8.8.8"), "{other}");
    }
}

#[test]
fn private_is_a_site_s_network_and_nothing_else() {
    let rules = rules("dial:private:22");
    for at in ["10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "fd00::1"] {
        assert!(may(&rules, "db.lan:22", at), "{at}");
        assert!(!may(&rules, "db.lan:23", at), "{at}");
    }
    for at in [
        "8.8.8.8",
        "127.0.0.1",
        "::1",
        "169.254.1.1",
        "fe80::1",
        "100.100.100.200",
        "fd00:ec2::254",
        "::10.0.0.1",
    ] {
        assert!(!may(&rules, "db.lan:22", at), "{at}");
    }
}

#[test]
fn an_exact_name_may_lead_to_where_its_owner_wants_but_not_to_what_each_machine_has_for_itself() {
    let rules = rules("dial:db.example:5432");
    for name in ["db.example:5432", "DB.example:5432", "db.example.:5432"] {
        for at in ["8.8.8.8", "10.0.0.1", "127.0.0.1", "::1", "fd00::1", "::ffff:10.0.0.1", "192.0.2.1"] {
            assert!(may(&rules, name, at), "{name} {at}");
        }
        for at in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "fd00:ec2::254",
            "100.100.100.200",
            "168.63.129.16",
            "169.254.7.7",
            "fe80::1",
            "0.0.0.0",
            "::",
            "255.255.255.255",
            "239.0.0.1",
        ] {
            assert!(!may(&rules, name, at), "{name} {at}");
        }
    }
    for other in
        ["db.example:5433", "a.db.example:5432", "db.example.com:5432", "b.example:5432", "8.8.8.8:5432"]
    {
        assert!(!may(&rules, other, "8.8.8.8"), "{other}");
    }
}

#[test]
fn an_address_or_a_block_is_meant_whatever_it_is_and_whoever_names_it() {
    let rules = rules(
        "dial:127.0.0.1:80 dial:10.1.0.0/16:* dial:10.1.2.0/24:* dial:[fd00::/8]:443 dial:[fe80::1]:22",
    );
    assert!(may(&rules, "127.0.0.1:80", "127.0.0.1"));
    assert!(may(&rules, "any.example:80", "127.0.0.1"));
    assert!(may(&rules, "any.example:80", "::ffff:127.0.0.1"));
    assert!(may(&rules, "[::ffff:127.0.0.1]:80", "127.0.0.1"));
    assert!(may(&rules, "10.1.9.9:1", "10.1.9.9") && may(&rules, "10.1.2.9:1", "10.1.2.9"));
    assert!(may(&rules, "[fd00::5]:443", "fd00::5") && may(&rules, "[fe80::1]:22", "fe80::1"));
    for (target, at) in [
        ("127.0.0.1:81", "127.0.0.1"),
        ("127.0.0.2:80", "127.0.0.2"),
        ("[::1]:80", "::1"),
        ("10.2.0.0:1", "10.2.0.0"),
        ("10.0.255.255:1", "10.0.255.255"),
        ("[fd00::5]:80", "fd00::5"),
        ("[fe80::2]:22", "fe80::2"),
        // What was asked for is dialled, and nothing else.
        ("127.0.0.1:80", "10.1.0.1"),
    ] {
        assert!(!may(&rules, target, at), "{target} at {at}");
    }
}

#[test]
fn a_metadata_service_is_meant_only_by_its_own_address() {
    let wide = rules(
        "dial:169.254.0.0/16:* dial:100.64.0.0/10:* dial:[fd00::/8]:* dial:0.0.0.0/0:* dial:[::/0]:* dial:private:*",
    );
    for at in ["169.254.169.254", "100.100.100.200", "fd00:ec2::254", "168.63.129.16", "64:ff9b::a9fe:a9fe"] {
        let target = if at.contains(':') { format!("[{at}]:80") } else { format!("{at}:80") };
        assert!(!may(&wide, &target, at), "{at}");
        assert!(may(&rules(&format!("dial:{target}")), &target, at), "{at}");
    }
    assert!(may(&rules("dial:169.254.169.0/24:80"), "169.254.169.254:80", "169.254.169.254"));
    assert!(may(&wide, "169.254.1.1:80", "169.254.1.1"), "a link-local address is in its block");
}

#[test]
fn localhost_is_this_machine_by_whatever_spelling() {
    let localhost = rules("dial:localhost:80");
    for target in ["localhost:80", "LocalHost.:80", "127.0.0.1:80", "[::1]:80", "x.localhost:80"] {
        let at = if target.contains("::1") { "::1" } else { "127.0.0.1" };
        assert!(may(&localhost, target, at), "{target}");
    }
    assert!(!may(&localhost, "127.0.0.2:80", "127.0.0.2"));
    // A name service that says otherwise is not believed, whatever is allowed.
    for rules in [localhost, rules("dial:*:*"), rules("dial:x.localhost:80 dial:10.0.0.0/8:*")] {
        for target in ["localhost:80", "LOCALHOST.:80", "x.localhost:80", "x.localhost.:80"] {
            assert!(!may(&rules, target, "8.8.8.8") && !may(&rules, target, "10.0.0.1"), "{target}");
        }
    }
    for rules in [rules("dial:*:*"), rules("dial:private:*"), rules("dial:*.localhost:*")] {
        assert!(!may(&rules, "localhost:80", "127.0.0.1") && !may(&rules, "x.localhost:80", "::1"));
    }
}

#[test]
fn the_own_target_is_what_the_exit_was_given() {
    let rules = rules("dial:target");
    let own = Some("Db.Example:5432");
    let tcp = |target: &str, at: &str| may_by(&rules, target, Protocol::Tcp, at, own);
    for at in ["8.8.8.8", "127.0.0.1", "169.254.169.254", "10.0.0.1"] {
        assert!(tcp("db.example:5432", at) && tcp("DB.EXAMPLE.:5432", at), "{at}");
        assert!(!tcp("db.example:5433", at) && !tcp("x.db.example:5432", at), "{at}");
    }
    assert!(!may_by(&rules, "db.example:5432", Protocol::Udp, "8.8.8.8", own));
    assert!(!may_by(&rules, "db.example:5432", Protocol::Tcp, "8.8.8.8", None));
    assert!(!may_by(&super::rules("dial:target:22"), "db.example:5432", Protocol::Tcp, "8.8.8.8", own));
    let ports = super::rules("dial:target:53/udp dial:target:22");
    assert!(may_by(&ports, "db.example:53", Protocol::Udp, "127.0.0.1", own));
    assert!(may_by(&ports, "db.example:22", Protocol::Tcp, "127.0.0.1", own));
    assert!(!may_by(&ports, "db.example:53", Protocol::Tcp, "127.0.0.1", own));
    let own: HostPort = HostPort::from(&"[::ffff:127.0.0.1]:80".parse::<Target>().unwrap());
    assert!(rules.may_dial(&Asked::own(&own), IpAddr::from([127, 0, 0, 1])).is_ok());
    assert_eq!(Rules::none().may_dial(&Asked::own(&own), IpAddr::from([127, 0, 0, 1])), Err(Forbidden));
}

#[test]
fn datagrams_need_a_rule_of_their_own() {
    let rules = rules("dial:a.example:53 dial:b.example:53/udp");
    for (target, tcp) in [("a.example:53", true), ("b.example:53", false)] {
        assert_eq!(may_by(&rules, target, Protocol::Tcp, "8.8.8.8", None), tcp);
        assert_eq!(may_by(&rules, target, Protocol::Udp, "8.8.8.8", None), !tcp);
    }
}

#[test]
fn ports_are_lists_and_ranges() {
    let rules = rules("dial:*:22,80-90,92,91 dial:*:1000 dial:*:1001");
    let ports: Vec<u16> =
        (1..=2_000).filter(|port| may(&rules, &format!("8.8.8.8:{port}"), "8.8.8.8")).collect();
    assert_eq!(ports, [vec![22], (80..=92).collect(), vec![1_000, 1_001]].concat());
    assert!(may(&super::rules("dial:*:65535 dial:*:65534"), "8.8.8.8:65535", "8.8.8.8"));
}

#[test]
fn a_name_that_no_rule_could_allow_is_not_looked_up() {
    let asked = |text: &str| Asked::new(&text.parse().unwrap(), Protocol::Tcp, None);
    let rules = rules("dial:db.example:5432 dial:*.example.org:443 dial:10.0.0.0/8:22");
    for (target, looked_up) in [
        ("db.example:5432", true),
        ("secret-in-a-name.evil.example:5432", false),
        ("a.example.org:443", true),
        ("a.example.org:80", false),
        ("whatever.example:22", true),
    ] {
        assert_eq!(rules.may_look_up(&asked(target)).is_ok(), looked_up, "{target}");
    }
}

#[test]
fn unix_sockets_are_named_or_in_a_folder() {
    let rules = rules("dial:unix:/run/x.sock dial:unix:/run/app/* listen:unix:/run/y.sock");
    let may = |path: &str| rules.may_dial_socket(path.as_ref());
    assert_eq!(may("/run/x.sock"), Ok(SocketGrant::Path));
    assert_eq!(may("/run/app/a"), Ok(SocketGrant::Folder));
    for path in
        ["/run/y.sock", "/run/app", "/run/app/a/b", "/run/app/../x", "/run/appx/a", "/run/X.sock", "/"]
    {
        assert_eq!(may(path), Err(Forbidden), "{path}");
    }
    assert_eq!(super::rules("dial:unix:/*").may_dial_socket("/a".as_ref()), Ok(SocketGrant::Folder));
    assert!(super::rules("dial:*:*").may_dial_socket("/run/x.sock".as_ref()).is_err());
}
