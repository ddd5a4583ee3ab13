//! How fast the proxies are on this machine: starts everything itself, measures, prints a table.
//!
//! Figures are medians; programs beside it that are installed are measured in the same run. Needs no root but for
//! the row `veth`.

mod bare;
mod cli;
mod crowd;
mod guard;
mod load;
mod pair;
mod process;
mod record;
mod rows;
mod table;
mod target;

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use cli::{Cli, Command};
use pair::{Programs, Tunnel};
use record::Record;
use rows::{Context, ROWS, Row};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Guard { record }) => guard::guard(record).and_then(|found| say(&found)).map(|()| true),
        Some(Command::Work { megabytes }) => say(&guard::work(megabytes).to_string()).map(|()| true),
        Some(Command::Bare { end, from, to }) => bare::run(end, from, to).map(|()| true),
        None => run(&cli),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // If stderr is gone there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all was measured and nothing got worse.
fn run(cli: &Cli) -> Result<bool> {
    for name in &cli.only {
        ensure!(ROWS.iter().any(|row| row.name == name), "no row is named {name}: see --list");
    }
    if cli.list {
        return say(&ROWS.iter().map(|row| row.name).collect::<Vec<_>>().join("\n")).map(|()| true);
    }
    // Before anything is measured: a file that is not there should not be missed only then.
    let before = cli.compare.as_deref().map(Record::read).transpose()?;
    let mut record = Record { machine: record::machine(), ..Record::default() };
    let failures = measure(cli, &mut record)?;
    if let Some(path) = &cli.json {
        let mut kept = if path.exists() { Record::read(path)? } else { Record::default() };
        kept.merge(record);
        kept.write(path)?;
        record = kept;
    }
    say(&table::table(&record))?;
    let worse = before.map(|before| record.worse_than(&before)).unwrap_or_default();
    for (name, percent) in &worse {
        say(&format!("worse: {name}, by {percent:.0} %"))?;
    }
    for failure in &failures {
        say(failure)?;
    }
    Ok(worse.is_empty() && failures.is_empty())
}

/// Measures what was asked for, round by round, so that what changes with time falls on all alike. Returns what failed.
fn measure(cli: &Cli, record: &mut Record) -> Result<Vec<String>> {
    let context = Context {
        programs: Programs::find(cli.max_datagram)?,
        runtime: tokio::runtime::Builder::new_multi_thread().enable_all().build()?,
        time: if cli.quick { Duration::from_millis(500) } else { Duration::from_secs(cli.seconds) },
        quick: cli.quick,
    };
    let runs = if cli.quick { 1 } else { cli.runs };
    let cells = cells(cli, &context.programs)?;
    let bar = ProgressBar::new(u64::try_from(cells.len() * runs)?);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed} {msg}")?);
    let mut failures = Vec::new();
    for (round, (row, tunnel)) in (0..runs).flat_map(|round| cells.iter().map(move |cell| (round, cell))) {
        bar.set_message(format!("{} {}", row.name, tunnel.name()));
        bar.inc(1);
        if round >= row.most {
            continue;
        }
        match (row.measure)(&context, *tunnel) {
            Ok(samples) => samples.iter().for_each(|sample| record.add(sample)),
            Err(error) => failures.push(format!("failed: {} of {}: {error:#}", row.name, tunnel.name())),
        }
    }
    bar.finish_and_clear();
    Ok(failures)
}

/// What to measure of what; says what cannot be measured here.
fn cells(cli: &Cli, programs: &Programs) -> Result<Vec<(&'static Row, Tunnel)>> {
    let mut cells = Vec::new();
    let wanted = |row: &&Row| cli.only.is_empty() || cli.only.iter().any(|name| name == row.name);
    for row in ROWS.iter().filter(wanted) {
        if let Some(needs) = (row.needs)() {
            say(&format!("skipped: {}, which needs {needs}", row.name))?;
            continue;
        }
        for tunnel in row.tunnels.iter().filter(|tunnel| !cli.no_peers || **tunnel == Tunnel::Paso) {
            if tunnel.is_there(programs) {
                cells.push((row, *tunnel));
            } else {
                say(&format!("skipped: {} of {}, which is not installed", row.name, tunnel.name()))?;
            }
        }
    }
    Ok(cells)
}

fn say(text: &str) -> Result<()> {
    writeln!(stdout(), "{text}")?;
    Ok(())
}
