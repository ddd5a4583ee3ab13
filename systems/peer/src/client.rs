//! Commands for a node that runs: each asks it at its socket and shows what it answers.

mod connection;
mod fetch;
mod menu;
mod screen;
mod shares;

use std::collections::BTreeMap;

use anyhow::{bail, ensure};
use common::lines::Lines;
use paso::visible;
use tokio::io::{AsyncReadExt, stdin};

use self::connection::Connection;
pub(crate) use self::connection::Which;
use self::screen::ShowError;
use crate::args::{Command, RunArgs};
use crate::node::words::{Reply, Request};
use crate::overlay::Name;
use crate::wire::MAX_BODY;

/// Does what is asked; the exit code.
pub(crate) async fn run(command: Command, which: &Which) -> anyhow::Result<u8> {
    match answer(command, which).await {
        Err(error) if matches!(error.downcast_ref(), Some(ShowError::HasEnough)) => Ok(0),
        done => done,
    }
}

async fn answer(command: Command, which: &Which) -> anyhow::Result<u8> {
    match command {
        // The program does that itself.
        Command::Start(_) => Ok(2),
        Command::Say { words } if words.is_empty() => say_lines(which).await,
        Command::Say { words } => done(which, Request::Say { text: words.join(" ") }).await,
        Command::Hear { last, follow } => hear(which, last, follow).await,
        Command::List { json } => list(which, json).await,
        Command::Run(run) => run_jobs(which, run).await,
        Command::Files { of } => files(which, of).await,
        Command::Get { of, path, to, force } => fetch::get(which, of, &path, to, force).await,
        Command::Allow { name } => done(which, Request::Allow { name, is_allowed: true }).await,
        Command::Deny { name } => done(which, Request::Allow { name, is_allowed: false }).await,
        Command::Menu => menu::run(which).await,
        Command::Stop => done(which, Request::Stop).await,
    }
}

/// Asks for something that is done or not.
async fn done(which: &Which, request: Request) -> anyhow::Result<u8> {
    let mut node = Connection::ask(which, &request, b"").await?;
    match node.next().await? {
        (Reply::Done, _) => Ok(0),
        _ => other_answer(),
    }
}

fn other_answer<T>() -> anyhow::Result<T> {
    bail!("the node answers something else: is it of another version?")
}

/// A line that cannot be said is named, and the next one is said.
async fn say_lines(which: &Which) -> anyhow::Result<u8> {
    let mut lines = Lines::read(std::io::stdin())?;
    let mut code = 0;
    while let Some(line) = lines.next().await? {
        match line {
            Ok(text) if text.is_empty() => {}
            Ok(text) => {
                done(which, Request::Say { text }).await?;
            }
            Err(why) => {
                screen::error(&why);
                code = 1;
            }
        }
    }
    Ok(code)
}

async fn hear(which: &Which, last: usize, follow: bool) -> anyhow::Result<u8> {
    let mut node = Connection::ask(which, &Request::Hear { last, follow }, b"").await?;
    loop {
        match node.next().await? {
            (Reply::Heard(heard), _) => screen::line(&screen::heard(&heard))?,
            (Reply::Missed { count }, _) => {
                screen::line(&format!("* {count} lines came faster than they were shown"))?
            }
            (Reply::Done, _) => return Ok(0),
            _ => return other_answer(),
        }
    }
}

async fn list(which: &Which, json: bool) -> anyhow::Result<u8> {
    let mut node = Connection::ask(which, &Request::List, b"").await?;
    let mut members = Vec::new();
    loop {
        match node.next().await? {
            (Reply::Member(member), _) => members.push(member),
            (Reply::Members { counts, .. }, _) if json => {
                screen::line(&serde_json::to_string_pretty(
                    &serde_json::json!({ "members": members, "counts": counts }),
                )?)?;
                return Ok(0);
            }
            (Reply::Members { me, .. }, _) => {
                screen::lines(&screen::members(&me, &members))?;
                return Ok(0);
            }
            _ => return other_answer(),
        }
    }
}

async fn files(which: &Which, of: Name) -> anyhow::Result<u8> {
    let mut node = Connection::ask(which, &Request::Files { of }, b"").await?;
    loop {
        match node.next().await? {
            (Reply::File { path, size }, _) => screen::line(&format!("{size:>12}  {}", visible(&path)))?,
            (Reply::Done, _) => return Ok(0),
            _ => return other_answer(),
        }
    }
}

async fn run_jobs(which: &Which, run: RunArgs) -> anyhow::Result<u8> {
    let RunArgs { times, stdin, mut words } = run;
    let args = words.split_off(1);
    let program = words.swap_remove(0);
    let input = if stdin { read_stdin().await? } else { Vec::new() };
    let mut node = Connection::ask(which, &Request::Run { program, args, times }, &input).await?;
    let mut shares: BTreeMap<Name, u64> = BTreeMap::new();
    let (mut failed, mut last_code) = (0_u64, 0);
    loop {
        match node.next().await? {
            (Reply::Job { worker, outcome }, written) => {
                screen::written(&outcome, &written)?;
                last_code = outcome.code.unwrap_or(1);
                failed += u64::from(last_code != 0);
                let by = worker.as_ref().map_or("nobody", Name::as_str);
                if let Some(why) = &outcome.why {
                    screen::error(&format!("run by {by}: {}", visible(why)));
                }
                if outcome.is_cut {
                    screen::error(&format!(
                        "run by {by}: it wrote more than 40 KiB, of which this is the beginning"
                    ));
                }
                if let Some(worker) = worker {
                    *shares.entry(worker).or_default() += 1;
                }
            }
            (Reply::Done, _) => break,
            _ => return other_answer(),
        }
    }
    if times == 1 {
        return Ok(last_code);
    }
    screen::error(&shares::sentence(&shares, failed));
    Ok(u8::from(failed > 0))
}

async fn read_stdin() -> anyhow::Result<Vec<u8>> {
    let mut input = Vec::new();
    stdin().take(u64::try_from(MAX_BODY)? + 1).read_to_end(&mut input).await?;
    ensure!(
        input.len() <= MAX_BODY,
        "standard input has more than {MAX_BODY} bytes, which is the most: share it as a file"
    );
    Ok(input)
}
