//! The command lines of the programs as values: manual pages and completions are made from them.

use clap::{Command, CommandFactory};

use crate::steer::{self, Action};
use crate::{Cli, client, entry, exit};

/// `paso` with all its subcommands, `proxy1`, and `proxy2`, with those that they have. None has a subcommand `help`.
pub fn commands() -> [Command; 3] {
    [paso(), proxy1(), proxy2()]
}

/// Each subcommand has the options that it parses itself.
fn paso() -> Command {
    let subcommands = [
        ("in", entry::Cli::command()),
        ("out", exit::command()),
        ("ticket", exit::ticket_command()),
        ("nc", client::nc::command()),
        ("check", client::doctor::command()),
        ("find", client::find::command()),
        ("echo", echo::command()),
    ];
    subcommands.into_iter().chain(steering()).fold(Cli::command(), |paso, (name, options)| {
        paso.mut_subcommand(name, |_| as_subcommand(options, name))
    })
}

/// What steers a running proxy.
fn steering() -> impl Iterator<Item = (&'static str, Command)> {
    Action::ALL.into_iter().map(|action| (action.name(), steer::command(action)))
}

fn proxy1() -> Command {
    with_subcommands(entry::Cli::command(), [("check", client::doctor::command())])
}

fn proxy2() -> Command {
    with_subcommands(exit::command(), [("ticket", exit::ticket_command())])
}

fn with_subcommands(program: Command, own: [(&'static str, Command); 1]) -> Command {
    let program = program.disable_help_subcommand(true).args_conflicts_with_subcommands(true);
    program.subcommands(own.into_iter().chain(steering()).map(|(name, command)| as_subcommand(command, name)))
}

fn as_subcommand(command: Command, name: &'static str) -> Command {
    command.name(name).disable_help_subcommand(true)
}

#[cfg(test)]
mod page;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subcommand_is_there_with_its_options() {
        let paso = paso();
        for command in paso.get_subcommands() {
            let is_rest = command.get_arguments().any(|argument| argument.get_id() == "words");
            assert!(!is_rest, "{} has no options here", command.get_name());
        }
        for command in commands() {
            command.debug_assert();
        }
    }
}
