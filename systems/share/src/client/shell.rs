//! Commands as they are typed.

use crate::wire::MAX_FIELD;

/// What the user wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `REGISTER USER`.
    Register(String),
    /// `UNREGISTER USER`.
    Unregister(String),
    /// `CONNECT USER`.
    Connect(String),
    /// `DISCONNECT USER`.
    Disconnect(String),
    /// `PUBLISH FILE DESCRIPTION`.
    Publish {
        /// A path on this machine.
        file: String,
        /// What the user says of it.
        description: String,
    },
    /// `DELETE FILE`.
    Delete(String),
    /// `LIST_USERS`.
    ListUsers,
    /// `LIST_CONTENT USER`.
    ListContent(String),
    /// `GET_FILE USER FILE LOCAL`.
    GetFile {
        /// Whose.
        user: String,
        /// As it was published.
        remote: String,
        /// Where it is to be.
        local: String,
    },
    /// `GET_MULTIFILE FILE LOCAL`.
    GetMultifile {
        /// A name, or a hash.
        remote: String,
        /// Where it is to be.
        local: String,
    },
    /// `HELP`.
    Help,
    /// `QUIT`.
    Quit,
}

/// All commands, and what each does.
pub(super) const HELP: &str = "\
REGISTER USER                  a new user of yours
UNREGISTER USER                removes it, and what it has published
CONNECT USER                   be there, and serve what the user has published
DISCONNECT USER                be there no more
PUBLISH FILE DESCRIPTION       a file of this machine, for all
DELETE FILE                    take it back
LIST_USERS                     who is there
LIST_CONTENT USER              what a user has published
GET_FILE USER FILE LOCAL       fetch a user's file
GET_MULTIFILE FILE LOCAL       fetch it, by name or hash, from all who have it
HELP                           this
QUIT                           disconnect and leave
Words with blanks stand in \"quotes\".";

/// Reads a line. `None`: there is nothing on it.
///
/// # Errors
/// It is no command: a sentence that says what is right.
pub fn parse(line: &str) -> Result<Option<Command>, String> {
    let words = words(line)?;
    let Some((name, arguments)) = words.split_first().filter(|(name, _)| !name.starts_with('#')) else {
        return Ok(None);
    };
    // Paths of this machine may be longer; their owner finds out.
    let is_long = |word: &&String| word.len() > MAX_FIELD || word.contains('\0');
    if let Some(long) = arguments.iter().find(is_long) {
        let begin: String = long.chars().take(20).collect();
        return Err(format!("'{}...' is longer than 255 bytes, or holds a zero byte", paso::visible(&begin)));
    }
    let name = name.to_ascii_uppercase();
    let own = |word: &String| word.clone();
    let command = match (name.as_str(), arguments) {
        ("REGISTER", [user]) => Command::Register(own(user)),
        ("UNREGISTER", [user]) => Command::Unregister(own(user)),
        ("CONNECT", [user]) => Command::Connect(own(user)),
        ("DISCONNECT", [user]) => Command::Disconnect(own(user)),
        ("PUBLISH", [file, description @ ..]) if !description.is_empty() => {
            let description = description.join(" ");
            if description.len() > MAX_FIELD {
                return Err("the description is longer than 255 bytes".into());
            }
            Command::Publish { file: own(file), description }
        }
        ("DELETE", [file]) => Command::Delete(own(file)),
        ("LIST_USERS", []) => Command::ListUsers,
        ("LIST_CONTENT", [user]) => Command::ListContent(own(user)),
        ("GET_FILE", [user, remote, local]) => {
            Command::GetFile { user: own(user), remote: own(remote), local: own(local) }
        }
        ("GET_MULTIFILE", [remote, local]) => {
            Command::GetMultifile { remote: own(remote), local: own(local) }
        }
        ("HELP", []) => Command::Help,
        ("QUIT", []) => Command::Quit,
        _ => return Err(wrong(&name)),
    };
    Ok(Some(command))
}

fn wrong(name: &str) -> String {
    let usage = HELP.lines().find(|line| line.split(' ').next() == Some(name));
    match usage.and_then(|line| line.split("  ").next()) {
        Some(usage) => format!("usage: {usage}"),
        None => format!("there is no command {}: HELP says which there are", paso::visible(name)),
    }
}

/// Words between blanks; blanks within double quotes belong to a word.
fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for letter in line.chars() {
        match letter {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            _ if letter.is_whitespace() && !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    if quoted {
        return Err("a quote is not closed".into());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_commands_or_say_what_is_right() {
        let get = Command::GetFile { user: "a b".into(), remote: "/x".into(), local: "y".into() };
        assert_eq!(parse(" get_file \"a b\" /x y "), Ok(Some(get)));
        let publish = Command::Publish { file: "f".into(), description: "two words".into() };
        assert_eq!(parse("PUBLISH f two  words"), Ok(Some(publish)));
        assert_eq!(parse(""), Ok(None));
        assert_eq!(parse("# a comment"), Ok(None));
        assert_eq!(parse("REGISTER"), Err("usage: REGISTER USER".into()));
        assert_eq!(parse("PUBLISH f"), Err("usage: PUBLISH FILE DESCRIPTION".into()));
        assert!(parse("STEAL x").unwrap_err().contains("STEAL"));
        assert!(parse("REGISTER \"x").is_err());
        assert!(parse(&format!("REGISTER {}", "x".repeat(256))).is_err());
        assert!(HELP.lines().all(|line| line.len() <= 80));
    }
}
