//! What all steps together mean: a cause, a sentence, what to do, an exit code.

/// What `--help` says of the exit codes; docs/check.md has the causes.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  all is well
  1  the check itself failed, or was broken off
  2  bad usage
  3  no ticket that can be read
  4  proxy2's name leads nowhere
  5  this machine sends nothing there
  6  something on the way, or proxy2's machine, says no (ICMP)
  7  no answer
  8  the two ends speak different protocols: one of them is --classic
  9  proxy2 is there and does not let this ticket in
  10 the link works, the target does not
  11 the link works, but badly: loss, small packets, a limit, delay";

/// What is wrong, if anything is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Well,
    NoTicket,
    NoPlace,
    NoName,
    NoRoute,
    OwnFirewall,
    NobodyListens,
    Rejected,
    Silent,
    Foreign,
    Lost,
    Classic,
    TicketUnknown,
    TicketRevoked,
    NoRoom,
    Version,
    RefusedOtherwise,
    Busy,
    TargetRefused,
    TargetUnreachable,
    TargetSilent,
    TargetForbidden,
    TargetLimit,
    SmallPackets,
    LargeLost,
    Policed,
    Lossy,
    Queue,
    Narrow,
    Far,
}

/// The end of an examination.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) cause: Cause,
    /// One sentence.
    pub(super) sentence: String,
    /// What to do, if anything.
    pub(super) next: Option<String>,
}

impl Cause {
    #[cfg(test)]
    const ALL: [Self; 30] = [
        Self::Well,
        Self::NoTicket,
        Self::NoPlace,
        Self::NoName,
        Self::NoRoute,
        Self::OwnFirewall,
        Self::NobodyListens,
        Self::Rejected,
        Self::Silent,
        Self::Foreign,
        Self::Lost,
        Self::Classic,
        Self::TicketUnknown,
        Self::TicketRevoked,
        Self::NoRoom,
        Self::Version,
        Self::RefusedOtherwise,
        Self::Busy,
        Self::TargetRefused,
        Self::TargetUnreachable,
        Self::TargetSilent,
        Self::TargetForbidden,
        Self::TargetLimit,
        Self::SmallPackets,
        Self::LargeLost,
        Self::Policed,
        Self::Lossy,
        Self::Queue,
        Self::Narrow,
        Self::Far,
    ];

    /// The exit code: one for each group of causes.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::NoPlace => 2,
            Self::NoTicket => 3,
            Self::NoName => 4,
            Self::NoRoute | Self::OwnFirewall => 5,
            Self::NobodyListens | Self::Rejected => 6,
            Self::Silent | Self::Foreign | Self::Lost => 7,
            Self::Classic => 8,
            Self::TicketUnknown
            | Self::TicketRevoked
            | Self::NoRoom
            | Self::Version
            | Self::RefusedOtherwise
            | Self::Busy => 9,
            Self::TargetRefused
            | Self::TargetUnreachable
            | Self::TargetSilent
            | Self::TargetForbidden
            | Self::TargetLimit => 10,
            Self::SmallPackets
            | Self::LargeLost
            | Self::Policed
            | Self::Lossy
            | Self::Queue
            | Self::Narrow
            | Self::Far => 11,
        }
    }

    /// Its name in the JSON document.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::NoTicket => "no-ticket",
            Self::NoPlace => "no-place",
            Self::NoName => "no-name",
            Self::NoRoute => "no-route",
            Self::OwnFirewall => "own-firewall",
            Self::NobodyListens => "nobody-listens",
            Self::Rejected => "rejected",
            Self::Silent => "silent",
            Self::Foreign => "foreign",
            Self::Lost => "lost",
            Self::Classic => "classic",
            Self::TicketUnknown => "ticket-unknown",
            Self::TicketRevoked => "ticket-revoked",
            Self::NoRoom => "no-room",
            Self::Version => "version",
            Self::RefusedOtherwise => "refused",
            Self::Busy => "busy",
            Self::TargetRefused => "target-refused",
            Self::TargetUnreachable => "target-unreachable",
            Self::TargetSilent => "target-silent",
            Self::TargetForbidden => "target-forbidden",
            Self::TargetLimit => "target-limit",
            Self::SmallPackets => "small-packets",
            Self::LargeLost => "large-lost",
            Self::Policed => "policed",
            Self::Lossy => "lossy",
            Self::Queue => "queue",
            Self::Narrow => "narrow",
            Self::Far => "far",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_explained_in_the_help_and_on_its_page() {
        let page = include_str!("../../../../docs/check.md");
        for cause in Cause::ALL {
            let line = format!("\n  {:<2} ", cause.code());
            assert!(EXIT_CODES.contains(&line), "{cause:?}");
            let row = format!("| {} | `{}` |", cause.code(), cause.key());
            assert!(page.contains(&row), "{row}");
        }
    }
}
