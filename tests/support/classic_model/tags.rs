//! Marked data: every datagram says whose it is, so that its receiver can tell a stranger's.

use std::collections::{BTreeMap, BTreeSet};

/// Bytes of the mark: entry, id, way, serial (8), sequence number (4).
pub(super) const LEN: usize = 15;

/// Which way data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// From the client.
    ToExit,
    /// From the target.
    ToEntry,
}

/// Sender, its id, the way, and the sender's own serial of the stream.
type Source = (u8, u8, Way, u64);

/// All marks of one story.
#[derive(Debug)]
pub(super) struct Tags {
    /// Whether data is marked at all.
    marked: bool,
    /// Whether the network loses and reorders nothing, so that streams must match and miss nothing.
    perfect: bool,
    next: BTreeMap<Source, u32>,
    received: BTreeMap<Source, u32>,
    /// Which stream's data a stream has received, and whose data went where.
    partner: BTreeMap<Source, Source>,
    /// For each id of an entry: `C`s sent and not answered since it last had its rest.
    owed: BTreeMap<(u8, u8), i64>,
    /// Streams of entries that have sent a `C`.
    asked: BTreeSet<(u8, u64)>,
    /// Streams of entries that may have taken the answer to an older `C` for theirs: PROTOCOL.md, "Late datagrams".
    confused: BTreeSet<(u8, u64)>,
}

impl Tags {
    /// No data yet.
    pub(super) fn new(perfect: bool) -> Self {
        Self {
            marked: true,
            perfect,
            next: BTreeMap::new(),
            received: BTreeMap::new(),
            partner: BTreeMap::new(),
            owed: BTreeMap::new(),
            asked: BTreeSet::new(),
            confused: BTreeSet::new(),
        }
    }

    /// For bytes that nobody marked: nothing is checked.
    pub(super) fn none() -> Self {
        Self { marked: false, ..Self::new(false) }
    }

    /// An entry gave this id to a client.
    pub(super) fn opened(&mut self, entry: u8, id: u8, serial: u64, rested: bool) {
        let owed = self.owed.entry((entry, id)).or_default();
        if rested {
            *owed = 0;
        }
        if *owed != 0 {
            self.confused.insert((entry, serial));
        }
    }

    /// An entry sent a `C`. One that is repeated may cross its answer and open once more what was refused.
    pub(super) fn asked(&mut self, entry: u8, id: u8, serial: u64) {
        *self.owed.entry((entry, id)).or_default() += 1;
        if !self.asked.insert((entry, serial)) {
            self.confused.insert((entry, serial));
        }
    }

    /// An entry received an answer.
    pub(super) fn answered(&mut self, entry: u8, id: u8) {
        *self.owed.entry((entry, id)).or_default() -= 1;
    }

    /// The next marked datagram of a stream.
    pub(super) fn datagram(&mut self, entry: u8, id: u8, way: Way, serial: u64) -> Vec<u8> {
        let sequence = self.next.entry((entry, id, way, serial)).or_default();
        *sequence += 1;
        let way = if way == Way::ToExit { b'>' } else { b'<' };
        [&[b'D', b'0' + id, entry, id, way][..], &serial.to_be_bytes(), &sequence.to_be_bytes()].concat()
    }

    /// The stream with this serial at its receiver was handed these bytes.
    pub(super) fn check(&mut self, entry: u8, id: u8, way: Way, serial: u64, bytes: &[u8]) {
        if !self.marked {
            return;
        }
        let (marks, rest) = bytes.as_chunks::<LEN>();
        assert_eq!(rest, b"", "datagrams are handed over whole");
        for &[from_entry, from_id, mark_way, s0, s1, s2, s3, s4, s5, s6, s7, n0, n1, n2, n3] in marks {
            let expected = (entry, id, if way == Way::ToExit { b'>' } else { b'<' });
            assert_eq!((from_entry, from_id, mark_way), expected, "bytes of another stream");
            let from = u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]);
            let sequence = u32::from_be_bytes([n0, n1, n2, n3]);
            let source = (entry, id, way, from);
            assert!(sequence <= self.next[&source], "bytes that nobody sent");
            let at_entry = if way == Way::ToExit { from } else { serial };
            if self.perfect && !self.confused.contains(&(entry, at_entry)) {
                self.check_perfect(source, serial, sequence);
            }
        }
    }

    /// Nothing missing, nothing twice, and one stream here is one stream there.
    fn check_perfect(&mut self, source: Source, serial: u64, sequence: u32) {
        let last = self.received.insert(source, sequence).unwrap_or(0);
        assert_eq!(sequence, last + 1, "in order and complete: {source:?}");
        let (entry, id, way, _) = source;
        let back = if way == Way::ToExit { Way::ToEntry } else { Way::ToExit };
        let sink = (entry, id, back, serial);
        assert_eq!(*self.partner.entry(source).or_insert(sink), sink, "one stream's data to two");
        assert_eq!(*self.partner.entry(sink).or_insert(source), source, "two streams' data to one");
    }
}
