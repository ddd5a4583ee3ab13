//! Copies a file through a link. The receiver says how much it has written, so that the sender knows that all of it is there:
//! that a stream took the bytes does not say that.
//!
//! `cargo run -p paso --example copy_file FROM TO`

use std::path::Path;
use std::{env, io};

use anyhow::{Context, ensure};
use paso::{Allow, Exit, Link, State};
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what came of it")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [from, to] = arguments.as_slice() else { anyhow::bail!("usage: copy_file FROM TO") };
    let bytes = copy(from.as_ref(), to.as_ref()).await?;
    println!("{bytes} bytes copied");
    Ok(())
}

/// Copies `from` to `to` over a link; the number of bytes.
pub(crate) async fn copy(from: &Path, to: &Path) -> anyhow::Result<u64> {
    let receiver = TcpListener::bind("127.0.0.1:0").await?;
    let target = receiver.local_addr()?.to_string();
    let state = State::in_memory();
    let ticket = state.ticket("sender")?;
    let exit = Exit::bind("127.0.0.1:0", &state, Allow::target(&target)?).await?;
    let address = exit.address().to_string();
    tokio::spawn(exit.run(std::future::pending()));
    let (received, sent) = tokio::join!(receive(receiver, to), send(from, &address, ticket, &target));
    received.context("the receiver failed")?;
    sent.context("the sender failed")
}

async fn send(from: &Path, exit: &str, ticket: paso::Ticket, target: &str) -> anyhow::Result<u64> {
    let mut file = File::open(from).await?;
    let link = Link::join(exit, ticket).await?;
    let mut stream = link.open(target).await?;
    let sent = tokio::io::copy(&mut file, &mut stream).await?;
    stream.shutdown().await?;
    let written = stream.read_u64().await?;
    ensure!(written == sent, "{sent} bytes were sent and {written} written");
    link.close().await?;
    Ok(sent)
}

/// Takes one file. What did not come to its end in order is not kept.
async fn receive(listener: TcpListener, to: &Path) -> io::Result<()> {
    let (mut connection, _) = listener.accept().await?;
    let part = to.with_extension("part");
    let mut file = File::create(&part).await?;
    match tokio::io::copy(&mut connection, &mut file).await {
        Ok(written) => {
            file.sync_all().await?;
            fs::rename(&part, to).await?;
            connection.write_u64(written).await
        }
        Err(error) => {
            fs::remove_file(&part).await?;
            Err(error)
        }
    }
}
