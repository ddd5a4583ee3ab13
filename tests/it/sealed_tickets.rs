//! A ticket lets a proxy1 join: from the command line, a file, the environment or the local state folder. A wrong one, a
//! mistyped one, a revoked one, an exposed one are each told apart in one sentence.

use std::path::Path;

use testbed::client::{exchange, is_turned_away, read_to_reset};
use testbed::folder::{Folder, set_mode};
use testbed::pair::{Pair, Proxy, SealedLink};
use testbed::process::Process;
use testbed::target::{Manner, Target};

use crate::programs::{PROXY1, PROXY2, greeted, sealed_proxy1, sealed_proxy2};

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

/// A folder in which a proxy2 has run once.
fn started_folder() -> Folder {
    let folder = Folder::new();
    let mut proxy2 = sealed_proxy2("0", ([127, 0, 0, 1], 9).into(), &folder);
    proxy2.signal("TERM");
    proxy2.wait();
    folder
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
    greeted(proxy1).await;
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
async fn each_start_says_how_to_join_and_no_ticket_goes_into_a_log() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let (port, state) = (target.address().port().to_string(), folder.path("state"));
    for _ in ["the first", "a later one"] {
        let mut proxy2 = Process::spawn(PROXY2, &["0", "127.0.0.1", &port, "--state", &state]);
        let line = proxy2.wait_for("proxy2 ticket add");
        let command = line.trim();
        let line = proxy2.wait_for("--ticket-file FILE");
        let words: Vec<_> = line.split_whitespace().collect();
        let ["proxy1", "8080", host, port, "--ticket-file", "FILE"] = words[..] else { panic!("{line}") };
        let name = format!("laptop{port}");
        let words: Vec<_> = command.split_whitespace().skip(1).collect();
        let file = folder.path(&name);
        let words: Vec<_> = words
            .iter()
            .map(|word| match *word {
                "NAME" => &*name,
                "FILE" => &*file,
                other => other,
            })
            .collect();
        let (code, said) = ends(PROXY2, &words, &[]);
        assert_eq!(code, Some(0), "{command}: {said}");
        joins(&Process::listening(PROXY1, &["0", host, port, "--ticket-file", &file])).await;
        // The other command finds the ticket by itself, from wherever it is run.
        let line = proxy2.wait_for("proxy1 8080");
        let words: Vec<_> = line.split_whitespace().collect();
        let ["proxy1", "8080", host, port, "--state", state] = words[..] else { panic!("{line}") };
        joins(&Process::listening(PROXY1, &["0", host, port, "--state", state])).await;
        proxy2.signal("TERM");
        proxy2.wait();
        assert!(!proxy2.output().contains("paso1"), "{}", proxy2.output());
    }
}

/// `script` gives a program a terminal.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
async fn the_first_start_shows_the_ticket_to_a_terminal() {
    if std::process::Command::new("script").arg("--version").output().is_err() {
        eprintln!("skipped: there is no `script`");
        return;
    }
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let (port, state) = (target.address().port().to_string(), folder.path("state"));
    // A SIGHUP, which is what it gets when `script` is killed, does not end it.
    let command = format!("exec setpriv --pdeathsig KILL {PROXY2} 0 127.0.0.1 {port} --state {state}");
    let proxy2 = Process::spawn("script", &["-qfc", &command, "/dev/null"]);
    let line = proxy2.wait_for("--ticket paso1");
    let words: Vec<_> = line.split_whitespace().collect();
    let ["proxy1", "8080", host, port, "--ticket", ticket] = words[..] else { panic!("{line}") };
    joins(&Process::listening(PROXY1, &["0", host, port, "--ticket", ticket])).await;
}

#[test]
fn the_ticket_commands() {
    let folder = started_folder();
    let ticket = new_ticket(&folder, "laptop");
    assert!(ticket.starts_with("paso1") && ticket.lines().count() == 1, "{ticket}");
    let (code, shown) = ticket_command(&folder, &["show", "laptop"]);
    assert!(!shown.contains("paso1"), "{shown}");
    says((code, shown), 0, &["laptop", "valid", "shown only when it was made", "ticket add NAME --state"]);
    says(ticket_command(&folder, &["show", "default"]), 0, &["default", "valid", "local.ticket"]);
    says(ticket_command(&folder, &["list"]), 0, &["default", "laptop", "valid", "-"]);
    says(ends(PROXY2, &["--state", &folder.path("state"), "ticket", "list"], &[]), 0, &["laptop", "valid"]);
    says(ticket_command(&folder, &["add", "laptop"]), 1, &["'laptop' exists already"]);
    says(ticket_command(&folder, &["revoke", "desk"]), 1, &["no ticket is named 'desk'"]);
    says(ticket_command(&folder, &["add", "a b"]), 2, &["letters"]);
    says(
        ticket_command(&folder, &["revoke", "laptop"]),
        0,
        &["laptop is revoked", "no proxy2 is running in"],
    );
    says(ticket_command(&folder, &["list"]), 0, &["laptop", "revoked"]);
    says(ticket_command(&folder, &["show", "laptop"]), 0, &["It is revoked"]);
    says(ticket_command(&folder, &["add", "laptop"]), 1, &["'laptop' was revoked"]);
}

#[test]
fn a_ticket_is_written_to_a_new_file() {
    let folder = started_folder();
    let file = folder.path("desk.ticket");
    says(ticket_command(&folder, &["add", "desk", "--out", &file]), 0, &["desk is valid", &file]);
    let ticket = std::fs::read_to_string(&file).unwrap();
    assert!(ticket.starts_with("paso1"));
    says(ticket_command(&folder, &["add", "phone", "--out", &file]), 1, &["cannot create", &file]);
    says(ticket_command(&folder, &["show", "phone"]), 1, &["no ticket is named 'phone'"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), ticket);
    let (_, printed) = ticket_command(&folder, &["add", "tablet", "--out", "-"]);
    assert!(printed.starts_with("paso1"), "{printed}");
}

#[test]
fn a_ticket_says_where_proxy2_is() {
    let folder = started_folder();
    let at = ["--at", "Exit.example:5000,443", "--at", "[2001:db8::1]:53"];
    let places = |text: &str| {
        let ticket: proto::ticket::Ticket = text.parse().unwrap();
        ticket.places().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let expected = ["exit.example:5000,443", "[2001:db8::1]:53"];
    let (code, printed) = ticket_command(&folder, &[&["add", "laptop"], &at[..]].concat());
    assert_eq!(code, Some(0), "{printed}");
    assert_eq!(places(&printed), expected);
    let file = folder.path("desk.ticket");
    says(
        ticket_command(&folder, &[&["add", "desk", "--out", &file], &at[..]].concat()),
        0,
        &["desk is valid"],
    );
    assert_eq!(places(&std::fs::read_to_string(&file).unwrap()), expected);
    assert!(places(&new_ticket(&folder, "phone")).is_empty());
    let kept = std::fs::read_to_string(folder.path("state/tickets")).unwrap();
    assert!(!kept.contains("exit.example") && kept.lines().count() == 4, "{kept}");
}

#[test]
fn places_that_a_ticket_cannot_have_make_none() {
    let folder = started_folder();
    for (at, words) in [
        (&["exit.example"][..], "has no port: write one"),
        (&["exit.example:443,0"], "'0' is not a port"),
        (&["0.0.0.0:5000"], "where a program listens"),
        (&["a:1", "b:1", "a:2,1"], "a:1 stands there twice"),
    ] {
        let options = at.iter().flat_map(|place| ["--at", place]);
        let words_of_add: Vec<_> = ["add", "laptop"].into_iter().chain(options).collect();
        says(ticket_command(&folder, &words_of_add), 2, &["--at", words]);
        says(ticket_command(&folder, &["show", "laptop"]), 1, &["no ticket is named 'laptop'"]);
    }
}

/// As when the service has its state elsewhere: a false sense of safety for a lost laptop.
#[test]
fn ticket_commands_in_the_wrong_folder_make_nothing_and_say_so() {
    let folder = Folder::new();
    let state = folder.path("state");
    for words in [&["add", "laptop"][..], &["list"], &["show", "default"], &["revoke", "default"]] {
        says(ticket_command(&folder, words), 1, &["no proxy2 has its key in", &state, "--state DIR"]);
        assert!(!Path::new(&state).exists(), "{words:?}");
    }
}

#[test]
fn a_mistyped_ticket_is_named_as_such() {
    let folder = started_folder();
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
    let folder = started_folder();
    let ticket = new_ticket(&folder, "laptop");
    let file = folder.file("ticket", &ticket, 0o644);
    let words = ["0", "127.0.0.1", "5000", "--ticket-file", &file];
    set_mode(Path::new(&folder.path("")), 0o755);
    if folder.is_in_public() {
        says(ends(PROXY1, &words, &[]), 1, &["others can read", "chmod 600", &file]);
    }
    set_mode(Path::new(&folder.path("")), 0o700);
    drop(Process::listening(PROXY1, &words));
    let state = folder.path("state");
    let key = format!("{state}/server.key");
    set_mode(Path::new(&key), 0o640);
    let words = ["0", "127.0.0.1", "5000", "--state", &state];
    says(ends(PROXY2, &words, &[]), 1, &["others can read", "chmod 600", &key]);
}

#[test]
fn a_ticket_comes_from_the_standard_input() {
    let folder = started_folder();
    let ticket = new_ticket(&folder, "laptop");
    let words = ["0", "127.0.0.1", "5000", "--ticket-file", "-"];
    let start = |text: &[u8]| Process::spawn_reading(PROXY1, &words, text);
    for text in
        [format!("{ticket}\n"), ticket.clone(), format!("{ticket}\r\nmore"), format!("\u{feff}{ticket}\r\n")]
    {
        drop(start(text.as_bytes()).until_listening());
    }
    let utf16: Vec<u8> = format!("\u{feff}{ticket}\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wrong = |text: &[u8], words: &[&str]| {
        let mut process = start(text);
        let code = process.wait().code();
        says((code, process.output()), 2, &[words, &["standard input"]].concat());
    };
    wrong(b"", &["no ticket", "--ticket-file -"]);
    wrong(b"\n", &["no ticket"]);
    wrong(&ticket.as_bytes()[..80], &["cut"]);
    wrong(&[b'a'; 10_000], &["first line", "more than"]);
    wrong(&utf16, &["UTF-16"]);
    wrong(b"hello\n", &["not a ticket"]);
}

/// `script` gives a program a terminal, and ends its input.
#[cfg(target_os = "linux")]
#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn a_terminal_is_asked_for_the_ticket() {
    if std::process::Command::new("script").arg("--version").output().is_err() {
        eprintln!("skipped: there is no `script`");
        return;
    }
    let command = format!("{PROXY1} 0 127.0.0.1 5000 --ticket-file -");
    let answer = ends("script", &["-qefc", &command, "/dev/null"], &[]);
    says(answer, 2, &["Paste the ticket", "no ticket on standard input"]);
}

#[test]
fn a_byte_order_mark_before_a_ticket_is_skipped() {
    let folder = started_folder();
    let marked = format!("\u{feff}{}\r\n", new_ticket(&folder, "laptop"));
    let words = ["0", "127.0.0.1", "5000"];
    drop(Process::listening_with(PROXY1, &words, &[("PASO_TICKET", &marked)]));
    let file = folder.file("ticket", &marked, 0o600);
    drop(Process::listening(PROXY1, &[&words[..], &["--ticket-file", &file]].concat()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_ticket_does_not_join_and_is_told() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    tunnel::state::StateDir::locate(Some(folder.path("state").into())).unwrap().server().unwrap();
    let ticket = new_ticket(&folder, "laptop");
    // As after a loss of the line: the key is the same. A proxy2 that had seen it would call the ticket revoked.
    let path = folder.path("state/tickets");
    let text = std::fs::read_to_string(&path).unwrap();
    let others: Vec<_> = text.lines().filter(|line| !line.starts_with("laptop")).collect();
    std::fs::write(&path, others.join("\n")).unwrap();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let port = proxy2.address().port().to_string();
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
    let mut client = greeted(&proxy1).await;

    says(ticket_command(&folder, &["revoke", "laptop"]), 0, &["the running proxy2 has ended its links"]);
    // It is confirmed: nobody comes in from now on.
    let late = Process::listening(PROXY1, &["0", "127.0.0.1", &port, "--ticket", &ticket]);
    read_to_reset(&mut client).await;
    assert!(!target.connection_ended().await, "the target saw an orderly end");
    late.wait_for("revoked");
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
    stranger.wait_for_count(|now| now.handshakes_refused, 1).await;
    let mut client = pair.connect().await;
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    link.revoke();
    read_to_reset(&mut client).await;
    pair.wait_for_streams(0).await;
    let links_up = |now: &tunnel::metrics::Counters| now.links_up == 0;
    pair.proxy2.wait_until("no link is up", links_up).await;
}

/// A ticket that has been handed out is one that counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_right_after_the_ticket_was_made_is_let_in() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let port = proxy2.address().port().to_string();
    for name in ["one", "two", "three"] {
        let ticket = new_ticket(&folder, name);
        let proxy1 = Process::listening(PROXY1, &["0", "127.0.0.1", &port, "--ticket", &ticket]);
        proxy1.wait_for("link up");
        assert!(!proxy1.output().contains("does not let this proxy1 in"), "{}", proxy1.output());
    }
}
