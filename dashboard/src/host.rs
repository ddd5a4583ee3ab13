//! Against DNS rebinding: a page of somebody else's, whose name suddenly means this machine, must not read what is here.

use std::net::{IpAddr, SocketAddr};

use hyper::Request;
use hyper::Version;
use hyper::header::HOST;
use hyper::http::uri::Authority;

/// Whether a request may be answered at the address that it came to. A browser says in it which name it believes to speak to; at a
/// loopback address that can be the loopback address, or `localhost`, at any port: somebody may forward one.
pub(crate) fn is_allowed<B>(request: &Request<B>, at: SocketAddr) -> bool {
    if !at.ip().to_canonical().is_loopback() {
        return true;
    }
    let mut said = request.headers().get_all(HOST).iter();
    let host = match (said.next(), said.next()) {
        (Some(host), None) => {
            host.to_str().ok().is_some_and(|host| host.parse().is_ok_and(|at| is_loopback(&at)))
        }
        // No browser is that old.
        (None, _) => request.version() == Version::HTTP_10,
        (Some(_), Some(_)) => false,
    };
    host && request.uri().authority().is_none_or(is_loopback)
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    let ip = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let name = host.strip_suffix('.').unwrap_or(host);
    name.eq_ignore_ascii_case("localhost")
        || ip.parse().is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(host: &str, at: &str) -> bool {
        let request = Request::builder().header(HOST, host).body(()).unwrap();
        is_allowed(&request, at.parse().unwrap())
    }

    #[test]
    fn a_loopback_address_answers_to_names_of_its_own_only() {
        for host in ["127.0.0.1:9100", "127.0.0.1", "localhost:1", "LOCALHOST.", "[::1]:9100", "127.9.9.9"] {
            assert!(allowed(host, "127.0.0.1:9100"), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example", "192.0.2.1", "", "a b", "[::2]", "127.0.0.1.evil"]
        {
            assert!(!allowed(host, "127.0.0.1:9100"), "{host}");
            assert!(!allowed(host, "[::1]:9100"), "{host}");
        }
    }

    #[test]
    fn any_other_address_may_have_any_name() {
        assert!(allowed("metrics.example", "192.0.2.1:9100"));
    }

    #[test]
    fn the_name_is_said_once_and_in_one_way() {
        let at = "127.0.0.1:9100".parse().unwrap();
        let two = Request::builder().header(HOST, "localhost").header(HOST, "evil.example").body(()).unwrap();
        assert!(!is_allowed(&two, at));
        let other =
            Request::builder().uri("http://evil.example/").header(HOST, "localhost").body(()).unwrap();
        assert!(!is_allowed(&other, at));
        let none = |version| Request::builder().version(version).body(()).unwrap();
        assert!(is_allowed(&none(Version::HTTP_10), at));
        assert!(!is_allowed(&none(Version::HTTP_11), at));
    }
}
