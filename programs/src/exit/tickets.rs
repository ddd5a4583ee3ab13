//! `proxy2 ticket`: makes, shows and revokes tickets, and says what they may do, whether proxy2 runs or not.

mod list;
mod rules;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use cli::{path_parser, terminal};
use tunnel::address::is_of_one_machine;
use tunnel::settings::Rule;
use tunnel::state::{Confirmed, Confirming, Host, Place, Places, StateDir, TicketName};

use self::list::{list, show};
use self::rules::Change;

/// Makes, shows and revokes the tickets that let a proxy1 join, and says what they may do
#[derive(Debug, Parser)]
#[command(name = "ticket", version = crate::VERSION)]
struct Cli {
    #[command(subcommand)]
    action: Action,

    /// Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]
    #[arg(long, value_name = "DIR", global = true, value_parser = path_parser())]
    state: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a ticket and print it, this once: proxy2 does not keep it. Waits until a running proxy2 has taken it
    #[command(after_help = EXAMPLE)]
    Add {
        /// 1 to 64 letters, digits, '-', '_', '.'
        name: TicketName,

        /// Write the ticket to this new file, for you alone to read, instead of printing it ('-' prints it)
        #[arg(long, value_name = "FILE", value_parser = path_parser())]
        out: Option<PathBuf>,

        /// Say in the ticket that proxy1 finds proxy2 on this host, at these UDP ports, 1 to 8 of them in the order in
        /// which they are to be tried; up to 8 times
        #[arg(long, value_name = "HOST:PORT[,PORT…]", value_parser = parse_place)]
        at: Vec<Place>,
    },
    /// List all tickets: name, standing, fingerprint of the client's public key, when it was made; below, what it may do
    List,
    /// Print what is known of a ticket; the ticket itself was printed only when it was made
    Show {
        /// The ticket
        name: TicketName,
    },
    /// Let the holder of a ticket do more, and wait until a running proxy2 has taken it
    #[command(after_help = RULES)]
    Allow {
        /// The ticket
        name: TicketName,

        /// What its holder may do, beside what it may do already; a ticket without rules of its own begins with dial:target
        #[arg(value_name = "RULE", required_unless_present = "default")]
        rules: Vec<Rule>,

        /// Nothing else from now on: these rules take the place of the ticket's
        #[arg(long)]
        only: bool,

        /// Take the ticket's own rules away: its holder may do what proxy2 allows to all (`proxy2 --allow`)
        #[arg(long, conflicts_with_all = ["rules", "only"])]
        default: bool,
    },
    /// Take rules of a ticket away, and wait until a running proxy2 has reset what they had allowed
    Deny {
        /// The ticket
        name: TicketName,

        /// The rules, as `proxy2 ticket list` shows them
        #[arg(value_name = "RULE", required = true)]
        rules: Vec<Rule>,
    },
    /// Give tickets the rules that stand in a file, all or none of them, and wait until a running proxy2 has taken them
    #[command(after_help = FILE_EXAMPLE)]
    Apply {
        /// A TOML file with a table for each ticket that it is about
        file: PathBuf,
    },
    /// Let nobody in with this ticket any more, and wait until a running proxy2 has ended its links
    Revoke {
        /// The ticket
        name: TicketName,
    },
}

const EXAMPLE: &str = "\
Example: a ticket that says where proxy2 is, by its name or else its address:
  proxy2 ticket add laptop --at exit.example:5000,443 \\
      --at 192.0.2.1:443 --out laptop.ticket";

const RULES: &str = "\
A rule is dial:PLACE, listen:PLACE, publish:NAMES or use:NAMES.
  PLACE   HOST:PORTS, HOST:PORTS/udp or unix:PATH; or target, that of proxy2
  HOST    a name, *.example.com, an address or a block of them, private (the
          addresses of networks of one's own), or * (all public addresses)
  PORTS   80, 80,443, 8000-8010 or *
  NAMES   of services, with * and ?
Examples (docs/rules.md has all):
  proxy2 ticket allow laptop dial:db.example:5432 'dial:*:443'
  proxy2 ticket allow laptop listen:127.0.0.1:8000-8010 publish:files
  proxy2 ticket allow guest --only use:files";

const FILE_EXAMPLE: &str = "\
Example of a file; tickets that are not in it keep their rules:
  [laptop]
  rules = [\"dial:target\", \"dial:db.example:5432\"]";

/// A place that proxy1 can go to.
fn parse_place(text: &str) -> anyhow::Result<Place> {
    if text.contains(char::is_whitespace) {
        bail!("there is a blank in it: leave it out, or write --at once more for another place");
    }
    let place: Place = text.parse()?;
    match place.host() {
        Host::Ip(ip) if ip.is_unspecified() => {
            bail!(
                "{ip} is where a program listens, not where others find it: write an address of this machine"
            )
        }
        Host::Ip(ip) if !is_of_one_machine(*ip) => bail!("{ip} is no address of one machine"),
        Host::Ip(_) | Host::Name(_) => Ok(place),
    }
}

/// The places of one ticket.
fn together(at: Vec<Place>) -> Result<Places, clap::Error> {
    Places::new(at).map_err(|error| {
        Cli::command().error(ErrorKind::ValueValidation, format_args!("invalid values for '--at': {error}"))
    })
}

/// What follows `ticket` in the words of `proxy2 ticket …`; `--state DIR` may stand before it.
///
/// # Errors
/// The words as they are: this is another command.
pub(crate) fn arguments(mut words: Vec<OsString>) -> Result<Vec<OsString>, Vec<OsString>> {
    let before = match words.first().and_then(|word| word.to_str()) {
        Some("--state") => 2,
        Some(word) if word.starts_with("--state=") => 1,
        _ => 0,
    };
    if words.get(before).is_none_or(|word| word != "ticket") {
        return Err(words);
    }
    words.remove(before);
    Ok(words)
}

/// Its options and subcommands.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

/// A command that is right, for one that is not.
pub(super) const RIGHT: &str = "add laptop --out laptop.ticket";

/// Whether somebody means the command `ticket` and writes it in another way.
pub(super) fn are_meant(words: &[OsString]) -> bool {
    let first = words.first().map(|word| word.to_string_lossy().to_ascii_lowercase());
    first.is_some_and(|first| first.starts_with("ticket"))
}

/// Runs the command: 0 if it was done, 1 if not, 2 for bad usage.
pub(crate) fn main(name: &str, words: Vec<OsString>) -> ExitCode {
    let cli: Cli = match cli::parse(std::iter::once(name.into()).chain(words)) {
        Ok(cli) => cli,
        Err(error) => return cli::explain_with(&error, name, RIGHT),
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast_ref::<clap::Error>() {
            Some(usage) => cli::explain_with(usage, name, RIGHT),
            None => cli::program::fail(&format_args!("{error:#}")),
        },
    }
}

/// How long running proxy2s may take to confirm a change; each looks at the files twice a second.
const PATIENCE: Duration = Duration::from_secs(10);

fn run(cli: Cli) -> anyhow::Result<()> {
    let out = &mut Out;
    let folder = StateDir::locate(cli.state)?;
    match cli.action {
        Action::Add { name, out: file, at } => {
            let places = together(at)?;
            if folder.convert()? {
                note_conversion(&folder);
            }
            match file.filter(|file| file.as_os_str() != "-") {
                Some(file) => add_to_file(&folder, name, places, &file, out),
                // What is not read is lost.
                None => add(&folder, name, places, &mut io::stdout()),
            }
        }
        Action::Show { name } => show(&folder, &name, out),
        Action::List => list(&folder, out),
        Action::Allow { name, rules, only, default } => {
            let how = match (default, only) {
                (true, _) => Change::Default,
                (false, true) => Change::Only(rules),
                (false, false) => Change::Add(rules),
            };
            rules::change(&folder, &name, how, out)
        }
        Action::Deny { name, rules } => rules::change(&folder, &name, Change::Take(rules), out),
        Action::Apply { file } => rules::apply(&folder, &file, out),
        Action::Revoke { name } => revoke(&folder, &name, out),
    }
}

const STDOUT: &str = "cannot write to stdout";

/// Stdout, for what is not lost where the reader has seen enough.
#[derive(Debug)]
struct Out;

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match io::stdout().write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match io::stdout().flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed,
        }
    }
}

fn add(folder: &StateDir, name: TicketName, places: Places, out: &mut impl Write) -> anyhow::Result<()> {
    let ticket = folder.add_ticket(name.clone(), places)?;
    let text = ticket.to_text();
    let written =
        out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    written.with_context(|| {
        format!(
            "cannot write to stdout: the ticket '{name}' is lost, revoke it and make another with a new name"
        )
    })?;
    let taken = takes(folder, &name);
    if io::stderr().is_terminal() {
        note(&format!("{taken}; it is not shown again"));
    }
    Ok(())
}

fn add_to_file(
    folder: &StateDir,
    name: TicketName,
    places: Places,
    file: &Path,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    folder.add_ticket_to_file(name.clone(), places, file)?;
    say(out, &format!("{}; the ticket is in {}", takes(folder, &name), file.display()))
}

/// Waits until a running proxy2 has taken the ticket, so that whoever joins at once is let in.
fn takes(folder: &StateDir, name: &TicketName) -> String {
    /// A proxy2 that cannot confirm it takes it within a second all the same.
    const PATIENCE: Duration = Duration::from_secs(2);
    let who = match folder.wait_until_taken(Confirming::Tickets, PATIENCE) {
        Ok(Confirmed::NoneRuns) => "no proxy2 is running in this folder".into(),
        Ok(Confirmed::By(1)) => "the running proxy2 has taken it".into(),
        Ok(Confirmed::By(count)) => format!("all {count} running proxy2s have taken it"),
        Err(_) => "the running proxy2 has not confirmed that it has taken it".to_owned(),
    };
    format!("{name} is valid in {}; {who}", folder.path().display())
}

fn revoke(folder: &StateDir, name: &TicketName, out: &mut impl Write) -> anyhow::Result<()> {
    // A disk without room must not stop a revocation.
    if folder.convert().unwrap_or(false) {
        note_conversion(folder);
    }
    folder.revoke_ticket(name).with_context(|| format!("'{name}' is not revoked"))?;
    let taken = folder.wait_until_taken(Confirming::Tickets, PATIENCE);
    let who = match taken.with_context(|| format!("'{name}' is revoked, but"))? {
        Confirmed::NoneRuns => format!("no proxy2 is running in {}", folder.path().display()),
        Confirmed::By(1) => "the running proxy2 has ended its links".into(),
        Confirmed::By(count) => format!("all {count} running proxy2s have ended its links"),
    };
    say(out, &format!("{name} is revoked; {who}"))
}

fn note_conversion(folder: &StateDir) {
    note(&format!(
        "the tickets in {} were in an older form and have been converted: proxy2 keeps the public keys only, and no \
         longer shows the tickets",
        folder.path().display()
    ));
}

/// A sentence of the output.
fn say(out: &mut impl Write, sentence: &str) -> anyhow::Result<()> {
    writeln!(out, "{}", terminal::fitted(sentence, &io::stdout())).context(STDOUT)
}

/// A line for the user beside the output.
fn note(line: &str) {
    // If stderr is gone nobody wants it.
    let _ = writeln!(io::stderr(), "{}", terminal::fitted(line, &io::stderr()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_folder_may_stand_before_or_behind() {
        let arguments = |line: &str| {
            let words = arguments(line.split_whitespace().map(OsString::from).collect()).ok()?;
            Some(Cli::try_parse_from(std::iter::once("ticket".into()).chain(words)).unwrap())
        };
        for line in [
            "ticket list --state x",
            "ticket --state x list",
            "--state x ticket list",
            "--state=x ticket list",
        ] {
            let cli = arguments(line).unwrap();
            assert_eq!(cli.state, Some(PathBuf::from("x")), "{line}");
        }
        for line in ["5000 ticket 80", "--state ticket 5000 localhost 80", "--state x", ""] {
            assert!(arguments(line).is_none(), "{line}");
        }
    }

    #[test]
    fn names_are_checked() {
        assert!(Cli::try_parse_from(["ticket", "add", "laptop", "--state", "x"]).is_ok());
        let error = Cli::try_parse_from(["ticket", "add", "a b"]).unwrap_err().to_string();
        assert!(error.contains("letters"), "{error}");
    }

    #[test]
    fn places_are_checked_one_by_one_and_together() {
        let add = |at: &[&str]| {
            let options = at.iter().flat_map(|place| ["--at", place]);
            let cli = Cli::try_parse_from(["ticket", "add", "laptop"].into_iter().chain(options))?;
            let Action::Add { at, .. } = cli.action else { panic!("it is `add`") };
            together(at)
        };
        let places = add(&["Exit.example:5000,443", "[2001:db8::1]:53"]).unwrap();
        assert_eq!(places.to_string(), "exit.example:5000,443 [2001:db8::1]:53");
        assert_eq!(add(&[]).unwrap(), Places::default());
        for (at, words) in [
            (&["exit.example"][..], "this has no port"),
            (&["exit.example:0"], "'0' is not a port"),
            (&["exit.example:443,https"], "'https' is not a port"),
            (&["a:1 b:2"], "--at once more"),
            (&["0.0.0.0:5000"], "where a program listens"),
            (&["[::]:5000"], "where a program listens"),
            (&["a:1,2", "a:2"], "a:2 stands there twice"),
            (&["a:1"; 9], "at most 8 places, and these are 9"),
        ] {
            let error = add(at).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            let error = error.to_string();
            assert!(error.contains("--at") && error.contains(words), "{at:?}: {error}");
        }
    }
}
