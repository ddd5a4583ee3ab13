//! Carries standard input and output to a target through a link, as OpenSSH's `ProxyCommand` wants it:
//! `ssh -o ProxyCommand='proxy_command exit.example:5000 %h:%p' inner.example`, with the ticket in `PASO_TICKET`.

use anyhow::Context;
use paso::{Link, Ticket};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional, join, stdin, stdout};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [exit, target] = arguments.as_slice() else {
        anyhow::bail!("usage: proxy_command EXIT:PORT HOST:PORT")
    };
    let ticket = std::env::var("PASO_TICKET").context("the variable PASO_TICKET holds no ticket")?.parse()?;
    carry(exit, ticket, target, join(stdin(), stdout())).await
}

/// Carries `local` to `target` until both directions have ended.
pub(crate) async fn carry(
    exit: &str,
    ticket: Ticket,
    target: &str,
    mut local: impl AsyncRead + AsyncWrite + Unpin,
) -> anyhow::Result<()> {
    let link = Link::join(exit, ticket).await?;
    let mut stream = link.open(target).await?;
    copy_bidirectional(&mut local, &mut stream).await?;
    Ok(link.close().await?)
}
