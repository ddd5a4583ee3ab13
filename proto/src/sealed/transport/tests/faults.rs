//! What a peer that breaks the rules is told.

use crate::sealed::streams::recv::StreamViolation;
use crate::sealed::streams::table::Side;
use crate::sealed::transport::{Fault, Settings, Transport};
use crate::sealed::wire::end_code::MAX_REASON;
use crate::sealed::wire::frame::Malformed;
use crate::time::Time;
use std::collections::BTreeSet;

#[test]
fn every_fault_has_a_sentence_of_its_own_that_fits_into_the_last_frame() {
    let malformed =
        [Malformed::Kind(0xff), Malformed::Short(0xff), Malformed::Range(0xff)].map(Fault::Malformed);
    let violations =
        [StreamViolation::Credit, StreamViolation::LinkCredit, StreamViolation::End].map(Fault::Violation);
    let others = [Fault::Ack, Fault::Unanswered, Fault::NeverOpened, Fault::WrongHalf, Fault::TooManyStreams];
    let all = malformed.into_iter().chain(violations).chain(others).map(|fault| fault.to_string());
    let sentences: BTreeSet<_> = all.clone().collect();
    assert_eq!(sentences.len(), all.clone().count());
    all.into_iter().for_each(|sentence| assert!(sentence.len() <= MAX_REASON, "{sentence}"));
}

#[test]
fn who_names_a_stream_that_cannot_be_is_told_which_rule_that_breaks() {
    let fault = |payload: &[u8]| {
        Transport::new(Side::Server, Settings::default()).handle_packet(Time::ZERO, 0, payload)
    };
    assert_eq!(fault(b"W\x01\x09"), Err(Fault::NeverOpened));
    assert_eq!(fault(b"C\x01\0\0\0"), Err(Fault::WrongHalf));
    assert_eq!(fault(b"K\0"), Err(Fault::WrongHalf));
}
