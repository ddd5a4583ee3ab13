//! Where no service manager passes sockets.

/// There are none.
///
/// # Errors
/// Never.
#[expect(clippy::unnecessary_wraps, reason = "the other platforms' version can fail")]
pub(super) const fn take() -> Result<(), String> {
    Ok(())
}
