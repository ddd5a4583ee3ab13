//! HTTP at a proxy port: CONNECT (RFC 9110 section 9.3.6), and requests for a whole URI (RFC 9112 section 3.2.2).

mod headers;

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::http::uri::{Authority, Scheme};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use proto::destination::Destination;
use proto::sealed::wire::frame::ResetCode;
use tokio::io::copy_bidirectional;

use super::opener::Opener;
use super::prefixed::Prefixed;
use super::{Outcome, PATIENCE, destination, say_farewell, sentence};
use crate::address::parse_port;
use crate::local::pipe::reset_code;

/// Bytes of the longest head of a request.
const MAX_HEAD: usize = 64 << 10;
/// The port of a URI that names none.
const HTTP_PORT: u16 = 80;

type Body = Either<Full<Bytes>, Incoming>;

/// What the connection becomes when its last answer has been written.
enum After<T> {
    /// A tunnel.
    Tunnel(T),
    /// Another protocol, between the client and the origin.
    Switched(OnUpgrade),
}

/// Where a request puts it.
type AfterSlot<T> = Arc<Mutex<Option<After<T>>>>;

/// Serves a connection that speaks HTTP.
pub(super) async fn serve<O: Opener>(client: Prefixed<O::Client>, opener: O) -> Outcome {
    let slot = AfterSlot::<O::Tunnel>::default();
    let has_asked = AtomicBool::new(false);
    let service = service_fn(|request| {
        has_asked.store(true, Relaxed);
        let (opener, slot) = (opener.clone(), Arc::clone(&slot));
        Box::pin(async move { Ok::<_, Infallible>(answer(request, &opener, &slot).await) })
    });
    let mut connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(client), service);
    let served = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let parts = connection.into_parts();
    let (mut first, client) = parts.io.into_inner().into_parts();
    let after = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    let outcome = match (served, after) {
        (Ok(()), Some(after)) => {
            first.splice(0..0, parts.read_buf);
            go_on(after, client, first, &opener).await;
            return Outcome::Done;
        }
        (Ok(()), None) => Outcome::Done,
        // A connection that is kept for more requests than there are is no fault.
        (Err(error), _) if error.is_timeout() && has_asked.into_inner() => Outcome::Done,
        (Err(error), _) if error.is_timeout() => Outcome::TimedOut,
        (Err(error), _) if error.is_parse() || error.is_parse_too_large() => {
            Outcome::Malformed("no HTTP, or a head of more than 64 KiB")
        }
        // What it was sent may be cut off: it ends with RST.
        (Err(_), _) => return Outcome::Done,
    };
    say_farewell(client).await;
    outcome
}

async fn go_on<O: Opener>(after: After<O::Tunnel>, client: O::Client, first: Vec<u8>, opener: &O) {
    match after {
        After::Tunnel(tunnel) => opener.join(tunnel, client, first).await,
        After::Switched(origin) => {
            let Ok(origin) = origin.await else { return };
            let (mut client, mut origin) = (Prefixed::new(client, first), TokioIo::new(origin));
            if copy_bidirectional(&mut client, &mut origin).await.is_ok() {
                say_farewell(client.into_parts().1).await;
            }
        }
    }
}

async fn answer<O: Opener>(
    request: Request<Incoming>,
    opener: &O,
    slot: &AfterSlot<O::Tunnel>,
) -> Response<Body> {
    let answered = match *request.method() {
        Method::CONNECT => connect(request, opener, slot).await,
        _ => carry(request, opener, slot).await,
    };
    answered.unwrap_or_else(Refusal::into_response)
}

async fn connect<O: Opener>(
    request: Request<Incoming>,
    opener: &O,
    slot: &AfterSlot<O::Tunnel>,
) -> Result<Response<Body>, Refusal> {
    // RFC 9112 section 3.2.3: host and port alone.
    let authority = request.uri().authority().filter(|_| request.uri().scheme().is_none());
    let to = asked(authority, None)?;
    let tunnel = opener.tunnel(&to).await.map_err(|code| Refusal::of(&to, code))?;
    put(slot, After::Tunnel(tunnel));
    Ok(Response::new(text("")))
}

/// Carries one request to its origin, over a stream of its own.
async fn carry<O: Opener>(
    request: Request<Incoming>,
    opener: &O,
    slot: &AfterSlot<O::Tunnel>,
) -> Result<Response<Body>, Refusal> {
    if request.uri().scheme().is_some_and(|scheme| *scheme != Scheme::HTTP) {
        return Err(Refusal::bad("this proxy carries http:// itself and everything else by CONNECT\n"));
    }
    let authority = request.uri().authority().filter(|_| request.uri().scheme().is_some());
    let to = asked(authority, Some(HTTP_PORT))?;
    let may_switch = headers::asks_for_upgrade(request.headers());
    let stream = opener.stream(&to).await.map_err(|code| Refusal::of(&to, code))?;
    let failed = |error: &hyper::Error| Refusal::of_origin(&to, error);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    // Ends with the response, or when nobody waits for it any more.
    tokio::spawn(connection.with_upgrades());
    let request = to_origin(request)?;
    let mut response = sender.send_request(request).await.map_err(|error| failed(&error))?;
    let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if switches && !may_switch {
        let text = format!("{to}: it speaks another protocol without having been asked to\n");
        return Err(Refusal { status: StatusCode::BAD_GATEWAY, text });
    }
    headers::keep_end_to_end(response.headers_mut(), switches);
    if switches {
        put(slot, After::Switched(hyper::upgrade::on(&mut response)));
    }
    *response.version_mut() = Version::HTTP_11;
    Ok(response.map(Either::Right))
}

/// The request as the origin gets it.
fn to_origin(mut request: Request<Incoming>) -> Result<Request<Incoming>, Refusal> {
    let asks_for_upgrade = headers::asks_for_upgrade(request.headers());
    headers::keep_end_to_end(request.headers_mut(), asks_for_upgrade);
    headers::prepare_for_origin(request.headers_mut(), asks_for_upgrade);
    let host = request.uri().authority().map(|authority| HeaderValue::from_str(host_and_port(authority)));
    if let Some(Ok(host)) = host {
        // RFC 9112 section 3.2.2: whatever the client wrote there.
        request.headers_mut().insert(HOST, host);
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse::<Uri>().map_err(|_| Refusal::bad("that is no URI\n"))?;
    *request.version_mut() = Version::HTTP_11;
    Ok(request)
}

/// Without the user and password that may stand before.
fn host_and_port(authority: &Authority) -> &str {
    let text = authority.as_str();
    text.rsplit_once('@').map_or(text, |(_, host_and_port)| host_and_port)
}

/// What stands behind the host and its colon; `None`: nothing (RFC 3986 section 3.2.3).
fn port_text(authority: &Authority) -> Option<&str> {
    let behind = host_and_port(authority).strip_prefix(authority.host())?;
    behind.strip_prefix(':').filter(|port| !port.is_empty())
}

/// Where a request wants to go.
fn asked(authority: Option<&Authority>, default: Option<u16>) -> Result<Destination, Refusal> {
    const WHOLE: &str =
        "this is a proxy: ask it for a whole URI, as http://host/path, or CONNECT host:port\n";
    let authority = authority.ok_or_else(|| Refusal::bad(WHOLE))?;
    // Not `Authority::port`: it has none where the port is none, and the default would be meant.
    let port = match port_text(authority) {
        Some(text) => parse_port(text).map_err(|error| Refusal::bad(&format!("{error}\n")))?,
        None => default.ok_or_else(|| Refusal::bad(WHOLE))?,
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    destination(host, port).map_err(|error| Refusal::bad(&format!("{error}\n")))
}

fn put<T>(slot: &AfterSlot<T>, after: After<T>) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(after);
}

/// An answer of the proxy itself.
struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    fn bad(text: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, text: text.into() }
    }

    /// No stream, or one that was reset.
    fn of(to: &Destination, code: ResetCode) -> Self {
        let status = match code {
            ResetCode::Forbidden => StatusCode::FORBIDDEN,
            ResetCode::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            ResetCode::Limit => StatusCode::SERVICE_UNAVAILABLE,
            ResetCode::Refused
            | ResetCode::Unreachable
            | ResetCode::Reset
            | ResetCode::Idle
            | ResetCode::Unknown(_) => StatusCode::BAD_GATEWAY,
        };
        Self { status, text: sentence(to, code) }
    }

    /// The origin was reached and does not answer as it should.
    fn of_origin(to: &Destination, error: &hyper::Error) -> Self {
        let io = std::error::Error::source(error).and_then(|source| source.downcast_ref());
        match io.and_then(reset_code) {
            Some(code) => Self::of(to, code),
            None => Self { status: StatusCode::BAD_GATEWAY, text: format!("{to}: {error}\n") },
        }
    }

    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(text(&self.text));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    }
}

fn text(text: &str) -> Body {
    Either::Left(Full::from(text.to_owned()))
}
