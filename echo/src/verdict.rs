//! The table in one sentence, and what to do where that is not a good one.

use crate::client::{ClientReport, Outcome, Report};
use crate::figures::show_size;

/// The sentence, and below it the likely causes. The clients went to `address`.
pub(crate) fn text(report: &Report, address: &str) -> String {
    let total = report.total();
    if report.is_clean() {
        return format!("everything returned: {} byte for byte\n", show_size(total.returned));
    }
    let clean = report.clients.iter().filter(|client| client.is_clean()).count();
    let faults = [(total.missing, "missing"), (total.corrupt, "corrupt"), (total.displaced, "displaced")];
    let faults: Vec<_> = faults
        .iter()
        .filter(|(bytes, _)| *bytes > 0)
        .map(|(bytes, what)| format!("{} {what}", show_size(*bytes)))
        .collect();
    let faults = if faults.is_empty() { "not everything was sent".to_owned() } else { faults.join(", ") };
    let hints = Fate::ALL.map(|fate| fate.hint(report, address)).concat();
    format!("{clean} of {} clients got everything back; {faults}\n{hints}", report.clients.len())
}

/// What became of a client, as far as causes differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    NotConnected,
    /// It was closed before anything came back.
    Refused,
    /// It was not closed, and nothing came back.
    Unheard,
    /// Some came back, and not all.
    Lost,
}

impl Fate {
    const ALL: [Self; 4] = [Self::NotConnected, Self::Refused, Self::Unheard, Self::Lost];

    fn of(client: &ClientReport) -> Option<Self> {
        match client.outcome {
            Outcome::NotConnected => Some(Self::NotConnected),
            Outcome::Closed | Outcome::Broken if client.returned == 0 => Some(Self::Refused),
            Outcome::Silent if client.returned == 0 => Some(Self::Unheard),
            Outcome::Complete | Outcome::Silent | Outcome::Closed | Outcome::Broken => {
                (client.missing > 0).then_some(Self::Lost)
            }
        }
    }

    /// What to do about the clients that this became of; nothing if there are none.
    fn hint(self, report: &Report, address: &str) -> String {
        let these: Vec<_> = report.clients.iter().filter(|client| Self::of(client) == Some(self)).collect();
        let Some(first) = these.first() else { return String::new() };
        let count = these.len();
        match self {
            Self::NotConnected => {
                let why = first.why.as_deref().unwrap_or("no reason given");
                format!("{count} could not connect to {address}: {why}\n")
            }
            Self::Refused => format!("{count} closed before anything came back: {REFUSED_HINT}"),
            Self::Unheard => format!("{count} open, and nothing came back: {UNHEARD_HINT}"),
            Self::Lost => LOST_HINT.into(),
        }
    }
}

// The client sees a TCP connection and not what carries it, so the likely causes are named on a condition.

const REFUSED_HINT: &str = "\
the target refused them, or a
proxy at its limit did (over --classic ten clients at a time); the WARN lines of
the proxies say which
";

const UNHEARD_HINT: &str = "\
does an echo server stand behind
it, and do the proxies say `link up`?
";

/// The rate is one that a single thread of Python with the system's socket buffers keeps up with.
const LOST_HINT: &str = "\
if this runs over --classic: a proxy received faster than it could read, and
lost datagrams are not sent again; start the proxy that sends to it with a
lower rate, as in:
  proxy2 --classic --rate 10Mbit 5000 127.0.0.1 7000
(if a proxy's closing line has 'datagrams dropped at full queues', give that one
a larger --queue)
";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn client(outcome: Outcome, returned: u64) -> ClientReport {
        ClientReport {
            client: 1,
            outcome,
            why: (outcome == Outcome::NotConnected).then(|| "Connection refused".into()),
            sent: 500_000,
            returned,
            missing: 500_000 - returned,
            corrupt: 0,
            displaced: 0,
            p50: None,
            p99: None,
            elapsed: Duration::from_secs(1),
        }
    }

    fn said(clients: &[(Outcome, u64)]) -> String {
        let clients = clients.iter().map(|&(outcome, returned)| client(outcome, returned)).collect();
        let report = Report { clients, elapsed: Duration::from_secs(1), p50: None, p99: None, seed: 1 };
        text(&report, "127.0.0.1:8080")
    }

    /// The eleventh client of a classic link, beside ten that are well, has nothing to do with the rate.
    #[test]
    fn each_cause_is_named_where_it_is_one() {
        let well = (Outcome::Complete, 500_000);
        for (other, words) in [
            ((Outcome::Broken, 0), "1 closed before anything came back: "),
            ((Outcome::Closed, 0), "1 closed before anything came back: "),
            ((Outcome::NotConnected, 0), "1 could not connect to 127.0.0.1:8080: Connection refused"),
            ((Outcome::Silent, 0), "1 open, and nothing came back: "),
            ((Outcome::Silent, 400_000), "--rate 10Mbit"),
            ((Outcome::Broken, 400_000), "--rate 10Mbit"),
        ] {
            let text = said(&[well, other]);
            assert!(text.contains(words), "{other:?}: {text}");
            assert_eq!(text.contains("--rate"), words.contains("--rate"), "{other:?}: {text}");
            assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        }
        assert!(said(&[well]).starts_with("everything returned: "));
    }

    #[test]
    fn two_causes_are_both_named() {
        let text = said(&[(Outcome::Broken, 0), (Outcome::Silent, 1), (Outcome::Broken, 0)]);
        assert!(text.contains("2 closed before") && text.contains("--rate"), "{text}");
    }
}
