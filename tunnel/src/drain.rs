//! A read that tells the runtime when it has emptied a socket, so that nobody reads once more only to learn that.

use std::io;

/// Whether readiness comes as an event each time something arrives, and not as a state that only a read in vain ends:
/// epoll and kqueue as the runtime uses them. Only for datagrams: a read of TCP also ends short at urgent data, with more
/// behind it.
const EDGE_TRIGGERED: bool = cfg!(unix);

/// Reads once, inside the `try_io` of the socket's registration. Where `read` brings less than the `room` it had,
/// nothing is left: `try_io` then sees `WouldBlock` and waits for the next event, and the caller gets its count.
///
/// # Errors
/// Those of `try_io`.
pub(crate) fn read(
    room: usize,
    mut read: impl FnMut() -> io::Result<usize>,
    try_io: impl FnOnce(&mut dyn FnMut() -> io::Result<usize>) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut last = None;
    let result = try_io(&mut || match read() {
        Ok(count) if EDGE_TRIGGERED && 0 < count && count < room => {
            last = Some(count);
            Err(io::ErrorKind::WouldBlock.into())
        }
        result => result,
    });
    last.map_or(result, Ok)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// What `read` gives to its caller and to the runtime when the system call gives `count` of 10.
    fn outcome(count: usize) -> (usize, bool) {
        let mut blocked = false;
        let got = read(
            10,
            || Ok(count),
            |attempt| attempt().inspect_err(|error| blocked = error.kind() == io::ErrorKind::WouldBlock),
        );
        (got.expect("the read has a count"), blocked)
    }

    #[test]
    fn only_a_short_read_empties_the_socket() {
        assert_eq!(outcome(3), (3, true));
        assert_eq!(outcome(10), (10, false), "there may be more");
        assert_eq!(outcome(0), (0, false), "the end stays readable");
    }
}
