//! No ticket and no key is in anything that a program says, wherever somebody has put it, right or wrong.

use std::process::Command;

use testbed::folder::Folder;
use testbed::process::Process;

use crate::programs::{ECHO, PASO, PROXY1, PROXY2};

/// Characters in a row of a secret that nobody may see.
const PART: usize = 24;

/// Secrets, and the texts that hold them in some wrong way.
struct Secret {
    text: String,
    forms: Vec<String>,
}

impl Secret {
    fn new(text: &str) -> Self {
        let cut = text.get(..text.len() - 3).unwrap().to_owned();
        let middle = text.len() / 2;
        let mut mistyped = text.to_owned();
        mistyped.replace_range(middle..=middle, "!");
        let mut forms = vec![
            text.to_owned(),
            format!("\"{text}\""),
            format!("{text}aa"),
            text.to_ascii_uppercase(),
            format!("--{text}"),
            format!("{text}.txt"),
            format!("./{text}"),
            format!("{text}:80"),
            cut,
            mistyped,
        ];
        // Without its beginning it is known by its length alone, which a key has not.
        if text.len() > 100 {
            forms.push(text[3..].to_owned());
        }
        Self { text: text.to_owned(), forms }
    }

    #[track_caller]
    fn is_not_in(&self, said: &str, what: &str) {
        let said = said.to_ascii_lowercase();
        for start in 0..self.text.len() - PART {
            let part = &self.text[start..start + PART];
            assert!(!said.contains(part), "{what} says a part of a secret, {part}:\n{said}");
        }
    }
}

/// All that a program says which ends by itself, or is ended when it is ready.
fn said(program: &str, words: &[&str], variables: &[(&str, &str)], stdin: &str) -> String {
    let mut process = if variables.is_empty() {
        Process::spawn_reading(program, words, stdin.as_bytes())
    } else {
        Process::spawn_with(program, words, variables)
    };
    process.wait_for_end_or("ready");
    process.output()
}

#[test]
fn wherever_a_ticket_or_a_key_is_put_it_is_not_repeated() {
    let folder = Folder::new();
    let state = folder.path("state");
    drop(Process::listening(PROXY2, &["0", "localhost", "80", "--state", &state]));
    let made = Command::new(PROXY2).args(["ticket", "add", "laptop", "--state", &state]).output().unwrap();
    let ticket = String::from_utf8(made.stdout).unwrap();
    let key = std::fs::read_to_string(folder.path("state/server.key")).unwrap();
    for secret in [Secret::new(ticket.trim()), Secret::new(key.trim())] {
        for form in &secret.forms {
            let link = ["0", "localhost", "5000"];
            let option = |name| [&link[..], &[name, form]].concat();
            let check = |program, words: &[&str], variables: &[(&str, &str)], stdin: &str| {
                secret.is_not_in(
                    &said(program, words, variables, stdin),
                    &format!("{program} {words:?} {variables:?}"),
                );
            };
            for name in [
                "--ticket",
                "--ticket-file",
                "--state",
                "--at",
                "--config",
                "--idle",
                "-L",
                "-R",
                "--publish",
            ] {
                check(PROXY1, &option(name), &[], "");
            }
            for name in ["--ticket", "--state", "--target", "--allow", "--also-port", "--config", "-L"] {
                check(PROXY2, &option(name), &[], "");
            }
            for words in [
                &[form.as_str()][..],
                &["0", form, "80"],
                &["0", "localhost", form],
                &["0", "localhost", "80", form],
            ] {
                check(PROXY1, words, &[], "");
                check(PROXY2, words, &[], "");
            }
            for words in [
                &["ticket", "add", form][..],
                &["ticket", "show", form],
                &["ticket", "revoke", form, "--state", &state],
            ] {
                check(PROXY2, words, &[], "");
            }
            check(PASO, &["nc", form], &[], "");
            check(PASO, &["find", "--ticket", form], &[], "");
            check(PASO, &[form], &[], "");
            check(ECHO, &["client", form], &[], "");
            let stdin = [&link[..], &["--ticket-file", "-"]].concat();
            check(PROXY1, &stdin, &[], &format!("{form}\n"));
            check(PROXY1, &link, &[("PASO_TICKET", form)], "");
            check(PROXY1, &link, &[("PASO_TICKET_FILE", form)], "");
            check(PROXY1, &link, &[("PASO_IDLE", form)], "");
            let file = folder.file("one.ticket", form, 0o600);
            check(PROXY1, &[&link[..], &["--ticket-file", &file]].concat(), &[], "");
            for text in [
                format!("ticket = '{form}'"),
                format!("idle = '{form}'"),
                form.clone(),
                format!("{form} = 1"),
            ] {
                let file = folder.file("paso.toml", &text, 0o600);
                check(PROXY1, &[&link[..], &["--config", &file]].concat(), &[], "");
                check(PROXY1, &[&link[..], &["--config", &file, "--print-config"]].concat(), &[], "");
                check(PROXY1, &[&link[..], &["--config", &file, "--log-format", "json"]].concat(), &[], "");
            }
        }
    }
}
