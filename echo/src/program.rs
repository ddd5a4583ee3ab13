//! Arguments, terminal output and exit codes.

use std::ffi::OsString;
use std::fmt;
use std::io::stderr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, CommandFactory, Parser, Subcommand};
use cli::units::{self, parse_size, parse_time};
use cli::{Verbosity, parse_patience, terminal};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tokio::net::{TcpListener, TcpSocket};
use tracing::info;

use crate::client::{self, Report, Settings};
use crate::figures::{show_rate, show_size};
use crate::stop;

/// An echo server, and a client that loads it and checks every byte that returns.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    verbosity: Verbosity,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send every connection its own bytes back, until SIGINT or SIGTERM
    #[command(after_help = "Example: echo serve 7000")]
    Serve {
        /// Where to listen; a bare port means 127.0.0.1, port 0 any free one
        #[arg(value_name = "[ADDR:]PORT", value_parser = parse_listen)]
        listen: String,
    },
    /// Send random data over parallel connections and check what returns; exit code 0 if all is as sent, 1 if not
    #[command(after_help = client_after_help())]
    Client(ClientArgs),
}

#[derive(Debug, Args)]
struct ClientArgs {
    /// Where the server is, or what leads to it
    #[arg(value_name = "HOST:PORT", value_parser = parse_address)]
    address: String,
    /// Parallel connections
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    clients: u16,
    /// Bytes each client sends
    #[arg(long, value_name = "SIZE", default_value = "5MB", value_parser = parse_size::<u64>)]
    bytes: u64,
    /// Bytes written at a time; round trips are those of a chunk
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = parse_chunk)]
    chunk: usize,
    /// Pause between two chunks
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_time)]
    think: Duration,
    /// Give a client up when nothing returns for this long although something is due
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_patience)]
    silence: Duration,
    /// The data is a function of this number
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write a chunk only when the one before it has returned
    #[arg(long)]
    ping_pong: bool,
    /// Close the sending direction right after the last byte, not only when everything has returned
    #[arg(long)]
    half_close: bool,
    /// Also write the report to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn client_after_help() -> String {
    format!("{}\n\nExample: echo client 127.0.0.1:7000 --clients 10 --bytes 5MB", units::HELP)
}

/// Its options and subcommands.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Entry point of the program, which its user calls by `name`: 0 ended by request or all as sent, 1 failed or not as sent, 2 bad usage.
#[must_use]
pub fn main(name: &str, words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli: Cli = match cli::parse(std::iter::once(name.into()).chain(words)) {
        Ok(cli) => cli,
        Err(error) => return cli::explain_with(&error, name, "client 127.0.0.1:7000 --clients 10"),
    };
    cli::program::log_plainly(cli.verbosity.logging());
    run(cli.command).unwrap_or_else(|error| cli::program::fail(&format_args!("{error:#}")))
}

#[tokio::main]
async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve { listen } => serve(&listen).await,
        Command::Client(args) => client(args).await,
    }
}

async fn serve(listen: &str) -> anyhow::Result<ExitCode> {
    let stop = stop::signal().context("cannot receive signals")?;
    let listener = bind(listen).await.with_context(|| format!("cannot listen on [ADDR:]PORT `{listen}`"))?;
    info!(address = %listener.local_addr()?, "listening");
    let summary = crate::serve(listener, stop).await;
    info!(summary.connections, summary.bytes, "ended by request");
    Ok(ExitCode::SUCCESS)
}

/// A listener with a backlog that takes a burst of clients.
async fn bind(listen: &str) -> std::io::Result<TcpListener> {
    let mut failure = std::io::Error::other("the name has no address");
    for address in tokio::net::lookup_host(listen).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        match socket.bind(address).and_then(|()| socket.listen(1_024)) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn client(args: ClientArgs) -> anyhow::Result<ExitCode> {
    let settings = Settings {
        address: args.address,
        clients: usize::from(args.clients),
        bytes: args.bytes,
        chunk: args.chunk,
        think: args.think,
        silence: args.silence,
        seed: args.seed,
        ping_pong: args.ping_pong,
        half_close: args.half_close,
    };
    let address = settings.address.clone();
    let report = run_with_bar(settings).await?;
    if let Some(file) = args.json {
        let written = std::fs::write(&file, report.to_json());
        written.with_context(|| format!("cannot write --json `{}`", file.display()))?;
    }
    let text = format!("{}{}", report.table(terminal::columns()), crate::verdict::text(&report, &address));
    cli::program::write_to_stdout(&text).context("cannot write to stdout")?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One bar for all clients. It draws nothing where standard error is no terminal, or one that takes no escape sequences, by which the bar
/// moves.
async fn run_with_bar(settings: Settings) -> Result<Report, client::Error> {
    let total = settings.bytes.saturating_mul(settings.clients as u64);
    let target = if terminal::takes_escapes(&stderr()) {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    bar.set_style(bar_style());
    let returned = Arc::new(AtomicU64::new(0));
    let mut run = std::pin::pin!(client::run_counted(settings, Arc::clone(&returned)));
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            report = &mut run => {
                bar.finish_and_clear();
                return report;
            }
            _ = tick.tick() => bar.set_position(returned.load(Ordering::Relaxed)),
        }
    }
}

/// With the units of the table, so that both can be compared.
fn bar_style() -> ProgressStyle {
    let style = ProgressStyle::with_template("returned {wide_bar} {done} of {all}  {rate}, {eta} left");
    let style = style.expect("a template with known keys");
    // That a terminal cannot be written to is seen elsewhere.
    style
        .with_key("done", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = out.write_str(&show_size(state.pos()));
        })
        .with_key("all", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = out.write_str(&show_size(state.len().unwrap_or_default()));
        })
        .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = out.write_str(&show_rate(state.per_sec() * 8.0));
        })
}

/// A bare port binds loopback.
fn parse_listen(text: &str) -> Result<String, String> {
    if text.contains(':') {
        return parse_address(text);
    }
    let port = parse_port(text)?;
    Ok(format!("127.0.0.1:{port}"))
}

fn parse_address(text: &str) -> Result<String, String> {
    let (host, port) = text.rsplit_once(':').ok_or("expected a host, a colon and a port")?;
    if host.is_empty() {
        return Err("the host before the colon is missing".to_owned());
    }
    parse_port(port)?;
    Ok(text.to_owned())
}

fn parse_port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("`{text}` is no port: write a number from 0 to 65535"))
}

fn parse_chunk(text: &str) -> Result<usize, String> {
    match parse_size(text).map_err(|error| error.to_string())? {
        size @ 1..=0x1000_0000 => Ok(size),
        _ => Err(format!("'{text}' is no chunk: write a size from 1 to 256MiB")),
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_bare_port_means_loopback() {
        assert_eq!(parse_listen("7000").as_deref(), Ok("127.0.0.1:7000"));
        assert_eq!(parse_listen("[::1]:7000").as_deref(), Ok("[::1]:7000"));
        for wrong in ["", "70000", ":7000", "host", "host:port"] {
            assert!(parse_listen(wrong).is_err(), "{wrong}");
        }
        for wrong in ["70000", "http"] {
            let error = parse_listen(wrong).unwrap_err();
            assert!(error.contains("is no port"), "{wrong}: {error}");
        }
    }
}
