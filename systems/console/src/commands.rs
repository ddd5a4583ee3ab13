//! The console's own commands: one table, of which help, completion and the parser are made.

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Lists the commands, or explains one.
    Help,
    /// Says who the client is.
    WhoAmI,
    /// Says who is here.
    Who,
    /// Says something to all.
    Say,
    /// Says something to one.
    Tell,
    /// Says what time it is.
    Time,
    /// Says who has written this.
    Authors,
    /// Says what was counted.
    Stats,
    /// Says which version this is.
    Version,
    /// Lists the pages about the shell.
    Shell,
    /// Ends the session.
    Quit,
    /// Ends the session of another client.
    Kick,
    /// Shows what the proxy2 carries.
    Status,
    /// Resets a stream of the proxy2, or those of a link.
    Close,
    /// Has the proxy2 read its files again.
    Reload,
    /// Has the proxy2 end with its last stream.
    Drain,
}

/// Who may give a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody.
    All,
    /// Who holds a ticket that the server's options name.
    Operators,
}

/// A command.
#[derive(Debug)]
pub struct Command {
    /// What it does.
    pub verb: Verb,
    /// Its word.
    pub name: &'static str,
    /// What may stand behind the word.
    pub arguments: &'static str,
    /// What it does, in half a line.
    pub summary: &'static str,
    /// The rest that there is to know, in lines of at most 76 characters.
    pub text: &'static str,
    /// A line that somebody may type.
    pub example: &'static str,
    /// Who may give it.
    pub who: Who,
}

const fn of_all(
    verb: Verb,
    (name, arguments): (&'static str, &'static str),
    summary: &'static str,
    text: &'static str,
    example: &'static str,
) -> Command {
    Command { verb, name, arguments, summary, text, example, who: Who::All }
}

const fn of_operators(
    verb: Verb,
    (name, arguments): (&'static str, &'static str),
    summary: &'static str,
    text: &'static str,
    example: &'static str,
) -> Command {
    Command { verb, name, arguments, summary, text, example, who: Who::Operators }
}

/// All of them, in the order in which help shows them.
pub static COMMANDS: [Command; 16] = [
    of_all(
        Verb::Help,
        ("help", "[COMMAND]"),
        "lists the commands, or explains one",
        "Also explains the commands of a shell that `shell` lists.",
        "help tell",
    ),
    of_all(
        Verb::WhoAmI,
        ("whoami", ""),
        "says who you are here",
        "Your name is that of your ticket, for which proxy2 vouches, and a number\nthat no other session has had.",
        "whoami",
    ),
    of_all(
        Verb::Who,
        ("who", ""),
        "lists who is here, since when, and who is silent",
        "A client whose network is gone is shown as silent, and is let go after a\nwhile.",
        "who",
    ),
    of_all(
        Verb::Say,
        ("say", "TEXT"),
        "says something to all who are here",
        "Characters that a terminal does not show where they stand are replaced by\n`?`. Who says much waits: ten lines a second and ticket go out.",
        "say the backup is done",
    ),
    of_all(
        Verb::Tell,
        ("tell", "NAME TEXT"),
        "says something to one",
        "The name is one of those that `who` shows, its number, or that of a ticket:\nthen all who hold it are told.",
        "tell shed#2 the backup is done",
    ),
    of_all(
        Verb::Time,
        ("time", ""),
        "says what time it is at the server",
        "In UTC, and for how long the server has been running.",
        "time",
    ),
    of_all(
        Verb::Authors,
        ("authors", ""),
        "says who has written this",
        "And under which licence.",
        "authors",
    ),
    of_all(
        Verb::Stats,
        ("stats", ""),
        "says what the server has counted",
        "Since it was started: clients, lines, and what slow readers have missed.",
        "stats",
    ),
    of_all(
        Verb::Version,
        ("version", ""),
        "says which version the server is",
        "`console --version` says which one the client is.",
        "version",
    ),
    of_all(
        Verb::Shell,
        ("shell", ""),
        "lists the commands of a shell that are explained here",
        "They are explained, and not run: this is no shell.",
        "shell",
    ),
    of_all(
        Verb::Quit,
        ("quit", ""),
        "ends your session, as Ctrl-D does",
        "The others are told. `exit` and `logout` mean the same.",
        "quit",
    ),
    of_operators(
        Verb::Kick,
        ("kick", "NAME [WHY]"),
        "ends the session of somebody",
        "The name as in `tell`. To keep a ticket out, revoke it: `paso ticket\nrevoke`.",
        "kick shed#2 you are flooding us",
    ),
    of_operators(
        Verb::Status,
        ("status", "[LINK]"),
        "shows what proxy2 carries",
        "Its links, or the streams of one: `status L3`.",
        "status L3",
    ),
    of_operators(
        Verb::Close,
        ("close", "LINK[/STREAM]"),
        "has proxy2 reset a stream, or all of a link",
        "As `paso close` does. The ids are those that `status` shows.",
        "close L3/5",
    ),
    of_operators(
        Verb::Reload,
        ("reload", ""),
        "has proxy2 read tickets, names and its file again",
        "As `paso reload` does.",
        "reload",
    ),
    of_operators(
        Verb::Drain,
        ("drain", "[SECONDS]"),
        "has proxy2 accept nothing new, and end",
        "With its last stream, or after so many seconds, as `paso drain` does. This\nconsole comes by a stream of that proxy2, too.",
        "drain 60",
    ),
];

/// What the same may be called.
const ALIASES: [(&str, &str); 4] = [("exit", "quit"), ("logout", "quit"), ("bye", "quit"), ("?", "help")];

impl Command {
    /// The command of this name, in capitals or not.
    pub fn named(word: &str) -> Option<&'static Self> {
        let word = word.to_ascii_lowercase();
        let name = ALIASES.iter().find(|(alias, _)| *alias == word).map_or(word.as_str(), |(_, name)| name);
        COMMANDS.iter().find(|command| command.name == name)
    }

    /// It and what may stand behind it.
    pub fn usage(&self) -> String {
        format!("{} {}", self.name, self.arguments).trim_end().to_owned()
    }

    /// All about it, in lines.
    pub fn page(&self) -> String {
        let whom = if self.who == Who::Operators { "For operators. " } else { "" };
        let Self { summary, text, example, .. } = self;
        format!("{}\n  {whom}It {summary}.\n{}\n  Example: {example}\n", self.usage(), indented(text))
    }
}

/// A text in the lines of a page.
pub fn indented(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}

/// The list of those that somebody may give.
pub fn list(of_operator: bool) -> String {
    let mut text = String::from("Commands:\n");
    for command in COMMANDS.iter().filter(|command| of_operator || command.who == Who::All) {
        text.push_str(&format!("  {:<20} {}\n", command.usage(), command.summary));
    }
    text.push_str("`help COMMAND` says more of one, `shell` lists what is explained of a shell.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name_and_its_page_fits() {
        for command in &COMMANDS {
            assert_eq!(Command::named(command.name).map(|found| found.verb), Some(command.verb));
            assert!(command.example.starts_with(command.name), "{}", command.example);
            let page = command.page();
            assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
        }
        assert_eq!(Command::named("EXIT").map(|found| found.verb), Some(Verb::Quit));
        assert!(Command::named("").is_none());
    }

    #[test]
    fn the_list_fits_a_terminal_and_shows_who_may() {
        assert!(list(true).lines().all(|line| line.chars().count() <= 80), "{}", list(true));
        assert!(list(true).contains("\n  drain [SECONDS]") && !list(false).contains("drain"));
    }
}
