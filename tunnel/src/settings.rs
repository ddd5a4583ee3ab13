//! What a user can choose. Settings that make no sense cannot be written down.

mod classic;
mod forward;
mod sealed;
pub mod spelling;

pub use proto::destination::{Destination, DestinationError, ServiceName, SocketPath};
pub use proto::sealed::crypto::keys::PrivateKey;
pub use proto::target::Target;
pub use proto::ticket::record::TicketRecord;
pub use proto::ticket::{Ticket, TicketError};

pub use self::classic::{Classic, ClassicEntry, ClassicExit, Payload, Rate};
pub use self::forward::{Allow, CarryTo, Forward, ListenOn, ProxyProtocol, Reverse, ReverseAt, ReverseTo};
pub use self::sealed::{ClientSettings, Sealed, ServerSettings, StateSource, TicketSource};
pub use crate::rules::{NameGlob, Rule, RuleError, Rules};
pub use crate::tcp_options::TcpKeepalive;

/// What one proxy runs with: which end it is of which kind of link.
#[derive(Clone, Debug)]
pub enum ProxySettings {
    /// proxy1 with a classic link.
    ClassicEntry(ClassicEntry),
    /// proxy2 for classic links.
    ClassicExit(ClassicExit),
    /// The client's end of one sealed link: proxy1.
    Client(ClientSettings),
    /// The server's end of sealed links: proxy2.
    Server(ServerSettings),
}

macro_rules! from {
    ($($kind:ident($settings:ident)),*) => {$(
        impl From<$settings> for ProxySettings {
            fn from(settings: $settings) -> Self {
                Self::$kind(settings)
            }
        }
    )*};
}
from!(ClassicEntry(ClassicEntry), ClassicExit(ClassicExit), Client(ClientSettings), Server(ServerSettings));
