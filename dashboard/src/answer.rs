//! Requests, and what they get.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use hyper::{Method, Request, Response, StatusCode};
use tunnel::session::Detail;
use tunnel::view::SessionView;

use crate::exposition::Format;
use crate::history::History;
use crate::metrics::{Scrape, Window, Writer};
use crate::pace::{Crowded, Pace};
use crate::process::Process;
use crate::snapshots::{Cached, Snapshots};
use crate::source::Source;
use crate::{host, page, readiness};

/// What the page shows, some screens full: an answer of about 200 KB at the most.
const MOST_LINKS: usize = 64;
/// Streams of all links together; each may show its share.
const MOST_STREAMS: usize = 256;

/// Between two answers, after a burst of 200: see [`server`](crate::server).
const ANSWER_PACE: Duration = Duration::from_millis(5);
const ANSWER_BURST: u32 = 200;

/// For how long an answer is given again. Since a connection ends after half a minute, slow readers hold at most 60 views and 6 pasts:
/// 21 MB in the worst case.
const KEEP_VIEW: Duration = Duration::from_millis(500);
const KEEP_METRICS: Duration = Duration::from_secs(1);
const KEEP_PAST: Duration = Duration::from_secs(5);

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// What each answer says to the browser: nothing but what comes from here, no frames, no guesses, no copies.
const HEADERS: [(HeaderName, &str); 5] = [
    (
        hyper::header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (hyper::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (hyper::header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (CACHE_CONTROL, "no-store"),
];

type Answer = Response<Full<Bytes>>;

/// What answers.
#[derive(Debug)]
pub(crate) struct Service<S> {
    source: Arc<S>,
    at: SocketAddr,
    pace: Pace,
    snapshots: Snapshots<S>,
    history: Mutex<History>,
    metrics: Mutex<(Window, Writer)>,
    view_body: Cached<Bytes>,
    past_body: Cached<Bytes>,
    text_body: Cached<Bytes>,
    openmetrics_body: Cached<Bytes>,
}

impl<S: Source> Service<S> {
    /// For requests that come to that address.
    pub(crate) fn new(source: Arc<S>, at: SocketAddr) -> Self {
        Self {
            snapshots: Snapshots::new(Arc::clone(&source)),
            source,
            at,
            pace: Pace::new(ANSWER_PACE, ANSWER_BURST),
            history: Mutex::default(),
            metrics: Mutex::default(),
            view_body: Cached::new(KEEP_VIEW),
            past_body: Cached::new(KEEP_PAST),
            text_body: Cached::new(KEEP_METRICS),
            openmetrics_body: Cached::new(KEEP_METRICS),
        }
    }

    /// Adds a second to the past.
    pub(crate) async fn sample(&self) {
        if let Some(view) = self.snapshots.refresh().await {
            lock(&self.history).add(&view);
        }
    }

    /// Answers a request.
    pub(crate) async fn answer<B>(&self, request: &Request<B>) -> Answer {
        let mut answer = match self.pace.turn().await {
            Ok(()) => self.answer_in_turn(request).await,
            Err(Crowded) => {
                let mut answer =
                    respond(StatusCode::SERVICE_UNAVAILABLE, TEXT, "too many ask: try again in a while\n");
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
                answer
            }
        };
        for (name, value) in HEADERS {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        answer
    }

    async fn answer_in_turn<B>(&self, request: &Request<B>) -> Answer {
        if !host::is_allowed(request, self.at) {
            let why = "this page answers to localhost and 127.0.0.1 only: the request has another Host\n";
            return respond(StatusCode::FORBIDDEN, TEXT, why);
        }
        if request.method() == Method::GET || request.method() == Method::HEAD {
            return self.get(request.uri().path(), request.uri().query(), request.headers()).await;
        }
        let why = "there is nothing to change here: GET and HEAD\n";
        let mut answer = respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, why);
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        answer
    }

    async fn get(&self, path: &str, query: Option<&str>, headers: &HeaderMap) -> Answer {
        match path {
            "/metrics" => {
                let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
                let format = Format::accepted(accept);
                found(format.content_type(), self.metrics(format).await)
            }
            "/healthz" => respond(StatusCode::OK, TEXT, "alive\n"),
            "/readyz" => match self.why_not_ready().await {
                None => respond(StatusCode::OK, TEXT, "ready\n"),
                Some(why) => respond(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{why}\n")),
            },
            "/api/view" => found(JSON, self.view_body.get(self.view()).await),
            "/api/history" => found(JSON, self.past(query).await),
            _ => match page::file(path) {
                Some((kind, text)) => respond(StatusCode::OK, kind, text),
                None => respond(
                    StatusCode::NOT_FOUND,
                    TEXT,
                    "here are / /metrics /healthz /readyz /api/view /api/history\n",
                ),
            },
        }
    }

    async fn why_not_ready(&self) -> Option<String> {
        match self.snapshots.get(Detail::Links).await {
            Some(view) => readiness::why_not(self.source.phase(), &view),
            None => Some(NO_ANSWER.into()),
        }
    }

    async fn metrics(&self, format: Format) -> Option<Bytes> {
        let body = match format {
            Format::Text => &self.text_body,
            Format::OpenMetrics => &self.openmetrics_body,
        };
        let write = async {
            let view = self.snapshots.get(Detail::Links).await?;
            let (window, writer) = &mut *lock(&self.metrics);
            let scrape = Scrape {
                view: &view,
                is_ready: readiness::why_not(self.source.phase(), &view).is_none(),
                lately: window.rates(&view),
                tickets: self.source.tickets(),
                memory_budget: self.source.memory_budget(),
                process: Process::now(),
            };
            Some(writer.write(format, &scrape).into())
        };
        body.get(write).await
    }

    async fn view(&self) -> Option<Bytes> {
        let mut view = (*self.snapshots.get(Detail::Streams).await?).clone();
        shorten(&mut view);
        serde_json::to_vec(&view).ok().map(Bytes::from)
    }

    /// `?since=NUMBER`: the samples from that on. All of them are large, and the same for a while.
    async fn past(&self, query: Option<&str>) -> Option<Bytes> {
        let since = query.and_then(|query| query.strip_prefix("since=")?.parse().ok());
        let tell = |since| Some(lock(&self.history).to_json(since).into());
        match since {
            Some(since) if lock(&self.history).has_most_of(since) => tell(since),
            Some(_) | None => self.past_body.get(async { tell(0) }).await,
        }
    }
}

/// Leaves out what the page does not show.
fn shorten(view: &mut SessionView) {
    view.links_left_out += shorten_list(&mut view.links, MOST_LINKS);
    let share = MOST_STREAMS / view.links.len().max(1);
    for link in &mut view.links {
        link.streams_left_out += shorten_list(&mut link.streams, share);
    }
}

/// Leaves out what is beyond `most`, and says how many that are.
fn shorten_list<T>(list: &mut Vec<T>, most: usize) -> u64 {
    let surplus = list.len().saturating_sub(most);
    list.truncate(most);
    u64::try_from(surplus).unwrap_or(u64::MAX)
}

const NO_ANSWER: &str = "the proxy does not answer";

fn found(kind: &'static str, body: Option<Bytes>) -> Answer {
    match body {
        Some(body) => respond(StatusCode::OK, kind, body),
        None => respond(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{NO_ANSWER}\n")),
    }
}

fn respond(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is left half done matters: the next second makes it anew.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
