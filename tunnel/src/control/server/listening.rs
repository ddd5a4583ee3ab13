//! Listens on behalf of a proxy1: looks the host up, asks the rules, takes the address over from the same ticket's former process, binds.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::address::{Host, HostPort};
use crate::control::messages::{Refused, RefusedCode, RegistrationId};
use crate::link::sealed::TicketResources;
use crate::local::access::Act;
use crate::local::forwarding::{Bound, Forwarding, ListenAt};
use crate::local::grant::{Grant, PeerRegistration, Place};
use crate::local::listeners::{Held, Holder, Kept, Listeners, NotFree};
use crate::rules::Protocol;
use crate::settings::{ListenOn, TcpKeepalive};

/// How long looking up where to listen may take: it is a name of this machine.
const LOOK_UP: Duration = Duration::from_secs(2);
/// How long the former holder of an address may take to let it go: it is a task of this process.
const HAND_OVER: Duration = Duration::from_secs(1);

/// Somewhere to listen.
#[derive(Debug)]
pub(super) struct Listening {
    /// What it is for.
    pub(super) registration: Arc<PeerRegistration>,
    /// Listens.
    pub(super) forwarding: Forwarding,
    /// Kept for as long as it does.
    pub(super) kept: Kept,
}

/// What is needed to listen.
#[derive(Debug)]
pub(super) struct ListenRequest {
    /// For which registration.
    pub(super) id: RegistrationId,
    /// Where.
    pub(super) asked: ListenOn,
    /// For which ticket.
    pub(super) ticket: Arc<TicketResources>,
    /// What is held by whom.
    pub(super) listeners: Listeners,
    /// Told that another process of the ticket wants the address.
    pub(super) wanted: mpsc::Sender<RegistrationId>,
    /// What connections are set to.
    pub(super) keepalive: TcpKeepalive,
}

impl ListenRequest {
    /// Listens.
    ///
    /// # Errors
    /// What cannot be, with what to do about it.
    pub(super) async fn listen(self) -> Result<Listening, Refused> {
        let at = self.find().await?;
        let grant = Grant::Listen(Place { at: at.clone(), asked: self.asked.clone() });
        let access = self.ticket.access();
        grant.check(&access.rules()).map_err(|_| Refused::forbidden(&grant, &access))?;
        let registration = Arc::new(PeerRegistration { id: self.id, grant });
        let limit = |_| self.too_many();
        let descriptor = self.ticket.take_place().map_err(limit)?;
        let bound = Bound::from(&at);
        let any_port = bound.tcp().or_else(|| bound.udp()).is_some_and(|at| at.port() == 0);
        // Before it is bound, where it is known: else two processes of one ticket could both find it free.
        let held = if any_port { None } else { Some(self.hold(bound).await?) };
        let forwarding = Forwarding::for_peer(Arc::clone(&registration), &at, self.keepalive).await;
        let forwarding = forwarding.map_err(|error| self.failed(&error))?;
        let held = match held {
            Some(held) => held,
            None => self.hold(forwarding.bound().clone()).await?,
        };
        Ok(Listening { registration, forwarding, kept: Kept::new(held, descriptor) })
    }

    async fn find(&self) -> Result<ListenAt, Refused> {
        let (listen, kind, protocol): (_, fn(SocketAddr) -> ListenAt, _) = match &self.asked {
            ListenOn::Tcp(listen) => (listen, ListenAt::Tcp, Protocol::Tcp),
            ListenOn::Udp(listen) => (listen, ListenAt::Udp, Protocol::Udp),
            ListenOn::Unix(path) => return Ok(ListenAt::Unix(path.clone())),
            ListenOn::Stdio => {
                return Err(Refused::new(RefusedCode::Unsupported, "clients cannot come there"));
            }
        };
        let access = self.ticket.access();
        if let Host::Name(name) = &listen.host {
            // Who may not listen at any of its addresses learns nothing of them, and keeps no name service busy.
            let allowed = access.rules().may_look_up_to_listen(name, listen.port, protocol);
            allowed.map_err(|_| {
                Refused::new(RefusedCode::Forbidden, access.explain(Act::Listen(&self.asked)))
            })?;
        }
        let failed = |why: String| Refused::new(RefusedCode::Failed, why);
        let (host, turns) = (HostPort { host: listen.host.clone(), port: listen.port }, self.ticket.turns());
        let found = timeout(LOOK_UP, turns.look_up(&host))
            .await
            .map_err(|_| failed(format!("{listen}: the name service does not answer; give an address")))?;
        let found = found.map_err(|error| failed(error.to_string()))?;
        let mut at = *found.first().ok_or_else(|| failed(format!("{listen}: it has no address")))?;
        // The same address must not look like another.
        if let IpAddr::V4(ip) = at.ip().to_canonical() {
            at.set_ip(ip.into());
        }
        Ok(kind(at))
    }

    /// Holds an address. A former process of the same ticket is told that it is wanted, once.
    async fn hold(&self, bound: Bound) -> Result<Held, Refused> {
        for _ in 0..2 {
            let holder = Holder {
                ticket: Some(self.ticket.name().into()),
                wanted: self.wanted.clone(),
                registration: self.id,
            };
            match self.listeners.hold(bound.clone(), holder) {
                Ok(held) => return Ok(held),
                Err(NotFree::OfOthers) => break,
                Err(NotFree::TooMany) => return Err(self.too_many()),
                Err(NotFree::OfSameTicket { holder, mut released }) => {
                    if holder.wanted.same_channel(&self.wanted) {
                        return Err(self.taken("this proxy1 itself has it registered"));
                    }
                    let handed_over = async {
                        // A holder that has ended is just letting it go.
                        let _ = holder.wanted.send(holder.registration).await;
                        while released.changed().await.is_ok() {}
                    };
                    let _ = timeout(HAND_OVER, handed_over).await;
                }
            }
        }
        Err(self.taken("the address is in use"))
    }

    fn taken(&self, why: &str) -> Refused {
        let sentence = format!("proxy2 cannot listen at {}: {why}; choose another", self.asked);
        Refused::new(RefusedCode::Taken, sentence)
    }

    fn too_many(&self) -> Refused {
        let sentence = format!(
            "proxy2 cannot listen at {}: this ticket listens at as many addresses as it may; give some up",
            self.asked
        );
        Refused::new(RefusedCode::Limit, sentence)
    }

    fn failed(&self, error: &io::Error) -> Refused {
        use io::ErrorKind as Kind;
        let kind = error.kind();
        if kind == Kind::AddrInUse {
            return self.taken("the address is in use");
        }
        if kind == Kind::AddrNotAvailable {
            return self.taken("its machine has no such address");
        }
        let advice = if kind == Kind::PermissionDenied {
            "it is not permitted there; choose a port above 1023, or a folder that proxy2 can write to".into()
        } else {
            crate::descriptors::explain(error)
        };
        Refused::new(RefusedCode::Failed, format!("proxy2 cannot listen at {}: {advice}", self.asked))
    }
}
