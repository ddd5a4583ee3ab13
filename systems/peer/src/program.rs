//! The program: runs a node, or asks the one that runs.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use paso_cli::program::Signals;
use tokio::sync::broadcast::error::RecvError;

use crate::args::{Cli, Command, StartArgs};
use crate::client;
use crate::node::words::Heard;
use crate::node::{Node, Options};

/// Runs it; its exit code.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli: Cli = match paso_cli::parse(words) {
        Ok(cli) => cli,
        Err(error) => return paso_cli::explain(&error),
    };
    let Command::Start(start) = cli.command else {
        return ask(cli.command, client::Which { home: cli.home, node: cli.node }, cli.verbosity);
    };
    match start.options(cli.home) {
        Ok(options) => {
            paso_cli::program::run(cli.verbosity.logging(), |signals| serve(*start, options, signals))
        }
        Err(error) => {
            paso_cli::program::fail(&format_args!("--run: {error}"));
            ExitCode::from(2)
        }
    }
}

async fn serve(start: StartArgs, options: Options, mut signals: Signals) -> anyhow::Result<()> {
    let starting = async {
        let link = start.join.join().await?;
        let (node, ends) = Node::start(link.clone(), options).await?;
        anyhow::Ok((link, node, ends))
    };
    let (link, node, ends) = tokio::select! {
        started = starting => started?,
        () = signals.received() => return Ok(()),
    };
    tracing::info!(name = %node.name(), "ready");
    let telling = tokio::spawn(tell(Arc::clone(&node)));
    let running = tokio::spawn(Arc::clone(&node).run(ends));
    let stopping = Arc::clone(&node);
    let waiting = tokio::spawn(async move {
        signals.received().await;
        stopping.stop();
    });
    let result = running.await.context("the node broke off")?;
    telling.abort();
    waiting.abort();
    link.close().await?;
    result
}

/// Logs who comes and goes; what is said is not for logs.
async fn tell(node: Arc<Node>) {
    let mut listening = node.listen();
    loop {
        match listening.recv().await {
            Ok(Heard::Came { name }) => tracing::info!(%name, "a node is there"),
            Ok(Heard::Went { name }) => tracing::info!(%name, "a node has gone"),
            Ok(Heard::Lost { from, count }) => {
                tracing::warn!(%from, count, "posts are lost that no neighbour keeps any more");
            }
            Ok(Heard::Said { from, .. }) => tracing::debug!(%from, "a post"),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

fn ask(command: Command, which: client::Which, verbosity: paso_cli::Verbosity) -> ExitCode {
    common::run_to_code(verbosity.logging_of_tool(), |mut signals| async move {
        tokio::select! {
            () = signals.received() => Ok(0),
            done = client::run(command, &which) => done,
        }
    })
}
