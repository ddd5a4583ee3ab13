//! The tickets file: what `proxy2 ticket` does with it.

use proto::sealed::keys::PrivateKey;
use proto::ticket::Ticket;
use proto::ticket::record::{Standing, TicketName, TicketRecord};

use super::files::{self, Replacement};
use super::{StateDir, StateError, TICKETS_FILE, to_text};
use crate::entropy;

impl StateDir {
    /// Every ticket, valid or revoked, in the order they were made; none if there is no such file.
    ///
    /// # Errors
    /// The file cannot be read or understood, or others can read it.
    pub fn tickets(&self) -> Result<Vec<TicketRecord>, StateError> {
        let path = self.path.join(TICKETS_FILE);
        let Some(text) = files::read_secret(&path)? else { return Ok(Vec::new()) };
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let parse = |(at, line): (usize, &str)| {
            line.parse().map_err(|error| StateError::Record { path: path.clone(), line: at + 1, error })
        };
        lines.map(parse).collect()
    }

    /// As [`tickets`](Self::tickets), for a list to be read.
    ///
    /// # Errors
    /// There are none, and those of reading the file.
    pub fn all_tickets(&self) -> Result<Vec<TicketRecord>, StateError> {
        let tickets = self.tickets()?;
        if tickets.is_empty() { Err(StateError::NoTickets { path: self.path.clone() }) } else { Ok(tickets) }
    }

    /// Makes a ticket for the proxy2 whose key is `key`.
    ///
    /// # Errors
    /// The name is taken; the file cannot be read or written.
    pub fn add_ticket(&self, key: &PrivateKey, name: TicketName) -> Result<Ticket, StateError> {
        let ticket = Ticket::generate(key.public(), true, &mut entropy::random());
        let record = TicketRecord { name: name.clone(), standing: Standing::Valid(ticket.clone()) };
        self.change(|records| {
            if records.iter().any(|known| known.name == name) {
                return Err(StateError::NameTaken(name));
            }
            records.push(record);
            Ok(())
        })?;
        Ok(ticket)
    }

    /// Revokes a ticket; that it is revoked already is no error. A running proxy2 ends its links within a second.
    ///
    /// # Errors
    /// There is no such ticket; the file cannot be read or written.
    pub fn revoke_ticket(&self, name: &TicketName) -> Result<(), StateError> {
        self.change(|records| {
            let known = records.iter_mut().find(|record| record.name == *name);
            let record = known.ok_or_else(|| StateError::NoSuchName(name.clone()))?;
            *record = record.clone().revoked();
            Ok(())
        })
    }

    /// The ticket of that name.
    ///
    /// # Errors
    /// There is none, or it has been revoked.
    pub fn show_ticket(&self, name: &TicketName) -> Result<Ticket, StateError> {
        let found = self.tickets()?.into_iter().find(|record| record.name == *name);
        match found.ok_or_else(|| StateError::NoSuchName(name.clone()))?.standing {
            Standing::Valid(ticket) => Ok(ticket),
            Standing::Revoked(_) => Err(StateError::Revoked(name.clone())),
        }
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Vec<TicketRecord>) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let replacement = Replacement::begin(&self.path.join(TICKETS_FILE))?;
        let mut records = self.tickets()?;
        change(&mut records)?;
        replacement.finish(&to_text(&records))
    }
}
