//! What the other end of a link may have done here: the rules of its ticket as they are now, and the sentence for what they do not
//! allow.

use std::fmt;
use std::net::IpAddr;

use proto::destination::{Destination, ServiceName};
use tokio::sync::watch;

use super::dial::{Wanted, WantedHost};
use crate::address::{Host, HostPort, Listen};
use crate::changes::Changes;
use crate::rules::{Asked, Forbidden, Protocol, Rule, Rules};
use crate::settings::ListenOn;

/// What the other end of a link may have done here. Clones follow the same rules.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    who: Who,
    target: Option<HostPort>,
    rules: watch::Receiver<Rules>,
}

/// Whose rules they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The holder of this ticket: `proxy2 ticket allow` changes the rules.
    Ticket(String),
    /// The proxy2 that this process has joined.
    Proxy2,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act<'a> {
    /// To dial, with an address that the host leads to, if that is known and forbidden.
    Dial(&'a Destination, Option<IpAddr>),
    /// To listen.
    Listen(&'a ListenOn),
    /// To publish a service.
    Publish(&'a ServiceName),
    /// To use a service.
    Use(&'a ServiceName),
}

impl<'a> Act<'a> {
    /// To have a stream there, with an address that the host leads to, if that is known and forbidden.
    pub(crate) const fn reach(destination: &'a Destination, at: Option<IpAddr>) -> Self {
        if let Destination::Service { name, .. } = destination {
            return Self::Use(name);
        }
        Self::Dial(destination, at)
    }
}

impl Access {
    /// The rules of `who`, at an end whose own target is `target`.
    pub(crate) const fn new(who: Who, target: Option<HostPort>, rules: watch::Receiver<Rules>) -> Self {
        Self { who, target, rules }
    }

    /// What its owner is called in the log.
    pub(crate) fn name(&self) -> &str {
        match &self.who {
            Who::Ticket(name) => name,
            Who::Proxy2 => "proxy2",
        }
    }

    /// The rules now.
    pub(crate) fn rules(&self) -> Rules {
        self.rules.borrow().clone()
    }

    /// Whether the rules allow nothing.
    pub(crate) fn allows_nothing(&self) -> bool {
        self.rules.borrow().is_empty()
    }

    /// The changes of the rules from now on.
    pub(crate) fn changes(&self) -> Changes<Rules> {
        Changes::of(self.rules.clone())
    }

    /// Waits until there are other rules than those of the last time; `false`: there never will be, as the ticket is gone.
    ///
    /// Cancel safe.
    pub(crate) async fn changed(&mut self) -> bool {
        self.rules.changed().await.is_ok()
    }

    /// What is to be dialled for a stream to `destination`, as far as the rules show before anything is looked up.
    ///
    /// # Errors
    /// [`Forbidden`], also for what is not dialled.
    pub(crate) fn wanted(&self, destination: &Destination) -> Result<Wanted, Forbidden> {
        let own = self.target.as_ref();
        let wanted = match destination {
            Destination::Own => Wanted::Host(WantedHost::own(own.ok_or(Forbidden)?)),
            Destination::Tcp(target) => Wanted::Host(WantedHost::named(target, Protocol::Tcp, own)),
            Destination::Udp(target) => Wanted::Host(WantedHost::named(target, Protocol::Udp, own)),
            Destination::Unix(path) => Wanted::Socket(path.clone()),
            Destination::Service { .. }
            | Destination::Control
            | Destination::Check
            | Destination::Move
            | Destination::Client(_) => {
                return Err(Forbidden);
            }
        };
        wanted.check(&self.rules.borrow())?;
        Ok(wanted)
    }

    /// The sentence for what is forbidden: who may not do what, what it may do, and the command that allows it.
    pub(crate) fn explain(&self, act: Act<'_>) -> String {
        let rules = self.rules();
        let may = May(&rules);
        match &self.who {
            Who::Proxy2 => format!("proxy2 may not have proxy1 {act}; it may {may}"),
            Who::Ticket(name) => {
                let text = format!("ticket {name} may not {act}; it may {may}");
                match self.remedy(act) {
                    Some(rule) => {
                        format!(
                            "{text}; allow it at proxy2 with: proxy2 ticket allow {name} {}",
                            Quoted(&rule)
                        )
                    }
                    None => text,
                }
            }
        }
    }

    /// The narrowest rule that allows it, if one does.
    fn remedy(&self, act: Act<'_>) -> Option<Rule> {
        let read = |text: String| text.parse::<Rule>().ok();
        match act {
            Act::Dial(Destination::Own, _) => self.target.is_some().then(|| read("dial:target".into()))?,
            Act::Dial(Destination::Tcp(target), at) => {
                let asked = Asked::new(target, Protocol::Tcp, self.target.as_ref());
                // Not of a host that is called as what stands for others in a rule.
                let by_name =
                    Some(Rule::dial(target)).filter(|rule| rule.to_string().parse().as_ref() == Ok(rule));
                let by_ip = at.and_then(|ip| read(format!("dial:{}:{}", Host::Ip(ip), target.port())));
                let allows =
                    |rule: &Rule| at.is_none_or(|ip| allows(rule, |rules| rules.may_dial(&asked, ip)));
                [by_name, by_ip].into_iter().flatten().find(allows)
            }
            Act::Dial(Destination::Udp(target), _) => read(format!("dial:{target}/udp")),
            Act::Dial(Destination::Unix(path), _) => read(format!("dial:unix:{path}")),
            Act::Dial(Destination::Service { name, .. }, _) | Act::Use(name) => read(format!("use:{name}")),
            Act::Dial(
                Destination::Control | Destination::Check | Destination::Move | Destination::Client(_),
                _,
            ) => None,
            Act::Listen(ListenOn::Tcp(listen)) => read(format!("listen:{}", place(listen))),
            Act::Listen(ListenOn::Udp(listen)) => read(format!("listen:{}/udp", place(listen))),
            Act::Listen(ListenOn::Unix(path)) => read(format!("listen:unix:{}", path.to_str()?)),
            Act::Listen(ListenOn::Stdio) => None,
            Act::Publish(name) => read(format!("publish:{name}")),
        }
    }
}

fn allows(rule: &Rule, check: impl FnOnce(&Rules) -> Result<(), Forbidden>) -> bool {
    check(&Rules::from_iter([rule.clone()])).is_ok()
}

/// Where to listen, as a rule says it.
fn place(listen: &Listen) -> String {
    let host = listen.host.to_string();
    // A rule has no zone.
    let host = host.split_once('%').map_or_else(|| host.clone(), |(address, _)| format!("{address}]"));
    if listen.port == 0 { format!("{host}:*") } else { format!("{host}:{}", listen.port) }
}

impl fmt::Display for Act<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(Destination::Own, _) => f.write_str("dial the target"),
            Self::Dial(Destination::Tcp(target), Some(ip)) if !is_that(target, *ip) => {
                write!(f, "dial {target} at the address that it has")
            }
            Self::Dial(Destination::Tcp(target), _) => write!(f, "dial {target}"),
            Self::Dial(destination, _) => write!(f, "dial {}", destination.to_string().escape_debug()),
            Self::Listen(listen) => write!(f, "listen at {}", listen.to_string().escape_debug()),
            Self::Publish(name) => write!(f, "publish {name}"),
            Self::Use(name) => write!(f, "use {name}"),
        }
    }
}

fn is_that(target: &proto::target::Target, ip: IpAddr) -> bool {
    matches!(target.host(), proto::target::Host::Ip(named) if *named == ip.to_canonical())
}

/// What somebody may do, in few words.
struct May<'a>(&'a Rules);

impl fmt::Display for May<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// A line of the log has room for so many rules.
        const SHOWN: usize = 8;
        if self.0.is_empty() {
            return f.write_str("do nothing");
        }
        for (number, rule) in self.0.iter().take(SHOWN).enumerate() {
            write!(f, "{}{rule}", if number == 0 { "" } else { " " })?;
        }
        match self.0.iter().len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// A rule as a word of a shell's command line.
struct Quoted<'a>(&'a Rule);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@,".contains(c);
        if text.chars().all(plain) {
            f.write_str(&text)
        } else {
            write!(f, "'{}'", text.replace('\'', r"'\''"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(target: Option<&str>, rules: &str) -> Access {
        let target = target.map(|text| HostPort::from(&text.parse::<proto::target::Target>().unwrap()));
        let rules = Rules::parse(rules.split_whitespace()).unwrap();
        Access::new(Who::Ticket("laptop".into()), target, watch::channel(rules).1)
    }

    fn wants(access: &Access, destination: &str) -> bool {
        access.wanted(&destination.parse().expect(destination)).is_ok()
    }

    #[test]
    fn only_the_own_target_is_dialled() {
        let only = |target: &str| access(Some(target), "dial:target");
        assert!(wants(&only("127.0.0.1:80"), "") && wants(&only("127.0.0.1:80"), "127.0.0.1:80"));
        assert!(wants(&only("[::1]:80"), "[::1]:80"));
        assert!(wants(&only("Db.example:80"), "db.EXAMPLE.:80"));
        let localhost = only("127.0.0.1:80");
        for wrong in ["127.0.0.1:81", "127.0.0.2:80", "[::1]:80"] {
            assert!(!wants(&localhost, wrong), "{wrong}");
        }
        assert!(!wants(&localhost, "localhost:80"), "it is another name");
        for nothing in [access(None, "dial:target"), access(Some("127.0.0.1:80"), "")] {
            assert!(!wants(&nothing, ""));
        }
        for other in ["udp/127.0.0.1:80", "@files", "ctl/1", "check/1", "for/1"] {
            assert!(!wants(&access(Some("127.0.0.1:80"), "dial:target dial:*:* use:*"), other), "{other}");
        }
        assert!(wants(&access(Some("127.0.0.1:80"), "dial:127.0.0.1:*/udp"), "udp/127.0.0.1:80"));
    }

    #[test]
    fn what_is_forbidden_is_explained_with_the_command_that_allows_it() {
        let laptop = access(Some("web:80"), "dial:target");
        let dial = |text: &str, at: Option<&str>| {
            let destination: Destination = text.parse().unwrap();
            laptop.explain(Act::Dial(&destination, at.map(|at| at.parse().unwrap())))
        };
        assert_eq!(
            dial("db:5432", None),
            "ticket laptop may not dial db:5432; it may dial:target; allow it at proxy2 with: proxy2 ticket allow laptop \
             dial:db:5432"
        );
        for (text, at, command) in [
            ("[::1]:80", None, "laptop 'dial:[::1]:80'"),
            ("db:5432", Some("10.0.0.1"), "laptop dial:db:5432"),
            ("db:80", Some("169.254.169.254"), "laptop dial:169.254.169.254:80"),
            ("udp/dns:53", None, "laptop dial:dns:53/udp"),
            ("unix/run/x.sock", None, "laptop dial:unix:/run/x.sock"),
            ("@files", None, "laptop use:files"),
        ] {
            let sentence = dial(text, at);
            assert!(sentence.ends_with(command), "{sentence}");
        }
        // No rule makes a name service that lies about this machine an honest one.
        assert!(dial("x.localhost:80", Some("8.8.8.8")).ends_with("it may dial:target"));
        // Nobody who asks for a host of that name gets a whole network.
        assert!(dial("private:80", None).ends_with("it may dial:target"));
        // A path with a blank cannot stand in a rule, nor one that is not what it looks like.
        assert!(dial("unix/run/a b", None).ends_with("it may dial:target"));
        let turned = dial("unix/run/\u{202e}kcos", None);
        assert!(
            turned.contains(r"dial unix/run/\u{202e}kcos;") && turned.ends_with("dial:target"),
            "{turned}"
        );
        let listen = |text: &str| laptop.explain(Act::Listen(&ListenOn::Tcp(text.parse().unwrap())));
        assert!(listen("8000").ends_with("allow laptop listen:127.0.0.1:8000"));
        assert!(listen("0.0.0.0:0").ends_with("allow laptop 'listen:0.0.0.0:*'"));
        assert!(listen("[fe80::1%eth0]:8000").ends_with("allow laptop 'listen:[fe80::1]:8000'"));
        let name = "files".parse().unwrap();
        assert!(laptop.explain(Act::Publish(&name)).ends_with("allow laptop publish:files"));
        let many: Vec<String> = (0..10).map(|number| format!("use:x{number}")).collect();
        let many = access(None, &many.join(" ")).explain(Act::Use(&name));
        assert!(many.contains("it may use:x0 use:x1") && many.contains("use:x7 and 2 more;"), "{many}");
        assert!(access(None, "").explain(Act::Use(&name)).contains("it may do nothing;"));
    }
}
