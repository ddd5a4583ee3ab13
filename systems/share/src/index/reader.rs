//! Answers questions.

use rusqlite::{Connection, OptionalExtension, Row, ToSql};

use super::change::{Asker, Content, Place, base_name};
use super::query::{Answer, Found, Holder, Query, Question, Wanted};
use crate::wire::outcome::Outcome;

/// The most holders that one answer names: as many as a byte counts.
const MAX_HOLDERS: u8 = u8::MAX;

pub(super) struct Reader {
    connection: Connection,
}

impl Reader {
    pub(super) const fn new(connection: Connection) -> Self {
        Self { connection }
    }

    pub(super) fn answer(&mut self, query: &Query) -> Answer {
        self.ask(query).unwrap_or_else(|error| {
            tracing::error!(%error, "the index answers no question");
            Err(Outcome::Failed)
        })
    }

    fn ask(&mut self, query: &Query) -> rusqlite::Result<Answer> {
        // One moment of the index for all that follows.
        let transaction = self.connection.transaction()?;
        if let Some(asker) = &query.asker
            && let Err(outcome) = may_ask(&transaction, asker)?
        {
            return Ok(Err(outcome));
        }
        match &query.what {
            Question::Presence => Ok(Ok(Found::Presence)),
            Question::Users => users(&transaction, "connected"),
            Question::PlainUsers => users(&transaction, "connected AND owner = ''"),
            Question::ContentOf(user) => content_of(&transaction, user),
            Question::Holders(wanted) => holders(&transaction, wanted),
        }
    }
}

fn may_ask(connection: &Connection, asker: &Asker) -> rusqlite::Result<Result<(), Outcome>> {
    let mut select = connection.prepare_cached("SELECT connected, owner FROM users WHERE name = ?")?;
    let found = select.query_row([&asker.user], |row| Ok((row.get::<_, bool>(0)?, row.get::<_, String>(1)?)));
    Ok(match found.optional()? {
        None => Err(Outcome::NoUser),
        Some((_, owner)) if owner != asker.owner.as_str() => Err(Outcome::Failed),
        Some((false, _)) => Err(Outcome::NotConnected),
        Some((true, _)) => Ok(()),
    })
}

/// `condition`: a constant.
fn users(connection: &Connection, condition: &'static str) -> rusqlite::Result<Answer> {
    let sql = format!("SELECT name, ip, port, service FROM users WHERE {condition} ORDER BY name");
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, place(row, 1)?)))?;
    Ok(Ok(Found::Users(rows.collect::<Result<_, _>>()?)))
}

fn content_of(connection: &Connection, user: &str) -> rusqlite::Result<Answer> {
    let mut select = connection.prepare_cached("SELECT id FROM users WHERE name = ?")?;
    let id = select.query_row([user], |row| row.get::<_, i64>(0)).optional()?;
    let Some(id) = id else { return Ok(Err(Outcome::NoRemoteUser)) };
    let mut select = connection.prepare_cached("SELECT path FROM files WHERE user = ? ORDER BY path")?;
    let rows = select.query_map([id], |row| row.get(0))?;
    Ok(Ok(Found::Paths(rows.collect::<Result<_, _>>()?)))
}

/// The condition of a file of a user.
const OF: &str = "name = ?1 AND path = ?2";

fn holders(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Answer> {
    let found = match wanted {
        Wanted::Of { user, path } => holders_where(connection, OF, &[user, path])?,
        Wanted::OfEither([(user, path), (other, other_path)]) => {
            let found = holders_where(connection, OF, &[user, path])?;
            if found.is_empty() { holders_where(connection, OF, &[other, other_path])? } else { found }
        }
        Wanted::Named(name) => holders_where(connection, "base = ?1", &[&base_name(name)])?,
        Wanted::Known(id) => holders_where(connection, "hash = ?1", &[&id.to_string()])?,
    };
    Ok(if found.is_empty() { Err(Outcome::NoFile) } else { Ok(Found::Holders(found)) })
}

/// `condition`: a constant.
fn holders_where(
    connection: &Connection,
    condition: &'static str,
    values: &[&dyn ToSql],
) -> rusqlite::Result<Vec<Holder>> {
    // One of each owner first, then a second of each: whoever has many users leaves room for the others.
    let sql = format!(
        "SELECT name, ip, port, service, path, hash, size FROM (
             SELECT name, ip, port, service, path, hash, size,
                 row_number() OVER (PARTITION BY owner ORDER BY name, path) AS turn
             FROM files JOIN users ON users.id = files.user WHERE connected AND {condition}
         ) ORDER BY turn, name, path LIMIT {MAX_HOLDERS}"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map(values, |row| {
        let (hash, size): (Option<String>, Option<i64>) = (row.get(5)?, row.get(6)?);
        let id = hash.and_then(|hash| hash.parse().ok());
        let content = id.zip(size).map(|(id, size)| Content { id, size: size.cast_unsigned() });
        Ok(Holder { user: row.get(0)?, place: place(row, 1)?, path: row.get(4)?, content })
    })?;
    rows.collect()
}

/// From three columns that begin with this one.
fn place(row: &Row<'_>, first: usize) -> rusqlite::Result<Place> {
    Ok(Place { ip: row.get(first)?, port: row.get(first + 1)?, service: row.get(first + 2)? })
}
