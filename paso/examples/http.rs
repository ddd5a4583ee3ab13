//! HTTP through a stream: hyper speaks over it as over any connection.
//!
//! `cargo run -p paso --example http` asks a server in this process. With a ticket of a `proxy2 PORT HOST PORT` in `PASO_TICKET`,
//! `cargo run -p paso --example http EXIT:PORT HOST:PORT /PATH` asks the web server behind that.

use std::convert::Infallible;
use std::env;

use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use paso::{Allow, Exit, Link, State};
use tokio::net::TcpListener;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what came of it")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let body = match arguments.as_slice() {
        [] => from_this_process("/hola").await?,
        [exit, host, path] => {
            get(&Link::join(exit, env::var("PASO_TICKET")?.parse()?).await?, host, path).await?
        }
        _ => anyhow::bail!("usage: http [EXIT:PORT HOST:PORT /PATH]"),
    };
    println!("{body}");
    Ok(())
}

/// The body of `http://HOST/PATH`, as text.
async fn get(link: &Link, host: &str, path: &str) -> anyhow::Result<String> {
    let stream = TokioIo::new(link.open(host).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    // It ends with the sender.
    tokio::spawn(connection);
    let request = Request::get(path).header("host", host).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    anyhow::ensure!(response.status().is_success(), "{host}{path}: {}", response.status());
    let body = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// The same from a server behind an exit in this process.
pub(crate) async fn from_this_process(path: &str) -> anyhow::Result<String> {
    let server = TcpListener::bind("127.0.0.1:0").await?;
    let target = server.local_addr()?.to_string();
    tokio::spawn(async move {
        let (connection, _) = server.accept().await?;
        let answer = service_fn(|request: Request<Incoming>| async move {
            let body = format!("you asked for {}", request.uri());
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body))))
        });
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(connection), answer).await?;
        anyhow::Ok(())
    });
    let state = State::in_memory();
    let ticket = state.ticket("example")?;
    let exit = Exit::bind("127.0.0.1:0", &state, Allow::target(&target)?).await?;
    let address = exit.address().to_string();
    tokio::spawn(exit.run(std::future::pending()));
    get(&Link::join(&address, ticket).await?, &target, path).await
}
