//! How the two proxies of a pair speak: the classic link, or a sealed one with keys made for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proto::sealed::crypto::random::Random;
use proto::ticket::record::TicketRecord;
use tokio::sync::watch;
use tunnel::address::{HostPorts, Listen};
use tunnel::settings::{
    Allow, Classic, ClassicEntry, ClassicExit, ClientSettings, Forward, PrivateKey, ProxySettings, Sealed,
    ServerSettings, StateSource, Ticket, TicketSource,
};
use tunnel::state::TicketList;

use crate::seed::seed;

/// The link of a pair.
#[derive(Debug, Clone)]
pub enum PairLink {
    /// Loses what UDP loses.
    Classic(Classic),
    /// Loses nothing.
    Sealed(SealedLink),
}

/// A sealed link: the keys of one proxy2, one ticket of it, and numbers.
#[derive(Debug, Clone)]
pub struct SealedLink {
    keys: Arc<Keys>,
    /// The numbers of both sides.
    pub options: Sealed,
    /// How long a client may wait for proxy2.
    pub patience: Duration,
}

struct Keys {
    server: PrivateKey,
    ticket: Ticket,
    tickets: watch::Sender<TicketList>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl SealedLink {
    /// Fresh keys, one valid ticket, the default numbers.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Sealed::default())
    }

    /// Fresh keys, one valid ticket, and these numbers.
    #[must_use]
    pub fn with(options: Sealed) -> Self {
        let mut random = unique_random();
        let server = PrivateKey::generate(&mut random);
        let ticket = Ticket::generate(server.public(), true, &mut random);
        let (tickets, _) = watch::channel(TicketList::from(vec![record("test", &ticket)]));
        Self { keys: Arc::new(Keys { server, ticket, tickets }), options, patience: Duration::from_secs(10) }
    }

    /// A ticket of the same proxy2 that it does not know.
    #[must_use]
    pub fn with_unknown_ticket(&self) -> Self {
        let Keys { server, tickets, .. } = &*self.keys;
        let ticket = Ticket::generate(server.public(), true, &mut unique_random());
        let keys = Keys { server: server.clone(), ticket, tickets: tickets.clone() };
        Self { keys: Arc::new(keys), ..self.clone() }
    }

    /// Another ticket of the same proxy2, as `proxy2 ticket add` makes it.
    #[must_use]
    pub fn with_another_ticket(&self) -> Self {
        let other = self.with_unknown_ticket();
        self.keys.tickets.send_modify(|list| list.records.push(record("other", &other.keys.ticket)));
        other
    }

    /// The ticket.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        self.keys.ticket.clone()
    }

    /// Revokes the ticket, as `proxy2 ticket revoke` does.
    pub fn revoke(&self) {
        self.keys.tickets.send_modify(|TicketList { records, .. }| {
            *records = std::mem::take(records).into_iter().map(TicketRecord::revoked).collect();
        });
    }

    /// What a proxy2 runs with.
    #[must_use]
    pub fn exit(&self, listen: Listen, target: SocketAddr) -> ServerSettings {
        let tickets = self.keys.tickets.subscribe();
        let state = StateSource::Given { key: self.keys.server.clone(), tickets };
        let settings = ServerSettings::new(listen, state, Allow::only(target.into()));
        ServerSettings { link: self.options.clone(), ..settings }
    }

    /// What a proxy1 runs with, whose clients connect there.
    #[must_use]
    pub fn entry(&self, listen: Listen, places: Vec<HostPorts>) -> ClientSettings {
        let ticket = TicketSource::Given(self.keys.ticket.clone());
        let (link, patience) = (self.options.clone(), self.patience);
        let settings = ClientSettings::new(ticket, places).forward(Forward::plain(listen));
        ClientSettings { link, patience, ..settings }
    }
}

impl Default for SealedLink {
    fn default() -> Self {
        Self::new()
    }
}

impl PairLink {
    pub(super) fn exit(&self, listen: Listen, target: SocketAddr) -> ProxySettings {
        match self {
            Self::Classic(classic) => {
                ClassicExit { listen, target: target.into(), options: classic.clone() }.into()
            }
            Self::Sealed(sealed) => sealed.exit(listen, target).into(),
        }
    }

    pub(super) fn entry(&self, listen: Listen, peer: SocketAddr) -> ProxySettings {
        match self {
            Self::Classic(classic) => {
                ClassicEntry { listen, peer: peer.into(), options: classic.clone() }.into()
            }
            Self::Sealed(sealed) => sealed.entry(listen, vec![peer.into()]).into(),
        }
    }
}

impl From<Classic> for PairLink {
    fn from(classic: Classic) -> Self {
        Self::Classic(classic)
    }
}

impl From<SealedLink> for PairLink {
    fn from(sealed: SealedLink) -> Self {
        Self::Sealed(sealed)
    }
}

impl From<&SealedLink> for PairLink {
    fn from(sealed: &SealedLink) -> Self {
        Self::Sealed(sealed.clone())
    }
}

fn record(name: &str, ticket: &Ticket) -> TicketRecord {
    let name = name.parse().expect("a plain word is a name");
    TicketRecord::new(name, ticket, None)
}

/// Different bytes for each caller, the same ones in each run.
fn unique_random() -> Random {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0; 32];
    let (seed_part, rest) = bytes.split_at_mut(8);
    seed_part.copy_from_slice(&seed().to_le_bytes());
    rest[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    Random::from_seed(bytes)
}
