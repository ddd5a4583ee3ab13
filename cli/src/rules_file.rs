//! The file of `proxy2 ticket apply`: TOML, a table for each ticket, with its rules.

use std::fmt::Display;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use tunnel::settings::{Rule, Rules};
use tunnel::state::TicketName;

use crate::text::line_and_column;

/// The one key of a table.
const RULES: &str = "rules";

/// Reads the text of the file at `path`: the rules of tickets, each of which `check` lets pass.
///
/// # Errors
/// One sentence that begins with file, line and column, about the first thing that is wrong.
pub fn read<E: Display>(
    text: &str,
    path: &Path,
    check: impl Fn(&TicketName) -> Result<(), E>,
) -> Result<Vec<(TicketName, Rules)>, String> {
    let reader = Reader { text, path };
    let whole = DeTable::parse(text).map_err(|error| {
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        reader.wrong(error.span().unwrap_or_default(), &message)
    })?;
    let mut tables: Vec<_> = whole.get_ref().iter().collect();
    // Whoever reads the first error looks for it from the top.
    tables.sort_by_key(|(key, _)| key.span().start);
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let name: &str = AsRef::<str>::as_ref(key.get_ref());
        let name: TicketName = name.parse().map_err(|error| reader.wrong(key.span(), &error))?;
        let table = value.get_ref().as_table().ok_or_else(|| {
            reader.wrong(
                key.span(),
                &format!("'{name}' is not a table: write [{name}], and in it rules = [\"…\"]"),
            )
        })?;
        check(&name).map_err(|error| reader.wrong(key.span(), &error))?;
        let rules = reader.rules(&name, key.span(), table)?;
        Ok((name, rules))
    };
    tables.into_iter().map(entry).collect()
}

struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Reader<'_> {
    fn rules(&self, name: &TicketName, at: Range<usize>, table: &DeTable<'_>) -> Result<Rules, String> {
        if let Some((key, _)) = table.iter().find(|(key, _)| key.get_ref() != RULES) {
            let name = key.get_ref().escape_debug();
            let unknown = format!("there is no key '{name}': a ticket has '{RULES}'");
            return Err(self.wrong(key.span(), &unknown));
        }
        let missing =
            || self.wrong(at, &format!("'{name}' has no {RULES}: write {RULES} = [], if it may do nothing"));
        let list = table.get(RULES).ok_or_else(missing)?;
        let no_list = |span| self.wrong(span, &"rules are a list of texts: write rules = [\"dial:target\"]");
        let rules = list.get_ref().as_array().ok_or_else(|| no_list(list.span()))?;
        let read = |rule: &Spanned<DeValue<'_>>| {
            let text = rule.get_ref().as_str().ok_or_else(|| no_list(rule.span()))?;
            text.parse::<Rule>().map_err(|error| self.wrong(rule.span(), &error))
        };
        let rules: Vec<Rule> = rules.iter().map(read).collect::<Result<_, _>>()?;
        Rules::new(rules).map_err(|error| self.wrong(list.span(), &error))
    }

    fn wrong(&self, span: Range<usize>, what: &dyn Display) -> String {
        let (line, column) = line_and_column(self.text, span.start);
        format!("{}:{line}:{column}: {what}", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> Result<Vec<(TicketName, Rules)>, String> {
        let known = ["laptop", "guest"];
        read(text, Path::new("rules.toml"), |name| match known.contains(&name.as_str()) {
            true => Ok(()),
            false => Err(format!("no ticket is named '{name}'")),
        })
    }

    #[test]
    fn each_ticket_has_its_table() {
        let text = "# ours\n[laptop]\nrules = [\n  \"dial:target\",\n  \"use:x\",\n]\n[guest]\nrules = []\n";
        let read = read_all(text).unwrap();
        let names: Vec<_> = read.iter().map(|(name, rules)| (name.as_str(), rules.iter().len())).collect();
        assert_eq!(names, [("laptop", 2), ("guest", 0)]);
        assert_eq!(read_all("").unwrap(), []);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, words) in [
            (
                "[laptop]\nrules = [\"dial:target\", \"dial:db\"]",
                "rules.toml:2:25: 'dial:db' is no rule: 'db' has no ports",
            ),
            ("[laptop]\nrules = [1]", "rules.toml:2:10: rules are a list"),
            ("[laptop]\nrules = \"dial:target\"", "rules.toml:2:9: rules are a list"),
            ("[laptop]\nrules = []\nrule = []", "rules.toml:3:1: there is no key 'rule'"),
            ("[laptop]\n\"\\u001b[2J\" = []", r"rules.toml:2:1: there is no key '\u{1b}[2J'"),
            ("[laptop]", "rules.toml:1:2: 'laptop' has no rules"),
            ("[laptop]\nrules = []\n\n[phone]\nrules = []", "rules.toml:4:2: no ticket is named 'phone'"),
            ("laptop = []", "rules.toml:1:1: 'laptop' is not a table"),
            ("[\"a b\"]\nrules = []", "rules.toml:1:2: a name is"),
            ("[laptop\n", "rules.toml:1:"),
            ("[laptop]\nrules = []\n[laptop]\nrules = []", "rules.toml:3:2: "),
        ] {
            let error = read_all(text).unwrap_err();
            assert!(error.starts_with(words), "{text}: {error}");
        }
    }
}
