//! Questions and answers, one exchange at a time.

use super::*;
use crate::time::Time;
use proptest::prelude::*;

const HERE: UnixMicros = UnixMicros(1_000_000_000);

fn seen() -> SocketAddr {
    "192.0.2.7:4000".parse().unwrap()
}

fn at(millis: u64) -> Time {
    Time::ZERO + Duration::from_millis(millis)
}

fn question(number: u32) -> Question {
    Question { number, size: 200, answer: AnswerSize::Same, wait: Duration::ZERO }
}

/// Takes a datagram of a flow that shares no bound; whether it was a question.
fn take(answerer: &mut Answerer, now: Time, datagram: &[u8]) -> bool {
    answerer.take(now, datagram, |_| true)
}

fn answers(answerer: &mut Answerer, now: Time) -> Vec<Answer> {
    let next = || answerer.poll_answer(now, HERE, seen());
    std::iter::from_fn(next).map(|bytes| Answer::parse(&bytes).unwrap()).collect()
}

#[test]
fn a_question_is_answered_with_what_proxy2_knows() {
    let mut answerer = Answerer::new();
    take(&mut answerer, at(5), &question(0).to_bytes());
    let bytes = answerer.poll_answer(at(6), HERE, seen()).unwrap();
    assert_eq!(bytes.len(), 200, "as large as the question");
    let answer = Answer::parse(&bytes).unwrap();
    let expected = Answer {
        size: 200,
        number: 0,
        serial: 0,
        received: 1,
        late: 0,
        waited: Duration::from_millis(1),
        clock: HERE,
        seen: seen(),
    };
    assert_eq!(answer, expected);
    assert_eq!(answerer.poll_answer(at(6), HERE, seen()), None);
    take(&mut answerer, at(7), &Question { answer: AnswerSize::Least, ..question(1) }.to_bytes());
    assert_eq!(answerer.poll_answer(at(7), HERE, seen()).unwrap().len(), LEAST);
}

#[test]
fn what_did_not_come_and_what_came_late_shows_in_the_counts() {
    let mut answerer = Answerer::new();
    for number in [0, 3, 2, 5] {
        take(&mut answerer, at(1), &question(number).to_bytes());
    }
    let last = answers(&mut answerer, at(1)).pop().unwrap();
    assert_eq!((last.number, last.received, last.late, last.serial), (5, 4, 1, 3));
}

#[test]
fn an_answer_waits_as_long_as_it_was_asked_to() {
    let mut answerer = Answerer::new();
    let later = Question { wait: Duration::from_secs(30), ..question(0) };
    take(&mut answerer, at(10), &later.to_bytes());
    assert_eq!((answers(&mut answerer, at(10)).len(), answerer.poll_timeout()), (0, at(30_010)));
    let late = answers(&mut answerer, at(30_010));
    assert_eq!(late.first().map(|answer| answer.waited), Some(Duration::from_secs(30)));
    assert_eq!(answerer.poll_timeout(), Time::NEVER);
    let too_late = Question { wait: MOST_WAIT + Duration::from_secs(1), ..question(1) };
    let mut bytes = too_late.to_bytes();
    assert_eq!(Question::parse(&bytes).unwrap().wait, MOST_WAIT, "nobody asks for more");
    bytes[8..12].copy_from_slice(&90_001_u32.to_be_bytes());
    assert_eq!(Question::parse(&bytes), None);
}

#[test]
fn a_flood_gets_a_bounded_number_of_answers() {
    let mut answerer = Answerer::new();
    for number in 0..100_000 {
        take(&mut answerer, at(0), &question(number).to_bytes());
    }
    assert_eq!(answers(&mut answerer, at(0)).len(), 500, "a quarter of a second's worth");
    for second in 1..=20 {
        for number in 0..10_000_u32 {
            let now = at(second * 1_000 + u64::from(number / 10));
            take(&mut answerer, now, &question(number).to_bytes());
        }
    }
    let rest = answers(&mut answerer, at(30_000)).len();
    assert_eq!(rest, 20_000 - 500, "and 20,000 in all");
    let mut answerer = Answerer::new();
    let later = Question { wait: Duration::from_secs(1), ..question(0) };
    for _ in 0..20 {
        take(&mut answerer, at(0), &later.to_bytes());
    }
    assert_eq!(answers(&mut answerer, at(1_000)).len(), 8);
}

#[test]
fn the_bound_that_a_flow_shares_with_others_is_asked_for_what_leaves_only() {
    let (mut answerer, mut left) = (Answerer::new(), 4_200_u16);
    let mut may_leave = |bytes: u16| {
        let rest = left.checked_sub(bytes);
        left = rest.unwrap_or(left);
        rest.is_some()
    };
    for (number, size) in [(0, 64), (1, 2_000), (2, 1_201), (3, 1_200), (4, 64)] {
        let question = Question { size, ..question(number) };
        assert!(answerer.take(at(0), &question.to_bytes(), &mut may_leave), "it was a question");
    }
    let answered: Vec<_> =
        answers(&mut answerer, at(0)).iter().map(|one| (one.number, one.received)).collect();
    assert_eq!(answered, [(0, 1), (1, 2), (3, 4)], "a small one counts as 1,000 bytes");
    let mut asked = 0;
    for number in 0..1_000 {
        answerer.take(at(0), &question(number).to_bytes(), |_| {
            asked += 1;
            false
        });
    }
    assert!(asked < 500, "what the flow itself may not answer is not asked for: {asked}");
}

#[test]
fn what_is_no_question_gets_no_answer() {
    let mut answerer = Answerer::new();
    let short = &question(0).to_bytes()[..LEAST - 1];
    let answer = Answer::parse(&{
        take(&mut answerer, at(0), &question(0).to_bytes());
        answerer.poll_answer(at(0), HERE, seen()).unwrap()
    });
    let echo = answer.unwrap().to_bytes(LEAST);
    for wrong in [&[][..], short, &echo, &[0; 100]] {
        assert!(!take(&mut answerer, at(1), wrong));
        assert_eq!(answerer.poll_answer(at(1), HERE, seen()), None, "two of them would talk for ever");
    }
}

#[test]
fn the_asker_tells_the_two_directions_apart() {
    let (mut answerer, mut tally) = (Answerer::new(), Tally::new());
    // Of ten questions the third is lost on its way there, and the answers to the last three are lost on theirs back.
    for number in 0..10 {
        tally.asked(Some(at(10)));
        if number != 2 {
            take(&mut answerer, at(30), &question(number).to_bytes());
        }
    }
    for answer in
        answers(&mut answerer, at(31)).iter().filter(|answer| answer.number != 8 && answer.number != 7)
    {
        tally.take(at(51), UnixMicros(HERE.0 - 1_000_000 + 20_000), answer);
    }
    assert_eq!((tally.sent(), tally.came()), (10, 7));
    assert_eq!(tally.there(), (9, 10));
    assert_eq!(tally.back(), (7, 9));
    assert_eq!(tally.round_trips().first(), Some(&Duration::from_millis(40)), "without proxy2's own time");
    assert_eq!(tally.clock_ahead(), Some(1_000_000));
    assert_eq!(tally.lasted(), Duration::from_millis(1), "all left at once, and proxy2 took a millisecond");
    assert_eq!((tally.seen(), tally.reordered()), (Some(seen()), (0, 0)));
}

#[test]
fn what_never_left_says_nothing_of_the_path() {
    let (mut answerer, mut tally) = (Answerer::new(), Tally::new());
    tally.asked(None);
    tally.asked(Some(at(0)));
    take(&mut answerer, at(1), &question(1).to_bytes());
    let answer = answers(&mut answerer, at(1))[0];
    tally.take(at(2), HERE, &answer);
    tally.take(at(3), HERE, &answer);
    assert_eq!((tally.there(), tally.back()), ((1, 1), (1, 1)), "and nothing counts twice");
    (0..4).for_each(|_| tally.asked(Some(at(4))));
    tally.dropped(3);
    assert_eq!(tally.sent(), 2);
}

proptest! {
    #[test]
    fn anything_is_read_or_is_not(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut answerer = Answerer::new();
        take(&mut answerer, at(0), &bytes);
        while let Some(answer) = answerer.poll_answer(at(100_000), HERE, seen()) {
            prop_assert!(answer.len() <= bytes.len());
        }
        let mut tally = Tally::new();
        tally.asked(Some(at(0)));
        if let Some(answer) = Answer::parse(&bytes) {
            tally.take(at(1), HERE, &answer);
        }
        prop_assert!(tally.there().0 <= tally.there().1 && tally.back().0 <= tally.back().1);
    }
}
