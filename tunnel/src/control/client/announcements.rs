//! Tells the log for what proxy2 takes clients, in few lines.

use std::time::Instant;

use tracing::info;

use crate::limit::Limit;
use crate::local::forwarding::Bound;
use crate::settings::ReverseAt;

/// As many lines as can be read at a glance; more is one line for all.
const LINES: usize = 8;

/// What the log is to be told, since it was told last.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    /// The first of them; of the others only the last is kept.
    first: Vec<Announcement>,
    last: Option<Announcement>,
    count: usize,
    /// One is there for the first time: only this process causes that.
    has_news: bool,
}

#[derive(Debug)]
struct Announcement {
    /// `None`: clients come by a name.
    listening: Option<Bound>,
    at: String,
    to: String,
}

impl Announcements {
    /// proxy2 takes clients there, perhaps once more.
    pub(super) fn add(
        &mut self,
        at: &ReverseAt,
        listening: Option<&Bound>,
        to: Option<&str>,
        is_again: bool,
    ) {
        self.has_news |= !is_again;
        let to = to.unwrap_or("this process").to_owned();
        let one = Announcement { listening: listening.cloned(), at: at.to_string(), to };
        self.count += 1;
        if self.first.len() < LINES {
            self.first.push(one);
        } else {
            self.last = Some(one);
        }
    }

    /// Tells the log; within `lines`, what proxy2 has taken away and given back.
    pub(super) fn tell(&mut self, lines: &Limit) {
        let Self { first, last, count, has_news } = std::mem::take(self);
        if count == 0 || !has_news && lines.pass(Instant::now()).is_none() {
            return;
        }
        if let (Some(first), Some(last)) = (first.first(), last) {
            let (first, last) = (first.place(), last.place());
            info!(places = count, %first, %last, "proxy2 accepts connections for us");
            return;
        }
        for Announcement { listening, at, to } in first {
            match listening {
                Some(listening) => info!(%listening, %to, "proxy2 accepts connections for us"),
                None => info!(name = %at, %to, "published at proxy2"),
            }
        }
    }
}

impl Announcement {
    fn place(&self) -> String {
        self.listening.as_ref().map_or_else(|| self.at.clone(), Bound::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_not_told_again_and_little_is_kept_of_many() {
        let mut announcements = Announcements::default();
        for number in 0..1_000 {
            let at = ReverseAt::Publish(format!("n{number}").parse().unwrap());
            announcements.add(&at, None, Some("localhost:80"), false);
        }
        assert_eq!((announcements.count, announcements.first.len()), (1_000, LINES));
        assert_eq!(announcements.last.as_ref().map(Announcement::place).as_deref(), Some("@n999"));
        announcements.tell(&Limit::new(Instant::now()));
        assert_eq!((announcements.count, announcements.first.len()), (0, 0));
        assert!(announcements.last.is_none());
    }
}
