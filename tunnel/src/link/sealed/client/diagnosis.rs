//! What is wrong between two proxies, in one sentence each.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use proto::sealed::handshake::initiator::Refused;
use proto::sealed::handshake::responder::CLOCK_TOLERANCE;
use proto::sealed::handshake::terms::Refusal;
use proto::sealed::wire::end_code::{EndCode, Ended};
use proto::sealed::wire::frame::ResetCode;
use tokio::net::UdpSocket;

use crate::clock::Clock;

/// Why proxy2 refused, and what to do about it.
pub(crate) fn refused(refused: &Refused) -> String {
    match refused.why {
        Refusal::UnknownTicket => {
            "it does not know this ticket; make one there with `proxy2 ticket add NAME`".into()
        }
        Refusal::RevokedTicket => {
            "this ticket has been revoked; make another there with `proxy2 ticket add NAME`".into()
        }
        Refusal::ClockOff => "it does not accept the time stamp; trying again".into(),
        Refusal::TooManyLinks => "it has as many links as it may have; see its option --links".into(),
        Refusal::Version => {
            format!("it speaks version {} of the protocol, and this program another one", refused.version)
        }
        Refusal::Other(code) => format!("its reason has the code {code}, which a newer version knows"),
    }
}

/// How far the clocks differ, if it is more than proxy2 overlooks. It keeps nobody out, but one of the two is wrong.
pub(crate) fn clock(refused: &Refused) -> Option<String> {
    let (ours, theirs) = (Clock::unix().0, refused.time.0);
    let off = Duration::from_micros(ours.abs_diff(theirs));
    let way = if ours > theirs { "ahead of" } else { "behind" };
    (off >= CLOCK_TOLERANCE).then(|| {
        format!(
            "the clock of this machine is {} s {way} proxy2's: links work, but set both right",
            off.as_secs()
        )
    })
}

/// What it means that proxy2 ended the link so.
pub(crate) const fn ended(ended: &Ended) -> &'static str {
    match ended.code {
        EndCode::Revoked => "link ended: proxy2 has revoked this ticket",
        EndCode::Fault => "link ended: proxy2 says that this proxy1 broke the protocol",
        EndCode::Shutdown | EndCode::Dormant => "link ended by proxy2; waiting for it to come back",
    }
}

/// Whether clients need not wait, after `times` refusals in a row for the same reason. A ticket that was made a moment
/// ago is not known to a running proxy2 yet.
pub(crate) const fn is_final(why: Refusal, times: u32) -> bool {
    match why {
        Refusal::ClockOff => false,
        Refusal::UnknownTicket => times > 1,
        Refusal::TooManyLinks | Refusal::RevokedTicket | Refusal::Version | Refusal::Other(_) => true,
    }
}

/// What a stream is reset with that cannot be because of this.
pub(crate) const fn code_of(why: Refusal) -> ResetCode {
    match why {
        Refusal::TooManyLinks => ResetCode::Limit,
        Refusal::UnknownTicket
        | Refusal::RevokedTicket
        | Refusal::ClockOff
        | Refusal::Version
        | Refusal::Other(_) => ResetCode::Forbidden,
    }
}

/// Why `peer` does not answer, as far as that can be found out.
/// `others`: the number of other addresses and ports at which it may be.
pub(crate) async fn silence(peer: SocketAddr, others: usize) -> String {
    let complaint = complaint(peer).await.map(|error| error.kind());
    let explanation = explanation(peer, complaint);
    let end = if explanation.ends_with('?') { "" } else { "." };
    let trying = match others {
        0 => "Still trying, also from another port".into(),
        1 => "Still trying, also at 1 other place and from another port".into(),
        _ => format!("Still trying, also at {others} other places and from another port"),
    };
    format!("{explanation}{end} {trying}. Next: {}", next(peer, complaint.is_some()))
}

/// What to do about it.
fn next(peer: SocketAddr, is_known: bool) -> String {
    const CHECK: &str = "`proxy1 check` here says more";
    if is_known {
        return CHECK.into();
    }
    format!(
        "{CHECK}; on proxy2's machine see whether its log names this machine's address, and whether its firewall and its provider's \
         let UDP {} in; is it running with --classic?",
        peer.port()
    )
}

fn explanation(peer: SocketAddr, complaint: Option<io::ErrorKind>) -> String {
    use io::ErrorKind as Kind;
    let is = |kinds: &[Kind]| complaint.is_some_and(|kind| kinds.contains(&kind));
    if is(&[Kind::ConnectionRefused]) {
        format!(
            "nothing listens on UDP {peer}: is proxy2 running there, on that port, and does no firewall refuse UDP?"
        )
    } else if is(&[Kind::NetworkUnreachable, Kind::NetworkDown]) {
        format!("this machine has no way to {peer}: is its network up?")
    } else if is(&[Kind::HostUnreachable]) {
        format!(
            "{peer} cannot be reached: the address is wrong, its machine is off, or a firewall on the way refuses UDP"
        )
    } else if is(&[Kind::PermissionDenied]) {
        format!("this machine does not let UDP out to {peer}: see its firewall")
    } else {
        format!(
            "no answer from UDP {peer}: proxy2 is not there, UDP does not get through, or the ticket is for \
             another proxy2"
        )
    }
}

/// What the system, or a machine on the way, says of datagrams to `peer`. A socket that is connected is told of ICMP
/// messages; the link's own is not. One byte is no packet of any kind, and gets no answer from proxy2.
///
/// Asks some times: systems limit how often they complain to one address (Linux: six at once, then one a second), and the
/// link's own packets use that up too.
async fn complaint(peer: SocketAddr) -> Option<io::Error> {
    const TIMES: u32 = 6;
    /// From one to the next; all of them outlast two of such seconds.
    const PATIENCE: Duration = Duration::from_millis(400);
    let ask = async {
        let any: SocketAddr = if peer.is_ipv4() { ([0; 4], 0).into() } else { ([0; 16], 0).into() };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(peer).await?;
        for _ in 0..TIMES {
            socket.send(&[0]).await?;
            if let Ok(answer) = tokio::time::timeout(PATIENCE, socket.recv(&mut [0])).await {
                return answer.map(drop);
            }
        }
        Ok(())
    };
    let asked: io::Result<()> = ask.await;
    asked.err()
}

#[cfg(test)]
mod tests {
    use proto::sealed::handshake::terms::{Epoch, UnixMicros};

    use super::*;

    #[tokio::test]
    async fn a_closed_port_and_a_silent_one_are_told_apart() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        let said = silence(address, 0).await;
        assert!(said.contains("no answer") && said.contains("Next: `proxy1 check`"), "{said}");
        assert!(said.contains(&format!("let UDP {} in", address.port())), "{said}");
        drop(silent);
        let said = silence(address, 0).await;
        assert!(said.contains("nothing listens") && said.contains("Next: `proxy1 check`"), "{said}");
    }

    /// As behind a system that has complained often enough for this second.
    #[tokio::test]
    async fn a_complaint_that_comes_only_later_is_heard() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let said = tokio::spawn(silence(silent.local_addr().unwrap(), 0));
        silent.recv(&mut [0]).await.unwrap();
        drop(silent);
        let said = said.await.unwrap();
        assert!(said.contains("nothing listens"), "{said}");
    }

    #[test]
    fn a_clock_that_is_off_is_told_by_how_much() {
        let hour = 3_600_000_000;
        let says = |time: u64| {
            let (version, epoch) = (proto::sealed::handshake::terms::VERSION, Epoch(1));
            let (why, time, round_trip) = (Refusal::ClockOff, UnixMicros(time), Duration::ZERO);
            clock(&Refused { why, time, version, epoch, round_trip })
        };
        let ours = Clock::unix().0;
        let (ahead, behind) = (says(ours - hour).unwrap(), says(ours + hour).unwrap());
        assert!(ahead.contains("3600 s ahead of"), "{ahead}");
        assert!(behind.contains("s behind"), "{behind}");
        assert_eq!(says(ours - hour / 60), None, "as if it had been set back: nothing to tell");
    }

    #[test]
    fn a_ticket_made_a_moment_ago_may_be_waited_for_once() {
        assert!(!is_final(Refusal::UnknownTicket, 1) && is_final(Refusal::UnknownTicket, 2));
        assert!(is_final(Refusal::RevokedTicket, 1) && !is_final(Refusal::ClockOff, 9));
    }
}
