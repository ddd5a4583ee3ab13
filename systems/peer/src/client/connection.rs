//! The way to a node of this machine.

use std::path::PathBuf;

use anyhow::{Context, bail};
use paso::visible;
use tokio::net::UnixStream;

use crate::home;
use crate::node::words::{Reply, Request};
use crate::overlay::Name;
use crate::wire::{self, ReadError};

/// Which node is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Which {
    pub(crate) home: Option<PathBuf>,
    pub(crate) node: Option<Name>,
}

/// A question that was asked.
#[derive(Debug)]
pub(super) struct Connection(UnixStream);

impl Connection {
    /// Asks.
    pub(super) async fn ask(which: &Which, request: &Request, body: &[u8]) -> anyhow::Result<Self> {
        let mut stream = find(which).await?;
        wire::write(&mut stream, request, body).await.context("the node does not listen")?;
        Ok(Self(stream))
    }

    /// The next answer. Not cancel safe.
    pub(super) async fn next(&mut self) -> anyhow::Result<(Reply, Vec<u8>)> {
        match wire::read(&mut self.0).await {
            Ok((Reply::Failed { why }, _)) => bail!("{}", visible(&why)),
            Ok(reply) => Ok(reply),
            Err(ReadError::Ended | ReadError::Io(_)) => bail!("the node has ended"),
            Err(error) => Err(error).context("the node"),
        }
    }
}

/// The node that is meant: the one that runs, if nothing is said.
async fn find(which: &Which) -> anyhow::Result<UnixStream> {
    let one = match (&which.home, &which.node) {
        (Some(home), _) => Some(home.clone()),
        (None, Some(node)) => Some(home::all()?.join(node.as_str())),
        (None, None) => None,
    };
    if let Some(folder) = one {
        let connected = UnixStream::connect(home::socket(&folder)).await;
        return connected
            .with_context(|| format!("no node runs in {}: start one with `peer start`", folder.display()));
    }
    let (mut found, all) = (Vec::new(), home::all()?);
    for entry in std::fs::read_dir(&all).into_iter().flatten().flatten() {
        if let Ok(stream) = UnixStream::connect(home::socket(&entry.path())).await {
            found.push((entry.file_name().to_string_lossy().into_owned(), stream));
        }
    }
    match (found.pop(), found.len()) {
        (Some((_, stream)), 0) => Ok(stream),
        (None, _) => bail!("no node of this user runs here: start one with `peer start`"),
        (Some((last, _)), _) => {
            let names: Vec<String> = found.into_iter().map(|(name, _)| name).chain([last]).collect();
            bail!("several nodes run here: say which with --node, one of {}", names.join(", "))
        }
    }
}
