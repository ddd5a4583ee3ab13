//! In a terminal of 80 columns nothing wraps, and where colours are not wanted there is no escape sequence. Python makes the terminal.
#![cfg(unix)]

use std::process::{Command, Stdio};

use testbed::folder::Folder;
use testbed::process::Process;

use crate::programs::{ECHO, PASO, PROXY1, PROXY2, python_is_missing};

/// Runs a program in a terminal of 24 lines and 80 columns until it ends, or has said a word, and prints what it wrote. The program begins
/// when the terminal has its size.
const TERMINAL: &str = r#"
import fcntl, os, pty, select, signal, struct, sys, termios
word, words = sys.argv[1].encode(), sys.argv[2:]
ready, go = os.pipe()
pid, terminal = pty.fork()
if pid == 0:
    os.read(ready, 1)
    os.execv(words[0], words)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
os.write(go, b"x")
out, told = b"", False
while select.select([terminal], [], [], 20)[0]:
    try:
        more = os.read(terminal, 65536)
    except OSError:
        break
    if not more:
        break
    out += more
    if word and word in out and not told:
        told = True
        os.kill(pid, signal.SIGTERM)
else:
    os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
sys.stdout.buffer.write(out)
"#;

/// What the program wrote, its standard output and the other one.
fn in_terminal(program: &str, until: &str, words: &[&str], variable: (&str, &str)) -> String {
    let mut command = Command::new("python3");
    command.args(["-c", TERMINAL, until, program]).args(words);
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_LOG", "PASO_TICKET"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm-256color").env(variable.0, variable.1).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Programs, the word that ends those that do not end by themselves, and their words. `@` is a folder, `#` the address of an echo server.
const CASES: &[(&str, &str, &str)] = &[
    (PROXY2, "Join as", "0 localhost 80 --state @/fresh"),
    (PROXY1, "link up", "0 # --ticket-file @/ticket"),
    (PROXY1, "", "--help"),
    (PROXY1, "", "0 localhost 5000 --idle soon"),
    (PROXY1, "", "0 localhost 5000 --state @/none"),
    (PROXY1, "", ":0 localhost 5000"),
    (PROXY2, "", "--frobnicate"),
    (PROXY2, "", "ticket list --state @/state"),
    (PROXY2, "", "ticket show laptop --state @/state"),
    (PROXY2, "", "ticket allow laptop dial:nonsense:x --state @/state"),
    (PASO, "", "find --at # --ticket-file @/ticket"),
    (PASO, "", "ticket"),
    (PASO, "", "nc localhost:1 --at # --ticket-file @/ticket"),
    (ECHO, "", "client % --clients 3 --bytes 3MB"),
    (ECHO, "", "client 127.0.0.1:1"),
    (ECHO, "", "client --help"),
];

/// Runs all cases with this variable.
fn all(variable: (&str, &str), mut check: impl FnMut(&str, &str)) {
    if python_is_missing() {
        return;
    }
    let folder = Folder::new();
    let state = folder.path("state");
    let echo = Process::listening(ECHO, &["serve", "0"]);
    let proxy2 = Process::listening(PROXY2, &["0", &echo.address().to_string(), "--state", &state]);
    let mut made = Process::spawn(
        PROXY2,
        &["ticket", "add", "laptop", "--out", &folder.path("ticket"), "--state", &state],
    );
    assert!(made.wait().success(), "{}", made.output());
    for (program, until, line) in CASES {
        let line = line.replace('@', folder.path("").trim_end_matches('/'));
        let line = line.replace('#', &proxy2.address().to_string()).replace('%', &echo.address().to_string());
        let words: Vec<_> = line.split_whitespace().collect();
        check(&line, &in_terminal(program, until, &words, variable));
    }
}

#[test]
fn without_colours_there_is_no_escape_sequence() {
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb"), ("CLICOLOR", "0")] {
        all(variable, |line, said| {
            assert!(!said.is_empty() && !said.contains('\u{1b}'), "{variable:?} {line}:\n{said:?}");
        });
    }
}

#[test]
fn nothing_wraps_and_colours_are_there_where_they_are_wanted() {
    let mut coloured = 0;
    all(("CLICOLOR", "1"), |line, said| {
        coloured += usize::from(said.contains("\u{1b}["));
        for row in said.split(['\r', '\n']) {
            let plain = plain(row);
            // What is said while it runs is a line of a log; a ticket is to be copied as one word.
            let is_log = plain.starts_with("20") && plain.contains("Z ");
            let is_ticket = plain.contains("--ticket paso1");
            assert!(is_log || is_ticket || plain.chars().count() <= 80, "{line}:\n{plain}");
        }
    });
    assert!(coloured > 5, "{coloured} of {} programs are in colour", CASES.len());
}

/// The text without escape sequences.
fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    let rest =
        parts.map(|part| part.find(|c: char| c.is_ascii_alphabetic()).map_or("", |end| &part[end + 1..]));
    rest.fold(first, |all, part| all + part)
}

#[test]
fn the_bar_says_what_it_shows_in_the_units_of_the_table() {
    if python_is_missing() {
        return;
    }
    let echo = Process::listening(ECHO, &["serve", "0"]);
    let words =
        ["client", &echo.address().to_string(), "--bytes", "100kB", "--chunk", "10kB", "--think", "50ms"];
    let said = in_terminal(ECHO, "", &words, ("CLICOLOR", "1"));
    let plain = plain(&said);
    assert!(plain.contains("returned ") && plain.contains(" of 100 kB"), "{plain}");
    assert!(plain.contains("bit/s, "), "{plain}");
}
