//! What waits to be written to one client: bounded, so that who reads slowly holds up nobody, and is told of what it misses.

use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of lines that may wait; what others say beyond that is missed. Some hundred lines: more than a screen, and 1,000 clients
/// that do not read hold 32 MiB.
const MOST: usize = 32 << 10;

/// So long as more bytes than this wait, the client's own lines are not read: answers always find room, and who does not read
/// cannot ask for more of them.
const READS_BELOW: usize = MOST / 2;

/// The lines that wait for one client, in their order.
#[derive(Debug, Default)]
pub struct Outbox {
    lines: VecDeque<Arc<str>>,
    bytes: usize,
    missed: u64,
}

impl Outbox {
    /// What the client itself has asked for: it is never missed.
    pub fn answer(&mut self, text: impl Into<Arc<str>>) {
        self.say_missed();
        self.push(text.into());
    }

    /// What others say, or what has happened to them. False: there is no room for it, and the client will be told that it missed
    /// something.
    pub fn tell(&mut self, text: &Arc<str>) -> bool {
        if self.bytes + text.len() > MOST {
            self.missed += 1;
            return false;
        }
        self.say_missed();
        self.push(Arc::clone(text));
        true
    }

    /// Whether the client may ask for more.
    pub fn takes_questions(&self) -> bool {
        self.bytes < READS_BELOW
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The next bytes to write: texts as a whole, some if there are any, and not many more than `most`.
    pub fn take(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < most {
            let Some(text) = self.lines.pop_front() else { break };
            self.bytes -= text.len();
            bytes.extend_from_slice(text.as_bytes());
            if self.lines.is_empty() {
                self.say_missed();
            }
        }
        bytes
    }

    fn say_missed(&mut self) {
        let missed = std::mem::take(&mut self.missed);
        if missed > 0 {
            let (lines, were) = if missed == 1 { ("line", "was") } else { ("lines", "were") };
            self.push(
                format!("* {missed} {lines} of others {were} left out here: you read too slowly\n").into(),
            );
        }
    }

    fn push(&mut self, text: Arc<str>) {
        self.bytes += text.len();
        self.lines.push_back(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(outbox: &mut Outbox) -> String {
        let mut text = String::new();
        while !outbox.is_empty() {
            text.push_str(std::str::from_utf8(&outbox.take(1)).unwrap());
        }
        text
    }

    #[test]
    fn what_finds_no_room_is_counted_where_it_is_missing() {
        let mut outbox = Outbox::default();
        let line: Arc<str> = format!("{}\n", "x".repeat(1_023)).into();
        let told = (0..100).filter(|_| outbox.tell(&line)).count();
        assert_eq!(told, 32);
        assert!(!outbox.takes_questions());
        assert_eq!(outbox.take(1).len(), 1_024, "one is read, and makes room for another one");
        outbox.answer("own\n");
        let text = all(&mut outbox);
        let expected = "* 68 lines of others were left out here: you read too slowly\nown\n";
        assert!(text.ends_with(expected), "{}", &text[text.len() - 100..]);
        assert!(outbox.is_empty() && outbox.takes_questions());
        assert_eq!(outbox.bytes, 0);
    }

    #[test]
    fn who_reads_all_is_told_of_a_gap_at_the_end() {
        let mut outbox = Outbox::default();
        let (long, short): (Arc<str>, Arc<str>) = ("y".repeat(MOST).into(), "short\n".into());
        assert!(outbox.tell(&long) && !outbox.tell(&short));
        assert_eq!(all(&mut outbox)[MOST..], *"* 1 line of others was left out here: you read too slowly\n");
    }
}
