//! A running proxy shows what it carries, closes what it is told to, and drains.
#![cfg(unix)]

use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output};
use std::time::Duration;

use testbed::client::{exchange, is_turned_away, read_to_reset};
use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target};
use testbed::udp::{Probe, UdpEcho};
use tokio::net::TcpStream;
use tunnel::view::{LinkState, SessionView, StreamKind, StreamState, StreamView};

use crate::programs::{PASO, PROXY1, PROXY2, greeted, greeted_at, sealed_program};

/// Both proxies with a socket each, and the folder.
async fn pair(options: &[&str]) -> (Target, Process, Process, Folder) {
    let (target, folder) = (Target::start(Manner::Echo).await, Folder::new());
    let socket = |name: &str| folder.path(&format!("{name}.sock"));
    let proxy2 = ["--control", &socket("two")];
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &[&proxy2[..], options].concat());
    let proxy1 = ["--control", &socket("one")];
    let proxy1 = sealed_program(PROXY1, "0", proxy2.address(), &folder, &[&proxy1[..], options].concat());
    (target, proxy1, proxy2, folder)
}

fn run(program: &str, words: &[&str]) -> Output {
    Command::new(program).args(words).output().unwrap()
}

/// What the one proxy at that socket shows.
fn status(folder: &Folder, name: &str) -> SessionView {
    let at = folder.path(&format!("{name}.sock"));
    let shown = run(PASO, &["status", "--json", "--at", &at]);
    assert!(shown.status.success(), "{shown:?}");
    let views: Vec<SessionView> = serde_json::from_slice(&shown.stdout).unwrap();
    let [view] = <[_; 1]>::try_from(views).unwrap();
    view
}

fn streams(view: &SessionView) -> &[StreamView] {
    assert_eq!((view.links.len(), &view.links[0].state), (1, &LinkState::Up), "{view:#?}");
    &view.links[0].streams
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_proxies_show_the_stream_and_close_it_and_no_other() {
    let (target, proxy1, proxy2, folder) = pair(&[]).await;
    let (mut first, mut second) = (greeted(&proxy1).await, greeted(&proxy1).await);
    let (one, two) = (status(&folder, "one"), status(&folder, "two"));
    assert_eq!((one.pid, two.pid), (proxy1.id(), proxy2.id()));
    let client = first.local_addr().unwrap().to_string();
    let here = streams(&one).iter().find(|stream| stream.client == client).unwrap();
    let there = streams(&two).iter().find(|stream| stream.id == here.id).unwrap();
    assert_eq!((here.sent_bytes, there.sent_bytes, here.state), (4, 4, StreamState::Open));
    assert_eq!(there.target, target.address().to_string());
    assert!(two.links[0].ticket.is_some() && one.links[0].peer == Some(proxy2.address()));
    let mode = std::fs::metadata(folder.path("two.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // As a table, by the name of the program too, and of all in a folder.
    let shown = run(PROXY2, &["status", "--at", &folder.path("two.sock")]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains(&there.target) && text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let wrong = run(PROXY1, &["status", "--at", &folder.path("two.sock")]);
    assert_eq!(wrong.status.code(), Some(1), "that is no proxy1: {wrong:?}");
    let id = format!("L1/{}", here.id);
    let both = run(PASO, &["close", &id, "--at", &folder.path("")]);
    assert!(String::from_utf8_lossy(&both.stderr).contains("--pid"), "{both:?}");

    let closed = run(PASO, &["close", &id, "--at", &folder.path(""), "--pid", &proxy2.id().to_string()]);
    assert!(closed.status.success(), "{closed:?}");
    read_to_reset(&mut first).await;
    assert_eq!(exchange(&mut second, b"hola").await, b"hola");
    let left = status(&folder, "one");
    assert_eq!(streams(&left).len(), 1);
    // Loopback keeps the bits, and an exchange is acknowledged packets.
    let path = left.links[0].path.as_ref();
    assert!(path.is_some_and(|path| path.keeps_ecn && path.marked == 0), "{path:?}");
    let line = proxy1.wait_for("stream closed");
    for part in [&format!("client=\"{client}\""), "sent=4", "received=4"] {
        assert!(line.contains(part), "{line}");
    }
    let again = run(PASO, &["close", &id, "--at", &folder.path("two.sock")]);
    assert_eq!(again.status.code(), Some(1), "it is gone: {again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_drains_lets_a_stream_end_and_takes_no_others() {
    let (_target, proxy1, mut proxy2, folder) = pair(&[]).await;
    let mut client = greeted(&proxy1).await;
    let drained = run(PROXY2, &["drain", "60", "--at", &folder.path("two.sock")]);
    assert!(drained.status.success(), "{drained:?}");
    proxy2.wait_for("draining: nothing new is accepted");
    // proxy1 does not know, and asks.
    is_turned_away(proxy1.address()).await;
    assert!(status(&folder, "two").draining.is_some());
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    drop(client);
    proxy2.wait_for("the last stream has ended");
    assert!(proxy2.wait().success(), "{}", proxy2.output());
    assert!(!std::path::Path::new(&folder.path("two.sock")).exists(), "its socket is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_ends_writes_a_line_for_each_stream_and_none_for_flows() {
    let (target, echo, folder) = (Target::start(Manner::Echo).await, UdpEcho::start().await, Folder::new());
    let proxy2 = ["--allow", "dial:target", "--allow", "dial:127.0.0.1:*/udp"];
    let mut proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &proxy2);
    let (forward, socket) = (format!("0:{}/udp", echo.address()), folder.path("one.sock"));
    let proxy1 = ["--control", &socket, "-L", &forward];
    let mut proxy1 = sealed_program(PROXY1, "0", proxy2.address(), &folder, &proxy1);
    // The forwards come in the order in which they stand there, its own listener last.
    let (udp, line) = (proxy1.address(), proxy1.wait_for("accepts TCP connections"));
    let tcp = line.rsplit('=').next().and_then(|address| address.trim().parse().ok());
    let _client = greeted_at(tcp.expect("an address"), &proxy1).await;
    let report = Probe { count: 20, size: 100, gap: Duration::from_millis(1) }.run(udp).await;
    assert!(report.back() > 0, "{report:?}");
    let kinds: Vec<_> = streams(&status(&folder, "one")).iter().map(|stream| stream.kind).collect();
    assert_eq!(kinds, [StreamKind::Tcp, StreamKind::Udp]);
    proxy1.signal("INT");
    assert!(proxy1.wait().success(), "{}", proxy1.output());
    proxy2.wait_for("stream closed");
    proxy2.signal("INT");
    assert!(proxy2.wait().success(), "{}", proxy2.output());
    for output in [proxy1.output(), proxy2.output()] {
        assert_eq!(output.matches("stream closed").count(), 1, "{output}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_drains_where_that_is_wished_and_a_second_one_ends_at_once() {
    let (_target, mut proxy1, _proxy2, _folder) = pair(&["--drain", "60s"]).await;
    let mut client = greeted(&proxy1).await;
    proxy1.signal("TERM");
    proxy1.wait_for("draining: nothing new is accepted");
    let refused = TcpStream::connect(proxy1.address()).await;
    assert_eq!(refused.map(drop).map_err(|error| error.kind()), Err(ErrorKind::ConnectionRefused));
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    proxy1.signal("TERM");
    read_to_reset(&mut client).await;
    assert!(proxy1.wait().success(), "{}", proxy1.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_garbage_hurts_nobody() {
    let (_target, proxy1, _proxy2, folder) = pair(&[]).await;
    let mut client = greeted(&proxy1).await;
    let connect = || UnixStream::connect(folder.path("one.sock")).unwrap();
    for garbage in [&b"\n"[..], b"{}\n", b"\xff\xfe\n", &[b'x'; 100_000], br#"{"cmd":"close","id":"x"}"#] {
        let mut stream = connect();
        // It may have hung up before it has all of that.
        let _ = stream.write_all(garbage).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.len() < 200, "{answer:?}");
    }
    // More than are served find nobody, and as soon as they are gone all is well.
    let crowd: Vec<_> = (0..20).map(|_| connect()).collect();
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    drop(crowd);
    while !run(PASO, &["status", "--at", &folder.path("one.sock")]).status.success() {}
    assert_eq!(streams(&status(&folder, "one")).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_socket_a_proxy_runs_all_the_same() {
    let (target, folder) = (Target::start(Manner::Echo).await, Folder::new());
    let long = folder.path(&"x".repeat(120));
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &["--control", &long]);
    proxy2.wait_for("there is no control socket");
    let file = folder.file("taken", "text", 0o600);
    let proxy1 = sealed_program(PROXY1, "0", proxy2.address(), &folder, &["--control", &file]);
    proxy1.wait_for("there is no control socket");
    greeted(&proxy1).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "text");
}
