//! The configuration file as text: TOML with the names of the options as keys, and a table `[[link]]` for each link.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use clap::{Arg, ArgAction, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::origin::Origin;
use crate::nearest::nearest;
use crate::text::line_and_column;

/// A key of the file, with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The option's long name.
    pub(super) key: String,
    /// The values as they would stand on a command line, each with its place. Of a switch `true` or `false`.
    pub(super) values: Vec<(String, Origin)>,
}

/// A table of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// What it is called, and where that stands; of the whole file and of links without one `None`.
    pub(super) name: Option<(String, Origin)>,
    /// Its keys.
    pub(super) entries: Vec<Entry>,
}

/// What stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// Before the first table.
    pub(super) top: Table,
    /// The tables `[[link]]`.
    pub(super) links: Vec<Table>,
}

/// Which keys a table may have.
pub(super) struct Keys<'a> {
    /// The program, whose options they are.
    pub(super) command: &'a Command,
    /// The options that no table `[[link]]` may have: they are the whole program's.
    pub(super) of_program: &'a [&'a str],
    /// The options that no file may have.
    pub(super) never: &'a [&'a str],
    /// Whether there may be tables `[[link]]`.
    pub(super) links: bool,
}

/// The key that holds the links, and the one that names a link.
const LINK: &str = "link";
const NAME: &str = "name";

/// Reads the text of the file at `path`.
///
/// # Errors
/// One sentence that begins with file, line and column. No value is repeated in it: it could be a secret.
pub(super) fn read(text: &str, path: &Path, keys: &Keys<'_>) -> Result<Contents, String> {
    let reader = Reader { text, path: path.display().to_string().into(), keys };
    let whole = DeTable::parse(text).map_err(|error| {
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        reader.wrong(error.span().unwrap_or_default(), &message)
    })?;
    let mut contents = Contents::default();
    for (key, value) in in_order(whole.get_ref()) {
        if key.get_ref() == LINK && keys.links {
            contents.links = reader.links(value)?;
        } else {
            contents.top.entries.push(reader.entry(key, value, false)?);
        }
    }
    Ok(contents)
}

struct Reader<'a> {
    text: &'a str,
    path: Arc<str>,
    keys: &'a Keys<'a>,
}

impl Reader<'_> {
    fn links(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<Table>, String> {
        let wrong = || self.wrong(value.span(), "'link' is a table for each link: write [[link]]");
        let tables = value.get_ref().as_array().ok_or_else(wrong)?;
        let mut links: Vec<Table> = Vec::new();
        for table in tables {
            let link = self.link(table.get_ref().as_table().ok_or_else(wrong)?)?;
            let same = |other: &&Table| link.name.is_some() && name_of(other) == name_of(&link);
            if let (Some(other), Some((name, origin))) = (links.iter().find(same), &link.name) {
                let first = other.name.as_ref().map(|(_, origin)| origin.to_string()).unwrap_or_default();
                return Err(format!("{origin}: there is a link '{name}' already, at {first}"));
            }
            links.push(link);
        }
        Ok(links)
    }

    fn link(&self, table: &DeTable<'_>) -> Result<Table, String> {
        let mut link = Table::default();
        for (key, value) in in_order(table) {
            if key.get_ref() == NAME {
                let name = value.get_ref().as_str().filter(|name| is_name(name));
                let name = name.ok_or_else(|| self.wrong(value.span(), "a link's name is one word"))?;
                link.name = Some((name.into(), self.origin(key.span())));
            } else {
                link.entries.push(self.entry(key, value, true)?);
            }
        }
        Ok(link)
    }

    fn entry(
        &self,
        key: &Spanned<Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        in_link: bool,
    ) -> Result<Entry, String> {
        let name = key.get_ref().as_ref();
        let argument = self.known().find(|argument| argument.get_long() == Some(name));
        let argument = argument.ok_or_else(|| self.wrong(key.span(), &self.unknown(name, in_link)))?;
        if in_link && self.keys.of_program.contains(&name) {
            let why = format!("'{name}' is of the whole program: write it before the first [[link]]");
            return Err(self.wrong(key.span(), &why));
        }
        Ok(Entry { key: name.into(), values: self.values(argument, name, value)? })
    }

    fn known(&self) -> impl Iterator<Item = &Arg> {
        let is_key = |argument: &&Arg| {
            let long = argument.get_long();
            long.is_some_and(|long| !self.keys.never.contains(&long) && !["help", "version"].contains(&long))
        };
        self.keys.command.get_arguments().filter(is_key)
    }

    fn unknown(&self, name: &str, in_link: bool) -> String {
        let shown = name.escape_debug();
        let others = if in_link { NAME } else { LINK };
        let names = self.known().filter_map(Arg::get_long).chain(Some(others));
        match nearest(name, names) {
            Some(near) => format!("there is no key '{shown}': do you mean '{near}'?"),
            None => format!(
                "there is no key '{shown}': the keys are the long options, see `{} --help`",
                self.keys.command.get_bin_name().unwrap_or_default()
            ),
        }
    }

    fn values(
        &self,
        argument: &Arg,
        name: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Vec<(String, Origin)>, String> {
        let one = |value: &Spanned<DeValue<'_>>, takes: &str, text: Option<String>| {
            let kind = value.get_ref().type_str();
            let text = text.ok_or_else(|| {
                self.wrong(value.span(), &format!("'{name}' takes {takes}, and this is of the type {kind}"))
            })?;
            Ok((text, self.origin(value.span())))
        };
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the others are no actions of options with values"
        )]
        match argument.get_action() {
            ArgAction::SetTrue => {
                let text = value.get_ref().as_bool().map(|on| on.to_string());
                Ok(vec![one(value, "true or false", text)?])
            }
            ArgAction::Count => Ok(vec![one(value, "a number", whole(value.get_ref()))?]),
            ArgAction::Append => {
                let takes = "a text or a list of texts";
                let all = value.get_ref().as_array().map_or_else(|| vec![value], |all| all.iter().collect());
                all.into_iter().map(|value| one(value, takes, plain(value.get_ref()))).collect()
            }
            _ => Ok(vec![one(value, "a text or a number", plain(value.get_ref()))?]),
        }
    }

    fn origin(&self, span: Range<usize>) -> Origin {
        Origin::File { path: Arc::clone(&self.path), line: line_and_column(self.text, span.start).0 }
    }

    fn wrong(&self, span: Range<usize>, what: &str) -> String {
        let (line, column) = line_and_column(self.text, span.start);
        format!("{}:{line}:{column}: {what}", self.path)
    }
}

/// The keys as they stand in the file: whoever reads the first error looks for it from the top.
fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<(&'a Spanned<Cow<'i, str>>, &'a Spanned<DeValue<'i>>)> {
    let mut all: Vec<_> = table.iter().collect();
    all.sort_by_key(|(key, _)| key.span().start);
    all
}

fn name_of(table: &Table) -> Option<&str> {
    table.name.as_ref().map(|(name, _)| name.as_str())
}

fn is_name(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.chars().all(good)
}

/// What would stand on a command line.
fn plain(value: &DeValue<'_>) -> Option<String> {
    value.as_str().map(str::to_owned).or_else(|| whole(value))
}

fn whole(value: &DeValue<'_>) -> Option<String> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number.to_string())
}
