//! `share client`.

use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, thread};

use anyhow::Context;
use paso_cli::Logging;
use paso_cli::program::Signals;
use tokio::sync::mpsc;

use super::args::Client;
use super::serving::{make_private, say, state_folder};
use crate::client::{Home, Session, Settings};

/// A line that is longer is no command.
const MAX_LINE: u64 = 4 << 10;

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
        while let Some(line) = next(&mut lines, is_typed).await {
            let said = session.run(&line).await;
            say(said.text).await;
            all_done &= said.is_done;
            if said.is_last {
                return;
            }
        }
        if args.stay {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = signals.received() => {}
        () = working => {}
    }
    session.leave().await;
    if let Home::Named { link, .. } = home {
        link.close().await.context("the link did not end in order")?;
    }
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

async fn next(lines: &mut mpsc::Receiver<String>, is_typed: bool) -> Option<String> {
    if is_typed {
        say("c> ".to_owned()).await;
    }
    lines.recv().await
}

/// Lines as they come, from a thread of their own: a terminal may be silent for a day.
fn read_lines(args: &Client) -> anyhow::Result<mpsc::Receiver<String>> {
    let from: Box<dyn BufRead + Send> = match &args.script {
        Some(path) => {
            let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            Box::new(BufReader::new(file))
        }
        None => Box::new(BufReader::new(io::stdin())),
    };
    let (sender, lines) = mpsc::channel(1);
    thread::Builder::new().name("commands".into()).spawn(move || send_lines(from, &sender))?;
    Ok(lines)
}

fn send_lines(mut from: impl BufRead, lines: &mpsc::Sender<String>) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match from.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(1..) => {
                let text = String::from_utf8_lossy(&line).into_owned();
                if lines.blocking_send(text).is_err() {
                    return;
                }
            }
            Ok(0) | Err(_) => return,
        }
    }
}
