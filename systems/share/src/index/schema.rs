//! The tables, and how the file is opened.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::OpenError;

/// What `user_version` says of files with these tables.
const VERSION: i64 = 1;

/// `owner` is empty for those who use plain TCP, else the name of a ticket.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS users (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        connected INTEGER NOT NULL DEFAULT 0,
        ip TEXT NOT NULL DEFAULT '',
        port INTEGER NOT NULL DEFAULT 0,
        service TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX IF NOT EXISTS users_by_owner ON users (owner);
    CREATE INDEX IF NOT EXISTS connected_users ON users (name) WHERE connected;
    CREATE TABLE IF NOT EXISTS files (
        user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
        path TEXT NOT NULL,
        base TEXT NOT NULL,
        description TEXT NOT NULL,
        hash TEXT,
        size INTEGER,
        PRIMARY KEY (user, path)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS files_by_base ON files (base);
    CREATE INDEX IF NOT EXISTS files_by_hash ON files (hash);
";

/// How large the write-ahead log may stay, in bytes, when it is begun anew: four times what is in it by then, unless somebody reads.
const MAX_WAL: i64 = 16 << 20;

/// How long one of the connections waits for another at the few moments at which it must.
const BUSY: Duration = Duration::from_secs(5);

/// Opens it to write, and makes it if it is not there.
pub(super) fn open_to_write(path: &Path) -> Result<Connection, OpenError> {
    create_private(path).map_err(|error| OpenError::File(path.display().to_string(), error))?;
    let opened = || {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version > VERSION {
            return Ok(Err(version));
        }
        connection.pragma_update(None, "journal_mode", "wal")?;
        // A commit is on the disk when it is answered, whatever happens to the machine.
        connection.pragma_update(None, "synchronous", "full")?;
        // What a storm of changes has made of the log beside it is given back at the next checkpoint.
        connection.pragma_update(None, "journal_size_limit", MAX_WAL)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.execute_batch(TABLES)?;
        connection.pragma_update(None, "user_version", VERSION)?;
        connection.execute("UPDATE users SET connected = 0 WHERE owner <> ''", [])?;
        Ok(Ok(connection))
    };
    let name = || path.display().to_string();
    match opened() {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(version)) => Err(OpenError::Version(name(), version)),
        Err(error) => Err(OpenError::Sqlite(name(), error)),
    }
}

/// Opens it to read.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, OpenError> {
    let opened = || {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY)?;
        Ok(connection)
    };
    opened().map_err(|error| OpenError::Sqlite(path.display().to_string(), error))
}

/// Makes the file for its owner alone, if it is not there. What SQLite puts beside it has the same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
