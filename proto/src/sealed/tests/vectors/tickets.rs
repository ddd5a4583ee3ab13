//! Tickets: one line of text each.

use super::Vectors;
use crate::sealed::crypto::keys::{PresharedKey, PrivateKey};
use crate::ticket::Ticket;

#[test]
fn every_ticket_is_written_and_read_as_its_vector() {
    let (server, client) = (PrivateKey::from_bytes(&[0x11; 32]), PrivateKey::from_bytes(&[0x21; 32]));
    for vector in Vectors::load("tickets").list("/tickets") {
        let preshared =
            vector.bytes_if_any("/psk").map(|key| PresharedKey::from_bytes(&key.try_into().unwrap()));
        let ticket = Ticket::new(server.public(), client.clone(), preshared);
        let ticket = match vector.text("/places") {
            "" => ticket,
            places => ticket.at(places.parse().unwrap()),
        };
        assert_eq!(*ticket.to_text(), vector.text("/text"));
        assert_eq!(vector.text("/text").parse(), Ok(ticket));
    }
}
