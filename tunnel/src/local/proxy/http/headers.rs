//! Which fields of a head go on to the other side.

use hyper::HeaderMap;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
};

/// Those of one connection alone (RFC 9110 section 7.6.1), beside the ones that `Connection` names. How a body is delimited stays as it
/// is: only the chunks are taken off and put on again.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    UPGRADE,
];

/// Whether the sender wants to go on in another protocol.
pub(super) fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE) && named_by_connection(headers).any(|name| name == UPGRADE)
}

/// Removes what does not go on. `upgrade`: the change of the protocol does.
pub(super) fn keep_end_to_end(headers: &mut HeaderMap, upgrade: bool) {
    let protocol = headers.get(UPGRADE).cloned().filter(|_| upgrade);
    let named: Vec<_> = named_by_connection(headers).filter(|name| *name != TRANSFER_ENCODING).collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        // RFC 9112 section 6.3: it is the one that does not count, and whoever reads it reads another body.
        headers.remove(CONTENT_LENGTH);
    }
    if let Some(protocol) = protocol {
        headers.insert(UPGRADE, protocol);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
}

/// Adds what the origin is told by a proxy. Its stream carries this one request.
pub(super) fn prepare_for_origin(headers: &mut HeaderMap, upgrade: bool) {
    // The client is told to go on when its body is asked for.
    headers.remove(EXPECT);
    // RFC 9110 section 7.6.3 demands it.
    headers.append(VIA, HeaderValue::from_static("1.1 paso"));
    if !upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok())
}
