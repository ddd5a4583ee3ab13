//! The menu: all commands by numbers, and what is said meanwhile.

use common::lines::Lines;
use tokio::sync::mpsc;

use super::connection::{Connection, Which};
use super::screen;
use crate::args::{Command, RunArgs};
use crate::node::words::{Reply, Request};

const MENU: &str = "\
1  who is there           5  fetch a file
2  say something to all   6  let a node in no more
3  run a job              7  let a node in
4  which files has one?   0  leave the menu
A number, or a text to say to all:
";

/// Until its user leaves it, or the node ends.
pub(super) async fn run(which: &Which) -> anyhow::Result<u8> {
    let mut node = Connection::ask(which, &Request::Hear { last: 10, follow: true }, b"").await?;
    let (told, mut hearing) = mpsc::channel(64);
    // Reading an answer cannot be broken off, so it has a task of its own.
    tokio::spawn(async move {
        while let Ok((reply, _)) = node.next().await {
            if told.send(reply).await.is_err() {
                return;
            }
        }
    });
    let mut input = Lines::read(std::io::stdin())?;
    screen::lines(MENU)?;
    loop {
        tokio::select! {
            reply = hearing.recv() => match reply {
                Some(Reply::Heard(heard)) => screen::line(&screen::heard(&heard))?,
                Some(_) => {}
                None => anyhow::bail!("the node has ended"),
            },
            line = input.next() => {
                let Some(line) = line? else { return Ok(0) };
                if line.as_ref().is_ok_and(|line| line.trim() == "0") {
                    return Ok(0);
                }
                let chosen = match line {
                    Ok(line) => choose(which, line.trim(), &mut input).await,
                    Err(why) => Err(anyhow::Error::msg(why)),
                };
                // What cannot be done is said, and the menu goes on.
                if let Err(error) = chosen {
                    screen::error(&format!("{error:#}"));
                }
            }
        }
    }
}

async fn choose(which: &Which, line: &str, input: &mut Lines) -> anyhow::Result<()> {
    let command = match line {
        "" => return Ok(screen::lines(MENU)?),
        "1" => Command::List { json: false },
        "2" => Command::Say { words: vec![ask(input, "What?").await?] },
        "3" => {
            let words = ask(input, "Which program, and its words?").await?;
            let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
            if words.is_empty() {
                return Ok(());
            }
            Command::Run(RunArgs { times: 1, stdin: false, words })
        }
        "4" => Command::Files { of: ask(input, "Whose?").await?.parse()? },
        "5" => {
            let of = ask(input, "Whose?").await?.parse()?;
            Command::Get { of, path: ask(input, "Which?").await?, to: None, force: false }
        }
        "6" => Command::Deny { name: ask(input, "Whom?").await?.parse()? },
        "7" => Command::Allow { name: ask(input, "Whom?").await?.parse()? },
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            anyhow::bail!("there is no choice {number}; an empty line shows the menu")
        }
        text => Command::Say { words: vec![text.into()] },
    };
    Box::pin(super::answer(command, which)).await.map(drop)
}

async fn ask(input: &mut Lines, question: &str) -> anyhow::Result<String> {
    screen::line(question)?;
    let line = input.next().await?.unwrap_or_else(|| Ok(String::new()));
    Ok(line.map_err(anyhow::Error::msg)?.trim().to_owned())
}
