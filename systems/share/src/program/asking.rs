//! `share client`.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use common::lines::Lines;
use paso_cli::Logging;
use paso_cli::program::Signals;

use super::args::Client;
use super::serving::{make_private, say, state_folder};
use crate::client::{Home, Said, Session, Settings};

/// A command of a script was not done.
const NOT_DONE: u8 = 4;

pub(super) fn client(args: Client, logging: Logging) -> ExitCode {
    let not_done = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&not_done);
    let ended = paso_cli::program::run(logging, |signals| async move {
        let all_done = ask(args, signals).await?;
        told.store(!all_done, Ordering::Relaxed);
        anyhow::Ok(())
    });
    if not_done.load(Ordering::Relaxed) { ExitCode::from(NOT_DONE) } else { ended }
}

/// Whether all commands were done; those that somebody types are, whatever comes of them.
async fn ask(args: Client, mut signals: Signals) -> anyhow::Result<bool> {
    let is_typed = args.script.is_none() && io::stdin().is_terminal();
    let settings = Settings {
        listen: args.listen,
        lists: match &args.published {
            Some(folder) => {
                make_private(folder)
                    .with_context(|| format!("cannot make the folder {}", folder.display()))?;
                folder.clone()
            }
            None => state_folder()?,
        },
        sized: args.file_size,
        has_bar: is_typed && paso_cli::terminal::takes_escapes(&io::stderr()),
    };
    let mut lines = read_lines(&args)?;
    let home = tokio::select! {
        biased;
        () = signals.received() => return Ok(true),
        home = home(&args) => home?,
    };
    let mut session = Session::new(home.clone(), settings);
    let mut all_done = true;
    let working = async {
        while let Some(line) = next(&mut lines, is_typed).await? {
            let said = match line {
                Ok(line) => session.run(&line).await,
                Err(why) => Said::wrong(why),
            };
            say(said.text).await;
            all_done &= said.is_done;
            if said.is_last {
                return Ok(());
            }
        }
        if args.stay {
            std::future::pending::<()>().await;
        }
        anyhow::Ok(())
    };
    let worked = tokio::select! {
        biased;
        () = signals.received() => Ok(()),
        worked = working => worked,
    };
    session.leave().await;
    if let Home::Named { link, .. } = home {
        link.close().await.context("the link did not end in order")?;
    }
    worked?;
    Ok(all_done || is_typed)
}

async fn home(args: &Client) -> anyhow::Result<Home> {
    if let Some(address) = args.server {
        return Ok(Home::Plain(address));
    }
    let link = args.join.join().await?;
    let ticket = link.who_am_i().await?.ticket;
    let name = args.name.strip_prefix('@').unwrap_or(&args.name).to_owned();
    Ok(Home::Named { link, name, ticket })
}

/// The next line, or what is wrong with it.
async fn next(lines: &mut Lines, is_typed: bool) -> anyhow::Result<Option<Result<String, String>>> {
    if is_typed {
        say("c> ".to_owned()).await;
    }
    lines.next().await.context("the commands cannot be read")
}

fn read_lines(args: &Client) -> anyhow::Result<Lines> {
    let Some(path) = &args.script else { return Ok(Lines::read(io::stdin())?) };
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Lines::read(file)?)
}
