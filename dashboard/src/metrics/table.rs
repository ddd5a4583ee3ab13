//! The metrics that are no counters of `docs/counters.md`. The order is that of `docs/metrics.md`.

use tunnel::metrics::CounterKind;

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it says, as a sentence.
    pub help: &'static str,
    /// How it changes.
    pub kind: CounterKind,
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, help, kind: CounterKind::Gauge }
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, help, kind: CounterKind::Counter }
}

macro_rules! metrics {
    ($($id:ident: $kind:ident $name:literal $help:literal;)+) => {
        $(pub(super) const $id: Metric = $kind($name, $help);)+

        /// The metrics that are no counters: `docs/metrics.md` has a row for each.
        pub static METRICS: &[Metric] = &[$($id),+];
    };
}

metrics! {
    UP: gauge "paso_up" "1: the proxy answers.";
    READY: gauge "paso_ready" "1: clients may come, as /readyz says.";
    DRAINING: gauge "paso_draining" "1: it accepts nothing new and waits for its streams to end.";
    BUILD_INFO: gauge "paso_build_info" "1, with the version, the commit it was built from, and which proxy it is.";
    START_TIME: gauge "paso_start_time_seconds" "When it began, in seconds since 1970.";
    MEMORY_BUDGET: gauge "paso_memory_budget_bytes" "Bytes that the data of all streams may take.";
    RESIDENT_MEMORY: gauge "process_resident_memory_bytes" "Bytes of memory that the process has (Linux).";
    OPEN_FILES: gauge "process_open_fds" "Descriptors that are open (Linux).";
    MAX_FILES: gauge "process_max_fds" "Descriptors that may be open (Linux).";
    LINKS_IN_STATE: gauge "paso_links_in_state" "Links by state; unknown are those that did not answer in time.";
    ROUND_TRIP: gauge "paso_path_round_trip_seconds" "Smoothed round trip, of the worst link with these labels.";
    ROUND_TRIP_MIN: gauge "paso_path_round_trip_min_seconds" "Lowest round trip of the last ten seconds, of the worst link.";
    RATE: gauge "paso_path_rate_bytes_per_second" "What the paths deliver as estimated, all links together.";
    IN_FLIGHT: gauge "paso_path_in_flight_bytes" "Bytes that are on their way, all links together.";
    LOSS: gauge "paso_path_loss_ratio" "Share of packets lost in the last ten seconds or more, 0 to 1, of the worst link.";
    TICKET_SENT: counter "paso_ticket_sent_bytes_total" "Data bytes sent over the links of a ticket.";
    TICKET_RECEIVED: counter "paso_ticket_received_bytes_total" "Data bytes received over the links of a ticket.";
    TICKET_OPENED: counter "paso_ticket_streams_opened_total" "Streams opened on the links of a ticket.";
    TICKET_LINKS: gauge "paso_ticket_links" "Links of a ticket now.";
    TICKET_STREAMS: gauge "paso_ticket_streams" "Streams on the links of a ticket now.";
}
