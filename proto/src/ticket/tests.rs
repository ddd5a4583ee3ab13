//! Tickets as people handle them.

use proptest::prelude::*;

use super::record::{RecordError, TicketRecord, UnixSeconds, digest, whole_ticket};
use super::*;

mod places;

fn example(preshared: bool) -> Ticket {
    let server_key = PrivateKey::from_bytes(&[1; 32]).public();
    Ticket::generate(server_key, preshared, &mut Random::from_seed([2; 32]))
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
        let marked = format!("\u{feff}{}\r\n", *text);
        assert_eq!(marked.parse::<Ticket>().as_ref(), Ok(&ticket), "nor does a byte-order mark");
        assert_eq!(text.to_uppercase().parse::<Ticket>().as_ref(), Ok(&ticket), "nor does case");
    }
}

/// What chats, mails, web pages and editors add to a line of text.
#[test]
fn what_a_copy_took_along_does_not_matter() {
    let ticket = example(true);
    let text = ticket.to_text();
    for (before, behind) in [
        ("'", "'"),
        ("“", "”"),
        ("«", "»"),
        ("<", ">"),
        ("> ", ""),
        ("(", ")."),
        ("```\n", "\n```\n"),
        ("* ", ","),
        ("\u{feff}\u{200b}", "\u{200b}"),
        ("\u{a0}", "\u{a0}"),
        ("--", ""),
    ] {
        let copied = format!("{before}{}{behind}", *text);
        assert_eq!(copied.parse::<Ticket>().as_ref(), Ok(&ticket), "{before:?} {behind:?}");
    }
    for unseen in ["\u{ad}", "\u{200b}", "\u{2060}", "\u{feff}", "\r\n", "\u{2028}"] {
        let copied = format!("{}{unseen}{}", &text[..70], &text[70..]);
        assert_eq!(copied.parse::<Ticket>().as_ref(), Ok(&ticket), "{unseen:?}");
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
        let error = TicketError::Character { place: at + 1, character: '1' };
        assert_eq!(foreign.parse::<Ticket>(), Err(error));
    }
}

#[test]
fn every_cut_is_named() {
    let text = example(false).to_text();
    for len in 0..text.len() {
        let expected = match len {
            0 => TicketError::Empty,
            1..=4 => TicketError::NotATicket,
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
    assert_eq!(key.parse::<Ticket>(), Err(TicketError::Key));
    let record = TicketRecord::new("laptop".parse().unwrap(), &example(true), None).to_line();
    for key in record.split_ascii_whitespace().filter(|word| word.starts_with("paso")) {
        assert_eq!(key.parse::<Ticket>(), Err(TicketError::Key), "{key}");
    }
    for nothing in ["", " \r\n", "\u{feff}", "''", "<>"] {
        assert_eq!(nothing.parse::<Ticket>(), Err(TicketError::Empty), "{nothing:?}");
    }
    for before in ["Ticket: ", "# laptop\n", "export PASO_TICKET="] {
        assert_eq!(format!("{before}{}", *text).parse::<Ticket>(), Err(TicketError::Behind), "{before:?}");
    }
    for between in ["\n", " ", "", "\r\n\r\n"] {
        let two = format!("{}{between}{}\n", *text, *example(true).to_text());
        assert_eq!(two.parse::<Ticket>(), Err(TicketError::Two), "{between:?}");
    }
    let error = format!("{} # laptop", *text).parse::<Ticket>().unwrap_err();
    assert_eq!(error.to_string(), "the ticket is mistyped: character 117, '#', cannot stand in a ticket");
    assert!(server_key_from_text(&text).is_err());
    assert_eq!("paso1aeaa".parse::<Ticket>(), Err(TicketError::Cut { has: 9, needs: 167 }));
    assert_eq!("paso1zzzz".parse::<Ticket>(), Err(TicketError::Unknown));
}

#[test]
fn secrets_are_not_printed() {
    let ticket = example(true);
    let printed = format!("{ticket:?}");
    assert!(printed.starts_with("Ticket { server_key: PublicKey("), "{printed}");
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
    for (preshared, made) in
        [(true, None), (false, Some(UnixSeconds(1_795_766_772))), (true, Some(UnixSeconds(0)))]
    {
        let ticket = example(preshared);
        let record = TicketRecord::new("laptop.home-2".parse().unwrap(), &ticket, made);
        let line = record.to_line();
        assert_eq!(line.parse::<TicketRecord>().as_ref(), Ok(&record));
        let revoked = record.clone().revoked();
        assert_eq!(revoked.client, ticket.client());
        let revoked_line = revoked.to_line();
        assert_eq!(revoked_line.parse::<TicketRecord>().as_ref(), Ok(&revoked));
        assert_ne!(digest(&[record]), digest(&[revoked]));
        // What a crash in the middle of overwriting the one with the other leaves.
        assert!(revoked_line.len() <= line.len());
        let torn = line.replace("valid  ", "revoked");
        assert!(torn.starts_with(revoked_line.trim_end()), "the words stand at the same places");
        assert!(torn.parse::<TicketRecord>().is_ok_and(|record| !record.is_valid()));
    }
}

/// Whoever reads the list is no client by that.
#[test]
fn a_record_does_not_hold_the_clients_private_key() {
    let ticket = example(true);
    let record = TicketRecord::new("laptop".parse().unwrap(), &ticket, None);
    let line = record.to_line();
    let digits = |text: &str| base32_bytes(text);
    let all: Vec<u8> = line
        .split_ascii_whitespace()
        .filter_map(|word| word.split_once('1'))
        .flat_map(|(_, text)| digits(text))
        .collect();
    let holds = |secret: &[u8]| all.windows(secret.len()).any(|window| window == secret);
    assert!(holds(ticket.preshared().unwrap().bytes()) && holds(ticket.client().as_bytes()));
    assert!(!holds(ticket.private().bytes()));
}

fn base32_bytes(text: &str) -> Vec<u8> {
    let digits: Option<Vec<u8>> = text.chars().map(base32::digit).collect();
    digits.map(|digits| base32::decode(&digits).0.to_vec()).unwrap_or_default()
}

/// The first form of the file held whole tickets.
#[test]
fn records_of_the_first_form_are_read() {
    let ticket = example(true);
    let line = format!("laptop valid {}", *ticket.to_text());
    let record = line.parse::<TicketRecord>().unwrap();
    assert_eq!(record, TicketRecord::new("laptop".parse().unwrap(), &ticket, None));
    assert_eq!(whole_ticket(&line), Some(ticket));
    assert_eq!(whole_ticket(&record.to_line()), None);
    let revoked = record.revoked();
    let line = revoked.to_line();
    let first_form = line.trim_end().trim_end_matches(" -");
    assert_eq!(first_form.parse::<TicketRecord>().as_ref(), Ok(&revoked));
    assert_eq!(whole_ticket(first_form), None);
}

#[test]
fn bad_records_are_named() {
    let text = example(false).to_text();
    let client = TicketRecord::new("a".parse().unwrap(), &example(false), None).to_line();
    let bad = [
        (String::new(), RecordError::Form),
        ("a valid".to_owned(), RecordError::Form),
        (format!("a valid {} b", *text), RecordError::Ticket(TicketError::NotATicket)),
        (format!("{} b c", client.trim_end()), RecordError::Form),
        (client.replace(" -", " soon"), RecordError::Made),
        (
            format!("{} pasopsk1aa", client.trim_end()),
            RecordError::Ticket(TicketError::Cut { has: 10, needs: 66 }),
        ),
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
    fn any_ticket_survives(seed: [u8; 32], server_key: [u8; 32], preshared: bool) {
        let ticket =
            Ticket::generate(PublicKey::from_bytes(server_key), preshared, &mut Random::from_seed(seed));
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
