//! All counters. Each is said here and nowhere else: its field, its name, its sentence, its unit, and how the closing line
//! shows it. The order is that of the closing line and of `docs/counters.md`.

use super::descriptor::{CountedOn, CounterKind, Descriptor, Sum, Unit, counters};

counters! {
    /// Data bytes read from TCP connections and sent over links.
    sent_bytes: Counter Bytes Both in BytesSent;
    /// Data bytes received over links, for TCP connections.
    received_bytes: Counter Bytes Both in BytesReceived;
    /// Datagrams sent.
    datagrams_sent: Counter Datagrams Both;
    /// Datagrams received and handed to a link.
    datagrams_received: Counter Datagrams Both;

    /// Links that are up now.
    links_up: Gauge Links Sealed;
    /// Links that came up.
    links_established: Counter Links Sealed in Links;

    /// Streams that are open or opening now.
    streams: Gauge Streams Both;
    /// Streams begun: a client arrived and has a stream, or the peer asked for one.
    streams_begun: Counter Streams Both;
    /// Streams opened: the target has been dialled.
    streams_opened: Counter Streams Both in Opened;
    /// Streams that ended after they were opened, for whatever reason.
    streams_ended: Counter Streams Classic;
    /// Streams that ended in order: both TCP connections had sent FIN.
    streams_finished: Counter Streams Sealed in Closed;
    /// Streams that the peer answered with `NOK`, or that were answered so.
    streams_refused: Counter Streams Classic in Refused;
    /// Clients refused because all ten streams were taken.
    clients_refused_busy: Counter Clients Classic in Refused
        if_any "clients refused as all ten streams were taken";
    /// Clients refused because proxy2's name was not known yet.
    clients_refused_unknown_peer: Counter Clients Classic in Refused
        if_any "clients refused as proxy2's name was not known yet";
    /// Clients refused because proxy2 did not answer.
    clients_refused_no_answer: Counter Clients Classic in Refused
        if_any "clients refused as proxy2 did not answer";
    /// Streams that one of the proxies closed before an answer.
    streams_abandoned: Counter Streams Classic if_any "streams given up before an answer";
    /// Streams that ended with a reset, of either TCP connection.
    streams_reset: Counter Streams Sealed if_any "streams reset";
    /// Streams whose target refused the connection.
    targets_refused: Counter Streams Both if_any "targets refused";
    /// Streams whose target could not be reached.
    targets_unreachable: Counter Streams Both if_any "targets unreachable";
    /// Streams whose target, or proxy2, did not answer in time.
    targets_timed_out: Counter Streams Both if_any "targets timed out";
    /// Streams whose target could not be dialled for another reason: its name is unknown, or there is no descriptor or port left.
    dials_failed: Counter Streams Classic if_any "dials failed otherwise";
    /// Streams that proxy2 does not permit: no rule allows them, or it does not let their proxy1 in.
    streams_forbidden: Counter Streams Sealed if_any "streams not permitted";
    /// Those of them that had reached their target when the rules of their ticket were changed.
    streams_withdrawn: Counter Streams Sealed if_any "streams reset by new rules";
    /// Streams beyond a limit.
    streams_over_limit: Counter Streams Sealed if_any "streams beyond a limit";
    /// Streams closed because they carried nothing for too long.
    streams_idle: Counter Streams Both if_any "streams closed as idle";
    /// Streams that the end of a proxy or of their link cut off.
    streams_cut_off: Counter Streams Sealed if_any "streams cut off at the end";

    /// Flows of datagrams that are open or opening now; each has a stream.
    flows: Gauge Streams Sealed;
    /// Flows begun: the first datagram of a client came, or the target of a peer's flow has been dialled.
    flows_begun: Counter Streams Sealed;
    /// Flows that ended because they had carried no datagram for too long.
    flows_expired: Counter Streams Sealed;
    /// Flows that ended because their place was needed: as many clients as may were there, and they were idle for longest.
    flows_evicted: Counter Streams Sealed if_any "flows that made place for others";
    /// Datagrams of clients that have no flow: it was refused, or there are as many as may be.
    flow_datagrams_no_flow: Counter Datagrams Sealed if_any "datagrams of clients without a flow";
    /// Datagrams of flows that found nobody, or no route: the system or an ICMP message says so. The flow goes on.
    flow_datagrams_unreachable: Counter Datagrams Sealed if_any "datagrams of flows that found nobody";

    /// Requests on control streams that were answered.
    control_requests: Counter Events Sealed;
    /// Control streams that were ended because a line was none of a request, or too long.
    control_faults: Counter Events Sealed if_any "control streams ended for a fault";
    /// Addresses and names that were not given to the peer, or that the peer did not give.
    registrations_refused: Counter Events Sealed if_any "registrations refused";
    /// Addresses and names that were taken away again, since the rules do not allow them any more.
    registrations_lost: Counter Events Sealed if_any "registrations lost";
    /// Addresses that went to another process of the same ticket.
    registrations_handed_over: Counter Events Sealed if_any "registrations handed over";
    /// Watches of names that were ended because nobody read what they told.
    watches_overrun: Counter Events Sealed if_any "watches overrun";
    /// Times that the next publisher of a name was asked, as the one before refused or was silent.
    publishers_passed_over: Counter Events Sealed if_any "publishers passed over";

    /// `C` sent again because no answer came.
    opens_resent: Counter Datagrams Classic if_any "opens repeated";
    /// `C` for a stream that is there already, and `OK` for one that is open already.
    opens_repeated: Counter Datagrams Classic if_any "opens repeated";
    /// `X` sent to answer datagrams for ids that are not open.
    strays_answered: Counter Datagrams Classic if_any "strays answered";
    /// Answers to strays and repeats that were not sent because too many waited.
    answers_suppressed: Counter Datagrams Classic;
    /// Ids given out before they had rested.
    ids_unrested: Counter Streams Classic if_any "ids reused unrested";
    /// Datagrams without a byte.
    datagrams_empty: Counter Datagrams Classic if_any "datagrams not understood or not expected";
    /// Datagrams whose first byte is not `C`, `D` or `X`.
    datagrams_unknown_kind: Counter Datagrams Classic if_any "datagrams not understood or not expected";
    /// Datagrams without a second byte.
    datagrams_without_id: Counter Datagrams Classic if_any "datagrams not understood or not expected";
    /// Datagrams whose second byte is not a digit.
    datagrams_bad_id: Counter Datagrams Classic if_any "datagrams not understood or not expected";
    /// `C` of the other role: a request at proxy1, an answer at proxy2.
    datagrams_wrong_role: Counter Datagrams Classic if_any "datagrams not understood or not expected";
    /// Datagrams for an id that is not open.
    datagrams_not_open: Counter Datagrams Classic if_any "datagrams not understood or not expected";
    /// Data or `X` for an id that had no rest and waits for its answer: it may be the last stream's.
    datagrams_stale: Counter Datagrams Classic if_any "datagrams not understood or not expected";
    /// Data before the answer for which there was no room.
    datagrams_too_early: Counter Datagrams Classic if_any "datagrams not understood or not expected";
    /// `C` of one proxy1 more than proxy2 serves.
    datagrams_surplus_peer: Counter Datagrams Classic if_any "datagrams not understood or not expected";
    /// Streams whose id was written with two digits, so that the second went to the target.
    ids_of_two_digits: Counter Streams Classic if_any "ids of two digits";
    /// Bytes that came before the answer and were lost because an `X` came before it too.
    early_lost_bytes: Counter Bytes Classic if_any "bytes lost to an early X";
    /// Bytes of open streams that were lost because an `X` came before they were delivered.
    cut_bytes: Counter Bytes Classic if_any "bytes lost to an early X";
    /// Datagrams dropped because the TCP connection is slow and its queue, or the memory for all queues, is full.
    datagrams_queue_full: Counter Datagrams Classic if_any "datagrams dropped at full queues";

    /// Packets declared lost. Their contents were sent again, but for datagrams of flows.
    packets_lost: Counter Packets Sealed if_any "packets lost and repaired";
    /// Packets declared lost that arrived.
    packets_spurious: Counter Packets Sealed if_any "packets late, not lost";
    /// Packets that a queue on the path marked instead of dropping (ECN).
    packets_marked: Counter Packets Sealed if_any "packets marked by full queues";
    /// Probe time-outs: packets sent because acknowledgements stayed away.
    probe_timeouts: Counter Packets Sealed;
    /// Times that the peer's address changed.
    address_changes: Counter Events Sealed if_any "address changes";
    /// Times that the peer turned out to be another process.
    peer_restarts: Counter Events Sealed if_any "restarts of the peer";
    /// Handshakes that were refused.
    handshakes_refused: Counter Handshakes Sealed if_any "handshakes refused";
    /// Datagrams dropped because a link's task did not keep up.
    datagrams_busy: Counter Datagrams Sealed if_any "datagrams dropped by busy links";
    /// Datagrams passed on to the proxy2 that this one took over from, for the links that are still there.
    datagrams_passed: Counter Datagrams Sealed if_any "datagrams passed on to the proxy2 before";
    /// Datagrams of no known form.
    datagrams_malformed: Counter Datagrams Sealed if_any "datagrams not understood";
    /// Datagrams that are not authentic.
    datagrams_forged: Counter Datagrams Sealed if_any "datagrams not authentic";
    /// Datagrams that came twice, or far too late.
    datagrams_replayed: Counter Datagrams Sealed if_any "datagrams seen before";
    /// Data packets for no link of this proxy.
    datagrams_stray: Counter Datagrams Sealed if_any "datagrams for no link";
    /// Handshake initiations that were not answered, and responses that nobody waits for.
    datagrams_unanswered: Counter Datagrams Sealed if_any "handshakes not answered";

    /// Datagrams of flows sent, each in a frame of its own.
    flow_datagrams_sent: Counter Datagrams Sealed;
    /// Datagrams of flows sent as bytes of their stream, since no packet was large enough.
    flow_datagrams_framed: Counter Datagrams Sealed;
    /// Datagrams of flows received.
    flow_datagrams_received: Counter Datagrams Sealed;
    /// Datagrams of flows in packets declared lost; they are not sent again.
    flow_datagrams_lost: Counter Datagrams Sealed if_any "datagrams of flows lost";
    /// Datagrams of flows dropped because they had waited for too long to be sent.
    flow_datagrams_too_old: Counter Datagrams Sealed if_any "datagrams of flows not sent in time";
    /// Datagrams of flows dropped because too many waited to be sent.
    flow_datagrams_queue_full: Counter Datagrams Sealed if_any "datagrams of flows not sent in time";
    /// Datagrams of flows dropped because they are too large.
    flow_datagrams_too_large: Counter Datagrams Sealed if_any "datagrams of flows too large";
    /// Datagrams of flows dropped because their flow ended before they were sent, or the peer takes none.
    flow_datagrams_unsent: Counter Datagrams Sealed if_any "datagrams of flows that ended";
    /// Datagrams that came for a flow that is over or was never opened.
    flow_datagrams_not_open: Counter Datagrams Sealed if_any "datagrams of flows that ended";
    /// Datagrams that came for a stream that is no flow.
    flow_datagrams_wrong_stream: Counter Datagrams Sealed if_any "datagrams for no flow";
    /// Datagrams of flows that came and were dropped because they were not read in time.
    flow_datagrams_unread: Counter Datagrams Sealed if_any "datagrams of flows not read in time";
    /// Datagrams of flows that came as bytes of their stream and were not whole.
    flow_datagrams_malformed: Counter Datagrams Sealed if_any "datagrams of flows cut off";

    /// Datagrams that the system did not send: no route, or, on the classic link, larger than the path's MTU.
    datagrams_not_sent: Counter Datagrams Both if_any "datagrams not sent";
    /// Datagrams larger than this machine sends on that way, and so not sent: a link tries sizes.
    datagrams_too_large: Counter Datagrams Sealed;
    /// Answers and closes that were dropped because too many waited for the socket.
    answers_dropped: Counter Datagrams Classic if_any "datagrams not sent";
    /// Datagrams that did not come from the peer.
    datagrams_from_strangers: Counter Datagrams Classic if_any "datagrams from strangers";
    /// Datagrams from an address of proxy2 that was asked beside the one that answered first.
    datagrams_from_second_address: Counter Datagrams Classic
        if_any "datagrams from a second address of proxy2";
    /// Clients of proxy ports refused because as many as there may be had not said yet where they want to go.
    proxy_clients_refused: Counter Clients Sealed if_any "clients refused by crowded proxy ports";
    /// Clients of proxy ports that did not say in time where they want to go.
    proxy_clients_timed_out: Counter Clients Sealed if_any "clients of proxy ports too slow";
    /// Clients of proxy ports that spoke neither SOCKS nor HTTP as they should.
    proxy_clients_malformed: Counter Clients Sealed if_any "clients of proxy ports not understood";
    /// Clients of proxy ports that asked for what is not done: other commands than CONNECT, authentication.
    proxy_clients_unsupported: Counter Clients Sealed
        if_any "clients of proxy ports asking for what is not done";
    /// Times that `accept` failed.
    accept_failures: Counter Events Both if_any "accepts failed";
    /// Times that proxy2's names were looked up again.
    name_lookups: Counter Events Both if_any "names looked up again";

    /// Lines that others caused beyond what they may cause, and that were not written.
    log_lines_held_back: Counter Lines Process if_any "log lines held back";
    /// Lines that could not be written: the reader is gone or does not read, or the disk is full.
    log_lines_dropped: Counter Lines Process if_any "log lines dropped";
}

impl Counters {
    /// Each counter with its value, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Descriptor, u64)> {
        DESCRIPTORS.iter().zip(self.values())
    }

    /// Adds what has changed from `old` to `new`: all values, in the order of the table.
    pub(super) fn add_change(&mut self, old: &[u64; Self::NUMBER], new: &[u64; Self::NUMBER]) {
        for (place, (old, new)) in self.places().into_iter().zip(old.iter().zip(new)) {
            // A gauge may have fallen: the sum of all changes is right where no single one is negative.
            *place = place.wrapping_add(new.wrapping_sub(*old));
        }
    }

    /// Adds the values of another link.
    pub(super) fn add(&mut self, others: &Self) {
        self.add_change(&[0; Self::NUMBER], &others.values());
    }

    /// Sets what there is now to zero.
    pub(super) fn clear_gauges(&mut self) {
        for (place, descriptor) in self.places().into_iter().zip(&DESCRIPTORS) {
            if descriptor.kind == CounterKind::Gauge {
                *place = 0;
            }
        }
    }
}
