//! What is committed is what the programs say, and the tools that read it take it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::*;

mod docker;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder, as paths below that of this package.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| {
        if path.is_dir() { files(&path) } else { [path.strip_prefix(here()).unwrap().into()].into() }
    };
    entries.flat_map(below).collect()
}

/// What a tool makes of its arguments; `None`, with a word about it, where it is not there.
fn run(tool: &str, words: &[&str]) -> Option<Output> {
    match Command::new(tool).args(words).env("MANWIDTH", "80").output() {
        Ok(output) => Some(output),
        Err(error) => {
            _ = writeln!(io::stderr(), "SKIPPED: {tool}: {error}");
            None
        }
    }
}

fn assert_silent(tool: &str, words: &[&str]) {
    let Some(output) = run(tool, words) else { return };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{tool} {words:?}: {said}");
}

#[test]
fn what_is_committed_is_what_the_programs_say() {
    let made = make().unwrap();
    let advice = "run `cargo run -p packaging --example refresh` and commit what changes";
    for Made { path, text } in &made {
        let committed = fs::read_to_string(here().join(path)).unwrap_or_default();
        assert!(committed == *text, "{} is not of these programs: {advice}", path.display());
    }
    let committed: BTreeSet<_> =
        ["man", "completions"].into_iter().flat_map(|folder| files(&here().join(folder))).collect();
    let made: BTreeSet<_> = made.into_iter().map(|made| made.path).collect();
    assert_eq!(committed, made, "{advice}");
}

#[test]
fn shells_can_read_the_completions() {
    for path in files(&here().join("completions")) {
        let text = here().join(&path);
        let text = text.to_str().unwrap();
        let shell = path.components().nth(1).unwrap().as_os_str().to_str().unwrap();
        assert_silent(shell, &["-n", text]);
    }
}

/// What bash offers for the last of `words`.
fn offered(words: &str) -> Option<Vec<String>> {
    let program = words.split(' ').next()?;
    let script = format!(
        r#"source {}/completions/bash/{program}
        COMP_WORDS=({words}); [[ '{words}' == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        function=$(complete -p {program} | sed 's/.*-F \([^ ]*\).*/\1/')
        "$function" {program} "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
        printf '%s\n' "${{COMPREPLY[@]}}""#,
        here().display()
    );
    let output = run("bash", &["-c", &script])?;
    let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.is_empty(), "{said}");
    Some(out.lines().map(str::to_owned).collect())
}

#[test]
fn bash_completes_subcommands_and_options() {
    let Some(all) = offered("paso ") else { return };
    for word in ["in", "out", "ticket", "nc", "find", "echo"] {
        assert!(all.iter().any(|offered| offered == word), "{word} is not in {all:?}");
    }
    assert_eq!(offered("paso in --ticket-f").unwrap(), ["--ticket-file"]);
    assert_eq!(offered("proxy1 --when").unwrap(), ["--when-down"]);
    assert_eq!(offered("proxy2 --also").unwrap(), ["--also-port"]);
    assert_eq!(offered("proxy2 ticket rev").unwrap(), ["revoke"]);
}

#[test]
fn the_pages_can_be_read_at_80_columns() {
    for path in files(&here().join("man")) {
        let page = here().join(&path);
        let page = page.to_str().unwrap();
        let Some(output) = run("man", &["--warnings", "-E", "UTF-8", "-l", page]) else { return };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{}: {said}", path.display());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("NAME") && text.contains("SEE ALSO"), "{}", path.display());
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= 80, "{}: a line of {longest} columns", path.display());
    }
}

/// A reader of the package has nothing else.
#[test]
fn what_the_documents_of_a_package_link_to_is_in_it() {
    let folder = std::env::temp_dir().join(format!("paso-packaging-{}", std::process::id()));
    let (programs, root) = (folder.join("programs"), folder.join("root"));
    fs::create_dir_all(&programs).unwrap();
    for program in ["paso", "proxy1", "proxy2"] {
        fs::write(programs.join(program), "").unwrap();
    }
    let tree = here().join("tree");
    let words = [tree.to_str(), root.to_str(), programs.to_str()].map(Option::unwrap);
    let made = run("bash", &words);
    let documents = root.join("usr/share/doc/paso");
    let missing: Vec<_> = markdown(&documents).iter().flat_map(|page| missing_links(page)).collect();
    let readme = fs::read_to_string(documents.join("README.md")).unwrap_or_default();
    fs::remove_dir_all(&folder).unwrap();
    let Some(made) = made else { return };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(readme.contains("## Three terminals"), "it is the README of all");
    assert!(missing.is_empty(), "{missing:#?}");
}

fn markdown(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| {
        if path.is_dir() {
            return markdown(&path);
        }
        if path.extension().is_some_and(|end| end == "md") { vec![path] } else { Vec::new() }
    };
    paths.flat_map(below).collect()
}

/// The files that a page links to, `](here)`, and that are not there.
fn missing_links(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next());
    let here = targets.filter(|target| !target.is_empty() && !target.contains("://"));
    let missing = here.filter(|target| !page.parent().unwrap().join(target).exists());
    missing.map(|target| format!("{} links to {target}", page.display())).collect()
}
