//! That only permitted addresses are connected to, and how.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, oneshot};

use super::connect::{ATTEMPTS, connect, first, first_of, is_connected_to_itself};
use super::permit::{Resolver, in_turn, is_from};
use super::*;
use crate::address::HostPort;
use crate::rules::Protocol;

/// A name service that gives one answer after the other, and then none.
struct Answers(Mutex<Vec<Vec<SocketAddr>>>);

impl Answers {
    fn new(answers: &[&[&str]]) -> Self {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().expect(text)).collect();
        Self(Mutex::new(answers.iter().rev().map(parse).collect()))
    }

    fn are_used_up(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

impl Resolver for Answers {
    async fn resolve(&self, host: &HostPort) -> Result<Vec<SocketAddr>, ResolveError> {
        let answer = self.0.lock().unwrap().pop();
        answer.ok_or_else(|| ResolveError {
            name: host.to_string(),
            reason: "asked too often".into(),
            no_descriptor: false,
        })
    }
}

fn rules(texts: &str) -> Rules {
    Rules::parse(texts.split_whitespace()).unwrap()
}

fn named(target: &str, protocol: Protocol) -> WantedHost {
    WantedHost::named(&target.parse().unwrap(), protocol, None)
}

async fn permitted(target: &str, texts: &str, answers: &Answers) -> Result<Vec<SocketAddr>, DialError> {
    let found = resolve_permitted(&named(target, Protocol::Tcp), &rules(texts), &[], answers).await?;
    Ok(found.into_iter().map(|permitted| permitted.address()).collect())
}

/// An address that the rules permit by itself.
async fn checked(address: SocketAddr) -> Permitted {
    let rules = rules(&format!("dial:{address}"));
    let found =
        resolve_permitted(&named(&address.to_string(), Protocol::Tcp), &rules, &[], &SystemResolver::new())
            .await;
    found.unwrap()[0]
}

#[tokio::test]
async fn of_several_addresses_the_forbidden_ones_are_left_out() {
    let answer: &[&str] =
        &["127.0.0.1:80", "8.8.8.8:80", "[::1]:80", "169.254.169.254:80", "[2606:4700::1111]:80"];
    let answers = Answers::new(&[answer]);
    let found = permitted("www.example:80", "dial:*:*", &answers).await.unwrap();
    assert_eq!(found, ["8.8.8.8:80", "[2606:4700::1111]:80"].map(|text| text.parse().unwrap()));
    let answers = Answers::new(&[&answer[..1]]);
    let error = permitted("www.example:80", "dial:*:*", &answers).await.unwrap_err();
    assert!(matches!(error, DialError::Forbidden(Some(ip)) if ip.is_loopback()), "{error:?}");
    assert_eq!(error.code(), ResetCode::Forbidden);
}

/// An address of this machine that is not loopback, where it has one: what it would send from.
fn own_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    // Documentation, RFC 5737: nothing is sent.
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
async fn this_machine_is_loopback_whatever_its_address_looks_like() {
    let Some(own) = own_address() else {
        return eprintln!("SKIPPED: this machine has loopback addresses only");
    };
    let target = format!("{own}:22");
    let answers = || Answers::new(&[&[&target]]);
    for refused in ["dial:*:*", "dial:private:*", "dial:*.example:*"] {
        for named in [&target, "own.example:22"] {
            let error = permitted(named, refused, &answers()).await.unwrap_err();
            assert!(matches!(error, DialError::Forbidden(_)), "{named} {refused}: {error}");
        }
    }
    for allowed in [format!("dial:{own}:22"), "dial:0.0.0.0/0:22".into(), "dial:own.example:22".into()] {
        assert!(permitted("own.example:22", &allowed, &answers()).await.is_ok(), "{allowed}");
    }
}

#[test]
fn an_address_that_cannot_be_looked_at_counts_as_this_machines() {
    let ip: IpAddr = "8.8.8.8".parse().unwrap();
    assert!(is_from(Ok("8.8.8.8:1".parse().unwrap()), ip) && !is_from(Ok("10.0.0.1:1".parse().unwrap()), ip));
    for kind in [io::ErrorKind::AddrInUse, io::ErrorKind::OutOfMemory] {
        assert!(is_from(Err(kind.into()), ip), "{kind}");
    }
    // Dialling says so too, and better.
    assert!(!is_from(Err(io::ErrorKind::NetworkUnreachable.into()), ip));
}

/// Whoever answers with a public address first and with one of this machine then gains nothing: there is one look-up, and what it
/// brought is what is connected to.
#[tokio::test]
async fn a_name_is_looked_up_once() {
    let answers = Answers::new(&[&["8.8.8.8:80"], &["127.0.0.1:80"]]);
    let found = permitted("rebind.example:80", "dial:*:*", &answers).await.unwrap();
    assert_eq!(found, ["8.8.8.8:80".parse().unwrap()]);
    assert!(!answers.are_used_up(), "the second answer was never asked for");
    let next = permitted("rebind.example:80", "dial:*:*", &answers).await;
    assert!(matches!(next, Err(DialError::Forbidden(_))), "{next:?}");
}

#[tokio::test]
async fn what_no_rule_could_allow_is_not_looked_up() {
    let answers = Answers::new(&[&["8.8.8.8:80"]]);
    let error =
        permitted("secret.evil.example:80", "dial:*:443 dial:db.example:80", &answers).await.unwrap_err();
    assert!(matches!(error, DialError::Forbidden(None)), "{error:?}");
    assert!(!answers.are_used_up());
}

#[tokio::test]
async fn names_of_this_machine_are_not_looked_up() {
    let answers = Answers::new(&[&["8.8.8.8:80"]]);
    for name in ["localhost", "LOCALHOST.", "x.localhost", "x.LocalHost."] {
        let target = format!("{name}:80");
        let found = permitted(&target, "dial:localhost:80", &answers).await.unwrap();
        assert!(!found.is_empty() && found.iter().all(|at| at.ip().is_loopback()), "{name}: {found:?}");
        assert!(permitted(&target, "dial:*:*", &answers).await.is_err(), "{name}");
    }
    assert!(!answers.are_used_up());
}

/// What the system does in a thread goes on when nobody waits for it any more: whoever gives up one stream after the other would
/// otherwise have all the threads.
#[tokio::test]
async fn a_look_up_that_is_given_up_keeps_its_turn_until_it_is_done() {
    let turns = Arc::new(Semaphore::new(1));
    let (done, is_done) = oneshot::channel::<()>();
    let waiting = tokio::spawn({
        let turns = Arc::clone(&turns);
        async move { in_turn(&turns, is_done).await }
    });
    while turns.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    assert_eq!(turns.available_permits(), 0);
    done.send(()).unwrap();
    assert_eq!(in_turn(&turns, async { "next" }).await, Some("next"));
}

/// A name service may say whatever it likes, but not have this process work on it for long.
#[tokio::test]
async fn of_very_many_addresses_the_first_count() {
    let many: Vec<_> = (0..4_000_u16).map(|n| format!("8.{}.{}.8:80", n >> 8, n & 255)).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let found = permitted("many.example:80", "dial:*:*", &Answers::new(&[&many])).await.unwrap();
    assert_eq!(found.len(), 32);
    assert_eq!(found[0], many[0].parse().unwrap());
}

/// A peer must not make this process send to itself.
#[tokio::test]
async fn the_port_of_the_links_is_not_a_place_for_datagrams() {
    let own: SocketAddr = "0.0.0.0:5000".parse().unwrap();
    let rules = rules("dial:127.0.0.1:*/udp dial:8.8.8.8:*/udp");
    let reaches = async |target: &str, own| {
        resolve_permitted(&named(target, Protocol::Udp), &rules, &[own], &SystemResolver::new()).await.is_ok()
    };
    assert!(!reaches("127.0.0.1:5000", own).await);
    assert!(!reaches("127.0.0.1:5000", "127.0.0.1:5000".parse().unwrap()).await);
    assert!(reaches("127.0.0.1:5001", own).await);
    assert!(reaches("8.8.8.8:5000", own).await, "another machine may have the same port");
    assert!(reaches("8.8.8.8:5000", "127.0.0.1:5000".parse().unwrap()).await);
}

#[test]
fn a_name_that_could_not_be_looked_up_is_not_unknown() {
    let error =
        |no_descriptor| ResolveError { name: "exit.example".into(), reason: String::new(), no_descriptor };
    assert_eq!(DialError::from(error(true)).code(), ResetCode::Limit);
    assert_eq!(DialError::from(error(false)).code(), ResetCode::Unreachable);
}

#[tokio::test]
async fn a_connection_to_itself_is_noticed() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let tcp = socket.connect(address).await.unwrap();
    assert!(is_connected_to_itself(&tcp));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = checked(listener.local_addr().unwrap()).await;
    let (tcp, reached) = connect(at, TcpKeepalive::default()).await.unwrap();
    assert!(!is_connected_to_itself(&tcp));
    assert_eq!(reached, at);
}

#[tokio::test]
async fn an_address_that_is_silent_or_refuses_does_not_keep_the_next_from_being_tried() {
    let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let good = checked(open.local_addr().unwrap()).await;
    let refusing = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refusing = checked(refusing).await;
    // Of the block for documentation, RFC 5737: nobody answers there, and where there is no way to it that is said at once.
    let silent = checked("192.0.2.1:9".parse().unwrap()).await;
    for addresses in
        [vec![silent, good], vec![refusing, good], vec![silent, refusing, good], vec![good, silent]]
    {
        let (_, reached) = first(addresses.clone(), TcpKeepalive::Off).await.unwrap();
        assert_eq!(reached, good, "{addresses:?}");
    }
    let failed = first(vec![refusing, refusing], TcpKeepalive::Off).await;
    assert!(matches!(failed, Err(DialError::Refused)), "{failed:?}");
    assert!(matches!(first(vec![], TcpKeepalive::Off).await, Err(DialError::UnknownHost)));
}

/// Each attempt has a descriptor, and a dial has the place of one.
#[tokio::test]
async fn a_name_with_many_silent_addresses_has_few_attempts_at_a_time() {
    let address = checked("127.0.0.1:9".parse().unwrap()).await;
    let (attempts, begun) = (Arc::new(()), AtomicUsize::new(0));
    let attempt = |_| {
        let last = begun.fetch_add(1, Ordering::Relaxed) == ATTEMPTS + 2;
        let attempt = Arc::clone(&attempts);
        async move {
            let under_way = Arc::strong_count(&attempt) - 1;
            if last { Ok(under_way) } else { std::future::pending().await }
        }
    };
    let under_way = first_of(vec![address; ATTEMPTS + 3], attempt).await.unwrap();
    assert_eq!((begun.into_inner(), under_way), (ATTEMPTS + 3, ATTEMPTS));
}

/// Whatever a peer can make this crate connect to goes through [`dial`].
#[test]
fn nothing_else_in_this_crate_connects() {
    /// Files that connect or look up: a new one belongs here only if no peer can choose where to.
    const KNOWN: [&str; 10] = [
        // To a checked address.
        "local/dial/connect.rs",
        "local/dial/datagrams.rs",
        // To a checked path.
        "local/dial/socket.rs",
        // A UDP socket that sends nothing.
        "local/dial/permit.rs",
        // For those; and to learn whether anybody listens on a socket that is to be made.
        "local/stream/unix_unix.rs",
        "local/stream/unix_other.rs",
        // Looks up, for whoever asks.
        "address.rs",
        // UDP sockets, to the proxy2 of the settings.
        "udp.rs",
        "link/sealed/client/diagnosis.rs",
        "doctor/socket.rs",
    ];
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let connects = [".connect(", "::connect(", "connect_unix(", "lookup_host("];
            let is_test = name.ends_with("tests.rs") || name.contains("/tests/");
            let is_known = KNOWN.contains(&name.as_str());
            let found = connects.iter().find(|call| code.contains(**call));
            assert!(
                is_test || is_known || found.is_none(),
                "{name} has {found:?}: dial with crate::local::dial"
            );
        }
    }
}
