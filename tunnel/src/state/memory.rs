//! A proxy2's key, tickets and rules without files: they last as long as the process.

use std::fmt;
use std::sync::Arc;

use proto::sealed::crypto::keys::PrivateKey;
use proto::ticket::Ticket;
use proto::ticket::record::{TicketName, TicketRecord};
use tokio::sync::watch;

use super::feed::TicketList;
use super::rules::valid_ticket;
use super::{StateError, tickets};
use crate::entropy;
use crate::rules::Rules;

/// A key and the tickets for it. Clones share them.
#[derive(Clone)]
pub struct MemoryState {
    key: Arc<PrivateKey>,
    list: Arc<watch::Sender<TicketList>>,
}

impl MemoryState {
    /// A new key, and no ticket yet.
    pub fn new() -> Self {
        let key = PrivateKey::generate(&mut entropy::random());
        Self { key: Arc::new(key), list: Arc::default() }
    }

    /// Makes a ticket. A running proxy2 with this state lets its holder in at once.
    ///
    /// # Errors
    /// [`StateError::NameTaken`], [`StateError::NameRevoked`].
    pub fn add_ticket(&self, name: TicketName) -> Result<Ticket, StateError> {
        let ticket = Ticket::generate(self.key.public(), true, &mut entropy::random());
        let mut result = Ok(());
        self.list.send_if_modified(|TicketList { records, .. }| {
            result = tickets::check_new_name(records, &name);
            if result.is_ok() {
                records.push(TicketRecord::new(name, &ticket, tickets::now()));
            }
            result.is_ok()
        });
        result.map(|()| ticket)
    }

    /// Revokes a ticket: a running proxy2 with this state ends its links. That it is revoked already is no error.
    ///
    /// # Errors
    /// [`StateError::NoSuchName`].
    pub fn revoke_ticket(&self, name: &TicketName) -> Result<(), StateError> {
        let mut result = Err(StateError::NoSuchName(name.clone()));
        self.list.send_if_modified(|TicketList { records, .. }| {
            let Some(record) = records.iter_mut().find(|record| record.name == *name) else { return false };
            *record = record.clone().revoked();
            result = Ok(());
            true
        });
        result
    }

    /// Says what a ticket may do, from now on and instead of before; `None`: what the exit allows to all tickets without rules of
    /// their own. A running proxy2 with this state resets the streams that are no longer allowed.
    ///
    /// # Errors
    /// [`StateError::NoSuchName`], [`StateError::Revoked`].
    pub fn set_rules(&self, name: &TicketName, rules: Option<Rules>) -> Result<(), StateError> {
        let mut result = Ok(());
        self.list.send_if_modified(|list| {
            result = valid_ticket(&list.records, name).map(drop);
            if result.is_ok() {
                list.rules.set(name.clone(), rules);
            }
            result.is_ok()
        });
        result
    }

    /// The key.
    pub(crate) fn key(&self) -> PrivateKey {
        (*self.key).clone()
    }

    /// The tickets, as they change.
    pub(crate) fn tickets(&self) -> watch::Receiver<TicketList> {
        self.list.subscribe()
    }
}

impl Default for MemoryState {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryState").field("tickets", &*self.list.borrow()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_once_and_revoked_for_good() {
        let state = MemoryState::new();
        let name = |text: &str| text.parse::<TicketName>().unwrap();
        let ticket = state.add_ticket(name("laptop")).unwrap();
        let tickets = state.tickets();
        assert_eq!(*ticket.server_key(), state.key().public());
        assert_eq!(tickets.borrow().records[0].client, ticket.client());
        assert!(matches!(state.add_ticket(name("laptop")), Err(StateError::NameTaken(_))));
        state.set_rules(&name("laptop"), Some(Rules::none())).unwrap();
        assert_eq!(tickets.borrow().rules.get(&name("laptop")), Some(&Rules::none()));
        state.set_rules(&name("laptop"), None).unwrap();
        assert_eq!(tickets.borrow().rules.get(&name("laptop")), None);
        state.revoke_ticket(&name("laptop")).unwrap();
        assert!(matches!(state.set_rules(&name("laptop"), None), Err(StateError::Revoked(_))));
        assert!(matches!(state.set_rules(&name("phone"), None), Err(StateError::NoSuchName(_))));
        assert!(!tickets.borrow().records[0].is_valid());
        assert!(matches!(state.add_ticket(name("laptop")), Err(StateError::NameRevoked(_))));
        assert!(matches!(state.revoke_ticket(&name("phone")), Err(StateError::NoSuchName(_))));
        assert!(!format!("{state:?}").contains(ticket.to_text().as_str()), "no secret is shown");
    }
}
