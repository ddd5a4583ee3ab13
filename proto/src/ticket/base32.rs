//! Base32 in lower case without padding (RFC 4648 section 6): no sign that a shell, an e-mail or a double click breaks.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Characters that `bytes` bytes take.
pub(super) const fn text_len(bytes: usize) -> usize {
    (bytes * 8).div_ceil(5)
}

/// Appends the text of `bytes`.
pub(super) fn encode(bytes: &[u8], text: &mut String) {
    for group in bytes.chunks(5) {
        let mut padded = [0; 8];
        for (to, from) in padded.iter_mut().skip(3).zip(group) {
            *to = *from;
        }
        let bits = u64::from_be_bytes(padded);
        for place in 0..text_len(group.len()) {
            let digit = usize::try_from(bits >> (35 - 5 * place) & 31).expect("five bits");
            text.push(char::from(ALPHABET[digit]));
        }
    }
}

/// The value of a character, in either case.
pub(super) fn digit(character: char) -> Option<u8> {
    match character.to_ascii_lowercase() {
        letter @ 'a'..='z' => u8::try_from(letter).ok().map(|byte| byte - b'a'),
        figure @ '2'..='7' => u8::try_from(figure).ok().map(|byte| byte - b'2' + 26),
        _ => None,
    }
}

/// The bytes of `digits`, and whether the bits left over at the end are zero, as they are in every text of
/// [`encode`].
pub(super) fn decode(digits: &[u8]) -> (Zeroizing<Vec<u8>>, bool) {
    let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() * 5 / 8));
    let (mut bits, mut count) = (0_u16, 0);
    for digit in digits {
        bits = bits << 5 | u16::from(*digit);
        count += 5;
        if count >= 8 {
            count -= 8;
            let [_, byte] = (bits >> count).to_be_bytes();
            bytes.push(byte);
            bits &= (1 << count) - 1;
        }
    }
    (bytes, bits == 0 && count < 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 section 10, in lower case.
    #[test]
    fn the_vectors_of_the_rfc() {
        let vectors = [
            ("", ""),
            ("f", "my"),
            ("fo", "mzxq"),
            ("foo", "mzxw6"),
            ("foob", "mzxw6yq"),
            ("fooba", "mzxw6ytb"),
        ];
        for (bytes, expected) in vectors {
            let mut text = String::new();
            encode(bytes.as_bytes(), &mut text);
            assert_eq!(text, expected);
            let digits: Vec<u8> = text.chars().map(|c| digit(c).expect("in the alphabet")).collect();
            let (back, whole) = decode(&digits);
            assert_eq!((back.as_slice(), whole), (bytes.as_bytes(), true));
        }
    }

    #[test]
    fn digits_outside_the_alphabet() {
        for character in ['0', '1', '8', '9', '-', '=', 'é', ' '] {
            assert_eq!(digit(character), None, "{character:?}");
        }
        assert_eq!(digit('A'), digit('a'));
    }
}
