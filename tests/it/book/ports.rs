//! Free ports in place of those that the pages show.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// Ports of the pages; other numbers stay as they are.
const SHOWN: [u16; 18] =
    [22, 53, 80, 123, 443, 1080, 2222, 2375, 3000, 5000, 5001, 5353, 5432, 7000, 8000, 8080, 8081, 51820];

/// Hosts of the pages that are this machine here.
const HOSTS: [&str; 4] = ["exit.example", "outside.example", "0.0.0.0", "localhost"];

/// What stands for the ports of the pages in one scene.
#[derive(Debug)]
pub(crate) struct Ports(BTreeMap<u16, u16>);

impl Ports {
    /// Ports that nobody has.
    pub(crate) fn free() -> Self {
        Self(SHOWN.into_iter().map(|shown| (shown, free())).collect())
    }

    /// What stands for a port of the pages.
    pub(crate) fn of(&self, shown: u16) -> u16 {
        self.0[&shown]
    }

    /// A command, or what it says, on this machine.
    pub(crate) fn here(&self, text: &str) -> String {
        let text = HOSTS.iter().fold(text.to_owned(), |text, host| text.replace(host, "127.0.0.1"));
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, number) = rest.split_at(at);
            let end = number.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(number.len());
            let (number, behind) = number.split_at(end);
            out.push_str(before);
            // Not the digits of a word or of an address.
            let is_alone = !out.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_'))
                && !behind.starts_with('.');
            let port = number.parse().ok().filter(|_| is_alone).and_then(|shown| self.0.get(&shown));
            out.push_str(&port.map_or_else(|| number.to_owned(), ToString::to_string));
            rest = behind;
        }
        out + rest
    }
}

/// One that is free for TCP and UDP. It is below those that the system gives to whoever asks for any, so no other test takes it.
fn free() -> u16 {
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 18_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 1_000).unwrap_or_default() * 18;
    loop {
        let port = FIRST + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let at = (Ipv4Addr::LOCALHOST, port);
        if TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok() {
            return port;
        }
    }
}

#[test]
fn ports_and_hosts_are_replaced_and_nothing_else() {
    let ports = Ports::free();
    let (five, eighty) = (ports.of(5000), ports.of(80));
    let here = ports.here("proxy2 0.0.0.0:5000 localhost 80 --memory 80MB '10.0.0.80:80,443.5' v5000");
    assert_eq!(
        here,
        format!("proxy2 127.0.0.1:{five} 127.0.0.1 {eighty} --memory 80MB '10.0.0.80:{eighty},443.5' v5000")
    );
}
