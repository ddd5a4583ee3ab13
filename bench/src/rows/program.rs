//! The programs themselves: how soon they are ready, how large they are.

use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use super::{Context, Figure, Goal, Sample};
use crate::load::float;
use crate::pair::{Folder, Tunnel};
use crate::process::Process;

static START1: Figure = Figure::new("start of proxy1 to ready", "ms", Goal::AtMost(20.0));
static START2: Figure = Figure::new("start of proxy2 to ready", "ms", Goal::AtMost(20.0));
static SIZE1: Figure = Figure::new("proxy1, stripped", "MB", Goal::AtMost(8.0));
static SIZE2: Figure = Figure::new("proxy2, stripped", "MB", Goal::AtMost(8.0));

pub(super) fn start(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let state = Folder::new()?;
    let ready = |name: &str| {
        let mut command = Command::new(context.programs.path(name));
        command.args(["127.0.0.1:0", "127.0.0.1", "9", "--state"]).arg(&state.0);
        let began = Instant::now();
        let process = Process::start(&mut command)?;
        process.listening()?;
        anyhow::Ok(began.elapsed().as_secs_f64() * 1e3)
    };
    // The first start also makes the key and a ticket; both must be quick, the slower one counts.
    let first = ready("proxy2")?;
    let proxy2 = ready("proxy2")?.max(first);
    Ok(vec![START1.is(tunnel.name(), ready("proxy1")?), START2.is(tunnel.name(), proxy2)])
}

pub(super) fn size(context: &Context, tunnel: Tunnel) -> Result<Vec<Sample>> {
    let stripped = |name: &str| {
        let folder = Folder::new()?;
        let copy = folder.0.with_file_name(name);
        std::fs::copy(context.programs.path(name), &copy)?;
        // Where there is no strip the file is what it is.
        let _ = Command::new("strip").arg(&copy).status();
        anyhow::Ok(float(std::fs::metadata(&copy)?.len()) / 1e6)
    };
    Ok(vec![SIZE1.is(tunnel.name(), stripped("proxy1")?), SIZE2.is(tunnel.name(), stripped("proxy2")?)])
}
