//! A program of the machine, run for somebody else: with what it is given on standard input, and nothing else of the node's.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::MAX_OUTPUT;
use crate::wire::Outcome;

/// Where programs are looked for by those that are run, and which language they speak: nothing else of the node's environment is
/// theirs to see.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
const LANG: &str = "C.UTF-8";

pub(super) fn is_executable(program: &Path) -> bool {
    program.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

/// Runs it in a group of its own, of which nothing is left when this ends or is dropped.
pub(super) async fn run(program: &Path, words: &[String], stdin: Vec<u8>) -> (Outcome, Vec<u8>) {
    let mut command = Command::new(program);
    command.args(words).env_clear().env("PATH", PATH).env("LANG", LANG).current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let why = format!("the program cannot be started: {error}");
            return (Outcome { why: Some(why), ..Outcome::default() }, Vec::new());
        }
    };
    let _group = Group::of(child.id());
    let (input, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feeding = async {
        if let Some(mut input) = input {
            // It may not read all of it.
            let _ = input.write_all(&stdin).await;
        }
    };
    let ((), (mut written, is_cut), (errors, is_cut_too), status) =
        tokio::join!(feeding, bounded(stdout), bounded(stderr), child.wait());
    let mut outcome = Outcome { stdout: written.len(), is_cut: is_cut || is_cut_too, ..Outcome::default() };
    match status.map(|status| status.code()) {
        Ok(Some(code)) => outcome.code = u8::try_from(code).ok(),
        Ok(None) => outcome.why = Some("the program was ended by a signal".into()),
        Err(error) => outcome.why = Some(format!("nobody knows how the program ended: {error}")),
    }
    written.extend(errors);
    (outcome, written)
}

/// What comes, up to a bound; the rest is read and dropped, so that the program goes on.
async fn bounded(from: Option<impl AsyncRead + Unpin>) -> (Vec<u8>, bool) {
    let (mut kept, mut is_cut) = (Vec::new(), false);
    let Some(mut from) = from else { return (kept, is_cut) };
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let room = read.min(MAX_OUTPUT - kept.len());
        kept.extend_from_slice(&buffer[..room]);
        is_cut |= room < read;
    }
    (kept, is_cut)
}

/// All that a program has started, and has not left it.
struct Group(Option<Pid>);

impl Group {
    fn of(id: Option<u32>) -> Self {
        Self(id.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // There may be nobody left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    async fn shell(script: &str, stdin: &[u8]) -> (Outcome, Vec<u8>) {
        run(Path::new("/bin/sh"), &["-c".into(), script.into()], stdin.to_vec()).await
    }

    #[tokio::test]
    async fn it_tells_what_was_written_and_how_it_ended() {
        let (outcome, written) = shell("cat; echo wrong >&2; exit 7", b"right").await;
        assert_eq!(
            (outcome.code, &written[..outcome.stdout], &written[outcome.stdout..]),
            (Some(7), &b"right"[..], &b"wrong\n"[..])
        );
        let (outcome, _) = shell("kill -9 $$", b"").await;
        assert!(outcome.code.is_none() && outcome.why.unwrap().contains("signal"));
        let (outcome, _) = run(Path::new("/no/such"), &[], Vec::new()).await;
        assert!(outcome.why.unwrap().contains("cannot be started"));
    }

    #[tokio::test]
    async fn nothing_of_the_node_is_seen_and_no_output_is_endless() {
        let (_, written) = shell("env | grep -v -e PWD -e SHLVL -e ^_=; pwd", b"").await;
        let text = String::from_utf8(written).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["/", "LANG=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin"]);
        let (outcome, written) = shell("head -c 1000000 /dev/zero", b"").await;
        assert!(outcome.is_cut && written.len() == MAX_OUTPUT);
    }

    #[tokio::test]
    async fn who_is_dropped_takes_its_children_along() {
        let folder = std::env::temp_dir().join(format!("peer-group-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("pid");
        let script = format!("sleep 100 & echo $! >{}.new; mv {0}.new {0}; wait", file.display());
        let running = shell(&script, b"");
        let started = async {
            while !file.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! { _ = running => panic!("it waits"), () = started => {} }
        let pid = std::fs::read_to_string(&file).unwrap().trim().to_owned();
        let end = Instant::now() + Duration::from_secs(10);
        // Gone, or dead and waiting for whoever is its parent now.
        let is_dead = || {
            std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
        };
        while !is_dead() {
            assert!(Instant::now() < end, "{pid} lives on");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
