//! Which datagrams of a receive buffer are for the same link.

use proto::sealed::wire::packet::Kind;

/// The runs of datagrams in `filled` that are for the same link, as offsets; what is no data packet is alone.
pub(crate) fn runs(filled: &[u8], stride: usize) -> Vec<(usize, usize)> {
    /// The kind and the receiver's index stand first in a packet.
    const HEAD: usize = 5;
    let mut runs: Vec<(usize, usize)> = Vec::with_capacity(1);
    let mut last: Option<&[u8]> = None;
    let mut start = 0;
    for datagram in filled.chunks(stride) {
        let head = datagram.get(..HEAD).filter(|_| Kind::of(datagram) == Some(Kind::Data));
        let end = start + datagram.len();
        match runs.last_mut() {
            Some(run) if head.is_some() && head == last => run.1 = end,
            _ => runs.push((start, end)),
        }
        last = head;
        start = end;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_for_one_link_stay_together() {
        let data = |index: u8| [Kind::Data.byte(), 0, 0, 0, index, 9, 9, 9];
        let mut bytes = [data(1), data(1), data(2), data(2), [7; 8], [7; 8]].concat();
        assert_eq!(runs(&bytes, 8), [(0, 16), (16, 32), (32, 40), (40, 48)]);
        bytes.truncate(14);
        assert_eq!(runs(&bytes, 8), [(0, 14)], "the last may be shorter");
        assert_eq!(runs(&[], 1), []);
    }
}
