//! A disk that is full when keys or tickets are written: a sentence, and nothing half-written in the way afterwards.
#![cfg(unix)]

use tests::folder::Folder;
use tests::process::Process;

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
    let add = ["ticket", "add", "laptop", "--state", &state];
    let (code, output) = without_room(&add);
    assert!(
        code == Some(1) && output.contains("cannot write") && output.contains("server.key"),
        "{code:?} {output}"
    );
    let (code, output) = run(PROXY2, &add);
    assert!(code == Some(0) && output.starts_with("paso1"), "{code:?} {output}");
}

#[test]
fn the_old_tickets_stay_when_the_new_ones_find_no_room() {
    let folder = Folder::new();
    let state = folder.path("state");
    let (_, ticket) = run(PROXY2, &["ticket", "add", "laptop", "--state", &state]);
    for change in [["add", "desk"], ["revoke", "laptop"]] {
        let (code, output) = without_room(&[&["ticket"], &change[..], &["--state", &state]].concat());
        assert!(code == Some(1) && output.contains("cannot write"), "{code:?} {output}");
        let (_, shown) = run(PROXY2, &["ticket", "show", "laptop", "--state", &state]);
        assert_eq!(shown, ticket);
    }
    let (code, output) = run(PROXY2, &["ticket", "add", "desk", "--state", &state]);
    assert_eq!(code, Some(0), "{output}");
}
