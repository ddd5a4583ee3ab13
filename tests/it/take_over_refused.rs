//! What keeps a proxy2 from taking over, and that the one that runs goes on then as if nobody had asked.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use testbed::client::exchange;
use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target};
use tokio::net::TcpStream;

use crate::programs::{PROXY2, greeted, sealed_program, sealed_proxy1};

/// Waits for the end of a program that cannot do what it was asked for; what it said.
fn fails(mut proxy2: Process) -> String {
    assert_eq!(proxy2.wait().code(), Some(1), "{}", proxy2.output());
    proxy2.output()
}

fn words<'a>(listen: &'a str, control: &'a str, state: &'a str) -> [&'a str; 7] {
    [listen, "--control", control, "--state", state, "--take-over", "--quiet"]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_goes_before_it_is_ready_changes_nothing() {
    let (target, folder) = (Target::start(Manner::Echo).await, Folder::new());
    let control = folder.path("two.sock");
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &["--control", &control]);
    let proxy1 = sealed_proxy1("0", proxy2.address(), &folder);
    let mut client = greeted(&proxy1).await;
    for words in ["", "{\"cmd\":\"take\"}\n", "{\"cmd\":\"status\"}\n"] {
        let mut stream = UnixStream::connect(&control).unwrap();
        stream.write_all(b"{\"cmd\":\"take-over\"}\n").unwrap();
        let mut offer = String::new();
        BufReader::new(&stream).read_line(&mut offer).unwrap();
        assert!(offer.contains(&proxy2.address().to_string()), "{offer}");
        stream.write_all(words.as_bytes()).unwrap();
        if words.contains("\"take\"") {
            stream.read_exact(&mut [0]).unwrap();
        }
        drop(stream);
        if words.contains("\"take\"") {
            proxy2.wait_for("not handed over, all goes on as before");
        }
        assert_eq!(exchange(&mut client, b"still here").await, b"still here");
    }
    // Without an offer nothing is passed, nor to who says what no process says.
    let mut stream = UnixStream::connect(&control).unwrap();
    stream.write_all(b"{\"cmd\":\"take\"}\n").unwrap();
    let mut answer = String::new();
    BufReader::new(&stream).read_line(&mut answer).unwrap();
    assert!(answer.contains("nothing was offered"), "{answer}");
    assert_eq!(exchange(&mut client, b"still here").await, b"still here");
    drop(greeted(&proxy1).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_handed_over_cannot_be_taken_all_the_same() {
    let (target, folder) = (Target::start(Manner::Echo).await, Folder::new());
    let (control, own) = (folder.path("two.sock"), format!("{}:@name", folder.path("own.sock")));
    let options = ["--control", &control, "-L", &own];
    let (host, port) = (target.address().ip().to_string(), target.address().port().to_string());
    let state = folder.path("state");
    let words = [&["0", &host, &port, "--state", &state], &options[..]].concat();
    let proxy2 = Process::spawn(PROXY2, &words);
    let listening = proxy2.wait_for("proxy2 accepts UDP datagrams");
    let at = listening.rsplit('=').next().unwrap().trim().parse().unwrap();
    let proxy1 = sealed_proxy1("0", at, &folder);
    drop(greeted(&proxy1).await);
    let mut stream = UnixStream::connect(&control).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    for (word, says) in [("take-over", "only listeners for TCP"), ("take", "nothing was offered")] {
        writeln!(stream, "{{\"cmd\":\"{word}\"}}").unwrap();
        let mut answer = String::new();
        lines.read_line(&mut answer).unwrap();
        assert!(answer.contains(says), "{answer}");
    }
    drop(greeted(&proxy1).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_drains_is_not_restarted_and_says_so() {
    let (target, folder) = (Target::start(Manner::Echo).await, Folder::new());
    let control = folder.path("two.sock");
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &["--control", &control]);
    let proxy1 = sealed_proxy1("0", proxy2.address(), &folder);
    let mut client = greeted(&proxy1).await;
    let mut stream = UnixStream::connect(&control).unwrap();
    stream.set_read_timeout(Some(testbed::pair::PATIENCE)).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    for (word, says) in [("drain", "ends with its last stream"), ("restart", "error"), ("restart", "error")] {
        writeln!(stream, "{{\"cmd\":\"{word}\"}}").unwrap();
        let mut answer = String::new();
        lines.read_line(&mut answer).unwrap();
        assert!(answer.contains(says), "{word}: {answer}");
    }
    assert_eq!(exchange(&mut client, b"still here").await, b"still here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_of_another_version_is_refused_and_told_why() {
    let folder = Folder::new();
    let (control, state) = (folder.path("two.sock"), folder.path("state"));
    let listener = UnixListener::bind(&control).unwrap();
    let other = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = String::new();
        BufReader::new(&stream).read_line(&mut asked).unwrap();
        assert!(asked.contains("\"take-over\""), "{asked}");
        stream
            .write_all(b"{\"v\":1,\"offer\":{\"wire\":99,\"udp\":[\"127.0.0.1:5999\"],\"sockets\":1}}\n")
            .unwrap();
        // It asks for no more.
        let mut more = String::new();
        BufReader::new(&stream).read_line(&mut more).unwrap();
        assert_eq!(more, "");
    });
    let said = fails(Process::spawn(PROXY2, &words("127.0.0.1:5999", &control, &state)));
    assert!(said.contains("version 99, here 1") && said.contains("the ordinary way"), "{said}");
    other.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_serves_something_else_is_left_alone() {
    let (target, folder) = (Target::start(Manner::Echo).await, Folder::new());
    let control = folder.path("two.sock");
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &["--control", &control]);
    let proxy1 = sealed_proxy1("0", proxy2.address(), &folder);
    let mut client = greeted(&proxy1).await;
    let another = folder.path("another.sock");
    let state = folder.path("state");
    let next = Process::spawn(PROXY2, &["0", "--control", &another, "--state", &state, "--take-over"]);
    next.wait_for("it starts by itself");
    next.wait_for("ready");
    // Of several ports all have to be the same.
    let both = format!("{},{}", proxy2.address(), next_port());
    let said = fails(Process::spawn(PROXY2, &words(&both, &control, &state)));
    assert!(said.contains("let both have the same addresses"), "{said}");
    assert_eq!(exchange(&mut client, b"still here").await, b"still here");
    drop(greeted(&proxy1).await);
}

/// One that nobody has at the moment.
fn next_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_and_the_control_socket_stay_where_they_are_and_the_manager_is_told() {
    let (target, folder) = (Target::start(Manner::Echo).await, Folder::new());
    let (control, state, notify) = (folder.path("two.sock"), folder.path("state"), folder.path("notify"));
    let manager = UnixDatagram::bind(&notify).unwrap();
    manager.set_read_timeout(Some(testbed::pair::PATIENCE)).unwrap();
    let page = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (host, port) = (target.address().ip().to_string(), target.address().port().to_string());
    let start = |listen: &str, options: &[&str]| {
        let words = [listen, &host, &port, "--state", &state, "--control", &control, "--metrics", &page];
        Process::spawn_with(PROXY2, &[&words, options].concat(), &[("NOTIFY_SOCKET", &notify)])
    };
    let old = start("0", &[]);
    let listening = old.wait_for("proxy2 accepts UDP datagrams");
    let listen = listening.rsplit('=').next().unwrap().trim().to_owned();
    old.wait_for("ready");
    let proxy1 = sealed_proxy1("0", listen.parse().unwrap(), &folder);
    let mut stays = greeted(&proxy1).await;
    let new = start(&listen, &["--take-over"]);
    new.wait_for("taken over");
    new.wait_for("ready");
    let told = std::iter::from_fn(|| {
        let mut buffer = [0; 1_024];
        let length = manager.recv(&mut buffer).ok()?;
        String::from_utf8(buffer[..length].to_vec()).ok()
    });
    let expected = format!("MAINPID={}", new.id());
    assert!(told.take(200).any(|text| text == expected), "{}", old.output());
    assert_eq!(exchange(&mut stays, b"still here").await, b"still here");
    old.wait_for("the page and the metrics are gone");
    TcpStream::connect(&page).await.expect("the page is the new one's");
    let mut stream = UnixStream::connect(&control).unwrap();
    stream.write_all(b"{\"cmd\":\"status\"}\n").unwrap();
    let mut shown = String::new();
    BufReader::new(&stream).read_line(&mut shown).unwrap();
    assert!(shown.contains(&format!("\"predecessor\":{{\"pid\":{}", old.id())), "{shown}");
    assert!(fs::symlink_metadata(&control).is_ok());
}
