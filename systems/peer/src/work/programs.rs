//! Which programs a node runs for others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{Turn, builtin, process};
use crate::wire::{MAX_PROGRAM, MAX_PROGRAMS, Outcome, is_program_name};

/// Where a job's own words go.
const ONE: &str = "{}";
const REST: &str = "{*}";
/// The most words of a job, and their bytes together.
const MAX_ARGS: usize = 64;
const MAX_ARG_BYTES: usize = 8 << 10;

/// What the owner has named, and what is built in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Programs {
    named: BTreeMap<String, CommandLine>,
    has_builtin: bool,
}

#[derive(Clone, Debug)]
struct CommandLine {
    program: PathBuf,
    words: Vec<String>,
}

/// Why a text names no program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProgramError {
    #[error("'{0}' is not NAME=/PROGRAM [WORD…], as in 'sum=/usr/bin/sha256sum'")]
    Form(String),
    #[error("'{0}' is no name of a program: up to {MAX_PROGRAM} small letters, digits, '-' and '_'")]
    Name(String),
    #[error("'{0}' is no program: give the whole path of an executable file")]
    NoProgram(String),
    #[error("'{0}' is named twice, or is built in")]
    Twice(String),
    #[error("a node runs at most {MAX_PROGRAMS} programs")]
    TooMany,
    #[error("'{{*}}' stands for all words that are left: nothing can follow it")]
    BehindRest,
}

impl Programs {
    /// What is built in, or not, and these, each `NAME=/PROGRAM [WORD…]`.
    pub(crate) fn new(has_builtin: bool, named: &[String]) -> Result<Self, ProgramError> {
        let mut programs = Self { named: BTreeMap::new(), has_builtin };
        for text in named {
            programs.add(text)?;
        }
        if programs.names().len() > MAX_PROGRAMS {
            return Err(ProgramError::TooMany);
        }
        Ok(programs)
    }

    fn add(&mut self, text: &str) -> Result<(), ProgramError> {
        let form = || ProgramError::Form(text.into());
        let (name, line) = text.split_once('=').ok_or_else(form)?;
        if !is_program_name(name) {
            return Err(ProgramError::Name(name.into()));
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let program = PathBuf::from(words.next().ok_or_else(form)?);
        let words: Vec<String> = words.collect();
        if words.iter().rev().skip(1).any(|word| word == REST) {
            return Err(ProgramError::BehindRest);
        }
        if !program.is_absolute() || !process::is_executable(&program) {
            return Err(ProgramError::NoProgram(program.display().to_string()));
        }
        if builtin::NAMES.contains(&name) || self.named.contains_key(name) {
            return Err(ProgramError::Twice(name.into()));
        }
        self.named.insert(name.into(), CommandLine { program, words });
        Ok(())
    }

    /// All that may be run.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let builtin = builtin::NAMES.iter().filter(|_| self.has_builtin).map(|name| (*name).to_owned());
        self.named.keys().cloned().chain(builtin).collect()
    }

    /// Whether this may be run.
    pub(crate) fn check(&self, program: &str, args: &[String]) -> Result<(), String> {
        if args.len() > MAX_ARGS || args.iter().map(String::len).sum::<usize>() > MAX_ARG_BYTES {
            return Err(format!("a job has at most {MAX_ARGS} words of {MAX_ARG_BYTES} bytes together"));
        }
        match self.named.get(program) {
            Some(line) => line.fill(args).map(drop),
            None if self.has_builtin && builtin::NAMES.contains(&program) => builtin::check(program, args),
            None => Err("this node does not run that program".into()),
        }
    }

    /// Runs it: how it ended, and what it wrote.
    pub(super) async fn run(
        &self,
        program: &str,
        args: &[String],
        stdin: Vec<u8>,
        turn: &Turn,
    ) -> (Outcome, Vec<u8>) {
        let Some(line) = self.named.get(program) else {
            return builtin::run(program, args, stdin, turn).await;
        };
        match line.fill(args) {
            Ok(words) => process::run(&line.program, &words, stdin).await,
            Err(why) => (Outcome { why: Some(why), ..Outcome::default() }, Vec::new()),
        }
    }
}

impl CommandLine {
    /// The owner's words, with those of the job where the owner lets them stand. None of them is an option: what an option of a
    /// program does, its owner has not named.
    fn fill(&self, args: &[String]) -> Result<Vec<String>, String> {
        if let Some(option) = args.iter().find(|arg| arg.starts_with('-') || arg.contains('\0')) {
            return Err(format!(
                "'{}' is no word that a job may have: it begins with '-'",
                option.escape_debug()
            ));
        }
        let mut args = args.iter();
        let mut words = Vec::new();
        for word in &self.words {
            match word.as_str() {
                ONE => {
                    words.push(args.next().ok_or("the program takes more words than the job has")?.clone())
                }
                REST => words.extend(args.by_ref().cloned()),
                _ => words.push(word.clone()),
            }
        }
        match args.next() {
            None => Ok(words),
            Some(_) => Err("the program takes fewer words than the job has".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_run(line: &str, args: &[&str]) -> bool {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Programs::new(false, &[format!("x=/bin/sh {line}")]).unwrap().check("x", &args).is_ok()
    }

    #[test]
    fn a_job_says_only_what_the_owner_lets_it_say() {
        assert!(is_run("-c true", &[]) && is_run("{}", &["a"]) && is_run("{*}", &["a", "b"]));
        assert!(!is_run("", &["-c"]) && !is_run("", &["a"]));
        assert!(!is_run("{}", &[]) && !is_run("{}", &["a", "b"]) && !is_run("{}", &["--help"]));
        assert!(!is_run("{*}", &["a", "-c"]) && !is_run("{*}", &["a"; 65]));
    }

    #[test]
    fn what_names_no_program_is_said() {
        let error = |text: &str| Programs::new(true, &[text.into()]).unwrap_err().to_string();
        assert!(error("sum").contains("sum=/usr/bin/sha256sum"));
        assert!(error("A=/bin/sh").contains("small letters"));
        assert!(error("a=sh").contains("whole path"));
        assert!(error("a=/bin").contains("executable"));
        assert!(error("echo=/bin/sh").contains("built in"));
        assert!(error("a=/bin/sh {*} b").contains("nothing can follow"));
    }

    #[test]
    fn nothing_is_run_that_is_not_named() {
        let programs = Programs::new(false, &[]).unwrap();
        for program in ["echo", "/bin/sh", "sh", ""] {
            assert!(programs.check(program, &[]).is_err(), "{program}");
        }
        assert!(Programs::new(true, &[]).unwrap().check("echo", &["-c".into()]).is_ok());
    }
}
