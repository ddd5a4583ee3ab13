//! Standard input and output on one stream, as of `paso nc` and `-W`.

use std::time::Duration;

use anyhow::{Context, bail};
use paso::Stream;
use tokio::io::{AsyncWriteExt, copy, split, stdin, stdout};

/// How long proxy2 may take to say why it forbids a stream.
pub(crate) const WHY: Duration = Duration::from_secs(3);

/// Carries both directions until the other side has ended; the end of the input ends one direction only.
///
/// # Errors
/// The stream was reset, or the output cannot be written.
pub(crate) async fn carry(stream: Stream) -> anyhow::Result<()> {
    let (mut from, mut to) = split(stream);
    let sending = async {
        copy(&mut stdin(), &mut to).await?;
        to.shutdown().await
    };
    let receiving = async {
        let mut out = stdout();
        copy(&mut from, &mut out).await?;
        out.flush().await
    };
    tokio::pin!(sending, receiving);
    let mut is_sent = false;
    loop {
        tokio::select! {
            biased;
            received = &mut receiving => return received.context("the stream"),
            sent = &mut sending, if !is_sent => {
                is_sent = true;
                if let Err(error) = sent {
                    // What the other side has sent before it reset is still on its way out.
                    if receiving.as_mut().await.is_err() {
                        bail!("the stream: {error}");
                    }
                    return Ok(());
                }
            }
        }
    }
}
