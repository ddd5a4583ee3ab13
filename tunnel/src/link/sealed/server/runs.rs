//! Which datagrams of a receive buffer are for the same link.

use proto::sealed::wire::packet::Header;

/// The runs of datagrams in `filled` that are for the same link, as offsets; what is no data packet is alone.
pub(crate) fn runs(filled: &[u8], stride: usize) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::with_capacity(1);
    let mut last: Option<u32> = None;
    let mut start = 0;
    for datagram in filled.chunks(stride) {
        let receiver = Header::parse(datagram).map(|header| header.receiver);
        let end = start + datagram.len();
        match runs.last_mut() {
            Some(run) if receiver.is_some() && receiver == last => run.1 = end,
            _ => runs.push((start, end)),
        }
        last = receiver;
        start = end;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::sealed::wire::packet::{HEADER_LEN, OVERHEAD};

    #[test]
    fn datagrams_for_one_link_stay_together() {
        const SIZE: usize = OVERHEAD + 1;
        let data = |receiver| {
            let mut packet = [9; SIZE];
            packet[..HEADER_LEN].copy_from_slice(&Header { receiver, counter: 0 }.to_bytes());
            packet
        };
        let mut bytes = [data(1), data(1), data(2), data(2), [7; SIZE], [7; SIZE]].concat();
        let runs = |bytes: &[u8]| -> Vec<_> {
            runs(bytes, SIZE).into_iter().map(|(start, end)| (start / SIZE, end.div_ceil(SIZE))).collect()
        };
        assert_eq!(runs(&bytes), [(0, 2), (2, 4), (4, 5), (5, 6)]);
        bytes.truncate(SIZE * 2 - 1);
        assert_eq!(runs(&bytes), [(0, 2)], "the last may be shorter");
        bytes.truncate(SIZE * 2 - 2);
        assert_eq!(runs(&bytes), [(0, 1), (1, 2)], "too short for a packet");
        assert_eq!(runs(&[]), []);
    }
}
