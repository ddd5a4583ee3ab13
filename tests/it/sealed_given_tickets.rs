//! Tickets as Docker, Podman, Kubernetes and systemd give them: files that belong to root and that others could read by their mode.
//! Each case makes its mounts in a namespace of its own, which needs root.
#![cfg(target_os = "linux")]

use std::process::Command;

use testbed::folder::{Folder, set_mode};
use testbed::process::Process;
use tunnel::state::StateDir;

use crate::programs::PROXY1;

/// A user of services.
const SERVICE: &str = "43210";
const CONTAINER: &[&str] = &["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"];
const HOST: &[&str] = &["--mount"];

/// A container, or a host, in which somebody puts a ticket somewhere.
struct Case {
    namespaces: &'static [&'static str],
    /// The user that proxy1 runs as.
    user: &'static str,
    /// Commands of a shell, in an empty folder that all may enter; `$T` is a ticket.
    script: &'static str,
    /// Where the ticket is then.
    file: &'static str,
}

const fn container(user: &'static str, script: &'static str, file: &'static str) -> Case {
    Case { namespaces: CONTAINER, user, script, file }
}

impl Case {
    /// Starts proxy1 in it, with the folder `credentials` as the service's.
    fn start(&self, folder: &Folder) -> Process {
        set_mode(folder.path("").as_ref(), 0o755);
        let state = StateDir::locate(Some(folder.path("state").into())).unwrap();
        drop(state.server().unwrap());
        let ticket = state.local_ticket().unwrap().to_text();
        // What `unshare` has asked for, that its child ends with it, is forgotten with the change of the user.
        let script = format!(
            "set -e; umask 022; cd \"$1\"; {}; unset T; \
             exec setpriv --pdeathsig KILL --reuid {1} --regid {1} --clear-groups \"$2\" 0 127.0.0.1 5000 --ticket-file \"$1/{2}\"",
            self.script, self.user, self.file
        );
        let shell = ["sh", "-c", &script, "sh", &folder.path(""), PROXY1];
        let variables = [("T", ticket.as_str()), ("CREDENTIALS_DIRECTORY", &folder.path("credentials"))];
        Process::spawn_with("unshare", &[self.namespaces, &shell[..]].concat(), &variables)
    }

    #[track_caller]
    fn is_taken(&self) {
        let folder = Folder::new();
        drop(self.start(&folder).until_listening());
    }

    #[track_caller]
    fn is_refused(&self, words: &str) {
        let folder = Folder::new();
        let mut process = self.start(&folder);
        assert_eq!(process.wait().code(), Some(1), "{}: {}", self.script, process.output());
        let output = process.output();
        assert!(output.contains(words) && output.contains("--ticket-file -"), "{}: {output}", self.script);
    }
}

/// Whether such a case can be made here: aloud if not.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn can_be_made() -> bool {
    let user = ["setpriv", "--reuid", SERVICE, "--regid", SERVICE, "--clear-groups", PROXY1, "--version"];
    let made = Command::new("unshare").args(CONTAINER).args(user).output();
    let is_made = made.is_ok_and(|output| output.status.success());
    if !is_made {
        eprintln!("skipped: no namespaces and other users can be had here");
    }
    is_made
}

/// A file in memory, mounted by itself.
const DOCKER: &str = "mkdir m; mount -t tmpfs t m; printf %s $T >m/t; chmod 444 m/t; touch given; mount --bind m/t given; \
    mount -o remount,bind,ro given; umount -l m";

#[test]
fn secrets_of_docker_and_podman_are_taken() {
    if !can_be_made() {
        return;
    }
    container(SERVICE, DOCKER, "given").is_taken();
    container("0", DOCKER, "given").is_taken();
    let compose =
        "printf %s $T >t; chown 1000 t; touch given; mount --bind t given; mount -o remount,bind,ro given";
    container(SERVICE, compose, "given").is_taken();
    container("0", compose, "given").is_taken();
    let podman = "printf %s $T >t; chmod 444 t; touch given; mount --bind t given";
    container(SERVICE, podman, "given").is_taken();
}

/// As the kubelet makes it: a symbolic link to a symbolic link to the folder of the newest version.
macro_rules! kubernetes {
    ($mode:literal) => {
        concat!(
            "mkdir v; mount -t tmpfs t v; chmod 3777 v; mkdir v/..2026_11_27; ln -s ..2026_11_27 v/..data; ",
            "ln -s ..data/ticket v/ticket; printf %s $T >v/..data/ticket; chgrp -R 43210 v; chmod ",
            $mode,
            " v/..data/ticket; mount -o remount,ro v"
        )
    };
}

#[test]
fn secrets_of_kubernetes_are_taken() {
    if !can_be_made() {
        return;
    }
    for script in [kubernetes!("440"), kubernetes!("444"), kubernetes!("640")] {
        for user in [SERVICE, "0"] {
            container(user, script, "v/ticket").is_taken();
        }
    }
}

/// The group stands for the access control list, which shows in the same bits.
#[test]
fn credentials_of_systemd_are_taken() {
    if !can_be_made() {
        return;
    }
    let host = |script| Case { namespaces: HOST, user: SERVICE, script, file: "credentials/ticket" };
    host("mkdir credentials; printf %s $T >credentials/ticket; chgrp -R 43210 credentials; chmod 440 credentials/ticket; \
        chmod 550 credentials")
    .is_taken();
    host("mkdir credentials; printf %s $T >credentials/ticket").is_refused("others can read");
    let other = "mkdir credentials other; printf %s $T >other/ticket; chgrp 43210 other; chmod 550 other";
    Case { namespaces: HOST, user: SERVICE, script: other, file: "other/ticket" }
        .is_refused("others can read");
}

#[test]
fn what_a_stranger_in_the_container_could_read_or_replace_is_refused() {
    if !can_be_made() {
        return;
    }
    let image = "printf %s $T >given";
    container(SERVICE, image, "given").is_refused("others can read");
    let temporary = "mkdir m; mount -t tmpfs t m; printf %s $T >m/given; chmod 444 m/given";
    container(SERVICE, temporary, "m/given").is_refused("others can read");
    let volume = "mkdir v; mount --bind v v; printf %s $T >v/given; mount -o remount,bind,ro v";
    container(SERVICE, volume, "v/given").is_refused("others can read");
    let writable = "printf %s $T >t; chmod 666 t; touch given; mount --bind t given";
    container(SERVICE, writable, "given").is_refused("others can read");
    let of_another = "printf %s $T >t; chown 1000 t; touch given; mount --bind t given";
    container(SERVICE, of_another, "given").is_refused("could put another ticket in place");
}
