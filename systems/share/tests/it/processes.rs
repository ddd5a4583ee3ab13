//! The program itself: killed at any moment, held up by others, told nonsense.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// `share serve` over plain TCP, killed when it is dropped.
struct Serving {
    child: Child,
    at: String,
}

impl Serving {
    fn start(index: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_share"))
            .args(["serve", "--plain-only", "--listen", "0", "--index"])
            .arg(index)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let at = line.split(' ').nth(3).unwrap_or_else(|| panic!("it said {line:?}")).to_owned();
        Self { child, at }
    }

    /// As `kill -9` does.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status that comes back, if one does.
fn ask(at: &str, request: &str) -> Option<u8> {
    let mut stream = TcpStream::connect(at).ok()?;
    stream.write_all(request.replace('|', "\0").as_bytes()).ok()?;
    let mut status = [0];
    stream.read_exact(&mut status).ok()?;
    Some(status[0])
}

#[test]
fn what_was_answered_is_there_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let mut registered: Vec<String> = Vec::new();
    for round in 0..4 {
        let serving = Serving::start(&index);
        for user in &registered {
            assert_eq!(
                ask(&serving.at, &format!("REGISTER|{user}|")),
                Some(1),
                "{user} was lost in round {round}"
            );
        }
        // Several at a time, so that it is killed in the middle of a transaction.
        let clients: Vec<_> = (0..8)
            .map(|client| {
                let at = serving.at.clone();
                thread::spawn(move || {
                    let name = |number| format!("user{round}-{client}-{number}");
                    (0..)
                        .map(name)
                        .take_while(|user| ask(&at, &format!("REGISTER|{user}|")) == Some(0))
                        .collect()
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(60 + 70 * round));
        serving.kill();
        registered.extend(clients.into_iter().flat_map(|client| -> Vec<String> { client.join().unwrap() }));
    }
    assert!(!registered.is_empty());
}

#[test]
fn who_holds_connections_open_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(&folder.path().join("index"));
    let begun = Instant::now();
    // Each sends a byte and no more; the last ones find no place.
    let mut held = Vec::new();
    for _ in 0..255 {
        let mut stream = TcpStream::connect(&serving.at).unwrap();
        stream.write_all(b"R").unwrap();
        held.push(stream);
    }
    assert_eq!(ask(&serving.at, "REGISTER|alice|"), Some(0), "one place is left");
    let mut first = held.remove(0);
    first.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert_eq!(first.read(&mut [0]).unwrap(), 0, "it is closed");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_script_ends_with_a_code_that_says_how_it_went() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(&folder.path().join("index"));
    let run = |script: &str| {
        let path = folder.path().join("script");
        std::fs::write(&path, script).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_share"));
        command.args(["client", "--server", &serving.at, "--script"]).arg(&path);
        let output = command.arg("--published").arg(folder.path().join("published")).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(
        run("# a comment\n\nREGISTER alice\nconnect alice\nQUIT\n"),
        (Some(0), "c> REGISTER OK\nc> CONNECT OK\n".into())
    );
    assert_eq!(run("REGISTER alice\n"), (Some(3), "c> USERNAME IN USE\n".into()));
    assert_eq!(run("CONNECT alice\n"), (Some(0), "c> CONNECT OK\n".into()), "it disconnects at its end");
    // What stands behind the first 4 KiB is no command of its own.
    let long = format!("#{}REGISTER mallory\nREGISTER bob\n", " ".repeat(4_095));
    assert_eq!(
        run(&long),
        (Some(3), "c> line 1 is longer than 4096 bytes: it was passed over\nc> REGISTER OK\n".into())
    );
    assert_eq!(run("REGISTER mallory\n"), (Some(0), "c> REGISTER OK\n".into()));
    let code = |words: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_share")).args(words).output().unwrap().status.code()
    };
    assert_eq!(code(&["client", "--server", "nowhere"]), Some(2));
    let no_script = folder.path().display().to_string();
    assert_eq!(code(&["client", "--server", &serving.at, "--script", &no_script]), Some(1), "a folder");
    assert_eq!(
        code(&["serve", "--plain-only", "--listen", "0", "--index", "/no/such/folder/index"]),
        Some(1)
    );
}
