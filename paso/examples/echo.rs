//! Echo over a link: an exit, a link that joins it, and a stream to an echo server, all in this process.
//!
//! `cargo run -p paso --example echo`

use paso::{Allow, Exit, Link, State};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what came of it")]
async fn main() -> anyhow::Result<()> {
    for line in ["hola", "¿qué tal?"] {
        println!("{line} -> {}", echo(line).await?);
    }
    Ok(())
}

/// What comes back for `line`.
pub(crate) async fn echo(line: &str) -> anyhow::Result<String> {
    // Somewhere outside: a server, and an exit that connects to it for the holder of the ticket.
    let server = TcpListener::bind("127.0.0.1:0").await?;
    let target = server.local_addr()?.to_string();
    tokio::spawn(echo::serve(server, std::future::pending()));
    let state = State::in_memory();
    let ticket = state.ticket("example")?;
    let exit = Exit::bind("127.0.0.1:0", &state, Allow::target(&target)?).await?;
    let address = exit.address().to_string();
    tokio::spawn(exit.run(std::future::pending()));

    // Inside: only UDP to the exit's port is needed.
    let link = Link::join(&address, ticket).await?;
    let mut stream = link.open(&target).await?;
    stream.write_all(line.as_bytes()).await?;
    stream.shutdown().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    link.close().await?;
    Ok(answer)
}
