//! All rules of a ticket, and the questions that they answer.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use proto::destination::ServiceName;

use super::asked::{self, Asked, AskedHost, OfTarget};
use super::class::AddressClass;
use super::error::{Forbidden, RuleError, RuleFault};
use super::globs::Globs;
use super::place::Place;
use super::places::Places;
use super::ports::Protocol;
use super::rule::Rule;
use crate::address::is_of_one_machine;

/// The most rules of one ticket: each takes about 200 bytes.
pub(super) const MAX_RULES: usize = 10_000;

/// What a ticket may do: whatever one of these rules allows. Clones share them.
#[derive(Clone, Default)]
pub struct Rules(Arc<Indexed>);

#[derive(Default)]
struct Indexed {
    /// In the order in which they were given, each once.
    list: Vec<Rule>,
    dial: Places,
    listen: Places,
    publish: Globs,
    uses: Globs,
}

impl Rules {
    /// None: nothing is allowed.
    pub fn none() -> Self {
        Self::default()
    }

    /// `dial:target` alone: what a ticket may do unless anything else is said.
    pub fn target() -> Self {
        Self::index(vec![Rule::Dial(Place::Target)])
    }

    /// These rules, each once.
    ///
    /// # Errors
    /// More than 10,000.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Result<Self, RuleError> {
        let rules = Self::from_iter(rules);
        match rules.0.list.get(MAX_RULES) {
            Some(surplus) => Err(RuleError { rule: surplus.to_string(), fault: RuleFault::TooMany }),
            None => Ok(rules),
        }
    }

    /// Reads rules, each in a text of its own.
    ///
    /// # Errors
    /// The first that is no rule.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, RuleError> {
        let rules: Vec<Rule> = texts.into_iter().map(str::parse).collect::<Result<_, _>>()?;
        Self::new(rules)
    }

    fn index(list: Vec<Rule>) -> Self {
        let dial = Places::new(list.iter().filter_map(|rule| match rule {
            Rule::Dial(place) => Some(place),
            Rule::Listen(_) | Rule::Publish(_) | Rule::Use(_) => None,
        }));
        let listen = Places::new(list.iter().filter_map(|rule| match rule {
            Rule::Listen(place) => Some(place),
            Rule::Dial(_) | Rule::Publish(_) | Rule::Use(_) => None,
        }));
        let (mut publish, mut uses) = (Globs::default(), Globs::default());
        for rule in &list {
            match rule {
                Rule::Publish(glob) => publish.add(glob),
                Rule::Use(glob) => uses.add(glob),
                Rule::Dial(_) | Rule::Listen(_) => {}
            }
        }
        Self(Arc::new(Indexed { list, dial, listen, publish, uses }))
    }

    /// The rules.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.0.list.iter()
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.list.is_empty()
    }

    /// Whether a name may be looked up: one of its addresses may be one that may be dialled, which [`may_dial`](Self::may_dial)
    /// decides for each. Of an address, whether it may be dialled.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn may_look_up(&self, asked: &Asked) -> Result<(), Forbidden> {
        let (dial, port, protocol) = (&self.0.dial, asked.port, asked.protocol);
        let name = match &asked.host {
            AskedHost::Name(name) => name,
            AskedHost::Ip(ip) => return self.may_dial(asked, *ip),
        };
        let any_address = [&dial.any, &dial.private].iter().any(|ports| ports.contains(port, protocol));
        permit(
            any_address
                || dial.nets.have_port(port, protocol)
                || self.may_dial_target(asked)
                || dial.have_name(name, port, protocol)
                || dial.have_name_above(name, port, protocol),
        )
    }

    /// Whether a place may be dialled at this address, which is one that its host has.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn may_dial(&self, asked: &Asked, ip: IpAddr) -> Result<(), Forbidden> {
        self.may_dial_as(asked, ip, AddressClass::of(ip))
    }

    /// The same for an address of this machine itself, whatever it looks like: only who may dial its loopback addresses by a
    /// name, an address or a block may dial it. No firewall looks at what a machine sends to itself.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn may_dial_here(&self, asked: &Asked, ip: IpAddr) -> Result<(), Forbidden> {
        self.may_dial_as(asked, ip, AddressClass::Loopback)
    }

    fn may_dial_as(&self, asked: &Asked, ip: IpAddr, class: AddressClass) -> Result<(), Forbidden> {
        if self.may_dial_target(asked) {
            return Ok(());
        }
        let (dial, port, protocol) = (&self.0.dial, asked.port, asked.protocol);
        let ip = ip.to_canonical();
        let name = match &asked.host {
            // Whoever has another address for it does not mean well.
            AskedHost::Name(name) if asked::is_localhost(name) && class != AddressClass::Loopback => {
                return Err(Forbidden);
            }
            AskedHost::Name(name) => Some(name.as_str()),
            AskedHost::Ip(named) if *named != ip => return Err(Forbidden),
            AskedHost::Ip(_) => None,
        };
        let by_any = class == AddressClass::Public && dial.any.contains(port, protocol);
        permit(
            by_any
                || dial.have_address(ip, class, port, protocol)
                || name.is_some_and(|name| {
                    let is_public = class == AddressClass::Public;
                    is_for_names(ip, class) && dial.have_name(name, port, protocol)
                        || is_public && dial.have_name_above(name, port, protocol)
                }),
        )
    }

    fn may_dial_target(&self, asked: &Asked) -> bool {
        let dial = &self.0.dial;
        match asked.of_target {
            OfTarget::Itself => dial.has_target || dial.of_target.contains(asked.port, asked.protocol),
            OfTarget::Host => dial.of_target.contains(asked.port, asked.protocol),
            OfTarget::No => false,
        }
    }

    /// Whether a Unix socket may be dialled: its path as it stands there, and by which kind of rule.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn may_dial_socket(&self, path: &Path) -> Result<SocketGrant, Forbidden> {
        self.0.dial.socket(path).ok_or(Forbidden)
    }

    /// Whether a name may be looked up to listen there: one of its addresses may be one where the other end may listen, which
    /// [`may_listen`](Self::may_listen) decides.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn may_look_up_to_listen(&self, name: &str, port: u16, protocol: Protocol) -> Result<(), Forbidden> {
        let listen = &self.0.listen;
        let any_address = [&listen.any, &listen.private].iter().any(|ports| ports.contains(port, protocol));
        permit(
            any_address
                || listen.nets.have_port(port, protocol)
                || listen.have_name(&asked::plain(name), port, protocol),
        )
    }

    /// Whether the other end may listen at this address for the ticket's holder, who has named it by `name` unless by itself. Port 0,
    /// any free one, needs a rule for all ports.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn may_listen(
        &self,
        name: Option<&str>,
        at: SocketAddr,
        protocol: Protocol,
    ) -> Result<(), Forbidden> {
        let (listen, ip, port) = (&self.0.listen, at.ip().to_canonical(), at.port());
        let class = AddressClass::of(ip);
        let name = name.map(asked::plain);
        if name.as_deref().is_some_and(asked::is_localhost) && class != AddressClass::Loopback {
            return Err(Forbidden);
        }
        permit(
            listen.any.contains(port, protocol)
                || listen.have_address(ip, class, port, protocol)
                || name
                    .is_some_and(|name| is_for_names(ip, class) && listen.have_name(&name, port, protocol)),
        )
    }

    /// Whether the other end may make this Unix socket for the ticket's holder.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn may_listen_socket(&self, path: &Path) -> Result<(), Forbidden> {
        permit(self.0.listen.socket(path).is_some())
    }

    /// Whether services of this name may be published.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn may_publish(&self, name: &ServiceName) -> Result<(), Forbidden> {
        permit(self.0.publish.match_name(name.as_str()))
    }

    /// Whether services of this name may be found and used.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn may_use(&self, name: &ServiceName) -> Result<(), Forbidden> {
        permit(self.0.uses.match_name(name.as_str()))
    }
}

/// By which kind of rule a Unix socket may be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketGrant {
    /// By its path: wherever a symbolic link at that path leads to is meant too.
    Path,
    /// As one of those in a folder: a symbolic link in it is not. Whoever may write there could lead to any socket with one.
    Folder,
}

/// Whether an address is one that a name in a rule may lead to: whoever trusts a name's owner with the machines of a network does not
/// mean what each machine has for itself.
fn is_for_names(ip: IpAddr, class: AddressClass) -> bool {
    !matches!(class, AddressClass::LinkLocal | AddressClass::Metadata) && is_of_one_machine(ip)
}

const fn permit(is_allowed: bool) -> Result<(), Forbidden> {
    if is_allowed { Ok(()) } else { Err(Forbidden) }
}

impl FromIterator<Rule> for Rules {
    /// These rules, each once; of a program's own there may be any number.
    fn from_iter<T: IntoIterator<Item = Rule>>(rules: T) -> Self {
        let mut seen = HashSet::new();
        Self::index(rules.into_iter().filter(|rule| seen.insert(rule.clone())).collect())
    }
}

impl PartialEq for Rules {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.list == other.0.list
    }
}

impl Eq for Rules {}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Rule::to_string)).finish()
    }
}
