//! The options of one link, put together from all places.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, Parser};

use super::file::Entry;
use super::origin::Origin;
use super::{Kinds, Sources, is_in_words, wrong};

/// The options of one link as words, and who says them.
#[derive(Clone, Debug)]
pub struct LinkOptions {
    /// What it is called; `None` where it is the only one and has no name.
    pub name: Option<String>,
    command: Command,
    kinds: &'static Kinds,
    words: Vec<OsString>,
    /// What the command line does not say.
    given: Vec<Given>,
}

/// A value that is not from the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    key: String,
    text: String,
    origin: Origin,
}

/// The parsed options of a link, for who wants to know where they are from.
#[derive(Clone, Debug)]
pub struct Values {
    /// The link's name.
    pub name: Option<String>,
    pub(super) command: Command,
    pub(super) kinds: &'static Kinds,
    pub(super) matches: ArgMatches,
    given: Vec<Given>,
}

impl LinkOptions {
    /// Puts together what `layers` say, the first with the most weight, and what the words of the command line say.
    pub(super) fn merge(
        sources: &Sources,
        name: Option<String>,
        matches: &ArgMatches,
        layers: &[&[Entry]],
    ) -> Self {
        let Sources { command, kinds, words, .. } = sources;
        let mut given = Vec::new();
        for key in command.get_arguments().filter_map(Arg::get_long) {
            let alone = [key];
            let group = kinds.alternatives.iter().find(|group| group.contains(&key));
            let group = group.map_or(&alone[..], |group| group);
            if kinds.additive.contains(&key) {
                given.extend(layers.iter().flat_map(|layer| values(layer, key)));
            } else if !group.iter().any(|key| is_in_words(command, matches, key)) {
                let says = |layer: &&&[Entry]| layer.iter().any(|entry| group.contains(&entry.key.as_str()));
                given.extend(layers.iter().find(says).into_iter().flat_map(|layer| values(layer, key)));
            }
        }
        Self { name, command: command.clone(), kinds, words: words.clone(), given }
    }

    /// Parses them.
    ///
    /// # Errors
    /// Bad usage, with the place of what is wrong.
    pub fn parse<T: Parser>(&self) -> Result<(T, Values), clap::Error> {
        let matches = self.matches(&self.given).map_err(|error| self.with_place(error))?;
        let parsed = T::from_arg_matches(&matches).map_err(|error| self.with_place(error))?;
        let (name, command, kinds) = (self.name.clone(), self.command.clone(), self.kinds);
        Ok((parsed, Values { name, command, kinds, matches, given: self.given.clone() }))
    }

    /// The words of the command line, with some of what else is given.
    fn matches<'a>(&self, given: impl IntoIterator<Item = &'a Given>) -> Result<ArgMatches, clap::Error> {
        let (program, words) = self.words.split_at(self.words.len().min(1));
        let given = given.into_iter().flat_map(|given| given.words(&self.command));
        let words = program.iter().cloned().chain(given).chain(words.iter().cloned());
        self.command.clone().try_get_matches_from(words)
    }

    /// Whether two say the same of the link.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let is_of_link = |key: &str| !self.kinds.of_program.contains(&key);
        self.said(is_of_link) == other.said(is_of_link)
    }

    /// Whether two say the same of the link, up to what is additive: forwards come and go while a link runs.
    pub fn differ_in_additive_only(&self, other: &Self) -> bool {
        let Kinds { additive, of_program, .. } = self.kinds;
        let is_fixed = |key: &str| !additive.contains(&key) && !of_program.contains(&key);
        self.said(is_fixed) == other.said(is_fixed)
    }

    /// What is said beside the command line, which stays as it is.
    fn said(&self, which: impl Fn(&str) -> bool) -> Vec<(&str, &str)> {
        let given = self.given.iter().map(|given| (given.key.as_str(), given.text.as_str()));
        given.filter(|(key, _)| which(key)).collect()
    }

    /// The same error with the places of the options that it is about.
    fn with_place(&self, error: clap::Error) -> clap::Error {
        let about = if error.kind() == ErrorKind::MissingRequiredArgument {
            self.given.iter().filter(|given| self.lacks(given)).collect()
        } else {
            self.named_in(&error)
        };
        let Some(first) = about.first() else { return error };
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let end = ["\n\nUsage", "\n\nFor more"].iter().filter_map(|end| text.find(end)).min();
        let text = text.get(..end.unwrap_or(text.len())).unwrap_or(text).trim_end();
        if matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
            return wrong(error.kind(), &format!("{}: {text}", first.origin));
        }
        let place = |given: &&Given| format!("\n  --{} is from {}", given.key, given.origin);
        wrong(error.kind(), &format!("{text}{}", about.iter().map(place).collect::<String>()))
    }

    /// What else than the command line's options an error names.
    fn named_in(&self, error: &clap::Error) -> Vec<&Given> {
        let named = [ContextKind::InvalidArg, ContextKind::PriorArg];
        let named = named.into_iter().filter_map(|kind| error.get(kind)).flat_map(texts);
        let named: Vec<_> = named.filter_map(|text| long_name(&text)).collect();
        let value = error.get(ContextKind::InvalidValue).map(texts).unwrap_or_default();
        let is_value = |given: &&Given| value.is_empty() || value.contains(&given.text);
        self.given.iter().filter(|given| named.contains(&given.key)).filter(is_value).collect()
    }

    /// Whether a value alone needs an option that is not there.
    fn lacks(&self, given: &Given) -> bool {
        let is_missing = |error: &clap::Error| error.kind() == ErrorKind::MissingRequiredArgument;
        self.matches([]).is_ok() && self.matches([given]).is_err_and(|error| is_missing(&error))
    }
}

impl Values {
    /// Where an option is from.
    pub fn origin(&self, key: &str) -> Origin {
        match self.given.iter().find(|given| given.key == key) {
            Some(given) => given.origin.clone(),
            None if is_in_words(&self.command, &self.matches, key) => Origin::CommandLine,
            None => Origin::Default,
        }
    }

    /// Where the values of an option with several are from, in their order.
    pub fn origins(&self, key: &str) -> impl Iterator<Item = Origin> {
        let given = self.given.iter().filter(move |given| given.key == key);
        let rest = if self.is_default(key) { Origin::Default } else { Origin::CommandLine };
        given.map(|given| given.origin.clone()).chain(std::iter::repeat(rest))
    }

    fn is_default(&self, key: &str) -> bool {
        let argument = self.command.get_arguments().find(|argument| argument.get_long() == Some(key));
        let source = argument.and_then(|argument| self.matches.value_source(argument.get_id().as_str()));
        source != Some(ValueSource::CommandLine)
    }
}

impl Given {
    /// As they would stand on a command line.
    fn words(&self, command: &Command) -> Vec<OsString> {
        /// How often a switch that is counted can matter.
        const MOST: usize = 9;
        let long = format!("--{}", self.key);
        let argument = command.get_arguments().find(|argument| argument.get_long() == Some(&self.key));
        match argument.map(Arg::get_action) {
            Some(ArgAction::SetTrue) => (self.text == "true").then(|| long.into()).into_iter().collect(),
            Some(ArgAction::Count) => {
                let count = self.text.parse::<usize>().unwrap_or(MOST).min(MOST);
                vec![long.into(); count]
            }
            _ => vec![format!("{long}={}", self.text).into()],
        }
    }
}

fn values<'a>(layer: &'a [Entry], key: &'a str) -> impl Iterator<Item = Given> + 'a {
    let entries = layer.iter().filter(move |entry| entry.key == key);
    entries.flat_map(|entry| {
        entry.values.iter().map(|(text, origin)| Given {
            key: entry.key.clone(),
            text: text.clone(),
            origin: origin.clone(),
        })
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others hold no names of options")]
fn texts(value: &ContextValue) -> Vec<String> {
    match value {
        ContextValue::String(text) => vec![text.clone()],
        ContextValue::Strings(texts) => texts.clone(),
        _ => Vec::new(),
    }
}

/// Of an option as errors name it: `--idle <TIME>`.
fn long_name(text: &str) -> Option<String> {
    let name = text.strip_prefix("--")?;
    name.split([' ', '=']).next().map(str::to_owned)
}
