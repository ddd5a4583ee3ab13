//! `paso top`: what running proxies carry, as it changes. The home of `ratatui`.
//!
//! - `state`: what is shown; `keys`: what keys do to it
//! - `rows`: links and streams as cells; `draw`: the screen

mod draw;
mod keys;
#[cfg(test)]
mod picture;
mod rows;
mod state;

use std::env;
use std::io::{self, IsTerminal};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use cli::program::Signals;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use tokio::sync::mpsc;
use tunnel::view::{Role, SessionView};

use self::keys::Flow;
use self::state::Top;
use super::{Found, Which, find, foreign};
use crate::control::Whose;

/// How often the proxies are asked.
const PERIOD: Duration = Duration::from_secs(1);
/// What may wait to be taken: more is not asked or read meanwhile.
const WAITING: usize = 16;

/// What the proxies answered.
type Answer = Result<Vec<SessionView>, String>;

/// Shows it until a key or a signal ends it.
///
/// # Errors
/// There is no terminal, or no proxy answers at the beginning.
pub(super) fn run(which: &Which, role: Option<Role>) -> anyhow::Result<()> {
    let is_dumb = env::var_os("TERM").is_some_and(|kind| kind == "dumb");
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() || is_dumb {
        bail!("top needs a terminal that it can draw on: `paso status` shows the same once, as text or JSON");
    }
    let mut top = Top { coloured: cli::terminal::takes_escapes(&io::stdout()), ..Top::default() };
    top.on_view(Ok(views(find(which, role, true, Whose::All)?)));
    let shown = cli::program::draw(|signals| async {
        let answers = ask(which.clone(), role)?;
        let mut screen = Screen::open().context("cannot draw on this terminal")?;
        let keys = read_events()?;
        show(&mut top, &mut screen, signals, answers, keys).await
    });
    shown.context("cannot start")?
}

fn views(found: Vec<Found>) -> Vec<SessionView> {
    let view = |mut found: Found| {
        foreign::clean(&mut found.view);
        found.view
    };
    found.into_iter().map(view).collect()
}

async fn show(
    top: &mut Top,
    screen: &mut Screen,
    mut signals: Signals,
    mut answers: mpsc::Receiver<Answer>,
    mut events: mpsc::Receiver<io::Result<Event>>,
) -> anyhow::Result<()> {
    loop {
        screen.0.draw(|frame| draw::draw(top, frame)).context("cannot draw on this terminal")?;
        tokio::select! {
            () = signals.received() => return Ok(()),
            answer = answers.recv() => top.on_view(answer.context("nobody asks the proxies any more")?),
            event = events.recv() => {
                let event = event.context("no keys come any more")?.context("cannot read keys")?;
                if let Some(key) = event.as_key_event() && top.on_key(key) == Flow::End {
                    return Ok(());
                }
            }
        }
    }
}

/// The whole terminal: as it was again when the value ends, and also on a panic.
#[derive(Debug)]
struct Screen(DefaultTerminal);

impl Screen {
    fn open() -> io::Result<Self> {
        // Half of it may have been done.
        ratatui::try_init().map(Self).inspect_err(|_| drop(ratatui::try_restore()))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = ratatui::try_restore();
    }
}

/// Asks the proxies, on a thread of its own: one that is stuck answers late, and keys have to work meanwhile.
fn ask(which: Which, role: Option<Role>) -> io::Result<mpsc::Receiver<Answer>> {
    let (answer, answers) = mpsc::channel(1);
    thread::Builder::new().name("ask".into()).spawn(move || {
        let mut began = Instant::now();
        loop {
            thread::sleep(PERIOD.saturating_sub(began.elapsed()));
            began = Instant::now();
            let found = find(&which, role, true, Whose::All).map(views).map_err(|error| format!("{error:#}"));
            if answer.blocking_send(found).is_err() {
                return;
            }
        }
    })?;
    Ok(answers)
}

/// Keys, and changes of the size; a thread waits for them, and ends with the process.
fn read_events() -> io::Result<mpsc::Receiver<io::Result<Event>>> {
    let (send, events) = mpsc::channel(WAITING);
    thread::Builder::new().name("keys".into()).spawn(move || {
        loop {
            let event = event::read();
            let is_last = event.is_err();
            if send.blocking_send(event).is_err() || is_last {
                return;
            }
        }
    })?;
    Ok(events)
}

#[cfg(test)]
mod tests;
