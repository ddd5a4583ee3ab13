//! What `proxy2` is to do: its settings, from its options.

use clap::error::ErrorKind;
use cli::ChosenLink;
use cli::config::{Action, Extra, LinkOptions, Sources, Values, to_toml};
use tunnel::address::{AddressError, Host, HostPort, Listen, ListenPorts, parse_port};
use tunnel::settings::{
    Allow, CarryTo, ClassicExit, Destination, ProxySettings, Rules, ServerSettings, StateSource,
};

use super::args::Cli;
use crate::control::ControlSettings;
use crate::forwards::Forwards;
use crate::usage::{said_once, wrong};

/// What the options say.
#[derive(Debug)]
pub(super) struct Said {
    cli: Cli,
    values: Values,
    options: LinkOptions,
    listen: ListenPorts,
    target: Option<HostPort>,
    forwards: Forwards,
    has_file: bool,
}

/// What is to run.
#[derive(Debug)]
pub(super) struct Plan {
    /// What it is made from.
    pub(super) settings: ProxySettings,
    /// To see what has changed.
    pub(super) options: LinkOptions,
    /// Where the page and the metrics are to be.
    pub(super) metrics: Option<Listen>,
    /// It takes over from the proxy2 that runs.
    pub(super) takes_over: bool,
}

/// Reads what the options say.
///
/// # Errors
/// Bad usage, a request for help or the version, or a file that cannot be read: to be printed, with its exit code.
pub(super) fn read(sources: &Sources) -> Result<Said, clap::Error> {
    let plan = sources.read()?;
    let has_file = plan.file.is_some();
    let options = plan.links.into_iter().next().expect("there is one link at least");
    let (cli, values) = options.parse::<Cli>()?;
    let listen = one_place("listen", cli.first.as_ref(), cli.listen.as_ref(), &values)?;
    let listen = listen.ok_or_else(|| {
        let what = "nothing says where proxy1s send their datagrams: write [ADDR:]PORT";
        let text = format!("{what}\n\nFor more information, try '--help'.\n");
        clap::Error::raw(ErrorKind::MissingRequiredArgument, text)
    })?;
    let words = target(cli.host.as_deref(), cli.port.as_deref()).map_err(|error| wrong(&error))?;
    let target = one_place("target", words.as_ref(), cli.target.as_ref(), &values)?;
    let mut forwards = Forwards::default();
    forwards.add(cli.texts(), &values).map_err(|error| wrong(&error))?;
    Forwards::check(std::iter::once(&forwards)).map_err(|error| wrong(&error))?;
    check_names(&forwards)?;
    Ok(Said { cli, values, options, listen, target, forwards, has_file })
}

impl Said {
    /// What is to be done.
    pub(super) const fn action(&self) -> Action {
        self.cli.config.action(self.cli.verbosity)
    }

    /// How it is to be seen and steered.
    pub(super) fn control(&self) -> ControlSettings {
        ControlSettings { args: self.cli.control.clone(), state: self.cli.link.state() }
    }

    /// Whether there is a configuration file.
    pub(super) const fn has_file(&self) -> bool {
        self.has_file
    }

    /// All as a configuration file.
    pub(super) fn to_toml(&self) -> String {
        let text = |listen: &ListenPorts| {
            let also: String = listen.also.iter().map(|port| format!(",{port}")).collect();
            Extra { key: "listen", text: format!("{}{also}", listen.first) }
        };
        let listen = self.cli.first.as_ref().map(text);
        let target = self.cli.host.as_ref().and(self.target.as_ref());
        let target = target.map(|target| Extra { key: "target", text: target.to_string() });
        to_toml(&[(self.values.clone(), listen.into_iter().chain(target).collect())])
    }

    /// What they ask for.
    ///
    /// # Errors
    /// What cannot be, to be printed, with its exit code.
    pub(super) fn plan(self) -> Result<Plan, clap::Error> {
        let Self { cli, options, listen, target, forwards, .. } = self;
        let settings = match cli.link.link()? {
            ChosenLink::Classic(mut classic) => {
                if !listen.also.is_empty() {
                    return Err(wrong(&"with --classic there is one PORT to listen on"));
                }
                classic.table.early_limit = cli.early;
                classic.table.max_peers = count(cli.peers);
                classic.dial_limit = cli.dial_timeout.unwrap_or(classic.dial_limit);
                let target = target.ok_or_else(|| wrong(&"with --classic, HOST and PORT are required"))?;
                ClassicExit { listen: listen.first, target, options: classic }.into()
            }
            ChosenLink::Sealed(link) => {
                let state = StateSource::Folder(cli.link.state());
                let rules = Rules::new(cli.allow.iter().cloned()).map_err(|error| wrong(&error))?;
                let allow = Allow { target, rules };
                let mut sealed = ServerSettings::new(listen.first.clone(), state, allow);
                sealed.link = link;
                sealed.also_ports = also_ports(&listen, &cli.also_port)?;
                sealed.dial_limit = cli.dial_timeout.unwrap_or(sealed.dial_limit);
                sealed.abandon = cli.abandon;
                sealed.max_links = count(cli.links);
                sealed.handshakes_per_second = cli.handshakes;
                Forwards { here: sealed.forwards, there: sealed.publish, .. } = forwards;
                sealed.into()
            }
        };
        Ok(Plan { settings, options, metrics: cli.metrics.metrics, takes_over: cli.take_over })
    }
}

/// The target that the words say.
fn target(host: Option<&str>, port: Option<&str>) -> Result<Option<HostPort>, String> {
    let invalid =
        |word: &str, name: &str, error: AddressError| format!("invalid value '{word}' for '{name}': {error}");
    match (host, port) {
        (None, _) => Ok(None),
        (Some(word), None) => match word.parse() {
            Ok(target) => Ok(Some(target)),
            Err(AddressError::NoPort(_)) => {
                Err(format!("the PORT of the target is missing: write {word} PORT, or {word}:PORT"))
            }
            Err(error) => Err(invalid(word, "HOST:PORT", error)),
        },
        (Some(host), Some(port)) => {
            let host: Host = host.parse().map_err(|error| invalid(host, "HOST", error))?;
            Ok(Some(HostPort { host, port: parse_port(port).map_err(|error| invalid(port, "PORT", error))? }))
        }
    }
}

/// What words or an option say; words come before other places than the command line.
fn one_place<T: Clone>(
    key: &str,
    words: Option<&T>,
    option: Option<&T>,
    values: &Values,
) -> Result<Option<T>, clap::Error> {
    said_once(key, words.is_some(), values)?;
    Ok(words.or(option).cloned())
}

/// proxy2 has no other end of its own that it could carry clients to.
fn check_names(forwards: &Forwards) -> Result<(), clap::Error> {
    let is_name = |to: &CarryTo| matches!(to, CarryTo::Destination(Destination::Service { .. }));
    match forwards.here.iter().find(|forward| !is_name(&forward.to)) {
        Some(other) => Err(wrong(&format_args!(
            "-L {other}: proxy2 carries clients to a published name: write PORT:@NAME"
        ))),
        None => Ok(()),
    }
}

/// The ports beside the first.
fn also_ports(listen: &ListenPorts, also: &[u16]) -> Result<Vec<u16>, clap::Error> {
    let also = [listen.also.as_slice(), also].concat();
    if also.len() > ServerSettings::MAX_PORTS {
        return Err(wrong(&format_args!(
            "{} further ports are too many: at most {}",
            also.len(),
            ServerSettings::MAX_PORTS
        )));
    }
    let mut seen = vec![listen.first.port];
    for port in &also {
        if *port != 0 && seen.contains(port) {
            return Err(wrong(&format_args!("port {port} is given twice: write it once")));
        }
        seen.push(*port);
    }
    Ok(also)
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
