//! Where there are no Unix sockets.

use std::path::Path;

/// Nobody can be asked here.
#[expect(clippy::unused_async, reason = "as where there are Unix sockets")]
pub(super) async fn exchange(_at: &Path, _request: &[u8]) -> Result<Vec<u8>, String> {
    Err("proxy2 has no control socket on this system".into())
}
