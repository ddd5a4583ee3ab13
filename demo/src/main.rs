//! The whole project in one process: an echo server, a proxy2 and a proxy1 in front of it, and ten clients at a time that
//! check every byte. Both links side by side, on a clean path and through a network that loses datagrams.
//!
//! Ends with 0 if nothing was lost where nothing may be: on the sealed link anywhere, on the classic link on a clean path.

use std::fmt;
use std::io::{Write, stderr, stdout};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
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

fn main() -> ExitCode {
    // What the proxies log would hide what the demo has to say; RUST_LOG=info shows it.
    cli::program::log_plainly(cli::LevelFilter::ERROR);
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            _ = writeln!(stderr(), "demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing was lost where nothing may be.
#[tokio::main]
async fn run() -> anyhow::Result<bool> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot bind an echo server")?;
    let target = listener.local_addr()?;
    tokio::spawn(echo::serve(listener, std::future::pending()));
    let (sealed, classic) = (|| SealedLink::new().into(), || Classic::default().into());

    say(format_args!("1. A clean path: {CLIENTS} clients → proxy1 ⇒ UDP ⇒ proxy2 → echo {target}\n"))?;
    let clean =
        [clean_path("sealed", target, sealed()).await?, clean_path("classic", target, classic()).await?];
    let percent = LOSS * 100.0;
    say(format_args!(
        "\n2. The same with a network between the proxies that loses {percent} % of the datagrams each way. The sealed link\n   \
         repeats what is lost; the classic link does not: bytes are missing, those that arrive are right, and a client\n   \
         that waits for missing bytes gives up after 2 s (`silent`).\n"
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
    say(format_args!("\n   The {name} link\n\n{report}\n"))?;
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
    say(format_args!("\n   The {name} link\n\n{report}\n"))?;
    show_loss(&network)?;
    show_counters(pair).await?;
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
        let Counters { streams_opened, datagrams_sent, datagrams_received, packets_lost, .. } =
            proxy.stop().await;
        let repaired = match packets_lost {
            0 => String::new(),
            packets => format!(", {packets} lost and repaired"),
        };
        say(format_args!(
            "   {name}: {streams_opened} streams opened, {datagrams_sent} datagrams sent, {datagrams_received} received{repaired}\n"
        ))?;
    }
    Ok(())
}

fn say(text: fmt::Arguments<'_>) -> anyhow::Result<()> {
    stdout().write_fmt(text).context("cannot write to standard output")
}
