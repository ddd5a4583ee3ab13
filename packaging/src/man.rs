//! Manual pages. The home of `clap_mangen`.

use std::io;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;

use crate::Made;

/// What every page refers to.
const SEE_ALSO: &str = "paso(1), paso-in(1), paso-out(1), paso-ticket(1), proxy1(1), proxy2(1)";

/// Where the rest is said.
const MORE: &str = "The documents that are called docs/… here are in /usr/share/doc/paso.";

/// The pages of one program and of its subcommands. `proxy2 ticket` has those of `paso ticket`.
pub(crate) fn of(mut command: Command) -> io::Result<Vec<Made>> {
    command.build();
    let mut made = Vec::new();
    let with_subcommands = command.get_name() == "paso";
    let name = command.get_name().to_owned();
    pages(command, &name, with_subcommands, &mut made)?;
    Ok(made)
}

fn pages(mut command: Command, name: &str, with_subcommands: bool, made: &mut Vec<Made>) -> io::Result<()> {
    // As the help has it: with each option in it the line would be a page.
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    let called = command.get_bin_name().unwrap_or(name).to_owned();
    let subcommands: Vec<_> = command.get_subcommands().cloned().collect();
    let command = command.bin_name(called).display_name(name.to_owned()).override_usage(usage);
    let path = Path::new("man").join(format!("{name}.1"));
    made.push(Made { path, text: page(command, with_subcommands)? });
    for subcommand in subcommands.into_iter().filter(|command| with_subcommands && !command.is_hide_set()) {
        let name = format!("{name}-{}", subcommand.get_name());
        pages(subcommand, &name, true, made)?;
    }
    Ok(())
}

fn page(command: Command, with_subcommands: bool) -> io::Result<String> {
    let examples = command.get_before_help().map(ToString::to_string);
    let notes = command.get_after_help().map(ToString::to_string);
    let has_subcommands = with_subcommands && command.has_subcommands();
    // Without its date, so that the same source makes the same page.
    let version = concat!("Paso ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command).date("").source(version).manual("Paso");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if has_subcommands {
        man.render_subcommands_section(&mut text)?;
    }
    let mut text = String::from_utf8(text).map_err(io::Error::other)?;
    for block in [notes, examples].into_iter().flatten() {
        text += &section(&block);
    }
    text += &format!(".SH \"SEE ALSO\"\n{}\n.PP\n{}\n", escaped(SEE_ALSO), escaped(MORE));
    Ok(text)
}

/// What the help has before or after the options: examples keep their lines.
fn section(block: &str) -> String {
    let (title, body) = match block.split_once("Examples:\n") {
        Some(("", body)) => ("EXAMPLES", format!("\n{body}").replace("\n  ", "\n")),
        _ => ("NOTES", block.to_owned()),
    };
    let keeps_lines =
        |paragraph: &str| title == "EXAMPLES" || paragraph.starts_with("  ") || paragraph.contains("\n  ");
    let paragraphs = body.trim_start_matches('\n').split("\n\n").map(|paragraph| {
        let lines: String = paragraph.lines().map(|line| format!("{}\n", escaped(line))).collect();
        // With as little in front of them as can be: in the help they may have 78 columns.
        if keeps_lines(paragraph) { format!(".in 2n\n.nf\n{lines}.fi\n.in\n") } else { lines }
    });
    format!(".SH {title}\n{}", paragraphs.collect::<Vec<_>>().join(".PP\n"))
}

/// A line of text as roff takes it: a backslash, a dot or a quote at the start would be its own.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
    if line.starts_with('.') { format!("\\&{line}") } else { line }
}
