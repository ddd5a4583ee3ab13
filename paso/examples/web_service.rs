//! A web service by name, with no open port on either side: axum serves it here, hyper asks for it there, both have joined the same exit.
//!
//! `cargo run -p paso --example web_service` does all of it in one process. With tickets of a `proxy2 PORT` that may `publish:hello` and
//! `use:hello` in `PASO_TICKET`, run `web_service EXIT:PORT serve` on one machine and `web_service EXIT:PORT get /` on another.

use std::env;

use axum::Router;
use axum::routing::get;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use paso::{AcceptError, Allow, Caller, Exit, Link, Listener, State, Stream};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what came of it")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let join = async |exit| anyhow::Ok(Link::join(exit, env::var("PASO_TICKET")?.parse()?).await?);
    match words.as_slice() {
        [] => println!("{}", in_this_process().await?),
        [exit, "serve"] => serve(&join(exit).await?).await?,
        [exit, "get", path] => println!("{}", ask(&join(exit).await?, path).await?),
        _ => anyhow::bail!("usage: web_service [EXIT:PORT serve | EXIT:PORT get /PATH]"),
    }
    Ok(())
}

/// Publishes the service as `hello`, and serves it until the link is closed.
pub(crate) async fn serve(link: &Link) -> anyhow::Result<()> {
    let app = Router::new().route("/", get(async || "hello from behind a NAT"));
    Ok(axum::serve(Clients(link.publish("hello").await?), app).await?)
}

/// What axum accepts from.
struct Clients(Listener);

impl axum::serve::Listener for Clients {
    type Io = Stream;
    type Addr = Option<Caller>;

    #[expect(clippy::print_stderr, reason = "an example shows what came of it")]
    async fn accept(&mut self) -> (Stream, Option<Caller>) {
        loop {
            match self.0.accept().await {
                Ok((stream, caller)) => return (stream, Some(caller)),
                // It is asked again; the next turn waits for that.
                Err(AcceptError::Refused(why)) => eprintln!("{why}"),
                // Nobody comes any more. axum has no way to say so: the program ends with its link.
                Err(_) => std::future::pending().await,
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Option<Caller>> {
        Ok(None)
    }
}

/// What the service answers to a GET of this path.
pub(crate) async fn ask(link: &Link, path: &str) -> anyhow::Result<String> {
    let stream = link.open("@hello").await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(path).header("host", "hello").body(Empty::<Bytes>::new())?;
    let body = sender.send_request(request).await?.into_body().collect().await?;
    Ok(String::from_utf8(body.to_bytes().to_vec())?)
}

/// An exit, the service and a client of it.
pub(crate) async fn in_this_process() -> anyhow::Result<String> {
    let state = State::in_memory();
    let (publisher, user) = (state.ticket("publisher")?, state.ticket("user")?);
    state.allow("publisher", &["publish:hello"])?;
    state.allow("user", &["use:hello"])?;
    let exit = Exit::bind("127.0.0.1:0", &state, Allow::nothing()).await?;
    let address = exit.address().to_string();
    tokio::spawn(exit.run(std::future::pending()));

    let (inside, elsewhere) = (Link::join(&address, publisher).await?, Link::join(&address, user).await?);
    let mut names = elsewhere.watch("hello").await?;
    tokio::spawn(async move { serve(&inside).await });
    if elsewhere.find("hello").await?.is_empty() {
        names.next().await?;
    }
    ask(&elsewhere, "/").await
}
