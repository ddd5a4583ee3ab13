//! A ticket lets a proxy1 join: from the command line, a file, the environment or the local state folder. A wrong one, a
//! mistyped one, a revoked one, an exposed one are each told apart in one sentence.

use std::path::Path;
use std::time::{Duration, Instant};

use tests::client::{exchange, is_turned_away, read_to_reset};
use tests::folder::{Folder, set_mode};
use tests::pair::{Pair, Proxy, SealedLink};
use tests::process::Process;
use tests::target::{Manner, Target};
use tokio::net::TcpStream;
use tunnel::metrics::Count;

use crate::programs::{PROXY1, PROXY2, sealed_proxy1, sealed_proxy2};

/// Runs a program that ends by itself; its exit code and all it said.
fn ends(program: &str, words: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut process = Process::spawn_with(program, words, variables);
    let code = process.wait().code();
    (code, process.output())
}

fn ticket_command(folder: &Folder, words: &[&str]) -> (Option<i32>, String) {
    let state = folder.path("state");
    ends(PROXY2, &[&["ticket"], words, &["--state", &state]].concat(), &[])
}

fn new_ticket(folder: &Folder, name: &str) -> String {
    let (code, ticket) = ticket_command(folder, &["add", name]);
    assert_eq!(code, Some(0), "{ticket}");
    ticket.trim().into()
}

#[track_caller]
fn says((code, output): (Option<i32>, String), expected: i32, words: &[&str]) {
    assert_eq!(code, Some(expected), "{output}");
    for word in words {
        assert!(output.contains(word), "`{word}` is not in:\n{output}");
    }
}

async fn joins(proxy1: &Process) {
    let mut client = TcpStream::connect(proxy1.address()).await.unwrap();
    assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{}", proxy1.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_four_places_of_a_ticket() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let ticket = new_ticket(&folder, "laptop");
    let port = proxy2.address().port().to_string();
    let words = ["0", "127.0.0.1", &port];
    // Nothing but what is named can lead to it.
    let home = [("HOME", &*folder.path("home")), ("XDG_STATE_HOME", "")];

    joins(&Process::listening_with(PROXY1, &[&words[..], &["--ticket", &ticket]].concat(), &home)).await;
    let file = folder.file("ticket", &format!("{ticket}\n"), 0o600);
    joins(&Process::listening_with(PROXY1, &[&words[..], &["--ticket-file", &file]].concat(), &home)).await;
    let variable = [&home[..], &[("PASO_TICKET", &*ticket)]].concat();
    joins(&Process::listening_with(PROXY1, &words, &variable)).await;
    joins(&sealed_proxy1("0", proxy2.address(), &folder)).await;
    says(ends(PROXY1, &words, &home), 1, &["no ticket", "--ticket", "PASO_TICKET"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_start_says_how_to_join() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let (port, state) = (target.address().port().to_string(), folder.path("state"));
    let proxy2 = Process::spawn(PROXY2, &["0", "127.0.0.1", &port, "--state", &state]);
    let line = proxy2.wait_for("--ticket");
    let words: Vec<_> = line.split_whitespace().collect();
    let ["proxy1", "8080", host, port, "--ticket", ticket] = words[..] else { panic!("{line}") };
    joins(&Process::listening(PROXY1, &["0", host, port, "--ticket", ticket])).await;
    // The other command finds the ticket by itself, from wherever it is run.
    let line = proxy2.wait_for("proxy1 8080");
    let words: Vec<_> = line.split_whitespace().collect();
    let ["proxy1", "8080", host, port, "--state", state] = words[..] else { panic!("{line}") };
    joins(&Process::listening(PROXY1, &["0", host, port, "--state", state])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_start_says_how_to_join_too() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    new_ticket(&folder, "laptop");
    let (port, state) = (target.address().port().to_string(), folder.path("state"));
    let proxy2 = Process::spawn(PROXY2, &["0", "127.0.0.1", &port, "--state", &state]);
    let line = proxy2.wait_for("proxy1 8080");
    let words: Vec<_> = line.split_whitespace().collect();
    let ["proxy1", "8080", host, port, "--state", _] = words[..] else { panic!("{line}") };
    let line = proxy2.wait_for("proxy2 ticket show");
    let command = line.split('`').nth(1).unwrap();
    let words: Vec<_> = command.split_whitespace().skip(1).collect();
    let (code, ticket) = ends(PROXY2, &words, &[]);
    assert_eq!(code, Some(0), "{command}: {ticket}");
    joins(&Process::listening(PROXY1, &["0", host, port, "--ticket", ticket.trim()])).await;
}

#[test]
fn the_ticket_commands() {
    let folder = Folder::new();
    let ticket = new_ticket(&folder, "laptop");
    assert!(ticket.starts_with("paso1"), "{ticket}");
    says(ticket_command(&folder, &["show", "laptop"]), 0, &[&ticket]);
    says(ticket_command(&folder, &["list"]), 0, &["laptop", "valid"]);
    says(ends(PROXY2, &["--state", &folder.path("state"), "ticket", "list"], &[]), 0, &["laptop", "valid"]);
    says(ends(PROXY2, &["ticket", "list", "--state", &folder.path("none")], &[]), 1, &["no tickets are in"]);
    says(ticket_command(&folder, &["add", "laptop"]), 1, &["'laptop' exists already"]);
    says(ticket_command(&folder, &["revoke", "desk"]), 1, &["no ticket is named 'desk'"]);
    says(ticket_command(&folder, &["add", "a b"]), 2, &["letters"]);
    says(ticket_command(&folder, &["revoke", "laptop"]), 0, &["laptop is revoked"]);
    says(ticket_command(&folder, &["list"]), 0, &["laptop", "revoked"]);
    says(ticket_command(&folder, &["show", "laptop"]), 1, &["has been revoked"]);
}

#[test]
fn a_mistyped_ticket_is_named_as_such() {
    let folder = Folder::new();
    let ticket = new_ticket(&folder, "laptop");
    let last = ticket.chars().last().unwrap();
    let wrong = format!("{}{}", &ticket[..ticket.len() - 1], if last == 'q' { 'r' } else { 'q' });
    let words = ["0", "127.0.0.1", "5000"];
    says(ends(PROXY1, &[&words[..], &["--ticket", &wrong]].concat(), &[]), 2, &["--ticket", "mistyped"]);
    says(ends(PROXY1, &words, &[("PASO_TICKET", &wrong)]), 2, &["PASO_TICKET", "mistyped"]);
    let file = folder.file("ticket", &wrong, 0o600);
    says(ends(PROXY1, &[&words[..], &["--ticket-file", &file]].concat(), &[]), 1, &["mistyped", &file]);
    let cut = &ticket[..ticket.len() - 5];
    says(ends(PROXY1, &[&words[..], &["--ticket", cut]].concat(), &[]), 2, &["cut"]);
    says(ends(PROXY1, &[&words[..], &["--ticket", "hello"]].concat(), &[]), 2, &["not a ticket"]);
}

#[cfg(unix)]
#[test]
fn a_key_or_ticket_that_others_can_read_is_refused() {
    let folder = Folder::new();
    let ticket = new_ticket(&folder, "laptop");
    let file = folder.file("ticket", &ticket, 0o644);
    let words = ["0", "127.0.0.1", "5000", "--ticket-file", &file];
    says(ends(PROXY1, &words, &[]), 1, &["others can read", "chmod 600", &file]);
    let state = folder.path("state");
    let key = format!("{state}/server.key");
    set_mode(Path::new(&key), 0o640);
    let words = ["0", "127.0.0.1", "5000", "--state", &state];
    says(ends(PROXY2, &words, &[]), 1, &["others can read", "chmod 600", &key]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_ticket_does_not_join_and_is_told() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let ticket = new_ticket(&folder, "laptop");
    // As after a loss of the list of tickets: the key is the same.
    std::fs::remove_file(folder.path("state/tickets")).unwrap();
    let port = proxy2.address().port().to_string();
    // proxy2 looks at the list twice a second.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let proxy1 = Process::listening(PROXY1, &["0", "127.0.0.1", &port, "--ticket", &ticket]);
    proxy1.wait_for("does not know this ticket");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoking_ends_a_running_link_at_once() {
    let mut target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let ticket = new_ticket(&folder, "laptop");
    let port = proxy2.address().port().to_string();
    let proxy1 = Process::listening(PROXY1, &["0", "127.0.0.1", &port, "--ticket", &ticket]);
    let other = sealed_proxy1("0", proxy2.address(), &folder);
    let mut client = TcpStream::connect(proxy1.address()).await.unwrap();
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");

    let revoked = Instant::now();
    says(ticket_command(&folder, &["revoke", "laptop"]), 0, &[]);
    read_to_reset(&mut client).await;
    assert!(!target.connection_ended().await, "the target saw an orderly end");
    assert!(revoked.elapsed() < Duration::from_secs(3), "{:?}", revoked.elapsed());
    proxy1.wait_for("revoked");
    is_turned_away(proxy1.address()).await;
    joins(&other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_one_process_too() {
    let target = Target::start(Manner::Echo).await;
    let link = SealedLink::new();
    let mut pair = Pair::start_with(target.address(), &link).await;
    let unknown = link.with_unknown_ticket();
    let mut stranger = Proxy::entry_with("0".parse().unwrap(), pair.proxy2.address, unknown).await;
    stranger.wait_for_count(Count::HandshakesRefused, 1).await;
    let mut client = pair.connect().await;
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    link.revoke();
    read_to_reset(&mut client).await;
    pair.wait_for_streams(0).await;
    let links_up = |now: &tunnel::metrics::Counters| now.sealed.get(Count::LinksUp) == 0;
    pair.proxy2.wait_until("no link is up", links_up).await;
}
