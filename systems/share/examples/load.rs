//! How many operations a second a server answers, and how soon: 1 to 30 clients, each with 20 random commands, as the course's own
//! load test; here each is repeated so often that the figures are steady. Writes a table, and a plot as SVG.
//!
//! `cargo run --release -p share --example load -- [plain|link] [FILE.svg]`: the server, and for `link` a proxy2 too, are in this process, and
//! the index is on the disk.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use common::testing::pair;
use paso::Link;
use share::index::Index;
use share::serve::Server;
use share::services::{Reports, Services, serve_log, serve_time};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How many clients there are at a time.
const CLIENTS: [usize; 8] = [1, 2, 5, 10, 15, 20, 25, 30];

/// Commands of a client, and how often it has them carried out.
const COMMANDS: usize = 20;
const ROUNDS: usize = 25;

/// What the course's own server reached with 30 clients.
const ORIGINAL: f64 = 23.0;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what came of it")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_link = arguments.first().is_some_and(|way| way == "link");
    let folder = tempfile::tempdir_in(".")?;
    let server = Server::new(Index::open(&folder.path().join("index"))?, reports().await?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let plain = listener.local_addr()?;
    let pair = if is_link { Some(pair(7).await) } else { None };
    let (server, way) = match &pair {
        None => (server.with_plain(listener), Way::Plain(plain)),
        Some(pair) => {
            let published = pair.link().publish("share").await?;
            (server.with_link(pair.link().clone(), published), Way::Link(pair.join("client").await))
        }
    };
    tokio::spawn(server.run(std::future::pending()));
    println!("clients  operations/s  p50 ms  p99 ms  max ms");
    let mut rows = Vec::new();
    for clients in CLIENTS {
        let row = measure(&way, clients).await?;
        println!(
            "{:7}  {:12.0}  {:6.2}  {:6.2}  {:6.2}",
            row.clients, row.rate, row.p50, row.p99, row.longest
        );
        rows.push(row);
    }
    if let Some(path) = arguments.get(1) {
        std::fs::write(path, plot(&rows)).with_context(|| format!("cannot write {path}"))?;
    }
    Ok(())
}

/// A logger and a clock, as in the course.
async fn reports() -> anyhow::Result<Reports> {
    let (log, time) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    let url = |listener: &TcpListener| anyhow::Ok(Some(format!("http://{}", listener.local_addr()?)));
    let services = Services { log: url(&log)?, time: url(&time)? };
    tokio::spawn(serve_log(log, drop, std::future::pending()));
    tokio::spawn(serve_time(time, std::future::pending()));
    Reports::start(&services)
}

#[derive(Clone)]
enum Way {
    Plain(SocketAddr),
    Link(Link),
}

/// What was measured.
struct Row {
    clients: usize,
    rate: f64,
    p50: f64,
    p99: f64,
    longest: f64,
}

async fn measure(way: &Way, clients: usize) -> anyhow::Result<Row> {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            tokio::spawn(commands(way.clone(), format!("user{clients}-{client}"), client as u64 + 1))
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let took = begun.elapsed();
    times.sort_unstable();
    let at = |percent: usize| {
        let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    let rate = times.len() as f64 / took.as_secs_f64();
    Ok(Row { clients, rate, p50: at(50), p99: at(99), longest: at(100) })
}

/// How long each took, from before it connects to the end of its answer.
async fn commands(way: Way, user: String, seed: u64) -> anyhow::Result<Vec<Duration>> {
    let mut number = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut below = move |end: u64| {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        number % end
    };
    let mut times = Vec::new();
    let mut run = async |request: String| {
        let begun = Instant::now();
        let answer = match &way {
            Way::Plain(at) => ask(TcpStream::connect(at).await?, &request).await?,
            Way::Link(link) => ask(link.open("@share").await?, &request).await?,
        };
        anyhow::ensure!(!answer.is_empty(), "no answer to {request}");
        times.push(begun.elapsed());
        anyhow::Ok(())
    };
    run(format!("REGISTER|{user}|")).await?;
    for _ in 0..COMMANDS * ROUNDS {
        let file = below(5);
        let request = match below(8) {
            0 => format!("CONNECT|{user}|6000|"),
            1 => format!("DISCONNECT|{user}|"),
            2 | 3 => format!("PUBLISH|{user}|/file{file}|a file|"),
            4 => format!("DELETE|{user}|/file{file}|"),
            5 => format!("LIST_USERS|{user}|"),
            6 => format!("LIST_CONTENT|{user}|{user}|"),
            _ => format!("GET_MULTIFILE|{user}|/file{file}|"),
        };
        run(request).await?;
    }
    run(format!("UNREGISTER|{user}|")).await?;
    Ok(times)
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> anyhow::Result<Vec<u8>> {
    stream.write_all(request.replace('|', "\0").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    stream.shutdown().await?;
    Ok(answer)
}

/// Rate and 99th percentile over the number of clients.
fn plot(rows: &[Row]) -> String {
    const HEAD: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 300" font-family="sans-serif" font-size="12">
<style>:root{color:#222}@media(prefers-color-scheme:dark){:root{color:#ddd}}text{fill:currentColor}path{fill:none;stroke-width:2}</style>
"##;
    let mut svg = HEAD.to_owned();
    let rates: Vec<_> = rows.iter().map(|row| (row.clients, row.rate)).collect();
    let waits: Vec<_> = rows.iter().map(|row| (row.clients, row.p99)).collect();
    panel(&mut svg, 60, "operations a second", "#2a7de1", &rates, (ORIGINAL, "the original: 23"));
    panel(&mut svg, 420, "99th percentile, ms", "#d1495b", &waits, (10.0, "the limit: 10"));
    svg.push_str("</svg>\n");
    svg
}

/// One curve, and a line to compare it with.
fn panel(svg: &mut String, left: u32, title: &str, colour: &str, points: &[(usize, f64)], line: (f64, &str)) {
    const HEIGHT: f64 = 200.0;
    const BOTTOM: f64 = 250.0;
    const WIDTH: f64 = 260.0;
    let left = f64::from(left);
    let most = points.iter().map(|point| point.1).fold(line.0, f64::max) * 1.1;
    let x = |clients: usize| left + WIDTH * clients as f64 / 30.0;
    let y = |value: f64| BOTTOM - HEIGHT * value / most;
    let end = left + WIDTH;
    let mut write = |text: std::fmt::Arguments<'_>| svg.write_fmt(text).expect("a text takes all");
    write(format_args!("<text x=\"{left}\" y=\"30\" font-weight=\"bold\">{title}</text>\n"));
    write(format_args!(
        "<path stroke=\"currentColor\" d=\"M{left} {top}V{BOTTOM}H{end}\"/>\n",
        top = BOTTOM - HEIGHT
    ));
    for (clients, value) in points {
        write(format_args!(
            "<text x=\"{:.0}\" y=\"268\" text-anchor=\"middle\">{clients}</text>\n",
            x(*clients)
        ));
        write(format_args!(
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>\n",
            x(*clients),
            y(*value)
        ));
    }
    let curve: Vec<_> =
        points.iter().map(|(clients, value)| format!("{:.1} {:.1}", x(*clients), y(*value))).collect();
    write(format_args!("<path stroke=\"{colour}\" d=\"M{}\"/>\n", curve.join("L")));
    let at = y(line.0);
    write(format_args!(
        "<path stroke=\"currentColor\" stroke-dasharray=\"4\" d=\"M{left} {at:.1}H{end}\"/>\n"
    ));
    write(format_args!("<text x=\"{end}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n", at - 4.0, line.1));
    let highest = points.iter().map(|point| point.1).fold(0.0, f64::max);
    write(format_args!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{highest:.1}</text>\n",
        left - 6.0,
        y(highest)
    ));
    write(format_args!(
        "<text x=\"{:.1}\" y=\"285\" text-anchor=\"middle\">clients</text>\n",
        left + WIDTH / 2.0
    ));
}
