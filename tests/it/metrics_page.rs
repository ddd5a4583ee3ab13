//! `--metrics` of the real programs, asked by a client of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target};

use crate::programs::{PROXY1, PROXY2, sealed_program};

/// Status and all of an answer.
fn get(at: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_default(), answer)
}

/// Asks until the answer is as wanted: what is shown may be a second old.
fn get_until(at: SocketAddr, path: &str, is_wanted: impl Fn(u16, &str) -> bool) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let (status, answer) = get(at, path);
        if is_wanted(status, &answer) {
            return answer;
        }
        assert!(Instant::now() < end, "{path}: {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Where the page of a program is, which is said before it listens.
fn page(process: &Process) -> SocketAddr {
    let output = process.output();
    let (_, rest) = output.split_once("page=http://").unwrap_or_else(|| panic!("no page in: {output}"));
    rest.split_once('/').and_then(|(at, _)| at.parse().ok()).unwrap_or_else(|| panic!("{output}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_proxies_show_a_link_its_stream_and_what_it_carried() {
    let (target, folder) = (Target::start(Manner::Echo).await, Folder::new());
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &["--metrics", "0"]);
    let there = page(&proxy2);
    assert_eq!(get_until(there, "/readyz", |status, _| status == 200).lines().last(), Some("ready"));
    let proxy1 = sealed_program(PROXY1, "0", proxy2.address(), &folder, &["--metrics", "0"]);
    let here = page(&proxy1);
    get_until(here, "/readyz", |status, _| status == 200);

    let mut client = TcpStream::connect(proxy1.address()).unwrap();
    let mut back = [0; 5];
    client.write_all(b"hello").unwrap();
    client.read_exact(&mut back).unwrap();
    for at in [here, there] {
        let metrics = get_until(at, "/metrics", |_, text| text.contains("\npaso_sent_bytes_total 5\n"));
        for line in ["paso_streams 1", "paso_links_in_state{state=\"up\"} 1", "paso_ready 1", "paso_up 1"] {
            assert!(metrics.contains(&format!("\n{line}\n")), "{line}: {metrics}");
        }
        assert!(!metrics.contains("127.0.0.1"), "{metrics}");
        get_until(at, "/api/view", |_, view| {
            view.contains("\"state\":\"open\"") && view.contains("\"path\":{")
        });
        get_until(at, "/api/history", |_, past| past.contains("\"samples\":[["));
    }
    let metrics = get_until(there, "/metrics", |_, text| text.contains("paso_ticket_streams{ticket="));
    assert!(metrics.contains("paso_ticket_sent_bytes_total{ticket="), "{metrics}");
    let target = format!("\"target\":\"{}\"", target.address());
    assert!(get(there, "/api/view").1.contains(&target), "proxy2 says where the stream goes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy1_whose_proxy2_is_gone_lives_and_is_not_ready() {
    let (target, folder) = (Target::start(Manner::Echo).await, Folder::new());
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &[]);
    let proxy1 = sealed_program(PROXY1, "0", proxy2.address(), &folder, &["--metrics", "0"]);
    let at = page(&proxy1);
    get_until(at, "/readyz", |status, _| status == 200);
    drop(proxy2);
    // A link shows that nobody answers when it has something to send.
    let _client = TcpStream::connect(proxy1.address()).unwrap();
    let answer = get_until(at, "/readyz", |status, _| status == 503);
    assert!(answer.contains("the link is not up: proxy2"), "{answer}");
    assert_eq!(get(at, "/healthz").0, 200);
}

#[test]
fn a_port_that_is_taken_is_a_sentence_and_the_end() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = Folder::new();
    for program in [PROXY1, PROXY2] {
        let state = folder.path("state");
        let words = ["0", "127.0.0.1", "9", "--state", &state, "--metrics", &port];
        let mut process = Process::spawn(program, &words);
        assert_eq!(process.wait().code(), Some(1), "{}", process.output());
        let sentence = format!("error: --metrics: cannot listen on TCP 127.0.0.1:{port}: the port is in use");
        assert!(process.output().contains(&sentence), "{}", process.output());
    }
}

#[test]
fn an_address_that_cannot_be_is_found_by_check() {
    let folder = Folder::new();
    let state = folder.path("state");
    let words = ["0", "127.0.0.1:9", "--state", &state, "--metrics", "nowhere.invalid:9100", "--check"];
    let mut process = Process::spawn(PROXY2, &words);
    assert_eq!(process.wait_for_end(Duration::from_secs(30)).code(), Some(1), "{}", process.output());
    assert!(process.output().contains("--metrics nowhere.invalid:9100: "), "{}", process.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lets_everybody_look_is_warned() {
    let (target, folder) = (Target::start(Manner::Echo).await, Folder::new());
    let process = sealed_program(PROXY2, "0", target.address(), &folder, &["--metrics", "*:0"]);
    assert!(process.output().contains("sees the names of tickets and targets"), "{}", process.output());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_comes_and_goes_with_the_configuration_file_and_no_stream_notices() {
    let (target, folder) = (Target::start(Manner::Echo).await, Folder::new());
    let file = folder.path("paso.toml");
    std::fs::write(&file, "metrics = 0\n").unwrap();
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &["--config", &file]);
    let proxy1 = sealed_program(PROXY1, "0", proxy2.address(), &folder, &["--config", &file]);
    let mut client = tokio::net::TcpStream::connect(proxy1.address()).await.unwrap();
    std::fs::write(&file, "").unwrap();
    for proxy in [&proxy1, &proxy2] {
        let at = page(proxy);
        assert_eq!(get(at, "/healthz").0, 200);
        proxy.signal("HUP");
        proxy.wait_for("the page and the metrics are gone");
        assert!(TcpStream::connect(at).is_err(), "its port is free");
    }
    assert_eq!(testbed::client::exchange(&mut client, b"hola").await, b"hola", "{}", proxy1.output());
}
