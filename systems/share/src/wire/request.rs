//! A request, as it is written, and as it is put together from what arrives.

use super::MAX_FIELD;
use super::date::is_date;
use super::operation::Operation;

/// A whole request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub operation: Operation,
    /// When, if the client says it.
    pub date: Option<String>,
    /// As many as the operation [has](Operation::fields); the first is the user.
    pub fields: Vec<String>,
}

impl Request {
    /// Without a date.
    pub fn new(operation: Operation, fields: &[&str]) -> Self {
        Self { operation, date: None, fields: fields.iter().map(|&field| field.to_owned()).collect() }
    }

    /// Its bytes. A field that holds a zero byte would be two: the caller lets none in.
    pub fn to_bytes(&self) -> Vec<u8> {
        let words = [self.operation.name()].into_iter().chain(self.date.as_deref());
        let mut bytes = Vec::new();
        for word in words.chain(self.fields.iter().map(String::as_str)) {
            bytes.extend_from_slice(word.as_bytes());
            bytes.push(0);
        }
        bytes
    }
}

/// Why bytes are no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no such operation.
    #[error("no operation has this name")]
    Operation,
    /// A field is longer than [`MAX_FIELD`].
    #[error("a field is longer than 255 bytes")]
    TooLong(Operation),
    /// A field is not UTF-8.
    #[error("a field is not UTF-8")]
    NotText(Operation),
}

/// What has arrived so far.
#[derive(Debug, Default)]
pub struct RequestReader {
    operation: Option<Operation>,
    date: Option<String>,
    fields: Vec<String>,
    /// The field that has no end yet.
    begun: Vec<u8>,
}

impl RequestReader {
    /// Takes bytes as they arrive; the request, once it is whole. Bytes behind it are looked at for a date, which some clients send
    /// last, and are nothing else.
    ///
    /// # Errors
    /// [`RequestError`]: the connection is over.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Result<Option<Request>, RequestError> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == 0) {
            let (field, behind) = rest.split_at(end);
            rest = behind.get(1..).unwrap_or_default();
            self.append(field)?;
            if self.end_field()? {
                return Ok(Some(self.take(rest)));
            }
        }
        self.append(rest)?;
        Ok(None)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), RequestError> {
        let room = if self.operation.is_some() { MAX_FIELD } else { Operation::MAX_NAME };
        if self.begun.len() + bytes.len() > room {
            return Err(self.operation.map_or(RequestError::Operation, RequestError::TooLong));
        }
        self.begun.extend_from_slice(bytes);
        Ok(())
    }

    /// Whether that was the last one.
    fn end_field(&mut self) -> Result<bool, RequestError> {
        let field = std::mem::take(&mut self.begun);
        let Some(operation) = self.operation else {
            self.operation = Some(Operation::named(&field).ok_or(RequestError::Operation)?);
            return Ok(false);
        };
        let field = String::from_utf8(field).map_err(|_| RequestError::NotText(operation))?;
        if self.fields.is_empty() && self.date.is_none() && is_date(&field) {
            self.date = Some(field);
        } else {
            self.fields.push(field);
        }
        Ok(self.fields.len() == operation.fields())
    }

    fn take(&mut self, behind: &[u8]) -> Request {
        let late = behind.strip_suffix(b"\0").and_then(|field| str::from_utf8(field).ok());
        let late = late.filter(|field| field.len() <= MAX_FIELD && is_date(field));
        Request {
            operation: self.operation.take().expect("its fields are there"),
            date: self.date.take().or_else(|| late.map(str::to_owned)),
            fields: std::mem::take(&mut self.fields),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Request>, RequestError> {
        RequestReader::default().handle_bytes(bytes)
    }

    #[test]
    fn a_request_is_read_with_a_date_before_behind_and_without() {
        let plain = Request::new(Operation::Publish, &["alice", "/a", "a file"]);
        let dated = Request { date: Some("01/02/2024 10:11:12".into()), ..plain.clone() };
        assert_eq!(read(&plain.to_bytes()), Ok(Some(plain.clone())));
        assert_eq!(read(&dated.to_bytes()), Ok(Some(dated.clone())));
        assert_eq!(read(b"PUBLISH\0alice\0/a\0a file\x0001/02/2024 10:11:12\0"), Ok(Some(dated)));
        assert_eq!(read(b"PUBLISH\0alice\0/a\0a file\0rubbish"), Ok(Some(plain)));
    }

    #[test]
    fn it_may_arrive_byte_by_byte() {
        let request = Request::new(Operation::Connect, &["alice", "6000"]);
        let mut reader = RequestReader::default();
        let (last, bytes) =
            request.to_bytes().split_last().map(|(last, bytes)| (*last, bytes.to_vec())).unwrap();
        for byte in bytes {
            assert_eq!(reader.handle_bytes(&[byte]), Ok(None));
        }
        assert_eq!(reader.handle_bytes(&[last]), Ok(Some(request)));
    }

    #[test]
    fn fields_are_bounded_and_text() {
        let long = [b"REGISTER\0".as_slice(), &[b'a'; 256]].concat();
        assert_eq!(read(&long), Err(RequestError::TooLong(Operation::Register)));
        let just = [b"REGISTER\0".as_slice(), &[b'a'; 255], b"\0"].concat();
        assert!(read(&just).unwrap().is_some());
        assert_eq!(read(&[b'R'; 17]), Err(RequestError::Operation));
        assert_eq!(read(b"STEAL\0"), Err(RequestError::Operation));
        assert_eq!(read(b"REGISTER\0\xff\0"), Err(RequestError::NotText(Operation::Register)));
    }
}
