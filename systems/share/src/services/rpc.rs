//! How the services are called. With `log` and `time`, the home of jsonrpsee.

use std::time::Duration;

use anyhow::Context;
use jsonrpsee_core::client::ClientT;
use jsonrpsee_core::params::ArrayParams;
use jsonrpsee_http_client::{HttpClient, HttpClientBuilder};
use jsonrpsee_server::{RpcModule, Server, ServerConfig, ServerHandle};
use tokio::net::TcpListener;

/// How long a service may take.
const WITHIN: Duration = Duration::from_secs(1);

/// An answer is a word or a date, an entry four fields of 255 bytes, each of which JSON may write with six.
const MAX_BODY: u32 = 16 << 10;

/// The most clients of a service at a time: a server is one.
const MAX_CLIENTS: u32 = 64;

pub(super) const LOG: &str = "log";
pub(super) const DATE: &str = "date";

/// A service somewhere.
pub(super) struct Remote(HttpClient);

impl Remote {
    pub(super) fn new(url: &str) -> anyhow::Result<Self> {
        let builder = HttpClientBuilder::default().request_timeout(WITHIN).max_response_size(MAX_BODY);
        Ok(Self(builder.build(url).with_context(|| format!("'{url}' is no URL of a service"))?))
    }

    /// User, operation, date, and what it was about.
    pub(super) async fn log(&self, entry: [&str; 4]) -> anyhow::Result<()> {
        let mut parameters = ArrayParams::new();
        entry.into_iter().try_for_each(|text| parameters.insert(text))?;
        let _taken: bool = self.0.request(LOG, parameters).await?;
        Ok(())
    }

    pub(super) async fn date(&self) -> anyhow::Result<String> {
        Ok(self.0.request(DATE, ArrayParams::new()).await?)
    }
}

/// Serves these methods there.
pub(super) fn serve<C: Send + Sync + 'static>(
    listener: TcpListener,
    methods: RpcModule<C>,
) -> anyhow::Result<ServerHandle> {
    let config = ServerConfig::builder()
        .http_only()
        .max_connections(MAX_CLIENTS)
        .max_request_body_size(MAX_BODY)
        .max_response_body_size(MAX_BODY);
    let server = Server::builder().set_config(config.build()).build_from_tcp(listener.into_std()?)?;
    Ok(server.start(methods))
}
