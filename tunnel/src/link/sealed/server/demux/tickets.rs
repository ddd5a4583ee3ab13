//! Who is let in: the tickets, and what each has of this process.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use proto::sealed::crypto::keys::PublicKey;
use proto::sealed::handshake::terms::Refusal;
use proto::sealed::wire::end_code::EndCode;
use proto::ticket::record::Standing;
use tracing::{debug, info};

use super::Demux;
use crate::limit::OWN;
use crate::link::sealed::server::queue::Command;
use crate::link::sealed::ticket_resources::TicketResources;
use crate::local::access::Who;
use crate::rules::Rules;
use crate::settings::Allow;
use crate::state::TicketName;

impl Demux {
    /// What the ticket of a client has: the same for all its links.
    pub(super) fn resources_of(&mut self, client: &PublicKey) -> Arc<TicketResources> {
        if let Some(known) = self.resources.get(client) {
            return Arc::clone(known);
        }
        let name = self.names.get(client).map(TicketName::to_string).unwrap_or_default();
        let allow = Allow { target: self.parts.allow.target.clone(), rules: self.rules_of(client) };
        let memory = self.parts.memory.part();
        let new = TicketResources::new(Who::Ticket(name), &allow, self.places.share(), memory)
            .relaying(self.relays.share());
        Arc::clone(self.resources.entry(*client).or_insert_with(|| Arc::new(new)))
    }

    pub(super) fn note_refused(&mut self, from: SocketAddr, client: PublicKey, why: Refusal) {
        if why == Refusal::ClockOff {
            // It returns the challenge and comes in; the user at its side is told.
            return debug!(%from, %client, ticket = self.name_of(&client), "a proxy1's clock is off: challenged");
        }
        self.counters.handshakes_refused += 1;
        if let Some(held_back) = self.refusals.pass(Instant::now()) {
            let ticket = self.name_of(&client);
            info!(%from, %client, ticket, reason = %why, held_back, "a proxy1 was refused");
        }
    }

    fn name_of(&self, client: &PublicKey) -> Option<&str> {
        self.names.get(client).map(TicketName::as_str)
    }

    /// Replaces the clients that are let in by the holders of valid tickets.
    pub(super) fn take_tickets(&mut self) {
        let list = self.parts.tickets.get();
        let mut names = HashMap::new();
        for record in &list.records {
            names.insert(record.client, record.name.clone());
            match &record.standing {
                Standing::Valid { preshared } => self.parts.endpoint.allow(record.client, preshared.clone()),
                Standing::Revoked => self.revoke(record.client, record.name.as_str()),
            }
        }
        let gone: Vec<_> = self.names.iter().filter(|(client, _)| !names.contains_key(client)).collect();
        let gone: Vec<_> = gone.into_iter().map(|(client, name)| (*client, name.clone())).collect();
        gone.iter().for_each(|(client, name)| self.revoke(*client, name.as_str()));
        self.resources.retain(|client, _| names.contains_key(client));
        self.names = names;
        self.rules = list.rules.clone();
        for (client, ticket) in &self.resources {
            ticket.set_rules(self.rules_of(client));
        }
        self.parts.tickets.taken(&list);
    }

    /// What the ticket of a client may do: by its own rules, or by those of all without.
    fn rules_of(&self, client: &PublicKey) -> Rules {
        let own = self.names.get(client).and_then(|name| self.rules.get(name));
        own.unwrap_or(&self.parts.allow.rules).clone()
    }

    fn revoke(&mut self, client: PublicKey, name: &str) {
        self.tell_all_ended(&client);
        let links = self.parts.endpoint.revoke(client);
        if !links.is_empty() {
            info!(target: OWN, ticket = name, links = links.len(), "ticket revoked: its links end");
        }
        for link in links.iter().filter_map(|key| self.links.get(key)) {
            link.queue.command(Command::Close(EndCode::Revoked));
        }
    }
}
