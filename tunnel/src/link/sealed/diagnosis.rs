//! What is wrong between two proxies, in one sentence each.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use proto::sealed::handshake::Refusal;
use proto::sealed::initiator::Refused;
use tokio::net::UdpSocket;

use super::clock::Clock;
use super::task::END_REVOKED;

/// Why proxy2 refused, and what to do about it.
pub(super) fn refused(refused: &Refused) -> String {
    match refused.why {
        Refusal::UnknownTicket => {
            "it does not know this ticket; make one there with `proxy2 ticket add NAME`".into()
        }
        Refusal::RevokedTicket => {
            "this ticket has been revoked; make another there with `proxy2 ticket add NAME`".into()
        }
        Refusal::ClockOff => {
            let (ours, theirs) = (Clock::unix().0, refused.time.0);
            let way = if ours > theirs { "ahead of" } else { "behind" };
            let off = Duration::from_micros(ours.abs_diff(theirs)).as_secs();
            format!("the clock of this machine is {off} s {way} proxy2's; set both right")
        }
        Refusal::TooManyLinks => "it has as many links as it may have; see its option --links".into(),
        Refusal::Busy => "it is too busy; trying again".into(),
        Refusal::Version => {
            format!("it speaks version {} of the protocol, and this program another one", refused.version)
        }
        Refusal::Other(code) => format!("its reason has the code {code}, which a newer version knows"),
    }
}

/// What it means that proxy2 ended the link with `code`.
pub(super) const fn ended(code: u64) -> &'static str {
    match code {
        END_REVOKED => "link ended: proxy2 has revoked this ticket",
        _ => "link ended by proxy2; waiting for it to come back",
    }
}

/// Why `peer` does not answer, as far as that can be found out.
pub(super) async fn silence(peer: SocketAddr) -> String {
    if nobody_listens(peer).await {
        format!("nothing listens on UDP {peer}: is proxy2 running there, on that port? Trying on")
    } else {
        format!(
            "no answer from UDP {peer}: proxy2 is not there, UDP does not get through, or the ticket is for \
             another proxy2. Trying on"
        )
    }
}

/// Whether the machine there says that nobody has the port. A socket that is connected is told of the ICMP message; the
/// link's own is not. One byte is no packet of any kind, and gets no answer from proxy2.
async fn nobody_listens(peer: SocketAddr) -> bool {
    /// How long the message may take.
    const PATIENCE: Duration = Duration::from_millis(500);
    let ask = async {
        let any: SocketAddr = if peer.is_ipv4() { ([0; 4], 0).into() } else { ([0; 16], 0).into() };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(peer).await?;
        socket.send(&[0]).await?;
        socket.recv(&mut [0]).await
    };
    let answer: Result<io::Result<usize>, _> = tokio::time::timeout(PATIENCE, ask).await;
    answer.is_ok_and(|result| result.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_port_and_a_silent_one_are_told_apart() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        assert!(silence(address).await.contains("no answer"));
        drop(silent);
        assert!(silence(address).await.contains("nothing listens"));
    }
}
