//! What is known of tickets, as a table of at most 80 columns where names are not longer than usual.

use std::io::{self, Write};

use anyhow::Context;
use cli::terminal::COLUMNS;
use tunnel::settings::{Rule, Rules, TicketRecord};
use tunnel::state::{StateDir, TicketName, TicketRules, UnixSeconds};

use super::{STDOUT, say};

/// Prints what is known of a ticket.
pub(super) fn show(folder: &StateDir, name: &TicketName, out: &mut impl Write) -> anyhow::Result<()> {
    let (record, rules) = (folder.find_ticket(name)?, folder.rules()?);
    line(out, &record).and_then(|()| rules_of(out, &record, &rules)).context(STDOUT)?;
    if !record.is_valid() {
        let text = format!("It is revoked; make another with `proxy2 ticket add NAME{}`", folder.option());
        return say(out, &text);
    }
    say(
        out,
        &match folder.local_ticket_file(&record) {
            Some(file) => format!("proxy1 of this user on this machine uses it, from {}", file.display()),
            None => format!(
                "The ticket was shown only when it was made; make another with `proxy2 ticket add NAME{}`",
                folder.option()
            ),
        },
    )
}

/// Prints all tickets.
pub(super) fn list(folder: &StateDir, out: &mut impl Write) -> anyhow::Result<()> {
    let (records, rules) = (folder.all_tickets()?, folder.rules()?);
    let print = |record| line(out, record).and_then(|()| rules_of(out, record, &rules));
    records.iter().try_for_each(print).context(STDOUT)
}

fn line(out: &mut impl Write, record: &TicketRecord) -> io::Result<()> {
    let standing = if record.is_valid() { "valid" } else { "revoked" };
    let made = record.made.map_or_else(|| "-".into(), date);
    let name = record.name.to_string();
    let rest = format!("{standing:<8} {} {made}", record.client);
    // Its name may have 64 characters; then it has a line of its own.
    let (name, head) = if name.len() + 1 + rest.len() > COLUMNS {
        ("", format!("{name}\n"))
    } else {
        (&*name, String::new())
    };
    writeln!(out, "{head}{name:<20} {rest}")
}

/// What a valid ticket may do, below its line.
fn rules_of(out: &mut impl Write, record: &TicketRecord, rules: &TicketRules) -> io::Result<()> {
    if !record.is_valid() {
        return Ok(());
    }
    match rules.get(&record.name) {
        None => writeln!(out, "  {OF_ALL}"),
        Some(own) if own.is_empty() => writeln!(out, "  may do nothing"),
        Some(own) => wrapped(out, own),
    }
}

/// What stands for the rules of a ticket that has none of its own.
pub(super) const OF_ALL: &str = "no rules of its own: dial:target, or what --allow of proxy2 says";

/// Rules in lines of at most 80 columns; one that is longer has a line of its own.
fn wrapped(out: &mut impl Write, rules: &Rules) -> io::Result<()> {
    let mut line = String::new();
    for rule in rules.iter().map(Rule::to_string) {
        if !line.is_empty() && 2 + line.len() + 1 + rule.len() > COLUMNS {
            writeln!(out, "  {line}")?;
            line.clear();
        }
        let gap = if line.is_empty() { "" } else { " " };
        line.extend([gap, &rule]);
    }
    writeln!(out, "  {line}")
}

/// The day in UTC, as ISO 8601 writes it (after Howard Hinnant's `civil_from_days`).
fn date(made: UnixSeconds) -> String {
    /// Days from 0000-03-01, when a year of that reckoning begins, to 1970-01-01.
    const TO_1970: u64 = 719_468;
    /// Days in 400 years.
    const ERA: u64 = 146_097;
    let days = made.0 / 86_400 + TO_1970;
    let (era, day_of_era) = (days / ERA, days % ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March on: 0 to 11.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", year_of_era + era * 400 + carry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (1_795_766_772, "2026-11-27"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date(UnixSeconds(seconds)), expected);
        }
    }

    #[test]
    fn rules_are_wrapped_at_80_columns() {
        let rules: Vec<String> = (0..20).map(|number| format!("dial:host{number}.example:443")).collect();
        let long =
            format!("dial:{}.example:443", "x".repeat(63)).replace("x.example", "x.a.long.domain.example");
        let rules = Rules::parse(rules.iter().map(String::as_str).chain([&*long])).unwrap();
        let mut out = Vec::new();
        wrapped(&mut out, &rules).unwrap();
        let text = String::from_utf8(out).unwrap();
        let (others, last) = text.trim_end().rsplit_once('\n').unwrap();
        assert_eq!(last.trim(), long);
        assert!(others.lines().all(|line| line.len() <= 80), "{text}");
        assert!(OF_ALL.len() + 2 <= 80);
    }
}
