//! Patterns of the names of services.

use std::fmt;
use std::str::FromStr;

use proto::destination::MAX_NAME_LEN;

use super::error::RuleFault;

/// A pattern of names: `*` is any number of characters, `?` is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameGlob(String);

impl NameGlob {
    /// The pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name, in lower case, has this form. Takes time by the sum of both lengths: patterns and names are of others.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let is_star = |byte: &u8| *byte == b'*';
        let (Some(first), Some(last)) = (pattern.iter().position(is_star), pattern.iter().rposition(is_star))
        else {
            return fits(pattern, name);
        };
        // What the stars are between is at the ends of the name, and leaves the middle.
        let (begin, end) = (&pattern[..first], &pattern[last + 1..]);
        let Some((start, rest)) = name.split_at_checked(begin.len()) else { return false };
        let Some(middle) = rest.len().checked_sub(end.len()) else { return false };
        let (middle, tail) = rest.split_at(middle);
        fits(begin, start) && fits(end, tail) && (first == last || contains(&pattern[first..last], middle))
    }

    /// What each name of this form begins with.
    pub(crate) fn literal_prefix(&self) -> &str {
        self.0.split(['*', '?']).next().unwrap_or_default()
    }

    /// Whether only one name has this form.
    pub(super) fn is_one(&self) -> bool {
        !self.0.contains(['*', '?'])
    }
}

/// Whether a pattern without stars is of this text.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    pattern.len() == text.len()
        && pattern.iter().zip(text).all(|(wanted, byte)| *wanted == b'?' || wanted == byte)
}

/// Whether the parts of a pattern, which follow its stars, are in a text in their order. All places where the text may be in the
/// pattern are followed at once, a bit for each (Baeza-Yates and Gonnet, Communications of the ACM 35(10), 1992).
fn contains(pattern: &[u8], text: &[u8]) -> bool {
    /// All of ASCII.
    const BYTES: usize = 128;
    /// Two stars at the least are no places.
    const _: () = assert!(MAX_NAME_LEN - 2 < u64::BITS as usize);
    // Of a place the bit says that everything before it has been seen; of a byte, which places it leads to.
    let (mut leads_to, mut any, mut stays, mut place) = ([0_u64; BYTES], 0_u64, 0_u64, 1_u64);
    for byte in pattern {
        if *byte == b'*' {
            stays |= place;
            continue;
        }
        place <<= 1;
        match leads_to.get_mut(usize::from(*byte)) {
            Some(places) if *byte != b'?' => *places |= place,
            Some(_) | None => any |= place,
        }
    }
    let mut at = 1_u64;
    for byte in text {
        let places = leads_to.get(usize::from(*byte)).copied().unwrap_or_default() | any;
        at = ((at << 1) & places) | (at & stays);
        if at & place != 0 {
            return true;
        }
    }
    at & place != 0
}

impl FromStr for NameGlob {
    type Err = RuleFault;

    fn from_str(text: &str) -> Result<Self, RuleFault> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*?".contains(&byte);
        if text.is_empty() || text.len() > MAX_NAME_LEN || !text.bytes().all(allowed) {
            return Err(RuleFault::Glob(text.into()));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for NameGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::Instant;

    use super::*;

    /// The same, by trying all that a star may be.
    fn tried(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|from| tried(rest, &name[from..])),
            Some((byte, rest)) => {
                let first = name.split_first();
                first.is_some_and(|(seen, behind)| (byte == seen || *byte == b'?') && tried(rest, behind))
            }
        }
    }

    /// All texts of these characters, up to a length.
    fn texts(characters: &[char], longest: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut from = 0;
        for _ in 0..longest {
            let longer: Vec<_> = all[from..]
                .iter()
                .flat_map(|text| characters.iter().map(move |c| format!("{text}{c}")))
                .collect();
            from = all.len();
            all.extend(longer);
        }
        all.split_off(1)
    }

    #[test]
    fn what_matches_is_what_trying_all_finds() {
        let names = texts(&['a', 'b'], 6);
        for pattern in texts(&['a', 'b', '*', '?'], 5) {
            let glob: NameGlob = pattern.parse().unwrap();
            for name in &names {
                assert_eq!(
                    glob.matches(name),
                    tried(pattern.as_bytes(), name.as_bytes()),
                    "{pattern} {name}"
                );
            }
        }
        let longest = ["a"; 62].concat();
        let glob: NameGlob = format!("*{longest}*").parse().unwrap();
        assert!(
            glob.matches(&longest) && glob.matches(&format!("b{longest}b")) && !glob.matches(&longest[1..])
        );
    }

    #[test]
    fn no_pattern_takes_much_longer_than_another() {
        let name = "a".repeat(64);
        let worst = |pattern: &str| {
            let glob: NameGlob = pattern.parse().unwrap();
            let run = || {
                let start = Instant::now();
                for _ in 0..1_000 {
                    black_box(black_box(&glob).matches(black_box(&name)));
                }
                start.elapsed()
            };
            (0..20).map(|_| run()).min().unwrap()
        };
        // As long, and nothing to be tried again.
        let (plain, others) = (
            worst(&format!("*{}*", "c".repeat(31))),
            [format!("*{}b*", "a".repeat(30)), "*a".repeat(31) + "b*", format!("*a*{}b*", "a".repeat(28))],
        );
        for pattern in others {
            let took = worst(&pattern);
            assert!(took < plain * 8, "{pattern}: {took:?}, not {plain:?}");
        }
    }
}
