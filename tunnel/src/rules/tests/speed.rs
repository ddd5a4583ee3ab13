//! How long an answer takes with many rules.

use std::hint::black_box;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::rules::{Asked, Protocol, Rule, Rules};

/// A thousand rules of each form in turn, none of which allows what is asked.
fn thousand() -> Rules {
    let rule = |number: u32| -> Rule {
        let (high, low, port) = (number / 256, number % 256, number % 60_000 + 1);
        let text = match number % 8 {
            0 => format!("dial:host{number}.example:{port}"),
            1 => format!("dial:*.zone{number}.example:{port}-{}", port + 3),
            2 => format!("dial:172.16.{high}.{low}:{port}"),
            3 => format!("dial:10.{high}.{low}.0/24:{port}"),
            4 => format!("dial:[fd00:{high:x}:{low:x}::/{}]:{port}", 48 + number % 16),
            5 => format!("listen:127.{high}.{low}.1:{port}"),
            6 => format!("publish:team{number}-*"),
            _ => format!("dial:unix:/run/app{number}/*"),
        };
        text.parse().expect(&text)
    };
    Rules::new((0..1_000).map(rule)).unwrap()
}

/// The least of several measurements of one call: what else runs on the machine only adds to it.
fn time_of(call: impl Fn() -> bool) -> Duration {
    const CALLS: u32 = 1_000;
    let measure = || {
        let start = Instant::now();
        for _ in 0..CALLS {
            assert!(!black_box(call()), "nothing is allowed here");
        }
        start.elapsed() / CALLS
    };
    (0..20).map(|_| measure()).min().expect("there are some")
}

/// `cargo test --release -p paso-tunnel --lib rules::tests::speed -- --nocapture` prints the figures; without optimisation the code
/// is several times slower, and the limit so much higher.
#[test]
#[expect(clippy::print_stdout, reason = "the figures are what somebody runs it for")]
fn an_answer_takes_less_than_a_microsecond() {
    let limit = Duration::from_micros(if cfg!(debug_assertions) { 20 } else { 1 });
    let rules = thousand();
    let asked = |text: &str| Asked::new(&text.parse().unwrap(), Protocol::Tcp, None);
    let dial = |text: &str, at: &str| {
        let (asked, ip): (Asked, IpAddr) = (asked(text), at.parse().unwrap());
        let rules = rules.clone();
        move || rules.may_dial(&asked, ip).is_ok()
    };
    let deep = format!("{}example:80", "a.".repeat(100));
    let name = "team7x".parse().unwrap();
    let times = [
        ("a name at an IPv4 address", time_of(dial("www.example.com:80", "10.3.200.7"))),
        ("a name of a hundred labels", time_of(dial(&deep, "8.8.8.8"))),
        ("an IPv6 address", time_of(dial("[fd00:3:7::1]:80", "fd00:3:7::1"))),
        ("a socket", time_of(|| rules.may_dial_socket("/run/other/x".as_ref()).is_ok())),
        ("a name to publish", time_of(|| rules.may_publish(&name).is_ok())),
    ];
    for (what, time) in times {
        println!("{what}: {} ns", time.as_nanos());
        assert!(time <= limit, "{what}: {time:?}");
    }
}
