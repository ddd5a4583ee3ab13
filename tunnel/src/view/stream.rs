//! What a stream shows of itself.

use serde::{Deserialize, Serialize};

use super::LimitedBy;

/// One stream: a TCP connection that is carried, or a flow of datagrams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamView {
    /// Its id on its link, on a sealed link the same at both proxies.
    pub id: u64,
    /// On a classic link the digit in its datagrams, which other streams have had before; else `None`.
    pub classic_id: Option<u8>,
    /// What it carries.
    pub kind: StreamKind,
    /// Which side opened it.
    pub opened_by: OpenedBy,
    /// Who it is for, as far as this side knows: an address, or words. Empty: the other proxy knows. At a classic proxy2 its proxy1.
    pub client: String,
    /// Where it goes, as the side that opened it has said. Empty: to where the other proxy takes what says nothing.
    pub target: String,
    /// How far it is.
    pub state: StreamState,
    /// How long ago it began, in milliseconds.
    pub age_ms: u64,
    /// For how long it has carried nothing, in milliseconds.
    pub idle_ms: u64,
    /// Bytes that were taken from the connection here and sent, or wait to be. Of a flow: of its datagrams.
    pub sent_bytes: u64,
    /// Bytes that came over the link and were given to the connection here. Of a flow: of its datagrams.
    pub received_bytes: u64,
    /// Bytes taken from the connection here which the other proxy has not acknowledged.
    pub queued_bytes: u64,
    /// Bytes that came over the link and that the connection here has not taken.
    pub unread_bytes: u64,
    /// What keeps this side from sending more.
    pub limited_by: LimitedBy,
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamKind {
    /// The bytes of a connection.
    #[default]
    Tcp,
    /// Datagrams.
    Udp,
}

/// Which side opened a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenedBy {
    /// This one.
    #[default]
    Us,
    /// The other proxy.
    Peer,
}

/// How far a stream is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamState {
    /// Its target is being dialled.
    #[default]
    Opening,
    /// It carries bytes both ways.
    Open,
    /// One direction is over, or it is being reset.
    Closing,
}
