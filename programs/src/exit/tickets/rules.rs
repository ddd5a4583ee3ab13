//! What tickets may do: `proxy2 ticket allow`, `deny` and `apply`.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use tunnel::settings::{Rule, Rules};
use tunnel::state::{Confirmed, Confirming, NamedFile, StateDir, TicketName, read_named, valid_ticket};

use super::list::OF_ALL;
use super::{PATIENCE, say};

/// How the rules of a ticket change.
#[derive(Debug)]
pub(super) enum Change {
    /// These come to those that it has.
    Add(Vec<Rule>),
    /// It has these and no others.
    Only(Vec<Rule>),
    /// These go.
    Take(Vec<Rule>),
    /// It has none of its own.
    Default,
}

/// Changes the rules of a ticket.
pub(super) fn change(
    folder: &StateDir,
    name: &TicketName,
    change: Change,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let rules = folder.change_rules(|tickets, all| {
        valid_ticket(tickets, name)?;
        let rules = changed(name, all.get(name), change)?;
        all.set(name.clone(), rules.clone());
        Ok::<_, anyhow::Error>(rules)
    })?;
    let may = match rules {
        None => format!("has {OF_ALL}"),
        Some(rules) if rules.is_empty() => "may do nothing".into(),
        Some(rules) => {
            let rules: Vec<_> = rules.iter().map(Rule::to_string).collect();
            format!("may {}", rules.join(" "))
        }
    };
    let taken = taken(folder).with_context(|| format!("{name} {may}, but"))?;
    say(out, &format!("{name} {may}; {taken}"))
}

/// The rules of a ticket after a change, if it then has its own.
fn changed(name: &TicketName, before: Option<&Rules>, change: Change) -> anyhow::Result<Option<Rules>> {
    let before = || before.cloned().unwrap_or_else(Rules::target);
    let rules = match change {
        Change::Default => return Ok(None),
        Change::Only(rules) => rules,
        Change::Add(rules) => before().iter().cloned().chain(rules).collect(),
        Change::Take(rules) => {
            let before = before();
            if let Some(missing) = rules.iter().find(|rule| !before.iter().any(|own| own == *rule)) {
                bail!("the ticket '{name}' has no rule {missing}: `proxy2 ticket list` shows what it has");
            }
            before.iter().filter(|rule| !rules.contains(rule)).cloned().collect()
        }
    };
    Ok(Some(Rules::new(rules)?))
}

/// Gives tickets the rules in a file.
pub(super) fn apply(folder: &StateDir, file: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    let NamedFile { text, .. } = read_named(file)?;
    let count = folder.change_rules(|tickets, all| {
        let check = |name: &TicketName| valid_ticket(tickets, name).map(drop);
        let entries = cli::rules_file::read(&text, file, check).map_err(|error| anyhow!(error))?;
        let count = entries.len();
        entries.into_iter().for_each(|(name, rules)| all.set(name, Some(rules)));
        Ok::<_, anyhow::Error>(count)
    })?;
    let what = if count == 1 {
        "1 ticket has its rules".into()
    } else {
        format!("{count} tickets have their rules")
    };
    let taken = taken(folder).with_context(|| format!("{what} from {}, but", file.display()))?;
    say(out, &format!("{what} from {}; {taken}", file.display()))
}

/// Waits until running proxy2s have taken the rules, and says so.
fn taken(folder: &StateDir) -> anyhow::Result<String> {
    Ok(match folder.wait_until_taken(Confirming::Rules, PATIENCE)? {
        Confirmed::NoneRuns => format!("no proxy2 is running in {}", folder.path().display()),
        Confirmed::By(1) => "the running proxy2 keeps to it".into(),
        Confirmed::By(count) => format!("all {count} running proxy2s keep to it"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(texts: &str) -> Vec<Rule> {
        texts.split_whitespace().map(|text| text.parse().unwrap()).collect()
    }

    fn after(before: Option<&str>, change: Change) -> String {
        let before = before.map(|texts| rules(texts).into_iter().collect());
        match changed(&"laptop".parse().unwrap(), before.as_ref(), change) {
            Ok(None) => "none of its own".into(),
            Ok(Some(rules)) => rules.iter().map(Rule::to_string).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    /// Nobody waits for a pipe, and nothing without an end is read.
    #[cfg(unix)]
    #[test]
    fn rules_are_read_from_files_alone() {
        let folder = StateDir::locate(Some("/nonexistent".into())).unwrap();
        let pipe = std::env::temp_dir().join(format!("paso-rules-pipe-{}", std::process::id()));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for file in ["/dev/zero".as_ref(), "/".as_ref(), pipe.as_path()] {
            let error = apply(&folder, file, &mut Vec::new()).unwrap_err().to_string();
            assert!(error.contains("regular file"), "{error}");
        }
        std::fs::remove_file(pipe).unwrap();
    }

    #[test]
    fn rules_come_and_go() {
        assert_eq!(after(None, Change::Add(rules("use:x"))), "dial:target use:x");
        assert_eq!(after(Some(""), Change::Add(rules("use:x use:x"))), "use:x");
        assert_eq!(after(Some("use:x"), Change::Add(rules("use:y"))), "use:x use:y");
        assert_eq!(after(Some("use:x"), Change::Only(rules("use:y"))), "use:y");
        assert_eq!(after(Some("use:x use:y"), Change::Take(rules("use:X"))), "use:y");
        assert_eq!(after(None, Change::Take(rules("dial:target"))), "");
        assert_eq!(after(Some("use:x"), Change::Default), "none of its own");
        let error = after(Some("use:x"), Change::Take(rules("use:x use:y")));
        assert!(error.contains("'laptop' has no rule use:y"), "{error}");
    }
}
