//! The variables of the environment that hold options: `PASO_` and the option's name in capitals, `_` for `-`.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::{Arg, ArgAction};

use super::file::Entry;
use super::origin::Origin;

/// What the names of all of them begin with.
const PREFIX: &str = "PASO_";

/// The variables whose names begin with `PASO_`, as they were when they were read.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Those of this process.
    pub fn of_process() -> Self {
        let named = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        named.collect()
    }

    /// The option in its variable. A blank one is none.
    ///
    /// # Errors
    /// A value that is no text, and a switch that is neither on nor off. The value is not repeated: it could be a secret.
    pub(super) fn entry(&self, argument: &Arg) -> Result<Option<Entry>, String> {
        let Some(key) = argument.get_long() else { return Ok(None) };
        let name = format!("{PREFIX}{}", key.to_ascii_uppercase().replace('-', "_"));
        let Some(value) = self.0.get(&name) else { return Ok(None) };
        // One that is no text must not be passed over: something else would be used.
        let text = value.to_str().ok_or_else(|| format!("the variable {name} is not UTF-8 text"))?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the others are no actions of options with values"
        )]
        let texts = match argument.get_action() {
            ArgAction::Append => text.split_whitespace().map(str::to_owned).collect(),
            ArgAction::SetTrue => {
                let wrong = || format!("the variable {name} is a switch: write 1 or 0");
                vec![switch(text.trim()).ok_or_else(wrong)?.to_string()]
            }
            _ => vec![text.trim().to_owned()],
        };
        let values = texts.into_iter().map(|text| (text, Origin::Variable(name.clone()))).collect();
        Ok(Some(Entry { key: key.into(), values }))
    }
}

impl FromIterator<(String, OsString)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, OsString)>>(all: T) -> Self {
        Self(all.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect())
    }
}

fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}
