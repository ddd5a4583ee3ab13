//! Applies changes.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::change::{Asker, Change, Content, Owner, Place, What, base_name, is_user_name};
use crate::wire::outcome::Outcome;

/// The most changes in one transaction. A flush takes about a millisecond; by then so many wait only in a storm.
pub(super) const BATCH: usize = 256;

/// The most users, so that a list of all is 1 MiB at most.
const MAX_USERS: i64 = 4_096;

/// The most users of one ticket, and of plain TCP all together, so that nobody takes all the names there are room for.
const MAX_USERS_OF_TICKET: i64 = 256;
const MAX_PLAIN_USERS: i64 = MAX_USERS / 2;

/// The most files of one user, so that a list of all is 256 KiB at most.
const MAX_FILES: i64 = 1_024;

pub(super) struct Writer {
    connection: Connection,
}

impl Writer {
    pub(super) const fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// Applies the changes in one transaction, and says what came of each once all are on the disk. If the disk does not take them
    /// none has been made, and each has failed.
    pub(super) fn apply<'a>(&mut self, changes: impl ExactSizeIterator<Item = &'a Change>) -> Vec<Outcome> {
        let count = changes.len();
        match self.transact(changes) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                tracing::error!(%error, changes = count, "the index takes no changes");
                vec![Outcome::Failed; count]
            }
        }
    }

    fn transact<'a>(&mut self, changes: impl Iterator<Item = &'a Change>) -> rusqlite::Result<Vec<Outcome>> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcomes = changes.map(|change| apply(&transaction, change)).collect::<Result<_, _>>()?;
        transaction.commit()?;
        Ok(outcomes)
    }
}

fn apply(transaction: &Transaction<'_>, change: &Change) -> rusqlite::Result<Outcome> {
    let Change { asker, what } = change;
    if *what == What::Register {
        return register(transaction, asker);
    }
    let user = match user(transaction, asker)? {
        Ok(user) => user,
        Err(outcome) => return Ok(outcome),
    };
    match what {
        What::Register => Ok(Outcome::Failed),
        What::Unregister => {
            transaction.prepare_cached("DELETE FROM users WHERE id = ?")?.execute([user.id])?;
            Ok(Outcome::Done)
        }
        What::Connect(_) if user.connected => Ok(Outcome::AlreadyConnected),
        What::Connect(place) => connect(transaction, &user, place),
        _ if !user.connected => Ok(Outcome::NotConnected),
        What::Disconnect => {
            let mut update = transaction.prepare_cached("UPDATE users SET connected = 0 WHERE id = ?")?;
            update.execute([user.id])?;
            Ok(Outcome::Done)
        }
        What::Publish { path, description, content } => {
            publish(transaction, &user, path, description, content.as_ref())
        }
        What::Delete { path } => {
            let mut delete = transaction.prepare_cached("DELETE FROM files WHERE user = ? AND path = ?")?;
            let deleted = delete.execute((user.id, path))?;
            Ok(if deleted == 0 { Outcome::NotPublished } else { Outcome::Done })
        }
    }
}

struct User {
    id: i64,
    connected: bool,
}

/// The user, or why nothing may be done in its name.
fn user(transaction: &Transaction<'_>, asker: &Asker) -> rusqlite::Result<Result<User, Outcome>> {
    let mut select = transaction.prepare_cached("SELECT id, connected, owner FROM users WHERE name = ?")?;
    let found = select.query_row([&asker.user], |row| {
        Ok((User { id: row.get(0)?, connected: row.get(1)? }, row.get::<_, String>(2)?))
    });
    Ok(match found.optional()? {
        None => Err(Outcome::NoUser),
        Some((_, owner)) if owner != asker.owner.as_str() => Err(Outcome::Failed),
        Some((user, _)) => Ok(user),
    })
}

fn register(transaction: &Transaction<'_>, asker: &Asker) -> rusqlite::Result<Outcome> {
    if !is_user_name(&asker.user) {
        return Ok(Outcome::Failed);
    }
    if user(transaction, asker)?.err() != Some(Outcome::NoUser) {
        return Ok(Outcome::InUse);
    }
    let mut insert = transaction.prepare_cached(
        "INSERT INTO users (name, owner) SELECT ?1, ?2 WHERE (SELECT count(*) FROM users) < ?3
         AND (SELECT count(*) FROM users WHERE owner = ?2) < ?4",
    )?;
    let most = match asker.owner {
        Owner::Plain => MAX_PLAIN_USERS,
        Owner::Ticket(_) => MAX_USERS_OF_TICKET,
    };
    let inserted = insert.execute((&asker.user, asker.owner.as_str(), MAX_USERS, most))?;
    Ok(if inserted == 0 { Outcome::Failed } else { Outcome::Done })
}

fn connect(transaction: &Transaction<'_>, user: &User, place: &Place) -> rusqlite::Result<Outcome> {
    let mut update = transaction
        .prepare_cached("UPDATE users SET connected = 1, ip = ?2, port = ?3, service = ?4 WHERE id = ?1")?;
    update.execute((user.id, &place.ip, place.port, &place.service))?;
    Ok(Outcome::Done)
}

fn publish(
    transaction: &Transaction<'_>,
    user: &User,
    path: &str,
    description: &str,
    content: Option<&Content>,
) -> rusqlite::Result<Outcome> {
    if path.is_empty() {
        return Ok(Outcome::Failed);
    }
    let mut exists = transaction.prepare_cached("SELECT 1 FROM files WHERE user = ? AND path = ?")?;
    if exists.exists((user.id, path))? {
        return Ok(Outcome::AlreadyPublished);
    }
    let mut insert = transaction.prepare_cached(
        "INSERT INTO files (user, path, base, description, hash, size)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE (SELECT count(*) FROM files WHERE user = ?1) < ?7",
    )?;
    let hash = content.map(|content| content.id.to_string());
    let size = content.map(|content| content.size.cast_signed());
    let inserted = insert.execute((user.id, path, base_name(path), description, hash, size, MAX_FILES))?;
    Ok(if inserted == 0 { Outcome::Failed } else { Outcome::Done })
}
