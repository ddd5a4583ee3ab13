//! What is in force, as a configuration file.

use std::fmt::Write;

use clap::{Arg, ArgAction};

use super::NEVER;
use super::merge::Values;
use super::origin::Origin;

/// What the words of a command line say without an option.
#[derive(Clone, Debug)]
pub struct Extra {
    /// The option that says the same.
    pub key: &'static str,
    /// Its value.
    pub text: String,
}

/// The column in which comments begin, where what is before is not longer.
const COMMENTS: usize = 48;

/// The options of all links, one a line, each with a comment that says where it is from. What has no value is left out, and so is
/// what does not matter for the kind of link. Secrets are hidden.
pub fn to_toml(links: &[(Values, Vec<Extra>)]) -> String {
    let mut out = String::new();
    let named = links.len() > 1 || links.iter().any(|(values, _)| values.name.is_some());
    if let (Some((values, _)), true) = (links.first(), named) {
        for argument in values.command.get_arguments().filter(|one| values.is_of_program(one)) {
            values.write(&mut out, argument);
        }
    }
    for (values, extras) in links {
        if let Some(name) = &values.name {
            out.push_str("\n[[link]]\n");
            line(&mut out, &format!("name = {}", quoted(name)), "");
        }
        for extra in extras {
            line(
                &mut out,
                &format!("{} = {}", extra.key, value(&extra.text)),
                &Origin::CommandLine.to_string(),
            );
        }
        for argument in values.command.get_arguments() {
            let is_said = extras.iter().any(|extra| Some(extra.key) == argument.get_long());
            let is_above = named && values.is_of_program(argument);
            if !is_said && !is_above {
                values.write(&mut out, argument);
            }
        }
    }
    out
}

impl Values {
    fn is_of_program(&self, argument: &Arg) -> bool {
        argument.get_long().is_some_and(|key| self.kinds.of_program.contains(&key))
    }

    /// Whether an option has a meaning for the kind of link.
    fn matters(&self, argument: &Arg) -> bool {
        let is_classic = self.matches.try_get_one::<bool>("classic").is_ok_and(|on| on == Some(&true));
        let against = self.command.get_arg_conflicts_with(argument);
        if is_classic {
            !against.iter().any(|other| other.get_long() == Some("classic"))
        } else {
            argument.get_help_heading() != Some("Classic link")
        }
    }

    fn write(&self, out: &mut String, argument: &Arg) {
        let Some(key) = argument.get_long().filter(|key| !NEVER.contains(key)) else { return };
        let id = argument.get_id().as_str();
        let origin = self.origin(key).to_string();
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others take a value, or print something")]
        match argument.get_action() {
            ArgAction::Help | ArgAction::Version => {}
            _ if !self.matters(argument) => {}
            ArgAction::SetTrue => {
                let is_on = self.matches.get_flag(id);
                line(out, &format!("{key} = {is_on}"), &origin);
            }
            ArgAction::Count => line(out, &format!("{key} = {}", self.matches.get_count(id)), &origin),
            action => {
                let raw = self.matches.get_raw(id).into_iter().flatten();
                let texts: Vec<_> = raw.map(|text| text.to_string_lossy().into_owned()).collect();
                self.write_values(out, key, &texts, matches!(action, ArgAction::Append));
            }
        }
    }

    fn write_values(&self, out: &mut String, key: &str, texts: &[String], is_list: bool) {
        let hidden = self.kinds.secret.contains(&key);
        let shown = |text: &str| if hidden { quoted("(hidden)") } else { value(text) };
        match texts {
            [] => {}
            [text] if !is_list => {
                line(out, &format!("{key} = {}", shown(text)), &self.origin(key).to_string());
            }
            texts => {
                line(out, &format!("{key} = ["), "");
                for (text, origin) in texts.iter().zip(self.origins(key)) {
                    line(out, &format!("  {},", quoted(text)), &origin.to_string());
                }
                line(out, "]", "");
            }
        }
    }
}

fn line(out: &mut String, text: &str, comment: &str) {
    // Writing to a text does not fail.
    let _ = if comment.is_empty() {
        writeln!(out, "{text}")
    } else {
        writeln!(out, "{text:<COMMENTS$}# {comment}")
    };
}

/// A number as it is, all else in quotes.
fn value(text: &str) -> String {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_number && (text == "0" || !text.starts_with('0')) && text.len() <= 18;
    if is_plain { text.into() } else { quoted(text) }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
