//! What `proxy1` is to do: the settings of each link, from its options.

use std::path::PathBuf;

use clap::error::ErrorKind;
use cli::ChosenLink;
use cli::config::{Action, Extra, LinkOptions, Origin, Sources, Values, to_toml};
use tunnel::address::{HostPort, HostPorts, Listen};
use tunnel::settings::{ClassicEntry, ClientSettings, Forward, ProxySettings};

use super::args::Cli;
use super::words::{self, Words};
use crate::control::ControlSettings;
use crate::forwards::Forwards;
use crate::ticket::{self, Stdin};
use crate::usage::{said_once, wrong};

/// Reads the options, once or again and again. The ticket of the standard input is there once.
#[derive(Debug)]
pub(crate) struct Planner {
    sources: Sources,
    stdin: Stdin,
}

/// What the options say.
#[derive(Debug)]
pub(crate) struct Said {
    links: Vec<SaidLink>,
    file: Option<PathBuf>,
}

#[derive(Debug)]
struct SaidLink {
    cli: Cli,
    values: Values,
    options: LinkOptions,
    words: Words,
    forwards: Forwards,
}

/// A link that is to be.
#[derive(Debug)]
pub(crate) struct Link {
    /// What it is called, where there can be several.
    pub(crate) name: Option<String>,
    /// What it is made from.
    pub(crate) settings: ProxySettings,
    /// To see what has changed.
    pub(crate) options: LinkOptions,
}

impl Planner {
    /// From the options in these places.
    pub(crate) fn new(sources: Sources) -> Self {
        Self { sources, stdin: Stdin::default() }
    }

    /// Reads what the options say.
    ///
    /// # Errors
    /// Bad usage, a request for help or the version, or a file that cannot be read: to be printed, with its exit code.
    pub(crate) fn read(&self) -> Result<Said, clap::Error> {
        let plan = self.sources.read()?;
        let links: Result<Vec<_>, _> = plan.links.into_iter().map(SaidLink::new).collect();
        let said = Said { links: links?, file: plan.file };
        Forwards::check(said.links.iter().map(|link| &link.forwards)).map_err(|error| wrong(&error))?;
        Ok(said)
    }

    /// The links that they ask for. Waits for the standard input if a ticket comes from there: before the program listens to
    /// signals, so that Ctrl-C ends it.
    ///
    /// # Errors
    /// What cannot be, to be printed, with its exit code.
    pub(crate) fn links(&self, said: Said) -> Result<Vec<Link>, clap::Error> {
        said.links.into_iter().map(|link| link.plan(&self.stdin)).collect()
    }
}

impl Said {
    /// What is to be done.
    pub(crate) fn action(&self) -> Action {
        let Some(SaidLink { cli, .. }) = self.links.first() else { return Action::Check };
        cli.config.action(cli.verbosity)
    }

    /// How it is to be seen and steered.
    pub(crate) fn control(&self) -> Option<ControlSettings> {
        let SaidLink { cli, .. } = self.links.first()?;
        Some(ControlSettings { args: cli.control.clone(), state: cli.link.state() })
    }

    /// Where the page and the metrics are to be.
    pub(crate) fn metrics(&self) -> Option<Listen> {
        self.links.first()?.cli.metrics.metrics.clone()
    }

    /// The configuration file that was read.
    pub(crate) const fn file(&self) -> Option<&PathBuf> {
        self.file.as_ref()
    }

    /// All as a configuration file.
    pub(crate) fn to_toml(&self) -> String {
        let links: Vec<_> =
            self.links.iter().map(|link| (link.values.clone(), link.words.extras())).collect();
        to_toml(&links)
    }
}

impl SaidLink {
    fn new(options: LinkOptions) -> Result<Self, clap::Error> {
        let (cli, values) = options.parse::<Cli>()?;
        let mut forwards = Forwards::default();
        forwards.add(cli.forwards.texts(), &values).map_err(|error| wrong(&error))?;
        let has_forwards = !forwards.here.is_empty() || !forwards.there.is_empty() || cli.listen.is_some();
        let words = [&cli.first, &cli.host, &cli.port].map(Option::as_deref);
        let words = words::read(words, has_forwards).map_err(|error| wrong(&error))?;
        said_once("listen", words.listen.is_some(), &values)?;
        said_once("at", words.at.is_some(), &values)?;
        if let Some(listen) = words.listen.as_ref() {
            forwards.push(Forward::plain(listen.clone()), Origin::CommandLine);
        } else if let Some(listen) = &cli.listen {
            forwards.push(Forward::plain(listen.clone()), values.origin("listen"));
        }
        if forwards.here.is_empty() && forwards.there.is_empty() {
            let what = "nothing says what to carry: write [ADDR:]PORT, or one of -L -R -D -W --publish";
            let link = values.name.as_ref().map(|name| format!("the link '{name}': ")).unwrap_or_default();
            let text = format!("{link}{what}\n\nFor more information, try '--help'.\n");
            return Err(clap::Error::raw(ErrorKind::MissingRequiredArgument, text));
        }
        Ok(Self { cli, values, options, words, forwards })
    }

    fn plan(self, stdin: &Stdin) -> Result<Link, clap::Error> {
        let Self { cli, values, options, words, forwards } = self;
        let state = cli.link.state();
        let places = words.at.map_or(cli.at, |place| vec![place]);
        let settings = match cli.link.link()? {
            ChosenLink::Classic(mut numbers) => {
                // One in the environment is for other programs.
                let is_said = |key| values.origin(key) == Origin::CommandLine;
                if is_said("ticket") || is_said("ticket-file") {
                    return Err(wrong(&"--classic has no tickets: leave --ticket and --ticket-file out"));
                }
                numbers.table.id_rest = cli.id_rest;
                let listen = words.listen.or(cli.listen);
                let listen = listen.ok_or_else(|| wrong(&"with --classic, [ADDR:]PORT is required"))?;
                ClassicEntry { listen, peer: one_port(places)?, options: numbers }.into()
            }
            ChosenLink::Sealed(link) => {
                let ticket = ticket::source(&cli.ticket, state.as_deref(), &values, stdin)?;
                let settings = ClientSettings::new(ticket, places);
                let Forwards { here: forwards, there: reverse, .. } = forwards;
                ClientSettings { link, forwards, reverse, patience: cli.when_down.0, ..settings }.into()
            }
        };
        Ok(Link { name: options.name.clone(), settings, options })
    }
}

impl Words {
    /// As options.
    fn extras(&self) -> Vec<Extra> {
        let listen = self.listen.as_ref().map(|listen| Extra { key: "listen", text: listen.to_string() });
        let at = self.at.as_ref().map(|place| Extra { key: "at", text: place.to_string() });
        listen.into_iter().chain(at).collect()
    }
}

/// The classic link's peer: it has no handshake that could find a port.
fn one_port(places: Vec<HostPorts>) -> Result<HostPort, clap::Error> {
    let missing = || {
        clap::Error::raw(ErrorKind::MissingRequiredArgument, "with --classic, HOST and PORT are required\n")
    };
    let several = || wrong(&"with --classic there is one PORT");
    let mut places = places.into_iter();
    let HostPorts { host, ports } = places.next().ok_or_else(missing)?;
    match (ports.as_slice(), places.next()) {
        ([port], None) => Ok(HostPort { host, port: *port }),
        _ => Err(several()),
    }
}
