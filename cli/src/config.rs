//! What a program is to do, from its command line, the environment, and a configuration file.
//!
//! There is one list of options, that of the command line's parser. A variable has the name of an option
//! (`--ticket-file` is `PASO_TICKET_FILE`), and so has a key of the file (`ticket-file`). What variables and file say is put before
//! the words of the command line where these do not say it, and then all is parsed together: values are checked in one
//! place, whatever said them. An error names the place.

mod args;
mod environment;
mod file;
mod merge;
mod origin;
mod print;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, Parser};
use tunnel::state::{NamedFile, read_named};

pub use self::args::{Action, ConfigArgs, MetricsArgs};
pub use self::environment::Environment;
use self::file::{Contents, Entry, Keys, Table};
pub use self::merge::{LinkOptions, Values};
pub use self::origin::Origin;
pub use self::print::{Extra, to_toml};

/// What is special about some options of a program, named as on the command line.
#[derive(Debug)]
pub struct Kinds {
    /// Those whose values of all places add up.
    pub additive: &'static [&'static str],
    /// Those of which only the earliest place counts that says one of them.
    pub alternatives: &'static [&'static [&'static str]],
    /// Those that hold a secret.
    pub secret: &'static [&'static str],
    /// Those that are the whole program's, not one link's.
    pub of_program: &'static [&'static str],
    /// Whether a file may have tables `[[link]]`.
    pub links: bool,
}

/// The options that no file may have.
const NEVER: &[&str] = &["config", "check", "print-config"];

/// Where the options of a program are read from, once or again and again.
#[derive(Clone, Debug)]
pub struct Sources {
    command: Command,
    /// Whose options a file may have.
    of_file: Command,
    kinds: &'static Kinds,
    words: Vec<OsString>,
    environment: Environment,
    /// What a pipe has said: it says nothing the next time, which would be another configuration.
    piped: OnceLock<Contents>,
}

/// What a program is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The configuration file, if there is one.
    pub file: Option<PathBuf>,
    /// The options of each link, in the order of the file; one or more.
    pub links: Vec<LinkOptions>,
}

impl Sources {
    /// For the program with the options of `T`. Its first word is the program as its user calls it.
    pub fn new<T: Parser>(words: Vec<OsString>, environment: Environment, kinds: &'static Kinds) -> Self {
        let mut command = crate::command::<T>(&words);
        command.build();
        Self { of_file: command.clone(), command, kinds, words, environment, piped: OnceLock::new() }
    }

    /// The file is one of another program, called `name`, with the options of `T`: those that this one does not have mean nothing here.
    #[must_use]
    pub fn with_file_of<T: Parser>(mut self, name: &'static str) -> Self {
        self.of_file = T::command().bin_name(name);
        self
    }

    /// Reads the file, if one is named, and puts all together.
    ///
    /// # Errors
    /// Bad usage, of the file too; a request for help or the version; with [`ErrorKind::Io`] a file that cannot be read. To be
    /// printed, with its exit code.
    pub fn read(&self) -> Result<Plan, clap::Error> {
        // Whether its words are right turns out when all are together: some need what the file may say.
        let matches = self.command.clone().ignore_errors(true).try_get_matches_from(&self.words)?;
        let variables = self.variables()?;
        let file = self.file(&matches, &variables);
        let contents = file.as_deref().map(|path| self.contents(path)).transpose()?.unwrap_or_default();
        let unnamed = [Table::default()];
        let tables = if contents.links.is_empty() { &unnamed[..] } else { &contents.links };
        let links = tables.iter().enumerate().map(|(number, table)| {
            let name = match &table.name {
                Some((name, _)) => Some(name.clone()),
                None => (tables.len() > 1).then(|| (number + 1).to_string()),
            };
            let layers = [&variables[..], &table.entries, &contents.top.entries];
            LinkOptions::merge(self, name, &matches, &layers)
        });
        Ok(Plan { links: links.collect(), file })
    }

    fn variables(&self) -> Result<Vec<Entry>, clap::Error> {
        let entries = self.command.get_arguments().map(|argument| self.environment.entry(argument));
        let entries: Result<Vec<_>, _> = entries.collect();
        Ok(entries
            .map_err(|error| wrong(ErrorKind::ValueValidation, &error))?
            .into_iter()
            .flatten()
            .collect())
    }

    fn file(&self, matches: &ArgMatches, variables: &[Entry]) -> Option<PathBuf> {
        let words = matches.try_get_one::<PathBuf>("config").ok().flatten().cloned();
        let variable = || variables.iter().find(|entry| entry.key == "config")?.values.first();
        words.or_else(|| variable().map(|(path, _)| path.into()))
    }

    fn contents(&self, path: &Path) -> Result<Contents, clap::Error> {
        let unreadable = |error: tunnel::state::StateError| wrong(ErrorKind::Io, &error.to_string());
        if let Some(contents) = self.piped.get() {
            return Ok(contents.clone());
        }
        let NamedFile { text, is_secret, is_pipe } = read_named(path).map_err(unreadable)?;
        let keys = Keys {
            command: &self.of_file,
            of_program: self.kinds.of_program,
            never: NEVER,
            links: self.kinds.links,
        };
        let contents =
            file::read(&text, path, &keys).map_err(|error| wrong(ErrorKind::ValueValidation, &error))?;
        if let Err(error) = is_secret {
            let tables = contents.links.iter().chain([&contents.top]);
            let mut entries = tables.flat_map(|table| &table.entries);
            let secret = entries.find(|entry| self.kinds.secret.contains(&entry.key.as_str()));
            if let Some((_, origin)) = secret.and_then(|entry| entry.values.first()) {
                return Err(wrong(ErrorKind::Io, &format!("{origin}: {error}")));
            }
        }
        Ok(if is_pipe { self.piped.get_or_init(|| contents).clone() } else { contents })
    }
}

/// Whether the command line itself says an option.
fn is_in_words(command: &Command, matches: &ArgMatches, key: &str) -> bool {
    let argument = command.get_arguments().find(|argument| argument.get_long() == Some(key));
    let source = argument.and_then(|argument| matches.value_source(argument.get_id().as_str()));
    source == Some(ValueSource::CommandLine)
}

/// An error in one sentence, without the usage: the file's author does not ask for it.
fn wrong(kind: ErrorKind, what: &str) -> clap::Error {
    clap::Error::raw(kind, format!("{what}\n"))
}
