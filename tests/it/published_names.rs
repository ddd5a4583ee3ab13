//! Names with real programs: published, found and used, and gone when their publisher goes.
#![cfg(unix)]

use std::time::{Duration, Instant};

use testbed::client::{exchange, read_to_reset};
use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::programs::{PASO, PROXY1, PROXY2, greeted, ticket_file};

const RULES: [&str; 4] = ["--allow", "publish:*", "--allow", "use:*"];

fn proxy2(listen: &str, folder: &Folder) -> Process {
    let state = folder.path("state");
    Process::listening(PROXY2, &[&[listen, "--state", &state], &RULES[..]].concat())
}

/// A proxy1 that publishes, once it is ready.
fn publisher(proxy2: &Process, ticket: &str, service: &str) -> Process {
    let at = proxy2.address().to_string();
    let proxy1 = Process::spawn(PROXY1, &[&at, "--ticket-file", ticket, "--publish", service]);
    proxy1.wait_for("ready reverse=1");
    assert!(proxy1.output().contains("published at proxy2 name=@"), "{}", proxy1.output());
    proxy1
}

/// Runs a tool that ends by itself; its exit code and all it said.
fn run(words: &[&str], proxy2: &Process, folder: &Folder, input: &[u8]) -> (Option<i32>, String) {
    let (at, state) = (proxy2.address().to_string(), folder.path("state"));
    let words = [words, &["--at", &at, "--state", &state]].concat();
    let mut tool = Process::spawn_reading(PASO, &words, input);
    let code = tokio::task::block_in_place(|| tool.wait().code());
    (code, tool.output())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_published_found_and_used() {
    let target = Target::start(Manner::ReplyAtEnd).await;
    let folder = Folder::new();
    let proxy2 = proxy2("0", &folder);
    let (shed, barn) = (ticket_file(&folder, "shed"), ticket_file(&folder, "barn"));
    let service = format!("files={}", target.address());
    let first = publisher(&proxy2, &shed, &service);
    let second = publisher(&proxy2, &barn, &service);

    let (code, output) = run(&["find"], &proxy2, &folder, b"");
    assert_eq!(code, Some(0), "{output}");
    assert_eq!(output, "name   pubs  udp  tickets\nfiles     2  -    barn shed\n");
    let (code, output) = run(&["find", "f?le*", "--json"], &proxy2, &folder, b"");
    let expected = "{\"name\":\"files\",\"udp\":false,\"publishers\":2,\"tickets\":[\"barn\",\"shed\"]}";
    assert!(code == Some(0) && output.contains(expected), "{output}");
    let (code, output) = run(&["find", "x*"], &proxy2, &folder, b"");
    assert!(code == Some(1) && output.contains("no name that this ticket may use is like 'x*'"), "{output}");

    let (code, output) = run(&["nc", "@files"], &proxy2, &folder, b"hola");
    assert_eq!((code, output.as_str()), (Some(0), "holabye\n"));
    let (code, output) = run(&["nc", "@other"], &proxy2, &folder, b"hola");
    assert!(code == Some(1) && output.contains("error: @other: "), "{output}");

    // Asked to end, a publisher is gone when it has ended.
    for (mut publisher, left) in [(first, Some(1)), (second, None)] {
        publisher.signal("TERM");
        let start = Instant::now();
        while is_found(&proxy2, &folder) != left {
            // That it says goodbye is the point: a silence is noticed much later. A busy machine may take some seconds.
            assert!(start.elapsed() < Duration::from_secs(10), "{}", publisher.output());
        }
        assert!(tokio::task::block_in_place(|| publisher.wait()).success(), "{}", publisher.output());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_killed_is_gone_within_a_second_and_one_that_stood_still_is_back() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = proxy2("0", &folder);
    let service = format!("files={}", target.address());
    let mut killed = publisher(&proxy2, &ticket_file(&folder, "shed"), &service);
    let stopped = publisher(&proxy2, &ticket_file(&folder, "barn"), &service);
    assert_eq!(is_found(&proxy2, &folder), Some(2));

    killed.kill();
    let start = Instant::now();
    while is_found(&proxy2, &folder) != Some(1) {
        assert!(start.elapsed() < Duration::from_secs(5), "it stays");
    }
    // Half a second, twice the start of a program, and what a busy machine adds.
    assert!(start.elapsed() < Duration::from_millis(1_500), "{:?}", start.elapsed());

    stopped.signal("STOP");
    let start = Instant::now();
    while is_found(&proxy2, &folder).is_some() {
        assert!(start.elapsed() < Duration::from_secs(5), "it stays");
    }
    let (code, output) = run(&["nc", "@files"], &proxy2, &folder, b"hola");
    assert!(code == Some(1) && output.contains("error: @files: "), "{output}");
    stopped.signal("CONT");
    let start = Instant::now();
    while is_found(&proxy2, &folder) != Some(1) {
        assert!(start.elapsed() < Duration::from_secs(5), "it does not come back");
    }
    let (code, output) = run(&["nc", "@files"], &proxy2, &folder, b"hola");
    assert_eq!((code, output.trim()), (Some(0), "hola"));
}

/// How many publish `files`.
fn is_found(proxy2: &Process, folder: &Folder) -> Option<u64> {
    let (_, output) = run(&["find", "files", "--json"], proxy2, folder, b"");
    let (_, count) = output.split_once("\"publishers\":")?;
    count.split(',').next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_announced_again_after_a_restart_of_proxy2() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let mut first = proxy2("0", &folder);
    let ticket = ticket_file(&folder, "shed");
    let publisher = publisher(&first, &ticket, &format!("files={}", target.address()));
    let (at, state) = (first.address().to_string(), folder.path("state"));
    let user = Process::listening(PROXY1, &["-L", "0:@files", &at, "--state", &state]);
    let mut client = greeted(&user).await;

    first.kill();
    let again = proxy2(&at, &folder);
    publisher.wait_for("published at proxy2 name=@files");
    assert_eq!(is_found(&again, &folder), Some(1));
    // Its link may know by then: the system reports a reset once, to whoever asks first.
    if client.write_all(b"a stream that the new proxy2 does not know").await.is_ok() {
        read_to_reset(&mut client).await;
    }
    let _client = greeted(&user).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy2_publishes_and_uses_names_itself() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let state = folder.path("state");
    let (own, files) = (format!("own={}", target.address()), format!("files={}", target.address()));
    let options = ["-L", "0:@files", "--publish", &own];
    let proxy2 = Process::spawn(PROXY2, &[&["0", "--state", &state], &options[..], &RULES[..]].concat());
    let line = proxy2.wait_for("proxy2 accepts clients");
    let here: std::net::SocketAddr = line.split(['=', ' ']).find_map(|word| word.parse().ok()).unwrap();
    let proxy2 = proxy2.until_listening();
    proxy2.wait_for("ready forwards=1 published=1");
    let _publisher = publisher(&proxy2, &ticket_file(&folder, "shed"), &files);
    let mut client = TcpStream::connect(here).await.unwrap();
    assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{}", proxy2.output());
    let (code, output) = run(&["nc", "@own"], &proxy2, &folder, b"hola");
    assert_eq!((code, output.trim()), (Some(0), "hola"));
}
