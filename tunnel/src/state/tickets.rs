//! The tickets file: what `proxy2 ticket` does with it.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use proto::sealed::crypto::keys::PublicKey;
use proto::ticket::Ticket;
use proto::ticket::place::Places;
use proto::ticket::record::{TicketName, TicketRecord, UnixSeconds, whole_ticket};
use zeroize::Zeroizing;

use super::files::{self, Change};
use super::{LOCAL_TICKET_FILE, StateDir, StateError, TICKETS_FILE, os};
use crate::entropy;

/// The tickets file as it was read.
pub(super) struct List {
    pub(super) records: Vec<TicketRecord>,
    /// Whole tickets: the file had the first form.
    whole: Vec<Ticket>,
    text: Zeroizing<String>,
}

impl List {
    /// The first whole ticket for the proxy2 with that key.
    pub(super) fn first_whole(&self, key: &PublicKey) -> Option<Ticket> {
        self.whole.iter().find(|ticket| ticket.server_key() == key).cloned()
    }

    /// Where the line of that name is.
    fn place_of(&self, name: &TicketName) -> Option<(usize, &str)> {
        let mut offset = 0;
        self.text.split_inclusive('\n').find_map(|line| {
            let at = offset;
            offset += line.len();
            (line.split_ascii_whitespace().next() == Some(name.as_str())).then_some((at, line))
        })
    }
}

impl StateDir {
    /// Every ticket, valid or revoked, in the order they were made.
    ///
    /// # Errors
    /// The file is missing, cannot be read or understood, or others can read it.
    pub fn tickets(&self) -> Result<Vec<TicketRecord>, StateError> {
        self.list().map(|list| list.records)
    }

    pub(super) fn list(&self) -> Result<List, StateError> {
        let path = self.tickets_path();
        let text = files::read_secret(&path)?;
        let text = text.ok_or_else(|| StateError::NoTicketsFile { path: path.clone() })?;
        let lines = || text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let parse = |(at, line): (usize, &str)| {
            line.parse().map_err(|error| StateError::Record { path: path.clone(), line: at + 1, error })
        };
        let records = lines().map(parse).collect::<Result<_, _>>()?;
        let whole = lines().filter_map(|(_, line)| whole_ticket(line)).collect();
        Ok(List { records, whole, text })
    }

    /// As [`tickets`](Self::tickets), if the folder is still one that nobody else can write to.
    pub(super) fn checked_tickets(&self) -> Result<Vec<TicketRecord>, StateError> {
        os::check_folder(&self.path)?
            .ok_or_else(|| StateError::NoTicketsFile { path: self.tickets_path() })?;
        self.tickets()
    }

    /// As [`tickets`](Self::tickets), for a folder in which a proxy2 must have its key.
    ///
    /// # Errors
    /// There is no key; and as there.
    pub fn all_tickets(&self) -> Result<Vec<TicketRecord>, StateError> {
        self.existing_key()?;
        self.tickets()
    }

    /// Makes a ticket for the proxy2 of this folder, which says that proxy2 is in these places. What is kept of it holds
    /// neither the client's secret nor the places: print it, or it is lost.
    ///
    /// # Errors
    /// There is no key; the name is taken; a file cannot be read or written.
    pub fn add_ticket(&self, name: TicketName, places: Places) -> Result<Ticket, StateError> {
        self.add_delivered(name, places, |_| Ok(()))
    }

    /// Makes a ticket and writes it to a file of its own, which must not exist.
    ///
    /// # Errors
    /// As [`add_ticket`](Self::add_ticket); the file exists or cannot be written.
    pub fn add_ticket_to_file(
        &self,
        name: TicketName,
        places: Places,
        path: &Path,
    ) -> Result<(), StateError> {
        let mut made = false;
        let result = self.add_delivered(name, places, |ticket| {
            files::create_secret(path, &files::line(&ticket.to_text()))?;
            made = true;
            Ok(())
        });
        if result.is_err() && made {
            // A ticket that proxy2 does not know is of no use to anybody.
            let _ = std::fs::remove_file(path);
        }
        result.map(drop)
    }

    fn add_delivered(
        &self,
        name: TicketName,
        places: Places,
        deliver: impl FnOnce(&Ticket) -> Result<(), StateError>,
    ) -> Result<Ticket, StateError> {
        let key = self.existing_key()?;
        let ticket = Ticket::generate(key.public(), true, &mut entropy::random()).at(places);
        let change = Change::begin(&self.path)?;
        let mut list = self.list()?;
        check_new_name(&list.records, &name)?;
        deliver(&ticket)?;
        list.records.push(TicketRecord::new(name, &ticket, now()));
        self.write(&change, &list)?;
        Ok(ticket)
    }

    /// Revokes a ticket; that it is revoked already is no error. Where the disk is full its line is overwritten in place.
    /// [`wait_until_taken`](Self::wait_until_taken) tells whether running proxy2s have ended its links.
    ///
    /// # Errors
    /// There is no such ticket; the file cannot be read or written.
    pub fn revoke_ticket(&self, name: &TicketName) -> Result<(), StateError> {
        self.existing_key()?;
        let change = Change::begin(&self.path)?;
        let mut list = self.list()?;
        let known = list.records.iter_mut().find(|record| record.name == *name);
        let record = known.ok_or_else(|| StateError::NoSuchName(name.clone()))?;
        *record = record.clone().revoked();
        let revoked = record.clone();
        match self.write(&change, &list) {
            Err(error) if error.is_no_room() => {
                self.revoke_in_place(&change, &list, &revoked).ok_or(error)?
            }
            result => result?,
        }
        self.forget_local(revoked.client);
        Ok(())
    }

    /// Overwrites the line of a ticket; `None` if that does not do.
    fn revoke_in_place(&self, change: &Change, list: &List, revoked: &TicketRecord) -> Option<()> {
        let (offset, old) = list.place_of(&revoked.name)?;
        let (new, room) = (revoked.to_line(), old.trim_end_matches('\n').len());
        let new = Zeroizing::new(format!("{:room$}", new.trim_end()));
        (new.len() == room).then(|| change.overwrite(&self.tickets_path(), offset, &new).ok())?
    }

    /// Deletes the local ticket if it is that client's.
    fn forget_local(&self, client: PublicKey) {
        let path = self.path.join(LOCAL_TICKET_FILE);
        let ticket = files::read_secret(&path).ok().flatten().and_then(|text| text.parse::<Ticket>().ok());
        if ticket.is_some_and(|ticket| ticket.client() == client) {
            // If it stays it lets nobody in.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Rewrites a tickets file of the first form, which held the clients' private keys, and tells whether it was one.
    ///
    /// # Errors
    /// There is no key; a file cannot be read or written.
    pub fn convert(&self) -> Result<bool, StateError> {
        self.existing_key()?;
        if self.list()?.whole.is_empty() {
            return Ok(false);
        }
        let change = Change::begin(&self.path)?;
        self.write(&change, &self.list()?)?;
        Ok(true)
    }

    /// What is kept of the ticket of that name.
    ///
    /// # Errors
    /// There is none; the file cannot be read.
    pub fn find_ticket(&self, name: &TicketName) -> Result<TicketRecord, StateError> {
        let found = self.all_tickets()?.into_iter().find(|record| record.name == *name);
        found.ok_or_else(|| StateError::NoSuchName(name.clone()))
    }

    /// The file with the whole text of this ticket, if it is the one for proxy1 of this user on this machine.
    pub fn local_ticket_file(&self, record: &TicketRecord) -> Option<PathBuf> {
        let local = self.local_ticket().ok()?;
        (local.client() == record.client).then(|| self.path.join(LOCAL_TICKET_FILE))
    }

    /// Writes the list in today's form. A whole ticket that proxy1 on this machine uses is saved before.
    fn write(&self, change: &Change, list: &List) -> Result<(), StateError> {
        let local = self.path.join(LOCAL_TICKET_FILE);
        if !list.whole.is_empty() && files::read_secret(&local)?.is_none() {
            let ticket = self.key()?.and_then(|key| list.first_whole(&key.public()));
            if let Some(ticket) = ticket {
                change.replace(&local, &files::line(&ticket.to_text()))?;
            }
        }
        change.replace(&self.tickets_path(), &to_text(&list.records))
    }

    fn tickets_path(&self) -> PathBuf {
        self.path.join(TICKETS_FILE)
    }
}

/// The lines of all records, to be written.
pub(super) fn to_text(records: &[TicketRecord]) -> Zeroizing<String> {
    let lines: Vec<_> = records.iter().map(TicketRecord::to_line).collect();
    let mut text = Zeroizing::new(String::with_capacity(lines.iter().map(|line| line.len()).sum()));
    lines.iter().for_each(|line| text.push_str(line));
    text
}

/// Whether a ticket may have this name.
///
/// # Errors
/// One has it, or had it: a name in a log means one ticket for ever.
pub(super) fn check_new_name(records: &[TicketRecord], name: &TicketName) -> Result<(), StateError> {
    match records.iter().find(|known| known.name == *name) {
        Some(known) if known.is_valid() => Err(StateError::NameTaken(name.clone())),
        Some(_) => Err(StateError::NameRevoked(name.clone())),
        None => Ok(()),
    }
}

/// The time, if this machine's clock is set.
pub(super) fn now() -> Option<UnixSeconds> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(UnixSeconds(since.as_secs()))
}
