//! `share time`: says what time it is.

use std::future::Future;
use std::time::SystemTime;

use jsonrpsee_server::RpcModule;
use tokio::net::TcpListener;

use super::rpc;
use crate::wire::date;

/// Serves until `shutdown` completes.
///
/// # Errors
/// The listener cannot be used.
pub async fn serve_time(listener: TcpListener, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    let mut methods = RpcModule::new(());
    methods.register_method(rpc::DATE, |_, (), _| date::written(SystemTime::now()))?;
    let server = rpc::serve(listener, methods)?;
    shutdown.await;
    // It stops when the last handle is dropped, too.
    let _ = server.stop();
    Ok(())
}
