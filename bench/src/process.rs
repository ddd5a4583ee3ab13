//! Programs that a measurement starts: ended with it, and watched through /proc.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a program may take to say that it is ready.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running program; killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    /// Starts `command`; what it says on stderr is kept.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        command.env_remove("RUST_LOG").env_remove("PASO_TICKET").env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let (sender, lines) = channel();
        let stderr = child.stderr.take().context("stderr is piped")?;
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Nobody listens any more: keep reading all the same, or the program would block.
                let _ = sender.send(line);
            }
        });
        Ok(Self { child, lines })
    }

    /// The address in the line in which it says where it listens.
    pub(crate) fn listening(&self) -> Result<SocketAddr> {
        let end = Instant::now() + PATIENCE;
        let mut said = String::new();
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            let mut places = line
                .split_whitespace()
                .filter_map(|word| word.strip_prefix("listening=").or_else(|| word.strip_prefix("address=")));
            if let Some(Ok(address)) = places.next().map(|place| place.trim_end_matches("/udp").parse()) {
                return Ok(address);
            }
            said.push_str(&line);
            said.push('\n');
        }
        bail!("it did not say where it listens:\n{said}")
    }

    /// CPU time it and its children have used.
    pub(crate) fn cpu(&self) -> Duration {
        let all = family(self.child.id()).into_iter();
        all.flat_map(threads).filter_map(|task| on_cpu(&format!("{task}/schedstat"))).sum()
    }

    /// Memory it has in RAM, in bytes.
    pub(crate) fn memory(&self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        field(&text, "VmRSS:") * 1024.0
    }

    /// How often its threads have waited and been woken.
    pub(crate) fn wake_ups(&self) -> f64 {
        let count = |task: String| {
            let text = fs::read_to_string(format!("{task}/status")).unwrap_or_default();
            field(&text, "voluntary_ctxt_switches:")
        };
        threads(self.child.id()).into_iter().map(count).sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for pid in family(self.child.id()).into_iter().skip(1) {
            let _ = Command::new("kill").arg(pid.to_string()).stderr(Stdio::null()).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time that this program has used: all its threads, of which none may have ended.
pub(crate) fn own_cpu() -> Duration {
    threads(std::process::id()).into_iter().filter_map(|task| on_cpu(&format!("{task}/schedstat"))).sum()
}

/// CPU time that the calling thread has used.
pub(crate) fn thread_cpu() -> Duration {
    on_cpu("/proc/thread-self/schedstat").unwrap_or_default()
}

/// The first number of a schedstat file: time on a CPU, in nanoseconds.
fn on_cpu(path: &str) -> Option<Duration> {
    let text = fs::read_to_string(path).ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn threads(pid: u32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path().to_string_lossy().into_owned()).collect()
}

/// The process and its children: socat makes one for each connection.
fn family(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    std::iter::once(pid).chain(children).collect()
}

fn field(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()).and_then(|word| word.parse().ok()).unwrap_or(0.0)
}
