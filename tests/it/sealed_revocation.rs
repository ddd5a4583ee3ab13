//! A revocation is never lost: not when proxy2 has no descriptor left, not on a full disk, not while the tickets file cannot
//! be read. `ticket revoke` says so only when running proxy2s have confirmed it.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use testbed::client::{exchange, is_turned_away, read_to_reset};
use testbed::folder::Folder;
use testbed::pair::PATIENCE;
use testbed::process::Process;
use testbed::target::{Manner, Target};

use crate::programs::{PROXY1, PROXY2, greeted, sealed_proxy1, sealed_proxy2};

fn ticket_command(folder: &Folder, words: &[&str]) -> (Option<i32>, String) {
    let state = folder.path("state");
    let mut process = Process::spawn(PROXY2, &[&["ticket"], words, &["--state", &state]].concat());
    let code = process.wait_for_end(PATIENCE * 3).code();
    (code, process.output())
}

#[track_caller]
fn says((code, output): (Option<i32>, String), expected: i32, words: &[&str]) {
    assert_eq!(code, Some(expected), "{output}");
    for word in words {
        assert!(output.contains(word), "`{word}` is not in:\n{output}");
    }
}

/// The limit is set to what proxy2 has open, as if its clients had taken every descriptor.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
async fn a_proxy2_without_descriptors_takes_a_revocation() {
    if Command::new("prlimit").arg("--version").output().is_err() {
        eprintln!("skipped: there is no `prlimit`");
        return;
    }
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let (port, state) = (target.address().port().to_string(), folder.path("state"));
    let script = r#"echo $$ > "$0"; exec "$@""#;
    let number = folder.path("process");
    let words = ["-c", script, &number, PROXY2, "0", "127.0.0.1", &port, "--state", &state];
    let proxy2 = Process::listening("/bin/sh", &words);
    let proxy1 = sealed_proxy1("0", proxy2.address(), &folder);
    let mut client = greeted(&proxy1).await;
    let process = std::fs::read_to_string(number).unwrap();
    let process = process.trim();
    let is_open =
        |number: &u32| Path::new(&format!("/proc/{process}/fd/{number}")).symlink_metadata().is_ok();
    let limit = (0..).find(|number| !is_open(number)).unwrap();
    let limit = format!("--nofile={limit}:{limit}");
    assert!(Command::new("prlimit").args(["--pid", process, &limit]).status().unwrap().success());
    is_turned_away(proxy1.address()).await;
    says(ticket_command(&folder, &["revoke", "default"]), 0, &["the running proxy2 has ended its links"]);
    read_to_reset(&mut client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_tickets_file_ends_nothing_and_is_said() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let proxy1 = sealed_proxy1("0", proxy2.address(), &folder);
    let mut client = greeted(&proxy1).await;
    let (state, moved) = (folder.path("state"), folder.path("moved"));
    std::fs::rename(&state, &moved).unwrap();
    let line = proxy2.wait_for("is missing");
    assert!(line.contains("old ones stay") && line.contains("tickets"), "{line}");
    assert_eq!(exchange(&mut client, b"still here").await, b"still here");
    std::fs::rename(&moved, &state).unwrap();
    proxy2.wait_for("can be read again");
    assert_eq!(exchange(&mut client, b"and again").await, b"and again");
    says(ticket_command(&folder, &["revoke", "default"]), 0, &["the running proxy2 has ended its links"]);
    read_to_reset(&mut client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy2_that_does_not_confirm_is_no_success() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let other = sealed_proxy2("0", target.address(), &folder);
    proxy2.signal("STOP");
    says(
        ticket_command(&folder, &["revoke", "default"]),
        1,
        &["'default' is revoked, but", "has not confirmed it in 10 s"],
    );
    proxy2.signal("CONT");
    says(ticket_command(&folder, &["revoke", "default"]), 0, &["all 2 running proxy2s have ended its links"]);
    drop(other);
}

/// A disk of 64 KiB, full to the last byte, is mounted over the folder.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_does_not_stop_a_revocation() {
    let Some((folder, _disk)) = SmallDisk::mount() else { return };
    let target = Target::start(Manner::Echo).await;
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let (_, ticket) = ticket_command(&folder, &["add", "laptop"]);
    let port = proxy2.address().port().to_string();
    let proxy1 = Process::listening(PROXY1, &["0", "127.0.0.1", &port, "--ticket", ticket.trim()]);
    let mut client = greeted(&proxy1).await;
    std::fs::write(folder.path("filler"), vec![1; 1 << 20]).unwrap_err();
    says(ticket_command(&folder, &["add", "desk"]), 1, &["cannot write", "os error 28"]);
    says(ticket_command(&folder, &["revoke", "laptop"]), 0, &["the running proxy2 has ended its links"]);
    read_to_reset(&mut client).await;
    let text = std::fs::read_to_string(folder.path("state/tickets")).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("laptop revoked")).collect();
    assert!(lines.len() == 1 && !lines[0].contains("pasopsk"), "its secret is gone: {text}");
    says(ticket_command(&folder, &["list"]), 0, &["default", "laptop", "revoked"]);
}

#[cfg(target_os = "linux")]
struct SmallDisk(String);

#[cfg(target_os = "linux")]
impl SmallDisk {
    /// `None`, aloud, where nothing can be mounted.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn mount() -> Option<(Folder, Self)> {
        let folder = Folder::new();
        let path = folder.path("");
        let words = ["-t", "tmpfs", "-o", "size=64k,mode=700", "none", &path];
        let mounted = Command::new("mount").args(words).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: only root can mount a disk");
            return None;
        }
        Some((folder, Self(path)))
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Programs that still run have files open there.
        _ = Command::new("umount").args(["-l", &self.0]).status();
    }
}
