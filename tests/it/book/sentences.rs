//! `docs/troubleshooting.md` explains every sentence that the programs complain with: WARN and ERROR lines under a heading each,
//! what ends a program under a heading or in the row of a table.

use std::path::Path;

use super::markdown::Page;
use super::source::{Said, Source};

const PAGE: &str = "docs/troubleshooting.md";

/// What writes to the log.
const FOLDERS: [&str; 4] = ["tunnel/src", "programs/src", "cli/src", "echo/src"];

/// Lines of the log that have no words of their own: the file that writes them, and the files that hold their sentences.
const SENTENCES_OF: [(&str, &[&str]); 6] = [
    ("tunnel/src/link/sealed/client/peer.rs", &["tunnel/src/link/sealed/client/diagnosis.rs"]),
    ("tunnel/src/link/sealed/client/client_end/heard.rs", &["tunnel/src/link/sealed/client/diagnosis.rs"]),
    (
        "tunnel/src/control/client/task.rs",
        &["tunnel/src/control/server/listening.rs", "tunnel/src/control/server/session/registered.rs"],
    ),
    ("tunnel/src/link/sealed/server/demux/hints.rs", &["tunnel/src/link/sealed/server/demux/hints.rs"]),
    ("programs/src/metrics.rs", &["programs/src/metrics.rs"]),
    // A panic, in the words of the standard library.
    ("cli/src/program/log.rs", &[]),
];

/// Where the errors are that end a program, or keep it from starting.
const ERRORS: [&str; 13] = [
    "tunnel/src/bind_error.rs",
    "tunnel/src/state/error.rs",
    "tunnel/src/state/rules.rs",
    "tunnel/src/address.rs",
    "tunnel/src/session/registration.rs",
    "tunnel/src/settings/spelling/error.rs",
    "tunnel/src/settings/spelling/distinct.rs",
    "tunnel/src/names.rs",
    "paso/src/link.rs",
    "cli/src/units.rs",
    "proto/src/ticket/error.rs",
    "proto/src/ticket/place.rs",
    "proto/src/ticket/record.rs",
];

/// Where all sentences end a program: what is wrong with what was written, and why an address cannot be had.
const MISTAKES: [&str; 11] = [
    "tunnel/src/bind_error.rs",
    "cli/src/config/file.rs",
    "cli/src/config/environment.rs",
    "cli/src/values.rs",
    "cli/src/program.rs",
    "cli/src/rules_file.rs",
    "programs/src/entry/words.rs",
    "programs/src/entry/plan.rs",
    "programs/src/exit/plan.rs",
    "programs/src/usage.rs",
    "programs/src/forwards.rs",
];

#[test]
fn every_warn_and_error_line_has_a_heading() {
    let headings = Page::read(PAGE).headings();
    let missing: Vec<_> = log_lines().into_iter().filter(|said| !headings.contains(&said.text)).collect();
    assert!(missing.is_empty(), "{}", demand(&missing, "the heading"));
}

#[test]
fn every_sentence_that_ends_a_program_is_explained() {
    let page = Page::read(PAGE);
    let explained = [page.headings(), page.first_cells()].concat();
    let missing: Vec<_> = error_texts().into_iter().filter(|said| !explained.contains(&said.text)).collect();
    assert!(missing.is_empty(), "{}", demand(&missing, "the heading, or a row of a table that begins so,"));
}

#[test]
fn no_heading_explains_what_nobody_says() {
    let said: Vec<_> = log_lines().into_iter().chain(error_texts()).map(|said| said.text).collect();
    let page = Page::read(PAGE);
    let stale: Vec<_> = page.third_headings().into_iter().filter(|text| !said.contains(text)).collect();
    assert!(
        stale.is_empty(),
        "{PAGE} has headings for what no program says: change or remove them\n{stale:#?}"
    );
}

/// The sections of the page, by the beginning of the file that says the sentence: the first that fits.
const SECTIONS: [(&str, &str); 19] = [
    ("tunnel/src/link/sealed/server", "State and tickets"),
    ("tunnel/src/link/sealed/roles.rs", "Clients and streams"),
    ("tunnel/src/link/sealed", "The link does not come up"),
    ("tunnel/src/link/classic", "The classic link"),
    ("tunnel/src/local", "Clients and streams"),
    ("tunnel/src/control", "Clients and streams"),
    ("tunnel/src/state", "State and tickets"),
    ("tunnel/src/bind_error.rs", "Ports and hosts"),
    ("tunnel/src/names.rs", "paso nc, paso find and programs that embed Paso"),
    ("cli/src/config", "Mistakes in what is written"),
    ("cli/src/values.rs", "Mistakes in what is written"),
    ("cli/src/units.rs", "Mistakes in what is written"),
    ("programs/src/entry", "Mistakes in what is written"),
    ("programs/src/exit", "Mistakes in what is written"),
    ("programs/src/client", "paso nc, paso find and programs that embed Paso"),
    ("paso/src", "paso nc, paso find and programs that embed Paso"),
    ("tunnel/src/settings/spelling", "Mistakes in what is written"),
    ("proto/src/ticket", "State and tickets"),
    ("", "Start and settings"),
];

/// What is missing, each with the line to add and its section.
fn demand(missing: &[Said], what: &str) -> String {
    let line = |said: &Said| {
        let section =
            SECTIONS.iter().find(|(start, _)| said.place.starts_with(start)).map_or("", |found| found.1);
        format!("{}\n    under `## {section}`:\n### {}\n", said.place, said.text)
    };
    let lines: Vec<_> = missing.iter().map(line).collect();
    format!(
        "{PAGE} does not explain what these lines of the sources say. Add {what} for each, and what it means and what to do \
         (… is what is filled in; words of code may be marked with `):\n{}",
        lines.join("\n")
    )
}

/// The texts of all `warn!` and `error!`.
fn log_lines() -> Vec<Said> {
    let mut lines = Vec::new();
    for source in FOLDERS.into_iter().flat_map(Source::below) {
        for said in source.texts_of_macros(&["warn", "error"]) {
            if said.text.split_whitespace().any(is_word) {
                lines.push(said);
                continue;
            }
            assert!(
                SENTENCES_OF.iter().any(|(file, _)| source.path == Path::new(file)),
                "{}: this line of the log has no words of its own: give it some, or name the files of its sentences in \
                 SENTENCES_OF of tests/it/book/sentences.rs",
                said.place
            );
        }
    }
    assert!(lines.len() > 30, "too few are found: {}", lines.len());
    lines
}

/// Sentences of errors.
fn error_texts() -> Vec<Said> {
    let read = |file: &&str| Source::read(Path::new(file));
    let errors = ERRORS.iter().map(read).flat_map(|source| source.texts_of_errors());
    let ends = FOLDERS.into_iter().flat_map(Source::below);
    let ends = ends.flat_map(|source| source.texts_of_macros(&["bail", "anyhow"]));
    let sentences = SENTENCES_OF.iter().flat_map(|(_, files)| *files).chain(&MISTAKES);
    let sentences = sentences.map(read).flat_map(|source| source.sentences());
    let mut all: Vec<_> = errors.chain(ends).chain(sentences).filter(has_words).collect();
    all.sort_by(|a, b| a.text.cmp(&b.text));
    all.dedup_by(|a, b| a.text == b.text);
    all
}

/// Whether it can be looked for: two words that are always there. What has fewer stands before another sentence.
fn has_words(said: &Said) -> bool {
    said.text.split_whitespace().filter(|word| is_word(word)).count() >= 2
}

fn is_word(text: &str) -> bool {
    text.chars().filter(|c| c.is_alphabetic()).count() >= 2
}
