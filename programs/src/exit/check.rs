//! Whether a proxy2 could start: what can be known without listening anywhere.

use anyhow::Context;
use tunnel::address::HostPort;
use tunnel::settings::{ProxySettings, StateSource};
use tunnel::state::{StateDir, StateError};

/// Checks the hosts and the state folder.
///
/// # Errors
/// The first that cannot be had, in one sentence.
pub(super) async fn settings(settings: &ProxySettings) -> anyhow::Result<()> {
    match settings {
        ProxySettings::Server(server) => {
            server.listen.resolve().await.context("[ADDR:]PORT")?;
            if let Some(target) = &server.allow.target {
                known(target).await?;
            }
            state(&server.state)
        }
        ProxySettings::ClassicExit(exit) => {
            exit.listen.resolve().await.context("[ADDR:]PORT")?;
            known(&exit.target).await
        }
        ProxySettings::Client(_) | ProxySettings::ClassicEntry(_) => Ok(()),
    }
}

async fn known(target: &HostPort) -> anyhow::Result<()> {
    target.resolve().await.map(drop).with_context(|| format!("HOST PORT {target}"))
}

/// Key and tickets, where there are some: the first start makes them.
fn state(source: &StateSource) -> anyhow::Result<()> {
    let StateSource::Folder(path) = source else { return Ok(()) };
    match StateDir::locate(path.clone())?.all_tickets() {
        Ok(_) | Err(StateError::NoKey { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
