//! Whether links could start: what can be known without listening anywhere and without reaching anybody.

use anyhow::{Context, bail};
use tunnel::address::HostPorts;
use tunnel::settings::{ClientSettings, ProxySettings};

use super::plan::Link;

/// Checks the hosts and the tickets of all links.
///
/// # Errors
/// The first that cannot be had, in one sentence.
pub(super) async fn links(links: &[Link]) -> anyhow::Result<()> {
    for link in links {
        let checked = settings(&link.settings).await;
        match &link.name {
            Some(name) => checked.with_context(|| format!("the link '{name}'"))?,
            None => checked?,
        }
    }
    Ok(())
}

async fn settings(settings: &ProxySettings) -> anyhow::Result<()> {
    match settings {
        ProxySettings::Client(client) => self::client(client).await,
        ProxySettings::ClassicEntry(entry) => {
            entry.peer.resolve().await.context("HOST PORT")?;
            Ok(())
        }
        ProxySettings::ClassicExit(_) | ProxySettings::Server(_) => Ok(()),
    }
}

async fn client(client: &ClientSettings) -> anyhow::Result<()> {
    let ticket = client.ticket.find()?;
    let said: Vec<HostPorts> = ticket.places().iter().map(HostPorts::from).collect();
    let places = if client.places.is_empty() { &said } else { &client.places };
    let mut failures = Vec::new();
    for place in places {
        match place.resolve().await {
            // One that is known is enough to go on.
            Ok(_) => return Ok(()),
            Err(error) => failures.push(error.to_string()),
        }
    }
    if failures.is_empty() {
        bail!(
            "where is proxy2? Give its HOST PORT, or a ticket that says it (`proxy2 ticket add NAME --at HOST:PORT`)"
        );
    }
    bail!("{}", failures.join("; "))
}
