//! What a file is known by: blocks of 1 MiB, the SHA-256 of each, and the SHA-256 of those. So one hash says what the whole file is,
//! and each block can be proven by itself as it arrives.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// The length of each block but the last.
pub const BLOCK: usize = 1 << 20;

/// The largest file that is shared by its hash: 65,536 blocks, whose hashes are 2 MiB.
pub const MAX_SIZE: u64 = 64 << 30;

/// The SHA-256 of a block.
pub type BlockHash = [u8; 32];

/// What a file is known by: the SHA-256 of the SHA-256s of its blocks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId([u8; 32]);

/// The text is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no hash: 64 hexadecimal digits")]
pub struct FileIdError;

impl FileId {
    /// Of the file whose blocks have these.
    pub fn of_hashes(hashes: &[BlockHash]) -> Self {
        let mut all = Sha256::new();
        hashes.iter().for_each(|hash| all.update(hash));
        Self(all.finalize().into())
    }
}

/// Of one block.
pub fn of_block(block: &[u8]) -> BlockHash {
    Sha256::digest(block).into()
}

/// The hashes of the blocks of a file, and its size. Blocks the thread.
///
/// # Errors
/// It cannot be read, or is larger than [`MAX_SIZE`].
pub fn of_file(mut file: impl Read) -> io::Result<(Vec<BlockHash>, u64)> {
    let (mut hashes, mut size) = (Vec::new(), 0);
    let mut block = Vec::with_capacity(BLOCK);
    loop {
        block.clear();
        let length = file.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        if length == 0 {
            return Ok((hashes, size));
        }
        size += length as u64;
        if size > MAX_SIZE {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 64 GiB"));
        }
        hashes.push(of_block(&block));
        if length < BLOCK {
            return Ok((hashes, size));
        }
    }
}

/// How many blocks a file of this size has, if it may be so large.
pub fn blocks_of(size: u64) -> Option<u32> {
    (size <= MAX_SIZE).then(|| u32::try_from(size.div_ceil(BLOCK as u64)).expect("64 GiB are 65,536 blocks"))
}

/// Where a block of a file of this size begins, and how long it is. A block behind its end has no bytes.
pub fn block_range(block: u32, size: u64) -> (u64, usize) {
    let start = u64::from(block) * BLOCK as u64;
    let length = size.saturating_sub(start).min(BLOCK as u64);
    (start, usize::try_from(length).expect("a block fits in memory"))
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileId({self})")
    }
}

impl FromStr for FileId {
    type Err = FileIdError;

    fn from_str(text: &str) -> Result<Self, FileIdError> {
        let digits: Vec<u8> = text
            .chars()
            .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or(FileIdError))
            .collect::<Result<_, _>>()?;
        let (pairs, rest) = digits.as_chunks::<2>();
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        if rest.is_empty() { bytes.try_into().map(Self).map_err(|_| FileIdError) } else { Err(FileIdError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_blocks() {
        let bytes = vec![7; 2 * BLOCK + 5];
        let (hashes, size) = of_file(bytes.as_slice()).unwrap();
        assert_eq!((hashes.len(), size), (3, bytes.len() as u64));
        assert_eq!(hashes[2], of_block(&[7; 5]));
        assert_eq!(blocks_of(size), Some(3));
        assert_eq!(block_range(2, size), (2 * BLOCK as u64, 5));
        assert_eq!(block_range(3, size).1, 0);
        assert_eq!(of_file(&[][..]).unwrap(), (vec![], 0));
        assert_eq!(of_file(&bytes[..BLOCK]).unwrap().0.len(), 1);
    }

    #[test]
    fn an_id_is_read_back() {
        let id = FileId::of_hashes(&[[1; 32]]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "abc", &"g".repeat(64), &"a".repeat(63), &"a".repeat(66)] {
            assert_eq!(text.parse::<FileId>(), Err(FileIdError));
        }
    }
}
