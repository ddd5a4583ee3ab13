//! Connections that nobody reads at the other end, written to until they take no more.

use tokio::net::TcpStream;

/// So many fences in a row in which no connection takes a byte, and all of them are full. One would do if TCP passed each byte on
/// at once; it acknowledges, and opens its window, now and then a little later.
const FENCES: u32 = 100;

/// More bytes than all buffers between a client and a target hold.
const BOUND: u64 = 400 << 20;

/// Writes `block` again and again to each of `streams`, until every buffer on the way is full; the number of bytes that each took.
///
/// `fence` does something that takes the same way, such as an [`exchange`](crate::client::exchange) on another connection:
/// when it is done, what could be taken from `streams` meanwhile has been.
///
/// # Panics
/// When a stream breaks, or is never full.
pub async fn fill(streams: &mut [TcpStream], block: &[u8], mut fence: impl AsyncFnMut()) -> Vec<u64> {
    let mut taken = vec![0; streams.len()];
    let mut idle = 0;
    while idle < FENCES {
        idle += 1;
        for (stream, taken) in streams.iter_mut().zip(&mut taken) {
            let written = write(stream, block, *taken);
            *taken += written;
            assert!(*taken < BOUND, "nobody holds up who writes to a stuck reader");
            if written > 0 {
                idle = 0;
            }
        }
        fence().await;
    }
    taken
}

/// Writes what the stream takes now, beginning where the block would be after `sent` bytes; the number of bytes.
fn write(stream: &TcpStream, block: &[u8], sent: u64) -> u64 {
    let mut written = 0;
    loop {
        let length = block.len() as u64;
        let at = usize::try_from((sent + written) % length).expect("it is less than a length");
        match stream.try_write(&block[at..]) {
            Ok(count) => written += count as u64,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return written,
            Err(error) => panic!("a stream that is filled breaks: {error}"),
        }
    }
}
