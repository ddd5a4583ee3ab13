//! `share serve`, `share log` and `share time`.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::{io, thread};

use anyhow::Context;
use paso_cli::program::{Printing, Signals};
use tokio::net::TcpListener;

use super::args::{Log, Serve, Time};
use super::log_file::LogFile;
use crate::index::Index;
use crate::serve::Server;
use crate::services::{Reports, Services, serve_log, serve_time};

/// How many lines of the logger wait for the disk at most; what comes then is left out.
const LINES: usize = 4_096;

pub(super) async fn serve(args: Serve, mut signals: Signals) -> anyhow::Result<()> {
    let path = match &args.index {
        Some(path) => path.clone(),
        None => state_folder()?.join("index"),
    };
    let index = Index::open(&path)?;
    let reports = Reports::start(&Services { log: args.log.clone(), time: args.time.clone() })?;
    let mut server = Server::new(index, reports.clone()).with_form(args.status);
    let mut said = String::new();
    let mut link = None;
    if !args.plain_only {
        let joined = tokio::select! {
            biased;
            () = signals.received() => return Ok(()),
            joined = args.join.join() => joined?,
        };
        let listener =
            joined.publish(&args.name).await.with_context(|| format!("cannot publish @{}", args.name))?;
        said.push_str(&format!("s> serving as @{}\n", args.name));
        link = Some(joined.clone());
        server = server.with_link(joined, listener);
    }
    if let Some(listen) = args.listen {
        let listener = bind(listen).await?;
        let at = listener.local_addr()?;
        said.push_str(&format!("s> init server {at} (plain TCP: open to all who reach it)\n"));
        server = server.with_plain(listener);
    }
    Printing::start(said.into()).finish().await.context("cannot write to stdout")?;
    let served = server.run(signals.received()).await?;
    if let Some(link) = link {
        link.close().await.context("the link did not end in order")?;
    }
    let reported = reports.reported();
    tracing::info!(
        operations = served.operations,
        refused = served.refused,
        broken = served.broken,
        logged = reported.logged,
        not_logged = reported.not_logged,
        reports_left_out = reported.left_out,
        not_dated = reported.not_dated,
        "ended"
    );
    Ok(())
}

pub(super) async fn log(args: Log, mut signals: Signals) -> anyhow::Result<()> {
    let listener = bind(args.listen).await?;
    let out: Box<dyn Write + Send> = match &args.file {
        None => Box::new(io::stdout()),
        Some(path) => {
            let file = LogFile::open(path, args.file_size);
            Box::new(file.with_context(|| format!("cannot write to {}", path.display()))?)
        }
    };
    say(format!("l> logging at http://{}\n", listener.local_addr()?)).await;
    let (lines, waiting) = sync_channel(LINES);
    let writing = thread::Builder::new().name("lines".into()).spawn(move || write_lines(out, &waiting))?;
    let left_out = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&left_out);
    let write = move |line| {
        if lines.try_send(line).is_err() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    };
    serve_log(listener, write, signals.received()).await?;
    // Its queue has no sender any more once the server's last task is gone, unless stdout is not read.
    drop(writing);
    let left_out = left_out.load(Ordering::Relaxed);
    if left_out > 0 {
        tracing::info!(left_out, "ended; lines came faster than they could be written");
    }
    Ok(())
}

pub(super) async fn time(args: Time, mut signals: Signals) -> anyhow::Result<()> {
    let listener = bind(args.listen).await?;
    say(format!("t> saying the time at http://{}\n", listener.local_addr()?)).await;
    serve_time(listener, signals.received()).await
}

pub(super) async fn say(text: String) {
    // If nobody reads it there is nobody to tell.
    let _ = Printing::start(text.into()).finish().await;
}

/// Writes each line, or says once that they cannot be written: the disk may have room again later.
fn write_lines(mut out: impl Write, lines: &Receiver<String>) {
    let mut missed = 0_u64;
    while let Ok(mut line) = lines.recv() {
        line.push('\n');
        match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => {
                if missed > 0 {
                    tracing::info!(missed, "lines are written again");
                }
                missed = 0;
            }
            Err(error) => {
                if missed == 0 {
                    tracing::info!(%error, "lines are not written");
                }
                missed += 1;
            }
        }
    }
}

async fn bind(at: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(at).await.with_context(|| format!("cannot listen on {at}"))
}

/// The folder of what this program keeps; made, for its owner alone, if it is not there.
pub(super) fn state_folder() -> anyhow::Result<PathBuf> {
    let folder = common::state_folder("paso-share")
        .context("neither XDG_STATE_HOME nor HOME is a folder: say which one with --index or --published")?;
    make_private(&folder)?;
    Ok(folder)
}

pub(super) fn make_private(folder: &Path) -> anyhow::Result<()> {
    common::make_private(folder).with_context(|| format!("cannot make the folder {}", folder.display()))
}
