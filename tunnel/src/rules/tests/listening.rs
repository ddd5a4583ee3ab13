//! Where the other end may listen.

use super::rules;
use crate::rules::{Protocol, Rules};

fn may(rules: &Rules, name: Option<&str>, at: &str) -> bool {
    rules.may_listen(name, at.parse().expect(at), Protocol::Tcp).is_ok()
}

#[test]
fn a_star_is_each_address_of_the_machine() {
    let rules = rules("listen:*:8000-8010");
    for at in ["0.0.0.0:8000", "[::]:8010", "127.0.0.1:8000", "10.0.0.1:8000", "8.8.8.8:8000"] {
        assert!(may(&rules, None, at), "{at}");
    }
    assert!(may(&rules, Some("box.example"), "10.0.0.1:8000"));
    for at in ["0.0.0.0:80", "0.0.0.0:0", "0.0.0.0:8011"] {
        assert!(!may(&rules, None, at), "{at}");
    }
    assert!(rules.may_listen(None, "0.0.0.0:8000".parse().unwrap(), Protocol::Udp).is_err());
    assert!(
        super::rules("listen:*:53/udp").may_listen(None, "[::]:53".parse().unwrap(), Protocol::Udp).is_ok()
    );
}

#[test]
fn loopback_is_not_every_address() {
    for rules in [rules("listen:127.0.0.1:*"), rules("listen:localhost:*")] {
        assert!(may(&rules, None, "127.0.0.1:80") && may(&rules, None, "127.0.0.1:0"));
        assert!(may(&rules, Some("localhost"), "127.0.0.1:80"));
        for at in ["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "127.0.0.2:80"] {
            assert!(!may(&rules, None, at), "{at}");
            assert!(!may(&rules, Some("box"), at), "{at}");
        }
        assert!(!may(&rules, Some("localhost"), "10.0.0.1:80"));
    }
}

#[test]
fn any_free_port_needs_all_ports() {
    assert!(may(&rules("listen:*:*"), None, "0.0.0.0:0"));
    assert!(!may(&rules("listen:*:1-65535"), None, "0.0.0.0:0"));
}

#[test]
fn private_and_names_are_as_for_dialling() {
    let rules = rules("listen:private:8000 listen:box.example:9000");
    assert!(may(&rules, None, "10.0.0.1:8000") && may(&rules, None, "[fd00::1]:8000"));
    assert!(!may(&rules, None, "0.0.0.0:8000") && !may(&rules, None, "127.0.0.1:8000"));
    assert!(may(&rules, Some("Box.example."), "8.8.8.8:9000"));
    assert!(!may(&rules, None, "8.8.8.8:9000"));
    assert!(
        !may(&super::rules("dial:*:*"), None, "0.0.0.0:8000"),
        "a rule for dialling is none for listening"
    );
}

#[test]
fn sockets_have_rules_too() {
    let rules = rules("listen:unix:/run/paso/*");
    assert!(rules.may_listen_socket("/run/paso/a".as_ref()).is_ok());
    assert!(rules.may_listen_socket("/run/a".as_ref()).is_err());
    assert!(
        super::rules("dial:unix:/run/paso/* listen:*:*").may_listen_socket("/run/paso/a".as_ref()).is_err()
    );
}

#[test]
fn a_name_in_a_rule_is_none_for_all_addresses_and_is_looked_up_only_where_it_could_be_allowed() {
    let by_name = rules("listen:web.example:80");
    assert!(may(&by_name, Some("web.example"), "192.0.2.7:80"));
    for of_all in ["0.0.0.0:80", "[::]:80", "[::ffff:0.0.0.0]:80", "224.0.0.1:80", "169.254.169.254:80"] {
        assert!(!may(&by_name, Some("web.example"), of_all), "{of_all}");
    }
    let looked_up =
        |texts: &str, name, port| rules(texts).may_look_up_to_listen(name, port, Protocol::Tcp).is_ok();
    assert!(looked_up("listen:web.example:80", "WEB.example.", 80));
    assert!(!looked_up("listen:web.example:80", "web.example", 81));
    assert!(!looked_up("listen:web.example:80", "other.example", 80));
    assert!(!looked_up("dial:*:* listen:unix:/run/*", "web.example", 80));
    for any in ["listen:*:80", "listen:private:80", "listen:10.0.0.0/8:80", "listen:localhost:80"] {
        assert!(looked_up(any, "web.example", 80), "{any}");
    }
}
