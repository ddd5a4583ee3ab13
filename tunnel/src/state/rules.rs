//! The rules file: one line a ticket that has rules of its own, `NAME RULE…`. A line without a rule means that nothing is allowed, no
//! line that the ticket may do what proxy2 allows to all of those.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proto::ticket::record::{RecordError, TicketName, TicketRecord, digest_of_rules};

use super::feed::Digest;
use super::files::{self, Change};
use super::{RULES_FILE, StateDir, StateError, os};
use crate::rules::{RuleError, Rules};

/// The rules of those tickets that have their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TicketRules(BTreeMap<TicketName, Rules>);

/// What is wrong with a line of the rules file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesLineError {
    /// The first word is not a name.
    #[error("{0}")]
    Name(#[from] RecordError),
    /// Another word is not a rule.
    #[error("{0}")]
    Rule(#[from] RuleError),
    /// A ticket has two lines.
    #[error("the ticket '{0}' has a line already")]
    Twice(TicketName),
}

impl TicketRules {
    /// The rules of a ticket, if it has its own.
    pub fn get(&self, name: &TicketName) -> Option<&Rules> {
        self.0.get(name)
    }

    /// Gives a ticket rules of its own, or, with `None`, those of all without.
    pub fn set(&mut self, name: TicketName, rules: Option<Rules>) {
        match rules {
            Some(rules) => self.0.insert(name, rules),
            None => self.0.remove(&name),
        };
    }

    /// Each ticket that has its own, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&TicketName, &Rules)> {
        self.0.iter()
    }

    /// Reads the lines; the error with its line, counted from 1.
    fn read(text: &str) -> Result<Self, (usize, RulesLineError)> {
        let mut all = Self::default();
        for (at, line) in text.lines().enumerate() {
            all.read_line(line).map_err(|error| (at + 1, error))?;
        }
        Ok(all)
    }

    fn read_line(&mut self, line: &str) -> Result<(), RulesLineError> {
        let mut words = line.split_ascii_whitespace();
        let Some(name) = words.next() else { return Ok(()) };
        let name: TicketName = name.parse()?;
        if self.0.contains_key(&name) {
            return Err(RulesLineError::Twice(name));
        }
        self.0.insert(name, Rules::parse(words)?);
        Ok(())
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        for (name, rules) in &self.0 {
            text.push_str(name.as_str());
            for rule in rules.iter() {
                // Writing to a String does not fail.
                let _ = write!(text, " {rule}");
            }
            text.push('\n');
        }
        text
    }

    pub(super) fn digest(&self) -> Digest {
        digest_of_rules(&self.to_text())
    }
}

impl StateDir {
    /// The rules of those tickets that have their own. A file that is missing is none.
    ///
    /// # Errors
    /// The file cannot be read or understood, or others can read it.
    pub fn rules(&self) -> Result<TicketRules, StateError> {
        self.rules_if_there().map(Option::unwrap_or_default)
    }

    fn rules_if_there(&self) -> Result<Option<TicketRules>, StateError> {
        let path = self.path.join(RULES_FILE);
        let Some(text) = files::read_secret(&path)? else { return Ok(None) };
        let rules = TicketRules::read(&text);
        rules.map(Some).map_err(|(line, error)| StateError::Rules { path, line, error })
    }

    /// As [`rules`](Self::rules), if the folder is still one that nobody else can write to; `None`: the file is missing.
    pub(super) fn checked_rules(&self) -> Result<Option<TicketRules>, StateError> {
        os::check_folder(&self.path)?;
        self.rules_if_there()
    }

    /// Changes rules, all that `change` does or nothing; it is given the tickets too. What it returns.
    /// [`wait_until_taken`](Self::wait_until_taken) tells whether running proxy2s have taken them.
    ///
    /// # Errors
    /// There is no key; a file cannot be read or written; those of `change`.
    pub fn change_rules<T, E: From<StateError>>(
        &self,
        change: impl FnOnce(&[TicketRecord], &mut TicketRules) -> Result<T, E>,
    ) -> Result<T, E> {
        self.existing_key()?;
        let lock = Change::begin(&self.path)?;
        let (tickets, mut rules) = (self.tickets()?, self.rules()?);
        let result = change(&tickets, &mut rules)?;
        lock.replace(&self.path.join(RULES_FILE), &rules.to_text())?;
        Ok(result)
    }

    /// Gives a ticket rules of its own instead of those that it has, or, with `None`, those of all without.
    ///
    /// # Errors
    /// There is no key, no such ticket, or it is revoked; a file cannot be read or written.
    pub fn set_rules(&self, name: &TicketName, rules: Option<Rules>) -> Result<(), StateError> {
        self.change_rules(|tickets, all| {
            valid_ticket(tickets, name)?;
            all.set(name.clone(), rules);
            Ok(())
        })
    }
}

/// The ticket of that name, which must be valid.
///
/// # Errors
/// There is none, or it is revoked.
pub fn valid_ticket<'a>(
    tickets: &'a [TicketRecord],
    name: &TicketName,
) -> Result<&'a TicketRecord, StateError> {
    match tickets.iter().find(|record| record.name == *name) {
        Some(record) if record.is_valid() => Ok(record),
        Some(_) => Err(StateError::Revoked(name.clone())),
        None => Err(StateError::NoSuchName(name.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_written() {
        let text = "guest\nlaptop dial:target dial:db:5432\n";
        let rules = TicketRules::read(&format!("\n  {text}\n")).unwrap();
        assert_eq!(rules.to_text(), text);
        let laptop = rules.get(&"laptop".parse().unwrap()).unwrap();
        assert_eq!(laptop.iter().len(), 2);
        assert!(rules.get(&"guest".parse().unwrap()).unwrap().is_empty(), "nothing is allowed");
        assert!(rules.get(&"phone".parse().unwrap()).is_none());
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, line, words) in [
            ("-x dial:target", 1, "a name is"),
            ("a\n\nb dial:db", 3, "'db' has no ports"),
            ("a use:x\na use:y", 2, "'a' has a line already"),
        ] {
            let (at, error) = TicketRules::read(text).unwrap_err();
            assert_eq!(at, line, "{text}");
            assert!(error.to_string().contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn other_rules_have_another_digest() {
        let digest = |text: &str| TicketRules::read(text).unwrap().digest();
        assert_eq!(digest("b use:x\na"), digest("a\nb use:X"));
        assert_ne!(digest("a use:x"), digest("a use:y"));
        assert_ne!(digest("a"), digest(""));
    }
}
