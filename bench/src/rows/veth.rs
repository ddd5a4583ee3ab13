//! An interface that takes 9,000-byte frames: two network namespaces joined by a pair of virtual ones, loaded by iperf3.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use super::{Context, Figure, Goal, Sample};
use crate::pair::{Folder, Tunnel, in_path};
use crate::process::Process;

static SMALL: Figure = Figure::new("veth, 1,500-byte frames", "Gbit/s", Goal::More);
static LARGE: Figure = Figure::new("veth, 9,000-byte frames", "Gbit/s", Goal::More);
static RATIO: Figure = Figure::new("9,000-byte frames against 1,500", "times", Goal::AtLeast(1.4));

pub(super) fn large_frames(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    if let Some(missing) = missing() {
        bail!("skipped: it needs {missing}");
    }
    let spaces = Spaces::new()?;
    let seconds = context.time.as_secs().max(1).to_string();
    let small = through(context, &spaces, 1_472, &seconds)?;
    let large = through(context, &spaces, 8_972, &seconds)?;
    let name = tunnel.name();
    Ok(vec![SMALL.is(name, small), LARGE.is(name, large), RATIO.is(name, large / small)])
}

/// What this machine does not have.
fn missing() -> Option<&'static str> {
    if !in_path("iperf3") {
        return Some("iperf3");
    }
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    (!root || !in_path("ip")).then_some("root and iproute2 for network namespaces")
}

/// Gbit/s through a pair whose two ends are on the two sides.
fn through(context: &Context, spaces: &Spaces, datagram: u16, seconds: &str) -> Result<f64> {
    let (state, datagram) = (Folder::new()?, datagram.to_string());
    let _server = Process::start(spaces.at(1).args(["iperf3", "-s", "-B", "127.0.0.1"]))?;
    let start = |side: usize, name: &str, words: [&str; 3]| {
        let mut command = spaces.at(side);
        command.arg(context.programs.path(name)).args(words);
        command.args(["--max-datagram", &datagram, "--state"]).arg(&state.0);
        let process = Process::start(&mut command)?;
        anyhow::Ok((process.listening()?, process))
    };
    let (_, _proxy2) = start(1, "proxy2", ["10.79.0.2:4000", "127.0.0.1", "5201"])?;
    let (near, _proxy1) = start(0, "proxy1", ["127.0.0.1:0", "10.79.0.2", "4000"])?;
    let mut client = spaces.at(0);
    client.args([
        "iperf3",
        "-J",
        "-O",
        "1",
        "-t",
        seconds,
        "-c",
        "127.0.0.1",
        "-p",
        &near.port().to_string(),
    ]);
    let output = client.stderr(Stdio::inherit()).output()?;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let rate = report["end"]["sum_received"]["bits_per_second"].as_f64();
    Ok(rate.context("iperf3 did not get through")? / 1e9)
}

/// Two namespaces and what joins them; gone when it is dropped.
struct Spaces {
    names: [String; 2],
}

impl Spaces {
    fn new() -> Result<Self> {
        let id = std::process::id();
        let spaces = Self { names: [format!("pasobench{id}a"), format!("pasobench{id}b")] };
        let [a, b] = &spaces.names;
        ip(&["netns", "add", a])?;
        ip(&["netns", "add", b])?;
        ip(&[
            "-n", a, "link", "add", "bench", "mtu", "9000", "type", "veth", "peer", "name", "bench", "mtu",
            "9000", "netns", b,
        ])?;
        for (name, address) in [(a, "10.79.0.1/24"), (b, "10.79.0.2/24")] {
            ip(&["-n", name, "addr", "add", address, "dev", "bench"])?;
            ip(&["-n", name, "link", "set", "bench", "up"])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
        }
        Ok(spaces)
    }

    /// A command that runs on one side; its program and arguments follow.
    fn at(&self, side: usize) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[side]]);
        command
    }
}

impl Drop for Spaces {
    fn drop(&mut self) {
        for name in &self.names {
            // What is left of a namespace that could not be made is nothing.
            let _ = ip(&["netns", "del", name]);
        }
    }
}

fn ip(words: &[&str]) -> Result<()> {
    let status = Command::new("ip").args(words).status()?;
    ensure!(status.success(), "ip {} failed", words.join(" "));
    Ok(())
}
