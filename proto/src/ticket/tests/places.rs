//! Tickets that say where proxy2 is.

use proptest::prelude::*;

use super::*;

const TEXT: &str = "exit.example:5000,443,53 192.0.2.1:443 [2001:db8::1]:443";

fn placed(preshared: bool) -> Ticket {
    example(preshared).at(TEXT.parse().unwrap())
}

/// A ticket without a pre-shared key, its checksum right, with these flags, and this behind its keys.
fn forged(flags: u8, len: &[u8], places: &[u8]) -> Zeroizing<String> {
    let keys = [7; 2 * KEY_LEN];
    TICKET.wrap(&[&[flags], len, &keys, places].concat())
}

#[test]
fn a_ticket_with_places_is_read_as_it_was_written() {
    for (preshared, len) in [(false, 207), (true, 258)] {
        let ticket = placed(preshared);
        let text = ticket.to_text();
        assert_eq!(text.len(), len);
        let read: Ticket = text.parse().unwrap();
        assert_eq!(read, ticket);
        assert_eq!(read.places().iter().map(Place::to_string).collect::<Vec<_>>().join(" "), TEXT);
        assert_eq!(text.to_uppercase().parse().as_ref(), Ok(&ticket), "upper case around lower-case names");
        let wrapped = format!("{}\n{}", &text[..80], &text[80..]);
        assert_eq!(wrapped.parse().as_ref(), Ok(&ticket));
    }
}

/// As programs read it that know of no places.
#[test]
fn a_ticket_without_places_is_what_it_was() {
    for preshared in [false, true] {
        let plain = example(preshared);
        assert_eq!(plain.places(), []);
        assert_eq!(placed(preshared).at(Places::default()).to_text(), plain.to_text());
        assert_ne!(placed(preshared), plain);
    }
}

#[test]
fn every_cut_of_a_ticket_with_places_is_named() {
    let text = placed(true).to_text();
    for len in 5..text.len() {
        let needs = match len {
            5..=6 => 7,
            7..=8 => 9,
            _ => text.len(),
        };
        let expected = Err(TicketError::Cut { has: len, needs });
        assert_eq!(text[..len].parse::<Ticket>(), expected, "cut to {len}");
    }
    assert_eq!(format!("{}aa", *text).parse::<Ticket>(), Err(TicketError::TooLong(2)));
}

#[test]
fn every_mistyped_character_of_a_ticket_with_places_is_noticed() {
    let text = placed(false).to_text();
    for (at, old) in text.char_indices().skip(5) {
        let new = if old == 'q' { 'r' } else { 'q' };
        let mistyped = format!("{}{new}{}", &text[..at], &text[at + 1..]);
        let error = mistyped.parse::<Ticket>().expect_err("mistyped");
        // The first four characters say how long it is; elsewhere it is the checksum that finds it.
        assert!(at < 9 || error == TicketError::Checksum, "character {at}: {error}");
    }
}

#[test]
fn what_is_not_understood_is_said_to_be_unknown() {
    let good = forged(2, &[3], b"a:1");
    assert_eq!(good.parse::<Ticket>().unwrap().places(), ["a:1".parse().unwrap()]);
    for flags in [4, 6, 128] {
        assert_eq!(forged(flags, &[3], b"a:1").parse::<Ticket>(), Err(TicketError::Unknown), "{flags}");
    }
    let nine = ["a:1", "b:1", "c:1", "d:1", "e:1", "f:1", "g:1", "h:1", "i:1"].join(" ");
    // One byte longer in its canonical form, and so too long for a ticket.
    let growing = format!("{}.{0}.{0}.{}:1 [1::3:4:5:6:7:8]:1", "a".repeat(63), "a".repeat(42));
    assert_eq!(growing.len(), 255);
    for places in [
        "",
        "a",
        "a:0",
        "a:1,1",
        "a:1 ",
        " a:1",
        "a:1  b:1",
        "a:1\n",
        "a:1 a:1",
        "[fe80::1%a]:1",
        "ä:1",
        &nine,
        &growing,
    ] {
        let len = [u8::try_from(places.len()).unwrap()];
        let text = forged(2, &len, places.as_bytes());
        assert_eq!(text.parse::<Ticket>(), Err(TicketError::Unknown), "{places:?}");
    }
    assert_eq!(forged(2, &[3], b"a:\xff").parse::<Ticket>(), Err(TicketError::Unknown));
}

#[test]
fn the_largest_ticket_is_577_characters_long() {
    let host = format!("{}.{0}.{0}.{}", "a".repeat(63), "a".repeat(57));
    let ticket = example(true).at(format!("{host}:1 b:1").parse().unwrap());
    assert_eq!(ticket.places.to_string().len(), place::MAX_TEXT_LEN);
    let text = ticket.to_text();
    assert_eq!(text.len(), 577);
    assert_eq!(text.parse(), Ok(ticket));
}

fn any_place() -> impl Strategy<Value = String> {
    let host =
        prop_oneof!["[a-z]{1,10}\\.example", any::<std::net::Ipv4Addr>().prop_map(|ip| ip.to_string())];
    let ports = prop::collection::hash_set(1..=u16::MAX, 1..=place::MAX_PORTS);
    (host, ports).prop_map(|(host, ports)| {
        let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
        format!("{host}:{}", ports.join(","))
    })
}

proptest! {
    #[test]
    fn any_ticket_with_places_survives(
        seed: [u8; 32],
        preshared: bool,
        places in prop::collection::vec(any_place(), 1..=place::MAX_PLACES),
    ) {
        let server_key = PublicKey::from_bytes([3; 32]);
        let ticket = Ticket::generate(server_key, preshared, &mut Random::from_seed(seed));
        let text = places.join(" ");
        match text.parse::<Places>() {
            Ok(places) => {
                let ticket = ticket.at(places);
                let read = ticket.to_text().parse::<Ticket>();
                prop_assert_eq!(read.as_ref(), Ok(&ticket));
                prop_assert_eq!(ticket.places.to_string(), text);
            }
            Err(place::PlaceError::TooLong(len)) => prop_assert_eq!(len, text.len()),
            Err(error) => prop_assert!(matches!(error, place::PlaceError::Twice(_)), "{}", error),
        }
    }

    /// Behind a checksum that is right.
    #[test]
    fn any_places_are_read_or_refused(places in prop::collection::vec(any::<u8>(), 1..255)) {
        let len = [u8::try_from(places.len()).unwrap()];
        if let Ok(ticket) = forged(2, &len, &places).parse::<Ticket>() {
            prop_assert_eq!(ticket.to_text().parse(), Ok(ticket));
        }
    }

    #[test]
    fn what_is_read_as_places_is_read_again_the_same(
        text in "[a-cA-C0-9:.\\[\\]]{1,12}:[0-9]{1,5}(,[0-9]{1,5}){0,2}( [a-c]:[0-9]{1,3}){0,2}"
    ) {
        if let Ok(places) = text.parse::<Places>() {
            prop_assert_eq!(places.to_string().parse(), Ok(places));
        }
    }
}
