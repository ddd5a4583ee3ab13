//! `share client`.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use anyhow::Context;
use common::lines::Lines;
use common::{NOT_ALL_DONE, run_to_code};
use paso_cli::Logging;
use paso_cli::program::Signals;

use super::args::Client;
use super::serving::{make_private, say, state_folder};
use crate::client::{Home, Said, Session, Settings};

pub(super) fn client(args: Client, logging: Logging) -> ExitCode {
    run_to_code(logging, |signals| async move {
        let all_done = ask(args, signals).await?;
        Ok(if all_done { 0 } else { NOT_ALL_DONE })
    })
}

/// Whether all commands were done; those that somebody types are, whatever comes of them.
async fn ask(args: Client, mut signals: Signals) -> anyhow::Result<bool> {
    let is_typed = args.script.is_none() && io::stdin().is_terminal();
    let settings = Settings {
        listen: args.listen,
        lists: match &args.published {
            Some(folder) => {
                make_private(folder)?;
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
