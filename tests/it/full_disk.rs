//! A disk that is full when keys or tickets are written: a sentence, and nothing half-written in the way afterwards.
#![cfg(unix)]

use testbed::folder::Folder;
use testbed::process::Process;

use crate::programs::PROXY2;

/// Runs proxy2 as if no byte could be written to a file; its exit code and what it said.
fn without_room(words: &[&str]) -> (Option<i32>, String) {
    // The shell's limit of a file's size; the signal that comes with it would end the program before it can speak.
    let script = r#"trap "" XFSZ; ulimit -f 0; exec "$0" "$@""#;
    run("/bin/sh", &[&["-c", script, PROXY2], words].concat())
}

fn run(program: &str, words: &[&str]) -> (Option<i32>, String) {
    let mut process = Process::spawn(program, words);
    (process.wait().code(), process.output())
}

#[test]
fn a_key_is_written_whole_or_not_at_all() {
    let folder = Folder::new();
    let state = folder.path("state");
    let start = ["0", "127.0.0.1", "9", "--state", &state];
    let (code, output) = without_room(&start);
    assert!(
        code == Some(1) && output.contains("cannot write") && output.contains("state"),
        "{code:?} {output}"
    );
    let left = std::fs::read_dir(&state).unwrap().flatten().map(|entry| entry.file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["tickets.lock"]);
    Process::spawn(PROXY2, &start).wait_for("proxy1 8080");
}

#[test]
fn the_old_tickets_stay_when_the_new_ones_find_no_room() {
    let folder = Folder::new();
    let state = folder.path("state");
    let _proxy2 = Process::listening(PROXY2, &["0", "127.0.0.1", "9", "--state", &state]);
    let list = ["ticket", "list", "--state", &state];
    let before = run(PROXY2, &list);
    for change in [["add", "desk"], ["revoke", "default"]] {
        let (code, output) = without_room(&[&["ticket"], &change[..], &["--state", &state]].concat());
        assert!(code == Some(1) && output.contains("cannot write"), "{code:?} {output}");
        assert!(change[0] == "add" || output.contains("'default' is not revoked"), "{output}");
        assert_eq!(run(PROXY2, &list), before);
    }
    let (code, output) = run(PROXY2, &["ticket", "add", "desk", "--state", &state]);
    assert_eq!(code, Some(0), "{output}");
}
