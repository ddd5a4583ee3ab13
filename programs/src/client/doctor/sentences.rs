//! What is said of each step, and what the measures mean.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tunnel::address::HostPorts;
use tunnel::doctor::{Answered, Load, MappingLife, Measures, Refusal, Share};
use tunnel::session::Identity;
use tunnel::settings::TicketSource;

use super::examine::Examination;
use super::verdict::Cause;

pub(super) fn ticket(source: &TicketSource) -> String {
    match source {
        TicketSource::Given(_) => "the ticket that was given can be read".into(),
        TicketSource::File(path) => format!("the ticket in {} can be read", path.display()),
        TicketSource::State(Some(path)) => format!("the ticket in the folder {} can be read", path.display()),
        TicketSource::State(None) => "the ticket that a proxy2 on this machine has made can be read".into(),
    }
}

pub(super) fn name(place: &HostPorts, found: &[SocketAddr]) -> String {
    let mut ips: Vec<String> = Vec::new();
    for ip in found.iter().map(|address| address.ip().to_string()) {
        if !ips.contains(&ip) {
            ips.push(ip);
        }
    }
    format!("{} is {}", place.host, ips.join(", "))
}

/// What an address says, and what is wrong there.
pub(super) fn place(address: SocketAddr, answered: &Answered) -> (Option<Cause>, String) {
    match answered {
        Answered::Joined(_, took) => (None, format!("proxy2 answers at {address}, after {}", time(*took))),
        Answered::Refused(why, sentence) => {
            let cause = match why {
                Refusal::UnknownTicket => Cause::TicketUnknown,
                Refusal::RevokedTicket => Cause::TicketRevoked,
                Refusal::TooManyLinks => Cause::NoRoom,
                Refusal::Version => Cause::Version,
                Refusal::ClockOff | Refusal::Other(_) => Cause::RefusedOtherwise,
            };
            (Some(cause), format!("proxy2 at {address} does not let this ticket in: {sentence}"))
        }
        Answered::Busy => (
            Some(Cause::Busy),
            format!(
                "proxy2 at {address} is busy with handshakes: it asks for a proof of this address, and then says nothing"
            ),
        ),
        Answered::Classic => (
            Some(Cause::Classic),
            format!(
                "the proxy2 at {address} speaks the classic protocol, and this ticket is for the sealed one"
            ),
        ),
        Answered::Foreign => (
            Some(Cause::Foreign),
            format!("something answers at {address}, but not as a proxy2 that this ticket is for"),
        ),
        Answered::Complaint(ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) => (
            Some(Cause::NobodyListens),
            format!(
                "nothing listens on UDP {address}: that is what its machine says (ICMP port unreachable), or a firewall before it"
            ),
        ),
        Answered::Complaint(_) => (
            Some(Cause::Rejected),
            format!(
                "a machine on the way to {address} says that it cannot be reached, or that UDP is forbidden (ICMP)"
            ),
        ),
        Answered::NotSent(ErrorKind::PermissionDenied) => {
            (Some(Cause::OwnFirewall), format!("this machine does not let UDP out to {address}"))
        }
        Answered::NotSent(kind) => {
            (Some(Cause::NoRoute), format!("this machine has no way to {address}: {kind}"))
        }
        Answered::Silent => (
            Some(Cause::Silent),
            format!("no answer from {address}: datagrams leave, and nothing comes back"),
        ),
    }
}

pub(super) fn identity(identity: &Identity) -> String {
    /// As many rules as a few lines have room for.
    const SHOWN: usize = 8;
    let rules: Vec<_> = identity.rules.iter().map(|rule| rule.escape_debug().to_string()).collect();
    let shown = rules.get(..SHOWN).unwrap_or(&rules).join(" ");
    let may = match rules.len() {
        0 => "may do nothing".into(),
        1..=SHOWN => format!("may {shown}"),
        more => format!("may {shown} and {} more", more - SHOWN),
    };
    format!("the ticket is called {} there and {may}", identity.ticket.escape_debug())
}

/// What was measured, each under its key.
pub(super) fn measures(measures: &Measures) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    if let Some((least, half, most)) = delays(&measures.round_trips) {
        let count = measures.round_trips.len();
        let text = format!(
            "round trip {} at the least, {} in the middle (p50), {} at p99, of {count}",
            time(least),
            time(half),
            time(most)
        );
        all.push(("delay", text));
    }
    let (there, back) = measures.reordered;
    let text = format!(
        "loss {} there, {} back; out of order {there} there, {back} back",
        percent(measures.there),
        percent(measures.back)
    );
    all.push(("loss", text));
    all.push(("size", sizes(measures)));
    if let Some(last) = measures.load.last() {
        let round_trip = last.round_trip.map(|time_| format!(", round trip {}", time(time_)));
        let text = format!(
            "load: of {} sent {} arrive there and {} back{}",
            rate(last.asked),
            rate(last.carried_there),
            rate(last.carried_back),
            round_trip.unwrap_or_default()
        );
        all.push(("load", text));
    }
    if let (Some(local), Some(seen)) = (measures.local, measures.seen) {
        all.push(("nat", mapping(local, seen)));
    }
    if let Some(ahead) = measures.clock_ahead {
        all.push(("clock", clock(ahead)));
    }
    all
}

fn sizes(measures: &Measures) -> String {
    let (there, back) = measures.packets;
    let headers = if measures.seen.is_some_and(|seen| seen.is_ipv6()) { 48 } else { 28 };
    let (large_there, large_back) = measures.large;
    format!(
        "packets of {there} bytes pass there, {back} back (a path MTU of {} and {} at the least); large ones lost: {} there, {} back",
        there + headers,
        back + headers,
        percent(large_there),
        percent(large_back)
    )
}

fn mapping(local: SocketAddr, seen: SocketAddr) -> String {
    let how = match (local.ip() == seen.ip(), local.port() == seen.port()) {
        (true, true) => "nothing translates addresses on the way",
        (false, true) => "a NAT on the way changes the address and keeps the port",
        (true, false) => "a NAT on the way changes the port",
        (false, false) => "a NAT on the way changes address and port",
    };
    format!("{local} here is {seen} at proxy2: {how}")
}

fn clock(ahead: i64) -> String {
    let seconds = Duration::from_micros(ahead.unsigned_abs()).as_secs_f64();
    let way = if ahead >= 0 { "ahead of" } else { "behind" };
    format!("proxy2's clock is {seconds:.3} s {way} this one")
}

pub(super) fn mapping_life(life: Option<MappingLife>) -> String {
    let Some(MappingLife { lives, forgotten }) = life else {
        return "how soon a NAT forgets is not known: proxy2 could not be asked".into();
    };
    match (lives.map(|time| time.as_secs()), forgotten.map(|time| time.as_secs())) {
        (Some(lives), None) => format!("nothing on the way forgets an idle link within {lives} s"),
        (None, Some(forgotten)) => format!(
            "something on the way forgets an idle link within {forgotten} s: start proxy1 with --keepalive {}s",
            (forgotten * 2 / 5).max(2)
        ),
        (Some(lives), Some(forgotten)) => {
            let advice = if lives < 25 {
                format!(": start proxy1 with --keepalive {}s", lives * 4 / 5)
            } else {
                String::new()
            };
            format!("something on the way forgets a link that is idle for {lives} to {forgotten} s{advice}")
        }
        (None, None) => "how soon a NAT forgets is not known".into(),
    }
}

/// What is bad about a path that works.
pub(super) fn judge(measures: &Measures) -> Option<(Cause, String)> {
    /// Loss that shows in what people do.
    const LOSSY: f64 = 0.02;
    /// Large datagrams that are lost beyond what small ones are.
    const LARGE: f64 = 0.2;
    /// UDP payload that nearly every path carries, less what a full question leaves free.
    const USUAL: usize = 1_100;
    /// Delay that a load may add.
    const QUEUE: Duration = Duration::from_millis(200);
    /// A round trip as over two satellites.
    const FAR: Duration = Duration::from_millis(400);
    let (there, back) = (measures.there.lost(), measures.back.lost());
    let (large_there, large_back) = (measures.large.0.lost(), measures.large.1.lost());
    let (packets_there, packets_back) = measures.packets;
    let half = delays(&measures.round_trips).map(|(_, half, _)| half);
    if packets_there < USUAL || packets_back < USUAL {
        let text = format!(
            "it works, but only small packets pass: {packets_there} bytes there, {packets_back} back, where nearly every path has 1200 \
             and more"
        );
        return Some((Cause::SmallPackets, text));
    }
    if large_there > there + LARGE || large_back > back + LARGE {
        let text = format!(
            "it works, but large datagrams are lost: {} there and {} back, of small ones {} and {}",
            percent(measures.large.0),
            percent(measures.large.1),
            percent(measures.there),
            percent(measures.back)
        );
        return Some((Cause::LargeLost, text));
    }
    if let Some(text) = policed(measures) {
        return Some((Cause::Policed, text));
    }
    if there.max(back) > LOSSY {
        let text = format!(
            "it works, but datagrams are lost: {} there, {} back",
            percent(measures.there),
            percent(measures.back)
        );
        return Some((Cause::Lossy, text));
    }
    let loaded = measures.load.iter().filter_map(|step| step.round_trip).max();
    if let (Some(half), Some(loaded)) = (half, loaded)
        && loaded > half + QUEUE
    {
        let text = format!(
            "it works, but a queue on the way fills under load: the round trip grows from {} to {}",
            time(half),
            time(loaded)
        );
        return Some((Cause::Queue, text));
    }
    if let Some(last) = measures.load.last()
        && last.carried_there.min(last.carried_back) < last.asked / 2
    {
        let (there, back) = (rate(last.carried_there), rate(last.carried_back));
        let text = format!(
            "it works, but the path is narrow: of {} some {there} arrive there and {back} back",
            rate(last.asked)
        );
        return Some((Cause::Narrow, text));
    }
    let half = half.filter(|half| *half > FAR)?;
    Some((Cause::Far, format!("it works, but proxy2 is far away: a round trip takes {}", time(half))))
}

/// Whether faster UDP is cut, and where.
fn policed(measures: &Measures) -> Option<String> {
    /// Loss beyond that of thin probes that a load has to have.
    const BEYOND: f64 = 0.1;
    let cut = |share: fn(&Load) -> Share, carried: fn(&Load) -> u64, idle: Share| {
        let is_cut = |step: &&Load| share(step).lost() > idle.lost() + BEYOND;
        let mut rates: Vec<_> = measures.load.iter().filter(is_cut).map(carried).collect();
        // The first of them may have had a burst, and the last what is left of the link's own rate.
        rates.sort_unstable();
        // One step may have met something else.
        rates.get(rates.len() / 2).copied().filter(|_| rates.len() > 1)
    };
    let there = cut(|step| step.there, |step| step.carried_there, measures.there);
    let back = cut(|step| step.back, |step| step.carried_back, measures.back);
    let (way, limit) = match (there, back) {
        (Some(there), Some(back)) => ("both ways", there.min(back)),
        (Some(there), None) => ("to proxy2", there),
        (None, Some(back)) => ("from proxy2", back),
        (None, None) => return None,
    };
    Some(format!("it works, but UDP is cut at about {} {way}: what is faster is dropped", rate(limit)))
}

/// What it all means, in one sentence.
pub(super) fn verdict(cause: Cause, wrong: Option<&str>, examination: &Examination) -> String {
    let Some(wrong) = wrong else {
        let all = examination.places.len();
        let away = examination.places.iter().filter(|place| place.cause.is_some()).count();
        let bad = examination.steps.iter().any(|step| step.ok == Some(false));
        return match (cause, bad) {
            (Cause::Well, _) if away > 0 => {
                format!("It works: proxy2 answers at {} of {all} places.", all - away)
            }
            (Cause::Well, false) => "All is well: proxy2 answers, and lets this ticket in.".into(),
            (Cause::Well, true) => "It works, but not all of it is as it should be: see above.".into(),
            _ => "It does not work.".into(),
        };
    };
    let end = if wrong.ends_with(['.', '?', '!']) { "" } else { "." };
    // A program is called as it is.
    if wrong.starts_with("proxy") {
        return format!("{wrong}{end}");
    }
    let mut letters = wrong.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}{end}", letters.as_str())
}

/// What to do.
pub(super) fn next(cause: Cause, port: Option<u16>) -> Option<String> {
    let port = port.unwrap_or_default();
    let text = match cause {
        Cause::Well
        | Cause::NoTicket
        | Cause::TicketUnknown
        | Cause::TicketRevoked
        | Cause::NoRoom
        | Cause::TargetForbidden
        | Cause::NoName => return None,
        Cause::NoPlace => "give HOST PORT, or a ticket that says it (`proxy2 ticket add NAME --at HOST:PORT`)".into(),
        Cause::NoRoute => "see whether this machine's network is up, and whether proxy2's address is right".into(),
        Cause::OwnFirewall => format!("see this machine's own firewall: it has to let UDP out to port {port}"),
        Cause::NobodyListens => format!(
            "see whether proxy2 runs there, on UDP {port}, and whether it listens on that address: started with a PORT alone it \
             listens on 127.0.0.1"
        ),
        Cause::Rejected => format!("try another port that this network lets pass, as 443: proxy2 can have several; or ask who runs the network to let UDP {port} pass"),
        Cause::Silent | Cause::Foreign => format!(
            "from here these look the same, so see proxy2's log: a line with \"another key\" means the ticket is of another proxy2; \
             one with \"does not go on\" (after 10 s) that proxy2's answers are dropped on the way here; no line at all that it does \
             not run there, or that UDP {port} does not get in: see its firewall, its provider's, and this network's, or try another \
             port, as 443"
        ),
        Cause::Lost => "try again; proxy2's log may say why".into(),
        Cause::Classic => "start proxy2 without --classic; or proxy1 with it, which needs no ticket".into(),
        Cause::Version | Cause::RefusedOtherwise => "bring proxy1 and proxy2 to the same version".into(),
        Cause::Busy => "try again in a minute: somebody sends proxy2 many handshakes, which its log shows".into(),
        Cause::TargetRefused => "see whether the service runs, on that port of that machine".into(),
        Cause::TargetUnreachable => "see, on proxy2's machine, whether that name is known and that address can be reached".into(),
        Cause::TargetSilent => "see, on proxy2's machine, whether the service can be reached: something drops what is sent there".into(),
        Cause::TargetLimit => "end some streams of this ticket, or see --streams and the limit of open files of proxy2".into(),
        Cause::SmallPackets | Cause::LargeLost => {
            "proxy1 and proxy2 find the size that passes by themselves; if something else is slow, lower the MTU of this machine's interface or of the VPN it uses".into()
        }
        Cause::Policed => "somebody on the way limits UDP: try another port, as 443, or another network; more streams do not help".into(),
        Cause::Lossy => "the link repairs that and gets slower by it: try a cable in place of radio, or another network".into(),
        Cause::Queue => "somebody on the way keeps too much waiting: limit the rate below what the path carries, or ask for a router with fq_codel or cake".into(),
        Cause::Narrow => "if that is less than what the network has, try another port, as 443: UDP may be slowed down".into(),
        Cause::Far => "nothing is wrong; a proxy2 that is closer would be faster".into(),
    };
    Some(text)
}

/// The shortest, the middle, and the one that 99 of 100 do not exceed.
pub(super) fn delays(sorted: &[Duration]) -> Option<(Duration, Duration, Duration)> {
    let at = |percent: usize| {
        sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied()
    };
    Some((at(0)?, at(50)?, at(99)?))
}

fn time(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

fn percent(share: Share) -> String {
    format!("{:.1} %", share.lost() * 100.0)
}

fn rate(bits: u64) -> String {
    let tenths = bits / 100_000;
    format!("{}.{} Mbit/s", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path on which all is well, with a load.
    fn well() -> Measures {
        let of = |of| Share { arrived: of, of };
        let step = |megabits: u64| Load {
            asked: megabits * 1_000_000,
            there: of(100),
            back: of(100),
            carried_there: megabits * 990_000,
            carried_back: megabits * 990_000,
            round_trip: Some(Duration::from_millis(22)),
        };
        Measures {
            round_trips: vec![Duration::from_millis(20); 200],
            there: of(200),
            back: of(200),
            large: (of(40), of(40)),
            packets: (1_472, 1_472),
            load: [1, 2, 4, 8, 16].map(step).into(),
            ..Measures::default()
        }
    }

    fn cause(measures: &Measures) -> Option<Cause> {
        judge(measures).map(|(cause, _)| cause)
    }

    #[test]
    fn a_good_path_is_not_blamed() {
        assert_eq!(cause(&well()), None);
        let one = Share { arrived: 198, of: 200 };
        assert_eq!(
            cause(&Measures { there: one, back: one, ..well() }),
            None,
            "one per cent is usual by radio"
        );
        assert_eq!(cause(&Measures { load: Vec::new(), ..well() }), None);
    }

    #[test]
    fn what_is_bad_is_told_by_what_it_does() {
        let lossy = Share { arrived: 180, of: 200 };
        assert_eq!(cause(&Measures { back: lossy, ..well() }), Some(Cause::Lossy));
        assert_eq!(cause(&Measures { packets: (508, 1_472), ..well() }), Some(Cause::SmallPackets));
        let none = Share { arrived: 0, of: 40 };
        assert_eq!(cause(&Measures { large: (none, none), ..well() }), Some(Cause::LargeLost));
        let trips = vec![Duration::from_millis(600); 200];
        assert_eq!(cause(&Measures { round_trips: trips, load: Vec::new(), ..well() }), Some(Cause::Far));
    }

    #[test]
    fn a_limit_that_drops_is_told_from_a_queue_and_from_a_narrow_path() {
        let change = |change: fn(&mut Load)| {
            let mut measures = well();
            measures.load.iter_mut().skip(1).for_each(change);
            measures
        };
        let dropped = change(|step| {
            step.there = Share { arrived: 50, of: 100 };
            step.carried_there = 1_000_000;
        });
        let (found, sentence) = judge(&dropped).unwrap();
        assert_eq!(found, Cause::Policed);
        assert!(sentence.contains("about 1.0 Mbit/s to proxy2"), "{sentence}");
        let queue = change(|step| step.round_trip = Some(Duration::from_millis(700)));
        assert_eq!(cause(&queue), Some(Cause::Queue));
        let narrow = change(|step| step.carried_back = 1_000_000);
        assert_eq!(cause(&narrow), Some(Cause::Narrow));
        // A path that loses as much without a load has no limit.
        let lossy = Share { arrived: 50, of: 100 };
        let path = Measures { there: lossy, large: (lossy, well().large.1), ..dropped };
        assert_eq!(cause(&path), Some(Cause::Lossy));
    }

    #[test]
    fn a_nat_that_forgets_soon_is_told_with_what_to_do() {
        let life = |lives: Option<u64>, forgotten: Option<u64>| {
            let seconds = |all: Option<u64>| all.map(Duration::from_secs);
            mapping_life(Some(MappingLife { lives: seconds(lives), forgotten: seconds(forgotten) }))
        };
        assert!(life(Some(80), None).contains("nothing on the way forgets"));
        assert!(life(None, Some(10)).ends_with("--keepalive 4s"));
        assert!(life(Some(10), Some(20)).ends_with("--keepalive 8s"));
        assert!(!life(Some(30), Some(45)).contains("--keepalive"), "20 s is what proxy1 does anyway");
    }
}
