//! What is bad about a path that works.

use std::time::Duration;

use tunnel::doctor::{Load, Measures, Share};

use super::{Cause, delays, percent, rate, time};

/// What it says of a path, if it is bad in one way.
type Judge = fn(&Measures) -> Option<String>;

/// What is bad about a path that works: the first of these counts, as it explains those after it.
pub(in crate::client::doctor) fn judge(measures: &Measures) -> Option<(Cause, String)> {
    let judges: [(Cause, Judge); 7] = [
        (Cause::SmallPackets, small_packets),
        (Cause::LargeLost, large_lost),
        (Cause::Policed, policed),
        (Cause::Lossy, lossy),
        (Cause::Queue, queue),
        (Cause::Narrow, narrow),
        (Cause::Far, far),
    ];
    judges.into_iter().find_map(|(cause, judge)| Some((cause, format!("it works, but {}", judge(measures)?))))
}

fn small_packets(measures: &Measures) -> Option<String> {
    /// UDP payload that nearly every path carries, less what a full question leaves free.
    const USUAL: usize = 1_100;
    let (there, back) = measures.packets;
    let text = || {
        format!(
            "only small packets pass: {there} bytes there, {back} back, where nearly every path has 1200 and more"
        )
    };
    (there < USUAL || back < USUAL).then(text)
}

fn large_lost(measures: &Measures) -> Option<String> {
    /// Large datagrams that are lost beyond what small ones are.
    const BEYOND: f64 = 0.2;
    let Measures { there, back, large: (large_there, large_back), .. } = measures;
    /// Bits a second in which the large ones are asked, and a little more: a path that carries less loses them for that.
    const THEIR_RATE: u64 = 700_000;
    let carried = measures.load.iter().map(|step| step.carried_there.min(step.carried_back)).max();
    if carried.is_some_and(|most| most < THEIR_RATE) {
        return None;
    }
    let is_bad = |large: &Share, small: &Share| large.lost() > small.lost() + BEYOND;
    let text = || {
        let [large_there, large_back, there, back] =
            [large_there, large_back, there, back].map(|share| percent(*share));
        format!(
            "large datagrams are lost: {large_there} there and {large_back} back, of small ones {there} and {back}"
        )
    };
    (is_bad(large_there, there) || is_bad(large_back, back)).then(text)
}

fn lossy(measures: &Measures) -> Option<String> {
    /// Loss that shows in what people do.
    const LOSSY: f64 = 0.02;
    let (there, back) = (measures.there, measures.back);
    let text = || format!("datagrams are lost: {} there, {} back", percent(there), percent(back));
    (there.lost().max(back.lost()) > LOSSY).then(text)
}

fn queue(measures: &Measures) -> Option<String> {
    /// Delay that a load may add.
    const ADDED: Duration = Duration::from_millis(200);
    let (least, half, _) = delays(&measures.round_trips)?;
    let loaded = measures.load.iter().filter_map(|step| step.round_trip).max().unwrap_or_default();
    let (how, from, to) = if half > least + ADDED {
        ("with small datagrams alone", least, half.max(loaded))
    } else {
        ("under load", half, loaded)
    };
    let text = || {
        let (from, to) = (time(from), time(to));
        let narrow = narrow(measures).map_or_else(String::new, |narrow| format!("; {narrow}"));
        format!("a queue on the way fills {how}: the round trip grows from {from} to {to}{narrow}")
    };
    (to > from + ADDED).then(text)
}

fn narrow(measures: &Measures) -> Option<String> {
    let last = measures.load.last()?;
    let text = || {
        let (asked, there, back) = (rate(last.asked), rate(last.carried_there), rate(last.carried_back));
        format!("the path is narrow: of {asked} some {there} arrive there and {back} back")
    };
    (last.carried_there.min(last.carried_back) < last.asked / 2).then(text)
}

fn far(measures: &Measures) -> Option<String> {
    /// A round trip as over two satellites.
    const FAR: Duration = Duration::from_millis(400);
    let (least, half, _) = delays(&measures.round_trips)?;
    (least > FAR).then(|| format!("proxy2 is far away: a round trip takes {}", time(half)))
}

/// Whether faster UDP is cut, and where.
fn policed(measures: &Measures) -> Option<String> {
    /// Loss beyond that of thin probes that a load has to have.
    const BEYOND: f64 = 0.1;
    let cut = |share: fn(&Load) -> Share, carried: fn(&Load) -> u64, idle: Share| {
        let is_cut = |step: &&Load| share(step).lost() > idle.lost() + BEYOND;
        let mut rates: Vec<_> = measures.load.iter().filter(is_cut).map(carried).collect();
        // The first of them may have had a burst, and the last what is left of the link's own rate.
        rates.sort_unstable();
        // One step may have met something else.
        rates.get(rates.len() / 2).copied().filter(|_| rates.len() > 1)
    };
    let there = cut(|step| step.there, |step| step.carried_there, measures.there);
    let back = cut(|step| step.back, |step| step.carried_back, measures.back);
    let (way, limit) = match (there, back) {
        (Some(there), Some(back)) => ("both ways", there.min(back)),
        (Some(there), None) => ("to proxy2", there),
        (None, Some(back)) => ("from proxy2", back),
        (None, None) => return None,
    };
    Some(format!("UDP is cut at about {} {way}: what is faster is dropped", rate(limit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path on which all is well, with a load.
    fn well() -> Measures {
        let of = |of| Share { arrived: of, of };
        let step = |megabits: u64| Load {
            asked: megabits * 1_000_000,
            there: of(100),
            back: of(100),
            carried_there: megabits * 990_000,
            carried_back: megabits * 990_000,
            round_trip: Some(Duration::from_millis(22)),
        };
        Measures {
            round_trips: vec![Duration::from_millis(20); 200],
            there: of(200),
            back: of(200),
            large: (of(40), of(40)),
            packets: (1_472, 1_472),
            load: [1, 2, 4, 8, 16].map(step).into(),
            ..Measures::default()
        }
    }

    fn cause(measures: &Measures) -> Option<Cause> {
        judge(measures).map(|(cause, _)| cause)
    }

    #[test]
    fn a_good_path_is_not_blamed() {
        assert_eq!(cause(&well()), None);
        let one = Share { arrived: 198, of: 200 };
        assert_eq!(
            cause(&Measures { there: one, back: one, ..well() }),
            None,
            "one per cent is usual by radio"
        );
        assert_eq!(cause(&Measures { load: Vec::new(), ..well() }), None);
    }

    #[test]
    fn what_is_bad_is_told_by_what_it_does() {
        let lossy = Share { arrived: 180, of: 200 };
        assert_eq!(cause(&Measures { back: lossy, ..well() }), Some(Cause::Lossy));
        assert_eq!(cause(&Measures { packets: (508, 1_472), ..well() }), Some(Cause::SmallPackets));
        let none = Share { arrived: 0, of: 40 };
        assert_eq!(cause(&Measures { large: (none, none), ..well() }), Some(Cause::LargeLost));
        let trips = vec![Duration::from_millis(600); 200];
        assert_eq!(cause(&Measures { round_trips: trips, load: Vec::new(), ..well() }), Some(Cause::Far));
    }

    #[test]
    fn a_limit_that_drops_is_told_from_a_queue_and_from_a_narrow_path() {
        let change = |change: fn(&mut Load)| {
            let mut measures = well();
            measures.load.iter_mut().skip(1).for_each(change);
            measures
        };
        let dropped = change(|step| {
            step.there = Share { arrived: 50, of: 100 };
            step.carried_there = 1_000_000;
        });
        let (found, sentence) = judge(&dropped).unwrap();
        assert_eq!(found, Cause::Policed);
        assert!(sentence.contains("about 1.0 Mbit/s to proxy2"), "{sentence}");
        let queue = change(|step| step.round_trip = Some(Duration::from_millis(700)));
        assert_eq!(cause(&queue), Some(Cause::Queue));
        let narrow = change(|step| step.carried_back = 1_000_000);
        assert_eq!(cause(&narrow), Some(Cause::Narrow));
        // So slow that large datagrams, which come faster, are lost for that.
        let mut slow = well();
        slow.load.iter_mut().for_each(|step| step.carried_there = 290_000);
        slow.large.0 = Share { arrived: 22, of: 40 };
        let (found, sentence) = judge(&slow).unwrap();
        assert_eq!(found, Cause::Narrow);
        assert!(sentence.contains("290 kbit/s arrive there"), "{sentence}");
        slow.load.iter_mut().for_each(|step| step.round_trip = Some(Duration::from_millis(700)));
        let (found, sentence) = judge(&slow).unwrap();
        assert!(found == Cause::Queue && sentence.contains("290 kbit/s arrive there"), "{sentence}");
        // At 56 kbit/s the small ones fill it, and no load is tried.
        let trips = (0..200).map(|number| Duration::from_millis(60 + number * 8)).collect();
        let (found, sentence) = judge(&Measures { round_trips: trips, load: Vec::new(), ..well() }).unwrap();
        assert!(found == Cause::Queue && sentence.contains("with small datagrams alone"), "{sentence}");
        // A path that loses as much without a load has no limit.
        let lossy = Share { arrived: 50, of: 100 };
        let path = Measures { there: lossy, large: (lossy, well().large.1), ..dropped };
        assert_eq!(cause(&path), Some(Cause::Lossy));
    }
}
