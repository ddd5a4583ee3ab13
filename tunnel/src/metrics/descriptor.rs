//! What is known of a counter beside its value, and the macro that makes everything from one table.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkKind {
    /// Ten streams, no loss recovery, no encryption.
    Classic,
    /// Reliable, encrypted, many streams.
    #[default]
    Sealed,
}

/// One counter: a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Its name in the exposition format of Prometheus: `paso_`, then the name of its field in
    /// [`Counters`](super::Counters), then `_total` if it only grows.
    pub name: &'static str,
    /// What it counts, as sentences; the documentation of its field. See [`Descriptor::help`].
    pub(super) doc: &'static str,
    /// Whether it only grows.
    pub kind: CounterKind,
    /// What one of it is.
    pub unit: Unit,
    /// Which links count it.
    pub links: CountedOn,
    /// The figure of the closing line that it is a part of. Such figures are always shown.
    pub sum: Option<Sum>,
    /// What the closing line calls it under `unusual` when it is not zero. Those that are called the same are added up.
    pub unusual: Option<&'static str>,
}

/// How a value changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterKind {
    /// It only grows.
    Counter,
    /// It says what there is now. Of a link that has ended it is zero.
    Gauge,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of stream data.
    Bytes,
    /// UDP payloads.
    Datagrams,
    /// Sealed packets.
    Packets,
    /// Streams.
    Streams,
    /// Links.
    Links,
    /// TCP connections of clients that got no stream.
    Clients,
    /// Handshakes.
    Handshakes,
    /// Lines of the log.
    Lines,
    /// Times that something happened.
    Events,
}

/// The kinds of links that count something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedOn {
    /// Classic links.
    Classic,
    /// Sealed links.
    Sealed,
    /// All links.
    Both,
    /// No link: there is one value for the process.
    Process,
}

/// A figure that the closing line always shows: the sum of all counters that belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// `links`
    Links,
    /// `opened`
    Opened,
    /// `refused`
    Refused,
    /// `closed`
    Closed,
    /// `bytes_sent`
    BytesSent,
    /// `bytes_received`
    BytesReceived,
}

impl Descriptor {
    /// What it counts, as sentences.
    pub const fn help(&self) -> &'static str {
        self.doc.trim_ascii()
    }

    /// Whether a change is published at once: somebody may wait for it. What moves with each packet is published ten times a
    /// second at the most, and a second late at the most, see [`OwnCounters`](super::registry::OwnCounters).
    pub(super) const fn is_published_at_once(&self) -> bool {
        !matches!(self.unit, Unit::Bytes | Unit::Datagrams | Unit::Packets | Unit::Lines)
    }
}

impl CountedOn {
    /// Whether it is counted where the links are of that kind.
    pub const fn include(self, kind: LinkKind) -> bool {
        match self {
            Self::Classic => matches!(kind, LinkKind::Classic),
            Self::Sealed => matches!(kind, LinkKind::Sealed),
            Self::Both | Self::Process => true,
        }
    }
}

impl fmt::Display for CounterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "bytes",
            Self::Datagrams => "datagrams",
            Self::Packets => "packets",
            Self::Streams => "streams",
            Self::Links => "links",
            Self::Clients => "clients",
            Self::Handshakes => "handshakes",
            Self::Lines => "lines",
            Self::Events => "events",
        })
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Links => "links",
            Self::Opened => "opened",
            Self::Refused => "refused",
            Self::Closed => "closed",
            Self::BytesSent => "bytes_sent",
            Self::BytesReceived => "bytes_received",
        })
    }
}

impl fmt::Display for CountedOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classic => "classic",
            Self::Sealed => "sealed",
            Self::Both => "both",
            Self::Process => "process",
        })
    }
}

/// Makes [`Counters`](super::Counters) and [`DESCRIPTORS`](super::DESCRIPTORS) of one table. A row is the sentence of the
/// counter as its documentation, then `name: CounterKind Unit CountedOn;`, with the figure of the closing line as `in Sum` and the words of the
/// closing line as `if_any "..."` before the semicolon where it has them.
macro_rules! counters {
    ($(
        $(#[doc = $doc:literal])+
        $field:ident: $kind:ident $unit:ident $links:ident $(in $sum:ident)? $(if_any $words:literal)?;
    )+) => {
        /// The values of all counters: of a process, of a link, or of a task. What a kind of link does not count is zero.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $field: u64,)+
        }

        /// What is known of each counter, in the order of [`Counters::iter`].
        pub static DESCRIPTORS: [Descriptor; Counters::NUMBER] = [$(Descriptor {
            name: counters!(@name $kind $field),
            doc: concat!($($doc),+),
            kind: CounterKind::$kind,
            unit: Unit::$unit,
            links: CountedOn::$links,
            sum: counters!(@option $(Sum::$sum)?),
            unusual: counters!(@option $($words)?),
        },)+];

        impl Counters {
            /// How many there are.
            pub const NUMBER: usize = [$(stringify!($field)),+].len();

            /// The values, in the order of the table.
            pub(super) const fn values(&self) -> [u64; Self::NUMBER] {
                [$(self.$field),+]
            }

            /// The places of the values, in the order of the table.
            pub(super) const fn places(&mut self) -> [&mut u64; Self::NUMBER] {
                [$(&mut self.$field),+]
            }
        }
    };
    (@name Counter $field:ident) => { concat!("paso_", stringify!($field), "_total") };
    (@name Gauge $field:ident) => { concat!("paso_", stringify!($field)) };
    (@option) => { None };
    (@option $value:expr) => { Some($value) };
}

pub(super) use counters;
