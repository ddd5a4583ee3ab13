//! Links with the same labels, as one.

use std::collections::HashSet;

use tunnel::view::{LinkView, Loss, SessionRates, SessionView};

/// Which labels there are. Whoever is known keeps his own: a counter must not fall because others came.
#[derive(Debug, Default)]
pub(super) struct Groups(HashSet<String>);

/// The links of one ticket, or the one of a name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Group {
    /// The name of the link in the configuration file; else empty.
    pub(super) link: String,
    /// The name of the ticket, at proxy2; else empty.
    pub(super) ticket: String,
    /// How many links.
    pub(super) links: u64,
    /// How many streams they have.
    pub(super) streams: u64,
    /// The largest smoothed round trip.
    pub(super) round_trip_us: Option<u64>,
    /// The largest of the lowest round trips.
    pub(super) round_trip_min_us: Option<u64>,
    /// The sum of what they deliver, bits a second.
    pub(super) rate_bps: Option<u64>,
    /// The sum of what is on its way.
    pub(super) in_flight_bytes: Option<u64>,
    /// The worst losses.
    pub(super) loss: Loss,
}

impl Groups {
    /// How many labels there may be. Enough for who names each machine, and little for Prometheus.
    pub(super) const MAX: usize = 64;
    /// The label of the rest, which is no name of a ticket.
    pub(super) const OTHERS: &str = "(others)";

    /// The label for that name.
    pub(super) fn label(&mut self, name: &str) -> String {
        if self.0.len() < Self::MAX && !self.0.contains(name) {
            self.0.insert(name.into());
        }
        if self.0.contains(name) { name.into() } else { Self::OTHERS.into() }
    }

    /// The links of a view by their labels, in the order of the labels.
    pub(super) fn of(&mut self, view: &SessionView, lately: Option<&SessionRates>) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for link in &view.links {
            let (name, ticket) = match (&link.name, &link.ticket) {
                (_, Some(ticket)) => (String::new(), self.label(ticket)),
                (Some(name), None) => (self.label(name), String::new()),
                (None, None) => Default::default(),
            };
            let of_both = |group: &Group| (&group.link, &group.ticket).cmp(&(&name, &ticket));
            let at = groups.binary_search_by(of_both).unwrap_or_else(|at| {
                groups.insert(at, Group { link: name.clone(), ticket: ticket.clone(), ..Group::default() });
                at
            });
            let loss = lately.and_then(|rates| rates.links.get(&link.number)).map(|rates| rates.loss);
            groups[at].add(link, loss.unwrap_or_default());
        }
        groups
    }
}

impl Group {
    fn add(&mut self, link: &LinkView, loss: Loss) {
        self.links += 1;
        self.streams += link.streams_open;
        self.loss.sending = largest(self.loss.sending, loss.sending);
        self.loss.receiving = largest(self.loss.receiving, loss.receiving);
        let Some(path) = &link.path else { return };
        let round_trip = path.round_trip_us;
        self.round_trip_us = self.round_trip_us.max(round_trip.map(|round_trip| round_trip.smoothed));
        self.round_trip_min_us = self.round_trip_min_us.max(round_trip.map(|round_trip| round_trip.min));
        // Nothing is what it says before it knows.
        if path.rate_bps > 0 {
            *self.rate_bps.get_or_insert_default() += path.rate_bps;
        }
        *self.in_flight_bytes.get_or_insert_default() += path.in_flight_bytes;
    }
}

fn largest(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::max)
}
