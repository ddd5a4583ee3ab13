//! `docs/reference/options.md` is made of the command lines: `UPDATE=1 cargo test -p paso-programs options_page` writes it again.

use std::fmt::Write;
use std::fs;

use clap::{Arg, Command};

use super::paso;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/options.md");

const HEAD: &str = "\
# All options

Made from the programs themselves by a test; change the code, not this page. `proxy1` is `paso in`, `proxy2` is `paso out`, and
`proxy2 ticket` is `paso ticket`. Each option `--like-this` of `paso in` and `paso out` is also the variable `PASO_LIKE_THIS` and the
key `like-this` of [the configuration file](../configuration.md).
";

#[test]
fn the_options_page_is_what_the_programs_have() {
    let mut page = HEAD.to_owned();
    let mut paso = paso();
    paso.build();
    paso.get_subcommands().for_each(|command| describe(&mut page, command, 2));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(PAGE, &page).unwrap();
    }
    let written = fs::read_to_string(PAGE).unwrap_or_default();
    let changed = page.lines().zip(written.lines()).find(|(page, written)| page != written);
    assert!(
        page == written,
        "docs/reference/options.md is not what the programs have: run `UPDATE=1 cargo test -p paso-programs options_page` \
         and commit what it writes; the first difference, as it should be and as it is: {changed:#?}"
    );
}

fn describe(page: &mut String, command: &Command, level: usize) {
    let name = command.get_bin_name().unwrap_or_default();
    write!(page, "\n{} `{name}`\n", "#".repeat(level)).unwrap();
    if let Some(about) = command.get_about() {
        write!(page, "\n{}.\n", escaped(&about.to_string()).trim_end_matches('.')).unwrap();
    }
    let shown: Vec<_> = command.get_arguments().filter(|arg| !arg.is_hide_set() && !is_common(arg)).collect();
    let (words, options): (Vec<_>, Vec<_>) = shown.into_iter().partition(|arg| arg.is_positional());
    table(page, "word", &words);
    for heading in headings(&options) {
        if let Some(heading) = heading {
            write!(page, "\n{heading}:\n").unwrap();
        }
        let here: Vec<_> = options.iter().copied().filter(|arg| arg.get_help_heading() == heading).collect();
        table(page, "option", &here);
    }
    let others = command.get_subcommands().filter(|command| command.get_name() != "help");
    others.for_each(|command| describe(page, command, level + 1));
}

/// Of every program; each page would say it again.
fn is_common(arg: &Arg) -> bool {
    matches!(arg.get_id().as_str(), "help" | "version")
}

/// The headings in the order in which they come first, `None` before all.
fn headings<'a>(options: &[&'a Arg]) -> Vec<Option<&'a str>> {
    let mut headings = Vec::new();
    for option in options {
        if !headings.contains(&option.get_help_heading()) {
            headings.push(option.get_help_heading());
        }
    }
    headings.sort_by_key(Option::is_some);
    headings
}

fn table(page: &mut String, first: &str, rows: &[&Arg]) {
    if rows.is_empty() {
        return;
    }
    write!(page, "\n| {first} | default | what |\n| --- | --- | --- |\n").unwrap();
    for arg in rows {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let (help, default) = match help.split_once(" [default: ") {
            Some((help, default)) => (help, escaped(default.trim_end_matches(']'))),
            None => (&*help, default_of(arg)),
        };
        writeln!(page, "| `{}` | {default} | {} |", spelling(arg), escaped(help)).unwrap();
    }
}

/// As it is typed, with what its value is.
fn spelling(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default().iter().map(|name| name.as_str());
    let value = names.collect::<Vec<_>>().join(" ");
    if arg.is_positional() {
        return value;
    }
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let names = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    if arg.get_action().takes_values() { format!("{names} {value}") } else { names }
}

/// The value that it has without being written; a switch has none.
fn default_of(arg: &Arg) -> String {
    let values: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let is_said = arg.get_action().takes_values() && !values.is_empty();
    if is_said { format!("`{}`", values.join(" ")) } else { String::new() }
}

/// What a table and Markdown would take for their own.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;")
}
