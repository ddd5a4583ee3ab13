//! The words of `proxy1` that are no options: `[LISTEN] [HOST PORT | HOST:PORT]`.

use std::fmt::Display;

use tunnel::address::{AddressError, Host, HostPorts, Listen};

/// What they say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// Where TCP clients connect.
    pub(super) listen: Option<Listen>,
    /// Where proxy2 is.
    pub(super) at: Option<HostPorts>,
}

/// Reads them. Where something else says what to carry, one word alone is where proxy2 is, and not where to listen; more words tell
/// by their shape what they are.
///
/// # Errors
/// One sentence that names the word.
pub(super) fn read(words: [Option<&str>; 3], has_forwards: bool) -> Result<Words, String> {
    let listen = |word: &str| word.parse().map(Some).map_err(|error| invalid(word, "[ADDR:]PORT", &error));
    let place = |word: &str| word.parse().map(Some).map_err(|error| invalid(word, "HOST:PORT", &error));
    match words {
        [None, ..] => Ok(Words::default()),
        [Some(one), None, _] if has_forwards => Ok(Words { listen: None, at: place(one)? }),
        [Some(one), None, _] => Ok(Words { listen: listen(one)?, at: None }),
        [Some(one), Some(two), None] if is_port(two) => {
            let words = Words { listen: None, at: Some(two_words(one, two)?) };
            let why =
                "nothing says where to listen: write [ADDR:]PORT HOST PORT, or one of -L -R -D -W --publish";
            if has_forwards { Ok(words) } else { Err(why.into()) }
        }
        [Some(one), Some(two), None] if two.contains(':') => {
            Ok(Words { listen: listen(one)?, at: place(two)? })
        }
        [Some(one), Some(two), None] => {
            listen(one)?;
            Err(format!("the PORT of proxy2 is missing: write {two} PORT, or {two}:PORT"))
        }
        [Some(one), Some(two), Some(three)] => {
            Ok(Words { listen: listen(one)?, at: Some(two_words(two, three)?) })
        }
    }
}

fn two_words(host: &str, ports: &str) -> Result<HostPorts, String> {
    let host: Host = host.parse().map_err(|error: AddressError| invalid(host, "HOST", &error))?;
    let ports = ports.parse().map_err(|error: AddressError| invalid(ports, "PORT[,PORT]", &error))?;
    Ok(HostPorts { host, ports })
}

/// Whether a word can only be meant as ports.
fn is_port(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit() || byte == b',')
}

fn invalid(word: &str, name: &str, error: &dyn Display) -> String {
    format!("invalid value '{word}' for '{name}': {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str, has_forwards: bool) -> Result<String, String> {
        let mut words = line.split_whitespace();
        let words = read([words.next(), words.next(), words.next()], has_forwards)?;
        let text = |value: Option<String>| value.unwrap_or_else(|| "-".into());
        Ok(format!(
            "{} {}",
            text(words.listen.map(|one| one.to_string())),
            text(words.at.map(|one| one.to_string()))
        ))
    }

    #[test]
    fn the_first_word_falls_away_where_forwards_are() {
        for (line, has_forwards, expected) in [
            ("8080 exit.example 5000", false, "127.0.0.1:8080 exit.example:5000"),
            ("8080 exit.example:5000", false, "127.0.0.1:8080 exit.example:5000"),
            ("8080", false, "127.0.0.1:8080 -"),
            ("", true, "- -"),
            ("exit.example 5000,443", true, "- exit.example:5000,443"),
            ("exit.example:5000", true, "- exit.example:5000"),
            ("[::1]:5000", true, "- [::1]:5000"),
            ("::1 5000", true, "- [::1]:5000"),
            // Both may be.
            ("8080 exit.example 5000", true, "127.0.0.1:8080 exit.example:5000"),
            ("8080 exit.example:5000", true, "127.0.0.1:8080 exit.example:5000"),
        ] {
            assert_eq!(said(line, has_forwards).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn a_word_that_is_wrong_is_named() {
        for (line, has_forwards, named) in [
            ("80800 exit 5000", false, "'80800' for '[ADDR:]PORT'"),
            ("8080 exit", false, "the PORT of proxy2 is missing: write exit PORT"),
            ("exit 5000", false, "nothing says where to listen"),
            ("8080 exit five", false, "'five' for 'PORT[,PORT]'"),
            ("8080 exit:5000 5000", false, "two words"),
            ("8080", true, "'8080' has no port: write HOST:PORT"),
            ("exit:http", true, "'http' is not a port"),
        ] {
            let error = said(line, has_forwards).unwrap_err();
            assert!(error.contains(named), "{line}: {error}");
        }
    }
}
