//! Streams to what an exit may forbid.

use std::time::Duration;

use anyhow::{Context, anyhow};
use paso::{Link, OpenError, Stream};
use tokio::time::timeout;

/// How long proxy2 may take to say why it forbids a stream.
const WHY: Duration = Duration::from_secs(3);

/// Opens a stream as [`Link::open`] does. Where rules forbid it, the error says which one would allow it, as proxy2 says it.
///
/// Cancel safe as that is.
///
/// # Errors
/// As there, with the target.
pub async fn open(link: &Link, to: &str) -> anyhow::Result<Stream> {
    let error = match link.open(to).await {
        Ok(stream) => return Ok(stream),
        Err(error) => error,
    };
    let why = async { if error == OpenError::Forbidden { link.why_forbidden(to).await } else { None } };
    match timeout(WHY, why).await {
        Ok(Some(why)) => Err(anyhow!("{to}: {}", paso::visible(&why))),
        Ok(None) | Err(_) => Err(error).with_context(|| to.to_owned()),
    }
}
