//! Who has run how many jobs, in a sentence.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::overlay::Name;

/// As `ann 34, bob 33, carol 33`.
pub(super) fn sentence(shares: &BTreeMap<Name, u64>, failed: u64) -> String {
    let mut text = String::new();
    for (name, count) in shares {
        let _ = write!(text, "{}{name} {count}", if text.is_empty() { "run by " } else { ", " });
    }
    if text.is_empty() {
        text.push_str("nothing was run");
    }
    if failed > 0 {
        let _ = write!(text, "; {failed} did not end with 0");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_named() {
        let shares = BTreeMap::from([("ann".parse().unwrap(), 3), ("bob".parse().unwrap(), 4)]);
        assert_eq!(sentence(&shares, 0), "run by ann 3, bob 4");
        assert_eq!(sentence(&BTreeMap::new(), 2), "nothing was run; 2 did not end with 0");
    }
}
