//! The whole project in one process: an echo server, a proxy2 and a proxy1 in front of it, and ten clients at a time that
//! check every byte. Once on a clean path, once with a network between the proxies that loses datagrams.
//!
//! Ends with 0 if the clean path lost nothing, with 1 if it did.

use std::fmt;
use std::io::{Write, stderr, stdout};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use echo::client::{Report, Settings};
use tests::middlebox::{Middlebox, Way, Weather};
use tests::pair::Pair;
use tests::seed::seed;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;
use tunnel::options::Classic;

const CLIENTS: usize = 10;
/// Bytes each client sends on the clean path.
const CLEAN_BYTES: u64 = 5_000_000;
/// Bytes each client sends through the lossy network: less, at a pace, as a person would use it.
const LOSSY_BYTES: u64 = 200_000;
/// Share of the datagrams lost each way.
const LOSS: f64 = 0.02;

fn main() -> ExitCode {
    // What the proxies log would hide what the demo has to say; RUST_LOG=info shows it.
    tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).with_writer(stderr).init();
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            _ = writeln!(stderr(), "demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the clean path lost nothing.
#[tokio::main]
async fn run() -> anyhow::Result<bool> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot bind an echo server")?;
    let target = listener.local_addr()?;
    tokio::spawn(echo::serve(listener, std::future::pending()));
    let clean = clean_path(target).await?;
    lossy_path(target).await?;
    say(format_args!(
        "{}\n",
        if clean { "The clean path lost nothing." } else { "The clean path LOST BYTES." }
    ))?;
    Ok(clean)
}

async fn clean_path(target: SocketAddr) -> anyhow::Result<bool> {
    let pair = Pair::start(target).await;
    let (entry, exit) = (pair.proxy1.address, pair.proxy2.address);
    say(format_args!(
        "1. A clean path: {CLIENTS} clients → proxy1 {entry} ⇒ UDP ⇒ proxy2 {exit} → echo {target}\n\n"
    ))?;
    let settings = Settings { clients: CLIENTS, bytes: CLEAN_BYTES, ..Settings::new(entry.to_string()) };
    let report = echo::client::run(settings).await?;
    say(format_args!("{report}\n"))?;
    show_counters(pair).await?;
    Ok(report.is_clean())
}

async fn lossy_path(target: SocketAddr) -> anyhow::Result<Report> {
    let (pair, network) = Pair::start_apart(target, Classic::default()).await;
    network.set(Weather { loss: LOSS, ..Weather::default() });
    let percent = LOSS * 100.0;
    say(format_args!(
        "\n2. The same with a network between the proxies that loses {percent} % of the datagrams each way. The classic link\n   \
         does not repeat what is lost: bytes are missing, but those that arrive are right, and no client hangs:\n   one that waits for missing bytes gives up after 2 s (`silent`).\n\n"
    ))?;
    let report = echo::client::run(Settings {
        clients: CLIENTS,
        bytes: LOSSY_BYTES,
        chunk: 4_000,
        think: Duration::from_millis(10),
        seed: seed(),
        ..Settings::new(pair.proxy1.address.to_string())
    });
    let report = report.await?;
    say(format_args!("{report}\n"))?;
    show_loss(&network)?;
    show_counters(pair).await?;
    say(format_args!("\n"))?;
    Ok(report)
}

fn show_loss(network: &Middlebox) -> anyhow::Result<()> {
    for (way, name) in [(Way::Up, "proxy1 ⇒ proxy2"), (Way::Down, "proxy2 ⇒ proxy1")] {
        let counts = network.counts(way);
        say(format_args!("   {name}: {:>5} datagrams, {:>3} of them lost\n", counts.received, counts.lost))?;
    }
    Ok(())
}

/// Ends the pair, and says what each proxy counted.
async fn show_counters(pair: Pair) -> anyhow::Result<()> {
    for (name, proxy) in [("proxy1", pair.proxy1), ("proxy2", pair.proxy2)] {
        let now = proxy.stop().await;
        let (opened, sent, received) = (now.table.opened, now.data_sent, now.data_received);
        say(format_args!(
            "   {name}: {opened} streams opened, {sent} data datagrams sent, {received} received\n"
        ))?;
    }
    Ok(())
}

fn say(text: fmt::Arguments<'_>) -> anyhow::Result<()> {
    stdout().write_fmt(text).context("cannot write to standard output")
}
