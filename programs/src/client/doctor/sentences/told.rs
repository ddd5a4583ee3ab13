//! What it all means, and what to do.

use super::Cause;
use crate::client::doctor::examine::Examination;

/// What it all means, in one sentence.
pub(in crate::client::doctor) fn verdict(
    cause: Cause,
    wrong: Option<&str>,
    examination: &Examination,
) -> String {
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
pub(in crate::client::doctor) fn next(cause: Cause, port: Option<u16>) -> Option<String> {
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
