//! Compares what returns with what was sent, and finds the place again after a difference.
//!
//! Where all is well this is one `memcmp` a read. At a difference the next eight bytes are looked for: a little further on
//! they mean a changed byte, further ahead a hole, behind bytes that are late or returned twice.

use std::ops::Range;

use crate::pattern::Pattern;

/// Bytes that are enough to name a place in the pattern: the chance of another place looking the same is 2^-64 for each.
const NEEDLE: usize = 8;
/// Bytes looked at before a difference is judged: a needle, and a shorter piece before it.
const LOOK: usize = 2 * NEEDLE;
/// How far behind the current place late bytes are looked for.
const BEHIND: u64 = 1 << 20;
/// Bytes searched over the life of a checker; beyond it, what does not fit is corrupt. Bounds the work that
/// a server which answers something else altogether can make.
const SEARCH_BUDGET: u64 = 4 << 30;
const BLOCK: usize = 1 << 16;

/// What a checker tells while it works: everything sent before this offset is dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    /// The last bytes before this offset returned, in their place.
    Returned(u64),
    /// The last bytes before this offset were skipped.
    Skipped(u64),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Checker {
    pattern: Pattern,
    /// Offset of the byte that should return next.
    position: u64,
    /// Offset behind the last byte sent so far.
    sent: u64,
    /// Received and not yet judged, because too little of it is there.
    pending: Vec<u8>,
    /// What was skipped and has not come late.
    holes: Vec<Range<u64>>,
    /// Where the last displaced piece ended.
    late: Option<u64>,
    scratch: Vec<u8>,
    searched: u64,
    /// Bytes received.
    pub(super) returned: u64,
    /// Bytes received that were never sent.
    pub(super) corrupt: u64,
    /// Bytes received that were sent, but not here: late or twice.
    pub(super) displaced: u64,
}

impl Checker {
    pub(super) fn new(pattern: Pattern) -> Self {
        Self {
            pattern,
            position: 0,
            sent: 0,
            pending: Vec::new(),
            holes: Vec::new(),
            late: None,
            scratch: vec![0; BLOCK + NEEDLE],
            searched: 0,
            returned: 0,
            corrupt: 0,
            displaced: 0,
        }
    }

    /// Bytes sent that did not return.
    pub(super) fn missing(&self) -> u64 {
        self.sent - self.position + self.holes.iter().map(|hole| hole.end - hole.start).sum::<u64>()
    }

    /// A number that grows with every byte that returned and was sent.
    pub(super) const fn accepted(&self) -> u64 {
        self.position + self.displaced
    }

    /// Tells that everything up to `sent` is on its way.
    pub(super) fn sent(&mut self, sent: u64) {
        self.sent = self.sent.max(sent);
    }

    /// Judges what was received, as far as that can be done before more is there.
    pub(super) fn feed(&mut self, data: &[u8], passed: &mut impl FnMut(Passed)) {
        self.returned += data.len() as u64;
        if self.pending.is_empty() {
            let judged = self.judge(data, false, passed);
            self.pending.extend_from_slice(&data[judged..]);
        } else {
            let mut joined = std::mem::take(&mut self.pending);
            joined.extend_from_slice(data);
            let judged = self.judge(&joined, false, passed);
            joined.drain(..judged);
            self.pending = joined;
        }
    }

    /// Judges the rest: nothing more will come.
    pub(super) fn finish(&mut self, passed: &mut impl FnMut(Passed)) {
        let pending = std::mem::take(&mut self.pending);
        self.judge(&pending, true, passed);
    }

    fn judge(&mut self, data: &[u8], last: bool, passed: &mut impl FnMut(Passed)) -> usize {
        let mut at = 0;
        while at < data.len() {
            let matching = self.matching(self.position, &data[at..]);
            if matching > 0 {
                at += matching;
                self.position += matching as u64;
                passed(Passed::Returned(self.position));
            } else if data.len() - at < LOOK && !last {
                break;
            } else {
                at += self.find_place(&data[at..], passed);
            }
        }
        at
    }

    /// How many bytes of `data` are those of the pattern at `offset`, up to the last one sent.
    fn matching(&mut self, mut offset: u64, data: &[u8]) -> usize {
        let allowed = usize::try_from(self.sent.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut matching = 0;
        for block in data[..data.len().min(allowed)].chunks(BLOCK) {
            let expected = &mut self.scratch[..block.len()];
            self.pattern.fill(offset, expected);
            if block != expected {
                return matching + block.iter().zip(expected).take_while(|(a, b)| a == b).count();
            }
            matching += block.len();
            offset += block.len() as u64;
        }
        matching
    }

    /// Deals with a difference at the start of `data`: moves the position, or judges some bytes and returns how many.
    fn find_place(&mut self, data: &[u8], passed: &mut impl FnMut(Passed)) -> usize {
        if data.len() < NEEDLE {
            return self.judge_tail(data, passed);
        }
        if let Some(changed) = self.changed_in_place(data) {
            self.corrupt += changed as u64;
            self.position += changed as u64;
            return changed;
        }
        if let Some(place) = self.search(data, self.position..self.sent) {
            self.skip_to(place, passed);
            return 0;
        }
        if let Some(place) = self.search(data, self.position.saturating_sub(BEHIND)..self.position) {
            return self.displace(place, data);
        }
        self.short_piece(data, passed).unwrap_or_else(|| {
            self.corrupt += 1;
            1
        })
    }

    /// Fewer bytes than a needle, at the very end: the end of what was sent, or the rest of a late piece.
    fn judge_tail(&mut self, data: &[u8], passed: &mut impl FnMut(Passed)) -> usize {
        let place = self.sent.saturating_sub(data.len() as u64);
        if place > self.position && self.matching(place, data) == data.len() {
            self.skip_to(place, passed);
            return 0;
        }
        if let Some(late) = self.late.filter(|&late| self.matching(late, data) == data.len()) {
            self.displaced += data.len() as u64;
            self.fill_holes(late, data.len() as u64);
        } else {
            self.corrupt += data.len() as u64;
        }
        data.len()
    }

    /// The number of bytes that differ, if after a few of them all is well again at the same place.
    fn changed_in_place(&mut self, data: &[u8]) -> Option<usize> {
        (1..=NEEDLE).find(|&changed| {
            let rest = data.get(changed..changed + NEEDLE);
            rest.is_some_and(|rest| self.matching(self.position + changed as u64, rest) == NEEDLE)
        })
    }

    /// A piece shorter than a needle between two holes: found if the bytes behind it have a place ahead.
    fn short_piece(&mut self, data: &[u8], passed: &mut impl FnMut(Passed)) -> Option<usize> {
        let (length, next) = (1..NEEDLE).find_map(|length| {
            let place = self.search(data.get(length..)?, self.position..self.sent)?;
            Some((length, place))
        })?;
        let gap = usize::try_from(next - self.position).ok()?.min(BLOCK);
        let ahead = self.pattern.bytes(self.position, gap);
        if let Some(at) = ahead.windows(length).position(|window| *window == data[..length]) {
            self.skip_to(self.position + at as u64, passed);
            self.position += length as u64;
            passed(Passed::Returned(self.position));
        } else {
            self.corrupt += length as u64;
        }
        self.skip_to(next, passed);
        Some(length)
    }

    /// The first place in `range` where the pattern has the first bytes of `data`.
    fn search(&mut self, data: &[u8], range: Range<u64>) -> Option<u64> {
        let needle: [u8; NEEDLE] = *data.first_chunk()?;
        let mut start = range.start;
        while start < range.end && self.searched < SEARCH_BUDGET {
            self.pattern.fill(start, &mut self.scratch);
            let found = self.scratch.windows(NEEDLE).position(|window| window == needle);
            if let Some(place) = found.map(|at| start + at as u64) {
                return (place + NEEDLE as u64 <= self.sent).then_some(place);
            }
            start += BLOCK as u64;
            self.searched += BLOCK as u64;
        }
        None
    }

    fn skip_to(&mut self, place: u64, passed: &mut impl FnMut(Passed)) {
        if place > self.position {
            self.holes.push(self.position..place);
            self.position = place;
            passed(Passed::Skipped(place));
        }
    }

    /// Judges bytes that belong to `place`, behind the position; returns how many they are.
    fn displace(&mut self, place: u64, data: &[u8]) -> usize {
        let behind = usize::try_from(self.position - place).unwrap_or(usize::MAX);
        let run = self.matching(place, data).min(behind);
        // The byte after the piece may equal its successor by chance: end it where the stream goes on.
        let goes_on = |checker: &mut Self, cut: usize| {
            let next = data.get(run - cut..run - cut + NEEDLE);
            next.is_some_and(|next| checker.matching(checker.position, next) == NEEDLE)
        };
        let cut = (0..NEEDLE).find(|&cut| goes_on(self, cut)).unwrap_or(0);
        let length = (run - cut) as u64;
        self.displaced += length;
        self.late = Some(place + length);
        self.fill_holes(place, length);
        run - cut
    }

    /// Takes `length` bytes from the holes at `place`. For the same reason the hole may seem to begin a few bytes off.
    fn fill_holes(&mut self, place: u64, length: u64) {
        let mut left = length;
        let reach = place.saturating_sub(NEEDLE as u64)..place + length + NEEDLE as u64;
        let mut remaining = Vec::with_capacity(self.holes.len() + 1);
        for hole in self.holes.drain(..) {
            let start = hole.start.max(reach.start).max(place.min(hole.end.saturating_sub(left)));
            let end = hole.end.min(reach.end).min(start.saturating_add(left));
            if start >= end {
                remaining.push(hole);
                continue;
            }
            left -= end - start;
            remaining.extend([hole.start..start, end..hole.end].into_iter().filter(|part| !part.is_empty()));
        }
        self.holes = remaining;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: usize = 20_000;

    /// Feeds `data` in pieces of `piece` bytes; returns (missing, corrupt, displaced).
    fn check(data: &[u8], piece: usize) -> (u64, u64, u64) {
        let mut checker = Checker::new(Pattern::new(1, 1));
        checker.sent(SENT as u64);
        data.chunks(piece).for_each(|data| checker.feed(data, &mut |_| ()));
        checker.finish(&mut |_| ());
        assert_eq!(checker.returned, data.len() as u64);
        (checker.missing(), checker.corrupt, checker.displaced)
    }

    fn piece(range: Range<usize>) -> Vec<u8> {
        pieces(&[range])
    }

    fn pieces(ranges: &[Range<usize>]) -> Vec<u8> {
        let sent = Pattern::new(1, 1).bytes(0, SENT);
        ranges.iter().flat_map(|range| sent[range.clone()].to_vec()).collect()
    }

    #[track_caller]
    fn expect(data: &[u8], verdict: (u64, u64, u64)) {
        for piece in [1, 7, 1_000, SENT] {
            assert_eq!(check(data, piece), verdict, "in pieces of {piece}");
        }
    }

    #[test]
    fn all_there() {
        expect(&piece(0..SENT), (0, 0, 0));
    }

    #[test]
    fn nothing_there() {
        expect(&[], (SENT as u64, 0, 0));
    }

    #[test]
    fn holes_are_missing_and_nothing_is_corrupt() {
        expect(&pieces(&[0..1_400, 2_800..SENT]), (1_400, 0, 0));
        expect(&pieces(&[1..4_000, 4_001..4_100, 9_000..SENT - 3]), (1 + 1 + 4_900 + 3, 0, 0));
    }

    #[test]
    fn a_short_last_piece_behind_a_hole_is_found() {
        expect(&pieces(&[0..1_400, SENT - 5..SENT]), (SENT as u64 - 1_405, 0, 0));
    }

    #[test]
    fn a_short_piece_between_holes_is_found() {
        expect(&pieces(&[0..1_400, 2_000..2_003, 5_000..SENT]), (600 + 2_997, 0, 0));
    }

    #[test]
    fn changed_bytes_are_corrupt_and_not_missing() {
        let mut data = piece(0..SENT);
        data[5_000] ^= 1;
        data[7_000..7_004].iter_mut().for_each(|byte| *byte ^= 0x55);
        expect(&data, (0, 5, 0));
    }

    #[test]
    fn bytes_never_sent_are_corrupt() {
        let mut data = piece(0..5_000);
        data.extend([0xEE; 40]);
        data.extend(piece(5_000..SENT));
        expect(&data, (0, 40, 0));
        expect(&[0; 100], (SENT as u64, 100, 0));
    }

    #[test]
    fn late_bytes_are_displaced_and_not_missing() {
        for width in 100..400 {
            let data = pieces(&[0..1_000, 1_000 + width..1_700, 1_000..1_000 + width, 1_700..SENT]);
            assert_eq!(check(&data, 999), (0, 0, width as u64), "width {width}");
        }
    }

    #[test]
    fn bytes_returned_twice_are_displaced() {
        expect(&pieces(&[0..1_400, 0..1_400, 1_400..SENT]), (0, 0, 1_400));
        expect(&pieces(&[0..SENT, 100..200]), (0, 0, 100));
    }

    #[test]
    fn what_passes_is_told_in_order() {
        let mut checker = Checker::new(Pattern::new(1, 1));
        checker.sent(SENT as u64);
        let mut told = Vec::new();
        checker.feed(&pieces(&[0..1_010, 3_000..4_000]), &mut |passed| told.push(passed));
        assert_eq!(told, [Passed::Returned(1_010), Passed::Skipped(3_000), Passed::Returned(4_000)]);
    }
}
