//! Tells the log for what proxy2 takes clients, in few lines.

use tracing::info;

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
}

#[derive(Debug)]
struct Announcement {
    /// `None`: clients come by a name.
    listening: Option<Bound>,
    at: String,
    to: String,
}

impl Announcements {
    /// proxy2 takes clients there.
    pub(super) fn add(&mut self, at: &ReverseAt, listening: Option<&Bound>, to: Option<&str>) {
        let to = to.unwrap_or("this process").to_owned();
        let one = Announcement { listening: listening.cloned(), at: at.to_string(), to };
        self.count += 1;
        if self.first.len() < LINES {
            self.first.push(one);
        } else {
            self.last = Some(one);
        }
    }

    /// Tells the log.
    pub(super) fn tell(&mut self) {
        let Self { first, last, count } = std::mem::take(self);
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
            announcements.add(&at, None, Some("localhost:80"));
        }
        assert_eq!((announcements.count, announcements.first.len()), (1_000, LINES));
        assert_eq!(announcements.last.as_ref().map(Announcement::place).as_deref(), Some("@n999"));
        announcements.tell();
        assert_eq!((announcements.count, announcements.first.len()), (0, 0));
        assert!(announcements.last.is_none());
    }
}
