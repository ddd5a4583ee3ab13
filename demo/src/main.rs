//! The whole project in one process: an echo server, a proxy2 and a proxy1 in front of it, and ten clients at a time that
//! check every byte. Both links side by side, on a clean path and through a network that loses datagrams.
//!
//! Ends with 0 if nothing was lost where nothing may be: on the sealed link anywhere, on the classic link on a clean path.

use std::fmt;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use echo::client::{Report, Settings};
use testbed::middlebox::{Middlebox, Way, Weather};
use testbed::pair::{Pair, PairLink, SealedLink};
use testbed::seed::seed;
use tokio::net::TcpListener;
use tunnel::metrics::Counters;
use tunnel::settings::Classic;

const CLIENTS: usize = 10;
/// Bytes each client sends on the clean path.
const CLEAN_BYTES: u64 = 5_000_000;
/// Bytes each client sends through the lossy network: less, at a pace, as a person would use it.
const LOSSY_BYTES: u64 = 200_000;
/// Share of the datagrams lost each way.
const LOSS: f64 = 0.02;

/// Shows both links at work in this one process, which takes about 10 s: 10 clients send 50 MB through proxy1, proxy2 and an echo
/// server and check every byte, on a clean path and through a network that loses 2 % of the datagrams
#[derive(Debug, Parser)]
#[command(name = "demo", version, after_help = AFTER_HELP)]
struct Cli {}

const AFTER_HELP: &str = "\
RUST_LOG=info shows what the proxies log.

Exit codes: 0 nothing was lost where nothing may be; 1 something was, or the demo could not run; 2 bad usage.";

fn main() -> ExitCode {
    let Cli {} = match cli::parse(std::iter::once("demo".into()).chain(std::env::args_os().skip(1))) {
        Ok(cli) => cli,
        Err(error) => return cli::explain(&error),
    };
    // What the proxies log would hide what the demo has to say; RUST_LOG=info shows it.
    cli::program::log_plainly(cli::LevelFilter::ERROR);
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => cli::program::fail(&format_args!("{error:#}")),
    }
}

/// Whether nothing was lost where nothing may be.
#[tokio::main]
async fn run() -> anyhow::Result<bool> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot bind an echo server")?;
    let target = listener.local_addr()?;
    tokio::spawn(echo::serve(listener, std::future::pending()));
    let (sealed, classic) = (|| SealedLink::new().into(), || Classic::default().into());

    say(format_args!("1. A clean path: {CLIENTS} clients → proxy1 ⇒ UDP ⇒ proxy2 → echo\n   at {target}\n"))?;
    let clean =
        [clean_path("sealed", target, sealed()).await?, clean_path("classic", target, classic()).await?];
    let percent = LOSS * 100.0;
    say(format_args!(
        "\n2. The same with a network between the proxies that loses {percent} % of the\n   \
         datagrams each way. The sealed link repeats what is lost; the classic link\n   \
         does not: bytes are missing, those that arrive are right, and a client that\n   \
         waits for missing bytes gives up after 2 s (`silent`).\n"
    ))?;
    let lossy =
        [lossy_path("sealed", target, sealed()).await?, lossy_path("classic", target, classic()).await?];

    say(format_args!("\n{:<24}{:>14}{:>14}\n", "bytes missing", "sealed", "classic"))?;
    for (path, reports) in [("a clean path", &clean), ("a network that loses", &lossy)] {
        let [sealed, classic] = reports.each_ref().map(|report| report.total().missing);
        say(format_args!("{path:<24}{sealed:>14}{classic:>14}\n"))?;
    }
    let good = clean.iter().all(Report::is_clean) && lossy[0].is_clean();
    let verdict =
        if good { "Where nothing may be lost, nothing was." } else { "BYTES WERE LOST where none may be." };
    say(format_args!("{verdict}\n"))?;
    Ok(good)
}

async fn clean_path(name: &str, target: SocketAddr, link: PairLink) -> anyhow::Result<Report> {
    let pair = Pair::start_with(target, link).await;
    let address = pair.proxy1.address.to_string();
    let settings = Settings { clients: CLIENTS, bytes: CLEAN_BYTES, ..Settings::new(address) };
    let report = echo::client::run(settings).await?;
    say(format_args!("\n   The {name} link\n\n{}\n", table(&report)))?;
    show_counters(pair).await?;
    Ok(report)
}

async fn lossy_path(name: &str, target: SocketAddr, link: PairLink) -> anyhow::Result<Report> {
    let (pair, network) = Pair::start_apart(target, link).await;
    network.set(Weather { loss: LOSS, ..Weather::default() });
    let report = echo::client::run(Settings {
        clients: CLIENTS,
        bytes: LOSSY_BYTES,
        chunk: 4_000,
        think: Duration::from_millis(10),
        seed: seed(),
        ..Settings::new(pair.proxy1.address.to_string())
    });
    let report = report.await?;
    say(format_args!("\n   The {name} link\n\n{}\n", table(&report)))?;
    show_loss(&network)?;
    show_counters(pair).await?;
    Ok(report)
}

fn table(report: &Report) -> impl fmt::Display + use<> {
    report.table(cli::terminal::columns())
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
        let Counters { streams_opened, datagrams_sent, datagrams_received, packets_lost, .. } =
            proxy.stop().await;
        say(format_args!(
            "   {name}: {streams_opened} streams; datagrams: {datagrams_sent} sent, {datagrams_received} received"
        ))?;
        match packets_lost {
            0 => say(format_args!("\n"))?,
            packets => say(format_args!(", {packets} repaired\n"))?,
        }
    }
    Ok(())
}

fn say(text: fmt::Arguments<'_>) -> anyhow::Result<()> {
    cli::program::write_to_stdout(&text.to_string()).context("cannot write to stdout")
}
