//! Each mistake is named.

use super::*;

#[track_caller]
fn says(datagram: &[u8], expected: &str) {
    let error = Frame::parse(datagram).unwrap_err();
    assert_eq!(Violation::malformed(datagram, error).to_string(), expected);
}

#[test]
fn a_mistake_in_the_first_two_bytes_is_named() {
    says(b"", "it is empty");
    says(b"C\x01", "its second byte is 0x01, not an id: it is the number 1, write the digit '1' (0x31)");
    says(b"D\x0ahola", "its second byte is 0x0a, not an id: 10 is out of range, ids are '0' to '9'");
    says(b"C:", "its second byte is 0x3a ':', not an id: 10 is out of range, ids are '0' to '9'");
    says(b"C 1", "its second byte is 0x20, not an id: no space goes between kind and id");
    says(b"COK1", "its second byte is 0x4f 'O', not an id: the id comes before OK and NOK, as in 'C1OK'");
    says(b"CZ", "its second byte is 0x5a 'Z', not an id");
    says(b"X", "it ends after the kind 0x58 'X': there is no id");
    says(b"1C", "its first byte is 0x31 '1', not a kind: kind and id are swapped, write 'C1' for '1C'");
    says(b"c1", "its first byte is 0x63 'c', not a kind: kinds are upper case, write 'C'");
    says(b"hola", "its first byte is 0x68 'h', not a kind");
    let mut initiation = [7; 213];
    initiation[0] = 1;
    let sealed = "this proxy1 speaks the sealed link: start it with --classic, or proxy2 without";
    says(&initiation, &format!("its first byte is 0x01, not a kind: {sealed}"));
    says(&initiation[1..], "its first byte is 0x07, not a kind");
}

#[test]
fn a_mistake_in_an_answer_is_named() {
    let says = |datagram, expected: &str| {
        let frame = Frame::parse(datagram).unwrap();
        let said = Violation::request_at_entry(&frame).to_string();
        assert_eq!(said, format!("a request (C0 without OK or NOK) came to a proxy1{expected}"));
    };
    says(b"C0", "");
    says(b"C0ok", ": OK and NOK are upper case");
    says(b"C00NOK", ": OK and NOK come right behind the one digit of the id, as in 'C1OK'");
    says(b"C0 OK", ": OK and NOK come right behind the one digit of the id, as in 'C1OK'");
}

#[test]
fn the_rules_are_those_of_the_protocol_word_for_word() {
    let page = include_str!("../../../PROTOCOL.md");
    for rule in Rule::ALL {
        let row = format!("| `{}` | {} |", rule.name(), rule.text());
        assert!(page.contains(&row), "{row}");
    }
}
