//! Ports of proxy2's machine that lead to proxy1's, with real programs: who may have one, who gets it from whom, and what stays.
#![cfg(unix)]

use std::net::TcpListener;

use testbed::client::exchange;
use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target};
use tokio::net::TcpStream;

use crate::programs::{PASO, PROXY1, PROXY2, greeted_at, ticket_file};

/// What all tickets of these tests may do.
const RULES: [&str; 2] = ["--allow", "listen:127.0.0.1:*"];

/// A proxy2 without a target, and a folder with its state.
fn proxy2(rules: &[&str]) -> (Process, Folder) {
    let folder = Folder::new();
    let state = folder.path("state");
    (Process::listening(PROXY2, &[&["0", "--state", &state], rules].concat()), folder)
}

/// The words of a proxy1 with the ticket of the folder, and with options.
fn words<'a>(at: &'a str, state: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    [&[at, "--state", state], options].concat()
}

/// A proxy1 with `-R`, once it is ready; where its clients come is its address.
fn held(proxy2: &Process, folder: &Folder, options: &[&str]) -> Process {
    let (at, state) = (proxy2.address().to_string(), folder.path("state"));
    let proxy1 = Process::spawn(PROXY1, &words(&at, &state, options));
    let proxy1 = proxy1.until_listening();
    proxy1.wait_for("ready");
    proxy1
}

/// Runs a proxy1 that ends by itself; its exit code and all it said.
fn fails(proxy2: &Process, folder: &Folder, options: &[&str]) -> String {
    let (at, state) = (proxy2.address().to_string(), folder.path("state"));
    let mut proxy1 = Process::spawn(PROXY1, &words(&at, &state, options));
    let code = tokio::task::block_in_place(|| proxy1.wait().code());
    assert_eq!(code, Some(1), "{}", proxy1.output());
    proxy1.output()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_cannot_be_ends_the_start_with_1_and_what_to_do() {
    let (proxy2, folder) = proxy2(&[]);
    let output = fails(&proxy2, &folder, &["-R", "8123:localhost:9"]);
    for words in [
        "error: ticket default may not listen at 127.0.0.1:8123; it may dial:target",
        "proxy2 ticket allow default listen:127.0.0.1:8123",
    ] {
        assert!(output.contains(words), "`{words}` is not in:\n{output}");
    }
    assert!(!output.contains("ready"), "{output}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = fails(&proxy2, &folder, &["-L", &port]);
    assert!(output.contains(&port) && output.contains("in use"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_stays_with_its_ticket_and_goes_to_its_newest_process_at_once() {
    let target = Target::start(Manner::Echo).await;
    let to = target.address().to_string();
    let (proxy2, folder) = proxy2(&RULES);
    let mut first = held(&proxy2, &folder, &["-R", &format!("0:{to}")]);
    let address = first.address();
    let line = first.output();
    let line =
        line.lines().find(|line| line.contains("proxy2 accepts connections for us")).unwrap().to_owned();
    assert!(line.contains(&format!("listening={address} to={to}")), "{line}");
    assert!(first.output().contains("ready reverse=1"), "{}", first.output());
    let mut stays = greeted_at(address, &first).await;

    let other = ticket_file(&folder, "other");
    let again = format!("{}:{to}", address.port());
    let output = fails(&proxy2, &folder, &["-R", &again, "--ticket-file", &other]);
    assert!(output.contains(&format!("proxy2 cannot listen at {address}")), "{output}");
    assert!(output.contains("in use") && !output.contains("default"), "{output}");

    // The former process goes on, hangs, or was killed: the next one has the port.
    let second = held(&proxy2, &folder, &["-R", &again]);
    first.wait_for("has gone to another process with this ticket");
    assert_eq!(second.address(), address);
    drop(greeted_at(address, &second).await);
    assert_eq!(exchange(&mut stays, b"still here").await, b"still here", "{}", first.output());
    first.kill();
    second.signal("STOP");
    let mut third = held(&proxy2, &folder, &["-R", &again]);
    drop(greeted_at(address, &third).await);
    third.kill();
    let fourth = held(&proxy2, &folder, &["-R", &again]);
    drop(greeted_at(address, &fourth).await);
    second.signal("CONT");
    second.wait_for("has gone to another process with this ticket");
    drop(greeted_at(address, &fourth).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_come_and_go_by_sighup_while_streams_go_on() {
    let target = Target::start(Manner::Echo).await;
    let to = target.address().to_string();
    let (proxy2, folder) = proxy2(&RULES);
    let write = |remote: &[String]| {
        let text = format!(
            "at = \"{}\"\nstate = {:?}\nremote = {remote:?}\n",
            proxy2.address(),
            folder.path("state")
        );
        folder.file("paso.toml", &text, 0o600)
    };
    let file = write(&[format!("0:{to}")]);
    let paso = Process::spawn(PASO, &["in", "--config", &file]).until_listening();
    paso.wait_for("ready");
    let first = paso.address();
    let mut client = greeted_at(first, &paso).await;

    // Two that differ: port 0 is one entry each.
    write(&[format!("0:{to}"), format!("127.0.0.1:0:{to},proxy-protocol=v1"), "@".into()]);
    paso.signal("HUP");
    paso.wait_for("what it said before stays");
    write(&[format!("0:{to}"), format!("[::1]:0:{to}")]);
    paso.signal("HUP");
    // No rule allows it: it is said, and nothing else ends.
    let line = paso.wait_for("may not listen");
    assert!(line.contains("proxy2 ticket allow default 'listen:[::1]:*'"), "{line}");
    assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{}", paso.output());

    write(&[format!("localhost:0:{to}")]);
    paso.signal("HUP");
    paso.wait_for("reverse forward removed; its streams go on");
    let line = paso.wait_for("proxy2 accepts connections for us");
    let second = line.split(['=', ' ']).find_map(|word| word.parse().ok()).unwrap();
    assert_ne!(first, second);
    drop(greeted_at(second, &paso).await);
    assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{}", paso.output());
    assert!(TcpStream::connect(first).await.is_err(), "{}", paso.output());
}
