//! `proxy1 check` finds out what is wrong, and proxy2 tells its operator what its peer cannot be told. What needs a network of its own is
//! in `tests/netns/check`.
#![cfg(unix)]

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::folder::Folder;
use testbed::middlebox::{Middlebox, Weather};
use testbed::process::Process;
use testbed::seed::{SeedOnFailure, seed};
use testbed::target::{Manner, Target, refusing_address};

use crate::programs::{PROXY1, PROXY2, sealed_program, sealed_proxy2, ticket_file};

/// The document of a check, and its exit code.
fn check(at: SocketAddr, words: &[&str]) -> (Option<i32>, Value) {
    let (host, port) = (at.ip().to_string(), at.port().to_string());
    let begun = Instant::now();
    let mut check = Process::spawn(PROXY1, &[&["check", &host, &port, "--json"], words].concat());
    let code = tokio::task::block_in_place(|| check.wait_for_end(Duration::from_secs(20)).code());
    let took = begun.elapsed();
    let document =
        serde_json::from_str(&check.output()).unwrap_or_else(|error| panic!("{error}: {}", check.output()));
    assert!(took < Duration::from_secs(15), "{took:?}: 10 s, and a machine that runs other tests as well");
    (code, document)
}

#[track_caller]
fn finds((code, document): &(Option<i32>, Value), cause: &str, expected: i32) {
    let verdict = &document["verdict"];
    assert_eq!((verdict["cause"].as_str(), *code), (Some(cause), Some(expected)), "{document:#}");
    assert_eq!(verdict["code"].as_i64(), Some(expected.into()), "{document:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_well_is_measured() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let state = folder.path("state");
    let well = check(proxy2.address(), &["--no-load", "--state", &state]);
    finds(&well, "well", 0);
    let document = &well.1;
    assert_eq!(document["version"], 1);
    assert_eq!(document["ticket"]["name"], "default");
    assert_eq!(document["ticket"]["rules"][0], "dial:target");
    assert_eq!(document["target_reached"], true);
    assert_eq!(document["path"]["seen"], document["path"]["local"]);
    assert_eq!(document["path"]["packet_bytes"]["there"], 1472);
    assert!(document["path"]["round_trip_ms"]["p50"].as_f64().unwrap() > 0.0, "{document:#}");
    proxy2.wait_for("link ended by proxy1");
    // One place that answers is enough, and the other is told of.
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let some = check(proxy2.address(), &["--no-load", "--at", &nobody, "--state", &state]);
    finds(&some, "well", 0);
    assert_eq!(some.1["verdict"]["sentence"], "It works: proxy2 answers at 1 of 2 places.");
    assert_eq!(some.1["places"][1]["cause"], "nobody-listens", "{:#}", some.1);
    // For a person: a line a step, in ASCII where the terminal has nothing else.
    let words = ["check", &proxy2.address().to_string(), "--no-load", "--state", &state];
    let mut person = Process::spawn_with(PROXY1, &words, &[("LC_ALL", "C")]);
    assert_eq!(tokio::task::block_in_place(|| person.wait_for_end(Duration::from_secs(20)).code()), Some(0));
    let output = person.output();
    assert!(output.is_ascii() && output.lines().all(|line| line.len() <= 80), "{output}");
    assert!(output.contains("ok proxy2 answers at 127.0.0.1:") && output.contains("All is well"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_cause_is_told_by_its_name() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &["--allow", "dial:127.0.0.1/32:*"]);
    let (at, state) = (proxy2.address(), folder.path("state"));
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let closed = check(nobody, &["--state", &state]);
    finds(&closed, "nobody-listens", 6);

    let refusing = refusing_address().to_string();
    finds(&check(at, &["--state", &state, "-W", &refusing]), "target-refused", 10);
    let forbidden = check(at, &["--state", &state, "-W", "192.0.2.1:22"]);
    finds(&forbidden, "target-forbidden", 10);
    let sentence = forbidden.1["verdict"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("proxy2 ticket allow default dial:192.0.2.1:22"), "{sentence}");

    let file = ticket_file(&folder, "laptop");
    let mut revoke = Process::spawn(PROXY2, &["ticket", "revoke", "laptop", "--state", &state]);
    assert!(revoke.wait().success(), "{}", revoke.output());
    finds(&check(at, &["--ticket-file", &file]), "ticket-revoked", 9);
    proxy2.wait_for("a proxy1 was refused from=127.0.0.1");

    finds(&check(at, &["--state", &folder.path("elsewhere")]), "no-ticket", 3);
    let mut usage = Process::spawn(PROXY1, &["check", "exit.example"]);
    assert_eq!(usage.wait().code(), Some(2), "{}", usage.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy2_tells_whose_datagrams_it_does_not_answer() {
    let target = Target::start(Manner::Echo).await;
    let (folder, other) = (Folder::new(), Folder::new());
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let mut elsewhere = sealed_proxy2("0", target.address(), &other);
    elsewhere.kill();
    let silent = check(proxy2.address(), &["--state", &other.path("state")]);
    finds(&silent, "silent", 7);
    let next = silent.1["verdict"]["next"].as_str().unwrap();
    assert!(next.contains("\"another key\"") && next.contains("\"does not go on\""), "{next}");
    assert_eq!(silent.1["places"][0]["datagrams"], 0, "proxy2 stays silent");
    let line = proxy2.wait_for("for another key");
    assert!(line.contains("from=127.0.0.1:") && line.contains(&folder.path("state")), "{line}");
    assert!(!proxy2.output().contains("classic"), "the last question of a check is no classic proxy1's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn classic_and_sealed_are_told_apart_and_nothing_is_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", listener.local_addr().unwrap(), &folder);
    let classic = Process::listening(PROXY2, &["--classic", "0", "127.0.0.1", &port]);
    finds(&check(classic.address(), &["--state", &folder.path("state")]), "classic", 8);
    assert!(listener.accept().is_err(), "the question has dialled the target");
    classic.wait_for("this proxy1 speaks the sealed link: start it with --classic");

    let proxy1 = UdpSocket::bind("127.0.0.1:0").unwrap();
    proxy1.connect(proxy2.address()).unwrap();
    for _ in 0..2_000 {
        proxy1.send(b"C1").unwrap();
    }
    let line = proxy2.wait_for("look like the classic protocol");
    assert!(line.contains(&format!("from={}", proxy1.local_addr().unwrap())), "{line}");
    // They are counted when they were looked at, all of them: the program says so at its end.
    proxy2.signal("TERM");
    proxy2.wait_for("ended");
    let lines = proxy2.output().matches("look like the classic protocol").count();
    assert!(lines <= 20, "{lines} lines");
    proxy1.set_nonblocking(true).unwrap();
    assert!(proxy1.recv(&mut [0; 64]).is_err(), "and not one byte in answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_path_is_not_taken_for_a_bad_one() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let network = Middlebox::start(proxy2.address(), seed()).unwrap();
    network.set(Weather { delay: Duration::from_millis(60), ..Weather::default() });
    let long = check(network.address(), &["--state", &folder.path("state")]);
    finds(&long, "well", 0);
    assert!(long.1["path"]["round_trip_ms"]["min"].as_f64().unwrap() >= 120.0, "{:#}", long.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loss_is_found() {
    let _seed = SeedOnFailure;
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let network = Middlebox::start(proxy2.address(), seed()).unwrap();
    network.set(Weather { loss: 0.1, ..Weather::default() });
    let lossy = check(network.address(), &["--no-load", "--state", &folder.path("state")]);
    finds(&lossy, "lossy", 11);
    for way in ["there", "back"] {
        let lost = lossy.1["path"]["loss"][way]["lost"].as_f64().unwrap();
        assert!((0.02..0.25).contains(&lost), "{way}: {lost}");
    }
    assert_ne!(lossy.1["path"]["seen"], lossy.1["path"]["local"], "something between translates");
}
