//! Tickets as people handle them.

use proptest::prelude::*;

use super::record::{RecordError, Standing, TicketName, TicketRecord};
use super::*;

fn example(preshared: bool) -> Ticket {
    let acceptor = PrivateKey::from_bytes(&[1; 32]).public();
    Ticket::generate(acceptor, preshared, &mut Random::from_seed([2; 32]))
}

#[test]
fn a_ticket_is_read_as_it_was_written() {
    for (preshared, len) in [(false, 116), (true, 167)] {
        let ticket = example(preshared);
        let text = ticket.to_text();
        assert_eq!(text.len(), len);
        assert!(text.starts_with("paso1"));
        assert_eq!(text.parse::<Ticket>().as_ref(), Ok(&ticket));
        let wrapped = format!(" \r\n{}\n {}\t\n", &text[..50], &text[50..]);
        assert_eq!(wrapped.parse::<Ticket>().as_ref(), Ok(&ticket), "blanks do not matter");
        assert_eq!(text.to_uppercase().parse::<Ticket>().as_ref(), Ok(&ticket), "nor does case");
    }
}

#[test]
fn every_mistyped_character_is_noticed() {
    let text = example(true).to_text();
    for (at, old) in text.char_indices().skip(5) {
        for new in ['a', 'b', 'q', '2', '7'] {
            let mistyped = format!("{}{new}{}", &text[..at], &text[at + 1..]);
            if new == old {
                continue;
            }
            let error = mistyped.parse::<Ticket>().expect_err("mistyped");
            // The first two characters say what kind of ticket it is; elsewhere it is the checksum that finds it.
            assert!(at < 7 || error == TicketError::Checksum, "character {at}: {error}");
        }
        let foreign = format!("{}1{}", &text[..at], &text[at + 1..]);
        assert_eq!(foreign.parse::<Ticket>(), Err(TicketError::Character(at + 1)));
    }
}

#[test]
fn every_cut_is_named() {
    let text = example(false).to_text();
    for len in 0..text.len() {
        let expected = match len {
            0..=4 => TicketError::NotATicket,
            5..=6 => TicketError::Cut { has: len, needs: 7 },
            _ => TicketError::Cut { has: len, needs: 116 },
        };
        assert_eq!(text[..len].parse::<Ticket>(), Err(expected), "cut to {len}");
    }
    assert_eq!(format!("{}aa", *text).parse::<Ticket>(), Err(TicketError::TooLong(2)));
}

#[test]
fn other_texts_are_named() {
    let text = example(false).to_text();
    assert_eq!(text.replace("paso1", "paso2").parse::<Ticket>(), Err(TicketError::Version('2')));
    assert_eq!(text.replace("paso1", "pasta1").parse::<Ticket>(), Err(TicketError::NotATicket));
    let key = server_key_to_text(&PrivateKey::from_bytes(&[3; 32]));
    assert_eq!(key.parse::<Ticket>(), Err(TicketError::NotATicket));
    assert!(server_key_from_text(&text).is_err());
    assert_eq!("paso1aeaa".parse::<Ticket>(), Err(TicketError::Cut { has: 9, needs: 167 }));
    assert_eq!("paso1zzzz".parse::<Ticket>(), Err(TicketError::Unknown));
}

#[test]
fn secrets_are_not_printed() {
    let ticket = example(true);
    let printed = format!("{ticket:?}");
    assert!(printed.starts_with("Ticket { acceptor: PublicKey("), "{printed}");
    let secret = ticket.to_text();
    assert!(!printed.contains(&secret[60..70]));
    assert!(printed.len() < 60, "{printed}");
}

#[test]
fn a_key_file_is_read_as_it_was_written() {
    let key = PrivateKey::from_bytes(&[3; 32]);
    let text = server_key_to_text(&key);
    assert!(text.starts_with("pasokey1") && text.ends_with('\n'));
    assert!(server_key_from_text(&text) == Ok(key));
    assert!(server_key_from_text(&text[..30]).is_err());
}

#[test]
fn records_are_read_as_they_were_written() {
    let ticket = example(true);
    let name: TicketName = "laptop.home-2".parse().unwrap();
    let record = TicketRecord { name, standing: Standing::Valid(ticket.clone()) };
    assert_eq!(record.to_line().parse::<TicketRecord>().as_ref(), Ok(&record));
    let revoked = record.revoked();
    assert_eq!(revoked.client(), ticket.client());
    let line = revoked.to_line();
    assert_eq!(line.parse::<TicketRecord>().as_ref(), Ok(&revoked));
    assert!(!line.contains(&ticket.to_text()[..]), "its secrets are gone");
}

#[test]
fn bad_records_are_named() {
    let text = example(false).to_text();
    let bad = [
        (String::new(), RecordError::Form),
        ("a valid".to_owned(), RecordError::Form),
        (format!("a valid {} b", *text), RecordError::Form),
        (format!("-a valid {}", *text), RecordError::Name),
        (format!("{} valid {}", "a".repeat(65), *text), RecordError::Name),
        (format!("a/b valid {}", *text), RecordError::Name),
        (format!("a good {}", *text), RecordError::Standing),
        ("a valid paso1".to_owned(), RecordError::Ticket(TicketError::Cut { has: 5, needs: 7 })),
        (format!("a revoked {}", *text), RecordError::Ticket(TicketError::NotATicket)),
    ];
    for (line, error) in bad {
        assert_eq!(line.parse::<TicketRecord>(), Err(error), "{line:?}");
    }
}

proptest! {
    #[test]
    fn any_ticket_survives(seed: [u8; 32], acceptor: [u8; 32], preshared: bool) {
        let ticket =
            Ticket::generate(PublicKey::from_bytes(acceptor), preshared, &mut Random::from_seed(seed));
        prop_assert_eq!(ticket.to_text().parse::<Ticket>(), Ok(ticket));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}", tail in "[a-z2-7]{0,200}") {
        let _ = text.parse::<Ticket>();
        let _ = text.parse::<TicketRecord>();
        let _ = format!("paso1{tail}").parse::<Ticket>();
        let _ = server_key_from_text(&text);
    }
}
