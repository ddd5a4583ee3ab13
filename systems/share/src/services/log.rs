//! `share log`: writes down what servers report.

use std::future::Future;

use jsonrpsee_server::RpcModule;
use jsonrpsee_server::types::ErrorObjectOwned;
use tokio::net::TcpListener;

use super::rpc;

/// Serves until `shutdown` completes. `write` takes each line, without a line end and with nothing in it that moves a cursor; it must not
/// block.
///
/// # Errors
/// The listener cannot be used.
pub async fn serve_log(
    listener: TcpListener,
    write: impl Fn(String) + Send + Sync + 'static,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let mut methods = RpcModule::new(write);
    methods.register_method(rpc::LOG, |parameters, write, _| {
        let [user, operation, date, about]: [String; 4] = parameters.parse()?;
        let mut line = format!("{user} {operation}");
        for word in [about, date].iter().filter(|word| !word.is_empty()) {
            line.push(' ');
            line.push_str(word);
        }
        write(paso::visible(&line).into_owned());
        Ok::<_, ErrorObjectOwned>(true)
    })?;
    let server = rpc::serve(listener, methods)?;
    shutdown.await;
    // It stops when the last handle is dropped, too.
    let _ = server.stop();
    Ok(())
}
