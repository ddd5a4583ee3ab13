//! What is dialled for the peer, and what becomes of it.

use std::future::poll_fn;
use std::time::Duration;

use proto::sealed::streams::budget::Budget;
use tokio::net::TcpListener;

use super::*;
use crate::link::sealed::ticket_share::StreamPlaces;
use crate::local::access::Who;
use crate::rules::Rules;
use crate::settings::Allow;

/// A dialler for a ticket with these rules, and the ticket.
fn dialler(rules: &str) -> (Dialler, Arc<TicketResources>) {
    let allow = Allow { target: None, rules: parsed(rules) };
    let who = Who::Ticket("laptop".into());
    let ticket = TicketResources::new(who, &allow, StreamPlaces::new(9).share(), Budget::new(1 << 20));
    let ticket = Arc::new(ticket);
    let settings = DialSettings {
        limit: Duration::from_secs(5),
        keepalive: Default::default(),
        own_udp: Arc::default(),
    };
    (Dialler::new(settings, Arc::clone(&ticket)), ticket)
}

fn parsed(rules: &str) -> Rules {
    Rules::parse(rules.split_whitespace()).unwrap()
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

async fn next(dialler: &mut Dialler) -> LocalConnection {
    let mut counters = Counters::default();
    poll_fn(|cx| dialler.poll(cx, &mut counters)).await
}

#[tokio::test]
async fn an_end_that_serves_nobody_answers_no_checks() {
    let (mut dialler, _ticket) = dialler("dial:*:* use:*");
    for own_business in ["check/1", "ctl/1"] {
        let refused = dialler.dial(StreamId(1), own_business.as_bytes()).unwrap_err();
        assert_eq!(refused.code, ResetCode::Forbidden, "{own_business}");
    }
}

#[tokio::test]
async fn what_was_dialled_for_a_link_that_is_gone_is_not_the_next_links() {
    let ((first, at_first), (second, at_second)) = (listener().await, listener().await);
    let (mut dialler, _ticket) = dialler(&format!("dial:{at_first} dial:{at_second}"));
    let id = StreamId(1);
    dialler.dial(id, at_first.as_bytes()).unwrap();
    // It has been dialled, and nobody has taken the result.
    first.accept().await.unwrap();
    tokio::task::yield_now().await;
    dialler.give_up_all();
    dialler.dial(id, at_second.as_bytes()).unwrap();
    let dialled = next(&mut dialler).await;
    assert!(matches!(dialled, LocalConnection::Target(ref found) if found.id == id), "{dialled:?}");
    second.accept().await.unwrap();
    assert!(dialler.under_way.is_empty() && dialler.dials.is_empty());
}

#[tokio::test]
async fn what_new_rules_do_not_allow_is_withdrawn_and_the_rest_stays() {
    let ((_first, at_first), (_second, at_second)) = (listener().await, listener().await);
    let (mut dialler, ticket) = dialler(&format!("dial:{at_first} dial:{at_second}"));
    for (id, at) in [(1, &at_first), (2, &at_second), (3, &at_first)] {
        dialler.dial(StreamId(id), at.as_bytes()).unwrap();
        let dialled = next(&mut dialler).await;
        assert!(
            matches!(dialled, LocalConnection::Target(ref found) if found.id == StreamId(id)),
            "{dialled:?}"
        );
    }
    // Its connection has ended.
    dialler.give_up(StreamId(3));
    ticket.set_rules(parsed(&format!("dial:{at_second}")));
    let withdrawn = next(&mut dialler).await;
    let LocalConnection::Withdrawn(id, why) = withdrawn else { panic!("{withdrawn:?}") };
    assert_eq!(id, StreamId(1));
    assert!(
        why.starts_with(&format!("ticket laptop may not dial {at_first}; it may dial:{at_second};")),
        "{why}"
    );
    dialler.dial(StreamId(4), at_second.as_bytes()).unwrap();
    let dialled = next(&mut dialler).await;
    assert!(
        matches!(dialled, LocalConnection::Target(TargetStream { id: StreamId(4), .. })),
        "nothing else is: {dialled:?}"
    );
    let refusal = dialler.dial(StreamId(5), at_first.as_bytes()).unwrap_err();
    assert_eq!((refusal.code, refusal.why), (ResetCode::Forbidden, why));
}

#[tokio::test]
async fn dials_under_way_are_given_up_too() {
    let (listener, at) = listener().await;
    let (mut dialler, ticket) = dialler(&format!("dial:{at}"));
    // One waits for its turn, the other has been dialled and nobody has taken it.
    dialler.dial(StreamId(1), at.as_bytes()).unwrap();
    listener.accept().await.unwrap();
    let turns = ticket.turns();
    let _all =
        turns.dials.acquire_many(u32::try_from(turns.dials.available_permits()).unwrap()).await.unwrap();
    dialler.dial(StreamId(2), at.as_bytes()).unwrap();
    ticket.set_rules(Rules::none());
    for expected in [1, 2] {
        let failed = next(&mut dialler).await;
        assert!(
            matches!(failed, LocalConnection::Failed(StreamId(id), ResetCode::Forbidden, _) if id == expected),
            "{failed:?}"
        );
    }
    assert!(dialler.under_way.is_empty() && dialler.reached.is_empty());
}

#[tokio::test]
async fn what_is_no_destination_to_dial_is_refused() {
    let (mut dialler, _ticket) = dialler("dial:*:* dial:127.0.0.0/8:* use:*");
    let mut refused = |destination: &[u8]| dialler.dial(StreamId(1), destination).unwrap_err();
    for destination in
        [&b""[..], b"ctl/1", b"for/1", b"@files", b"udp/127.0.0.1:1", b"tcp/a:1", b"\xff", b"a:0"]
    {
        assert_eq!(refused(destination).code, ResetCode::Forbidden, "{destination:?}");
    }
    for spelling in
        ["2130706433:80", "0x7f.1:80", "127.1:80", "0177.0.0.1:80", "unix/run/../x", "[fe80::1%lo]:80"]
    {
        assert_eq!(refused(spelling.as_bytes()).code, ResetCode::Forbidden, "{spelling}");
    }
}

/// As Docker's socket beside one that is meant for others.
#[cfg(unix)]
#[tokio::test]
async fn a_link_in_a_folder_leads_nowhere() {
    use tokio::net::UnixListener;
    let folder = std::env::temp_dir().join(format!("paso-dial-{}", std::process::id()));
    let shared = folder.join("shared");
    std::fs::create_dir_all(&shared).unwrap();
    let name = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (secret, open, link) = (folder.join("secret"), shared.join("open"), shared.join("link"));
    let _sockets = [UnixListener::bind(&secret).unwrap(), UnixListener::bind(&open).unwrap()];
    std::os::unix::fs::symlink(&secret, &link).unwrap();
    std::fs::write(shared.join("file"), "").unwrap();
    let (mut dialler, ticket) = dialler(&format!("dial:unix:{}/*", name(&shared)));
    let mut outcomes = Vec::new();
    for path in [&open, &link, &shared.join("file"), &shared.join("nothing")] {
        dialler.dial(StreamId(1), format!("unix{}", name(path)).as_bytes()).unwrap();
        outcomes.push(match next(&mut dialler).await {
            LocalConnection::Target(..) => None,
            LocalConnection::Failed(_, code, _) => Some(code),
            other @ (LocalConnection::Client(..)
            | LocalConnection::Withdrawn(..)
            | LocalConnection::Asked(..)
            | LocalConnection::Nothing) => {
                panic!("{other:?}")
            }
        });
    }
    let (forbidden, unreachable) = (Some(ResetCode::Forbidden), Some(ResetCode::Unreachable));
    let no_socket = outcomes.remove(2);
    assert_eq!(outcomes, [None, forbidden, unreachable]);
    assert!(no_socket.is_some());
    assert!(dialler.dial(StreamId(1), format!("unix{}", name(&secret)).as_bytes()).is_err());
    // Whoever names the link means where it leads.
    ticket.set_rules(parsed(&format!("dial:unix:{}", name(&link))));
    let withdrawn = next(&mut dialler).await;
    assert!(matches!(withdrawn, LocalConnection::Withdrawn(..)), "the one in the folder: {withdrawn:?}");
    dialler.dial(StreamId(2), format!("unix{}", name(&link)).as_bytes()).unwrap();
    assert!(matches!(next(&mut dialler).await, LocalConnection::Target(..)));
    std::fs::remove_dir_all(&folder).unwrap();
}
