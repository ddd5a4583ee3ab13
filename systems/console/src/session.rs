//! From a line of a client to what is answered.

use std::time::{Duration, SystemTime};

use common::lines::Line;
use paso::visible;
use paso_cli::nearest;

use crate::commands::{self, COMMANDS, Command, Verb, Who};
use crate::proxy::Request;
use crate::room::{Leaving, Number, Room, Tally};
use crate::shell;

/// The longest line of a client, in bytes.
pub const LONGEST: usize = common::lines::LONGEST;

/// When a line has come.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Since the server began.
    pub since_start: Duration,
    /// By the wall clock.
    pub wall: SystemTime,
}

/// What is left to do for a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing: it is answered.
    Done,
    /// Proxy2 is to be asked, and what it says is the answer.
    Proxy(Request),
}

/// Answers a line. What it means for others they are told.
pub fn answer(room: &mut Room, me: Number, line: &Line, now: Now) -> Turn {
    room.heard(me, now.since_start);
    let text = match line {
        // No line of anybody: the client's program says that it is there.
        Line::Text(text) if text == crate::BEAT => {
            room.beat(me);
            return Turn::Done;
        }
        Line::Text(text) => Ok(text.trim()),
        Line::NotText => Err("this is no text: lines are UTF-8".into()),
        Line::TooLong(most) => Err(format!("a line has at most {most} bytes: this one was passed over")),
    };
    if text.as_ref().is_ok_and(|text| text.is_empty()) {
        return Turn::Done;
    }
    let done = text.and_then(|text| obey(room, me, text, now));
    room.count_line(done.is_err());
    match done {
        Ok(Answer::Text(text)) => room.answer(me, text),
        Ok(Answer::Done) => {}
        Ok(Answer::Proxy(request)) => return Turn::Proxy(request),
        Err(why) => room.answer(me, format!("error: {why}\n")),
    }
    Turn::Done
}

/// The lines with which a client is greeted.
pub fn welcome(room: &Room, me: Number) -> String {
    let Some(own) = room.here().find(|member| member.who.number == me) else { return String::new() };
    let ticket = match &own.who.ticket {
        Some(ticket) => format!("with the ticket {ticket}"),
        None => "through proxy2's own forward".into(),
    };
    let operator = if own.who.is_operator { ", an operator" } else { "" };
    format!(
        "Paso console {}. You are {}, {ticket}{operator}.\n{}`help` lists the commands; `quit` or Ctrl-D ends.\n",
        env!("CARGO_PKG_VERSION"),
        own.who,
        present(room)
    )
}

/// What came of a command.
enum Answer {
    Text(String),
    Done,
    Proxy(Request),
}

fn obey(room: &mut Room, me: Number, text: &str, now: Now) -> Result<Answer, String> {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let Some(own) = room.member(me) else { return Ok(Answer::Done) };
    let is_operator = own.who.is_operator;
    let Some(command) = Command::named(word) else { return Err(unknown(word, is_operator)) };
    if command.who == Who::Operators && !is_operator {
        return Err(format!(
            "{} is for operators: `console serve --operator TICKET` names them",
            command.name
        ));
    }
    if command.arguments.is_empty() && !rest.is_empty() {
        return Err(format!("nothing may stand behind {}: `help {0}` explains it", command.name));
    }
    // Where something has to stand behind the command, its usage says so without brackets.
    if rest.is_empty() && !command.arguments.is_empty() && !command.arguments.starts_with('[') {
        return Err(usage(command));
    }
    run(room, me, command, rest, now)
}

fn run(room: &mut Room, me: Number, command: &Command, rest: &str, now: Now) -> Result<Answer, String> {
    let answer = match command.verb {
        Verb::Help => help(room, me, rest)?,
        Verb::WhoAmI => whoami(room, me),
        Verb::Who => who(room, me, now.since_start),
        Verb::Say => {
            room.say(me, &visible(rest), now.since_start);
            return Ok(Answer::Done);
        }
        Verb::Tell => {
            let (name, text) = rest.split_once(char::is_whitespace).ok_or_else(|| usage(command))?;
            let to = found(room, me, name, now.since_start)?;
            room.tell(me, &to, &visible(text.trim()), now.since_start);
            return Ok(Answer::Done);
        }
        Verb::Time => {
            let time = humantime::format_rfc3339_seconds(now.wall);
            format!("{time}; the server has been running for {}\n", span(now.since_start))
        }
        Verb::Authors => AUTHORS.into(),
        Verb::Stats => stats(room.tally(), room.here().count()),
        Verb::Version => format!("Paso console {}\n", env!("CARGO_PKG_VERSION")),
        Verb::Shell => shell::list(),
        Verb::Quit => {
            room.leave(me, Leaving::Quit, now.since_start);
            return Ok(Answer::Done);
        }
        Verb::Kick => kick(room, me, rest, now.since_start)?,
        Verb::Status | Verb::Close | Verb::Reload | Verb::Drain => {
            return Request::of_command(command, rest).map(Answer::Proxy).ok_or_else(|| usage(command));
        }
    };
    Ok(Answer::Text(answer))
}

const AUTHORS: &str = "\
The Paso authors: `git shortlog -sn` in its repository has their names.
Licence: MIT or Apache-2.0, at your option.
";

fn usage(command: &Command) -> String {
    format!("write: {}; for example: {}", command.usage(), command.example)
}

/// That nothing is called so, and what may have been meant.
fn unknown(word: &str, is_operator: bool) -> String {
    if shell::Page::named(word).is_some() {
        let name = word.to_ascii_lowercase();
        return format!("{name} is a command of a shell, which this is not: `help {name}` explains it");
    }
    let own = COMMANDS.iter().filter(|command| is_operator || command.who == Who::All);
    let names = own.map(|command| command.name).chain(shell::PAGES.iter().map(|page| page.name));
    let shown = shortened(word);
    match near(word, names) {
        Some(name) if shell::Page::named(name).is_some() => {
            format!("there is no command {shown}; did you mean `help {name}`?")
        }
        Some(name) => format!("there is no command {shown}; did you mean {name}?"),
        None => {
            format!("there is no command {shown}: `help` lists them; `say` comes before what all shall read")
        }
    }
}

/// Longer than what somebody writes who means a name, in characters.
const MOST_OF_WORD: usize = 80;

/// The name that was meant. Long words are not looked at: how long that takes grows with them.
fn near<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    (word.len() <= MOST_OF_WORD).then(|| nearest(word, names))?
}

/// A word of somebody, as it is shown in a sentence.
fn shortened(word: &str) -> String {
    let cut: String = word.chars().take(MOST_OF_WORD).collect();
    let dots = if cut.len() < word.len() { "…" } else { "" };
    format!("'{}{dots}'", visible(&cut))
}

fn help(room: &mut Room, me: Number, rest: &str) -> Result<String, String> {
    let is_operator = room.member(me).is_some_and(|own| own.who.is_operator);
    if rest.is_empty() {
        return Ok(commands::list(is_operator));
    }
    if let Some(command) = Command::named(rest) {
        return Ok(command.page());
    }
    if let Some(page) = shell::Page::named(rest) {
        return Ok(page.page());
    }
    let names = commands_and_pages();
    Err(match near(rest, names.into_iter()) {
        Some(name) => format!("there is nothing about {}; did you mean `help {name}`?", shortened(rest)),
        None => {
            format!("there is nothing about {}: `help` and `shell` list what is explained", shortened(rest))
        }
    })
}

/// All that `help` knows.
pub fn commands_and_pages() -> Vec<&'static str> {
    let commands = COMMANDS.iter().map(|command| command.name);
    commands.chain(shell::PAGES.iter().map(|page| page.name)).collect()
}

fn whoami(room: &mut Room, me: Number) -> String {
    let Some(own) = room.member(me) else { return String::new() };
    let operator = if own.who.is_operator { "; you are an operator" } else { "" };
    match &own.who.ticket {
        Some(ticket) => {
            format!(
                "You are {}: session {me}, ticket {ticket}, which proxy2 vouches for{operator}\n",
                own.who
            )
        }
        None => format!("You are {}: session {me}, by a forward of proxy2 itself{operator}\n", own.who),
    }
}

/// So many are listed.
const MOST_LISTED: usize = 100;

fn who(room: &Room, me: Number, now: Duration) -> String {
    let here: Vec<_> = room.here().collect();
    let mut text = format!("{:<24} {:>9} {:>9}\n", "who", "here", "silent");
    for member in here.iter().take(MOST_LISTED) {
        let you = if member.who.number == me { "  you" } else { "" };
        let operator = if member.who.is_operator { "  operator" } else { "" };
        let missing = if member.is_missing(now) { "  not heard" } else { "" };
        let (since, silent) = (span(now.saturating_sub(member.since)), span(member.silent_for(now)));
        text.push_str(&format!(
            "{:<24} {since:>9} {silent:>9}{you}{operator}{missing}\n",
            member.who.to_string()
        ));
    }
    if here.len() > MOST_LISTED {
        text.push_str(&format!("and {} more\n", here.len() - MOST_LISTED));
    }
    text
}

/// Who is here, in a line or some.
fn present(room: &Room) -> String {
    /// More names than these are counted.
    const MOST: usize = 8;
    let all: Vec<_> = room.here().map(|member| member.who.to_string()).collect();
    let (count, are) =
        if all.len() == 1 { ("1 client".into(), "is") } else { (format!("{} clients", all.len()), "are") };
    let more = if all.len() > MOST { format!(" and {} more", all.len() - MOST) } else { String::new() };
    let names: Vec<_> = all.into_iter().take(MOST).collect();
    format!("{count} {are} here: {}{more}.\n", names.join(", "))
}

/// Names of clients among which a mistyped one is looked for: as many as somebody has in mind.
const MOST_LOOKED_AT: usize = 64;

/// Those who are meant. Nobody else gets an answer while a mistyped name is looked for, so that costs as much as a text for all.
fn found(room: &mut Room, me: Number, name: &str, now: Duration) -> Result<Vec<Number>, String> {
    let found = room.named(name);
    if !found.is_empty() {
        return Ok(found);
    }
    room.has_searched(me, now);
    let names: Vec<_> = room.here().take(MOST_LOOKED_AT).map(|member| member.who.to_string()).collect();
    Err(match near(name, names.iter().map(String::as_str)) {
        Some(near) => format!("nobody here is called {}; did you mean {near}?", shortened(name)),
        None => format!("nobody here is called {}: `who` lists who is here", shortened(name)),
    })
}

fn kick(room: &mut Room, me: Number, rest: &str, now: Duration) -> Result<String, String> {
    let (name, why) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let found = found(room, me, name, now)?;
    let Some(by) = room.member(me).map(|own| own.who.to_string()) else { return Ok(String::new()) };
    let why = why.trim();
    let why = if why.is_empty() { by } else { format!("{by}: {}", visible(why)) };
    let mut names = Vec::new();
    for number in found {
        names.extend(room.member(number).map(|member| member.who.to_string()));
        room.leave(number, Leaving::Kicked(why.clone()), now);
    }
    Ok(format!("sent away: {}\n", names.join(", ")))
}

fn stats(tally: Tally, here: usize) -> String {
    let Tally { clients, refused, lines, faults, said, missed } = tally;
    format!(
        "clients        {clients} since the start, {here} here, {refused} found no room\n\
         lines          {lines}, of which {faults} were answered by an error\n\
         said, told     {said}\n\
         missed         {missed} lines by clients that read too slowly\n"
    )
}

/// A time in words: `5 s`, `3m 02s`, `2h 05m`, `4d 07h`.
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests;
