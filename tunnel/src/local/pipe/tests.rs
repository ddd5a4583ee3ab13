//! What crosses a pipe, and how it ends.

use std::task::Wake;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::queue::CAPACITY;
use super::*;

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

fn nobody() -> Waker {
    Arc::new(Nobody).into()
}

fn read(end: &PipeEnd) -> Result<Vec<u8>, io::ErrorKind> {
    let mut bytes = [0; 64];
    let count = end.read(&mut [IoSliceMut::new(&mut bytes)]).map_err(|error| error.kind())?;
    Ok(bytes[..count].to_vec())
}

#[tokio::test]
async fn bytes_and_ends_cross_each_way_by_itself() {
    let (end, mut stream) = pipe();
    assert_eq!(read(&end), Err(io::ErrorKind::WouldBlock));
    stream.write_all(b"there").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(read(&end).as_deref(), Ok(b"there".as_slice()));
    assert_eq!(read(&end).as_deref(), Ok(b"".as_slice()), "FIN, behind the bytes");
    assert_eq!(stream.write(b"more").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    assert_eq!(end.write(&[IoSlice::new(b"and "), IoSlice::new(b"back")]).unwrap(), 8);
    end.finish();
    let mut back = String::new();
    stream.read_to_string(&mut back).await.unwrap();
    assert_eq!(back, "and back");
    drop(stream);
    assert!(matches!(end.end(&nobody()), Some(Ok(()))), "what has ended in order is not reset");
}

#[tokio::test]
async fn a_reset_of_the_link_comes_behind_its_bytes_and_says_why() {
    let (end, mut stream) = pipe();
    end.write(&[IoSlice::new(b"last words")]).unwrap();
    end.reset(ResetCode::TimedOut);
    let mut bytes = Vec::new();
    let error = stream.read_to_end(&mut bytes).await.unwrap_err();
    assert_eq!((bytes.as_slice(), error.kind()), (b"last words".as_slice(), io::ErrorKind::ConnectionReset));
    assert_eq!(reset_code(&error), Some(ResetCode::TimedOut));
    assert_eq!(reset_code(&stream.write(b"x").await.unwrap_err()), Some(ResetCode::TimedOut));
    assert_eq!(reset_code(&io::Error::other("else")), None);
}

#[tokio::test]
async fn an_application_that_resets_or_vanishes_is_no_end_in_order() {
    let (end, stream) = pipe();
    stream.reset(ResetCode::Idle);
    assert_eq!(reset_code(&end.read(&mut []).unwrap_err()), Some(ResetCode::Idle));
    let (end, mut stream) = pipe();
    stream.write_all(b"half of it").await.unwrap();
    drop(stream);
    assert_eq!(read(&end), Err(io::ErrorKind::ConnectionReset));
    let (end, mut stream) = pipe();
    stream.shutdown().await.unwrap();
    end.write(&[IoSlice::new(b"unread")]).unwrap();
    end.finish();
    drop(stream);
    assert_eq!(read(&end), Err(io::ErrorKind::ConnectionReset), "what came was not read");
}

#[tokio::test]
async fn a_link_that_vanishes_is_a_reset() {
    let (end, mut stream) = pipe();
    drop(end);
    assert_eq!(reset_code(&stream.read(&mut [0]).await.unwrap_err()), Some(ResetCode::Reset));
    let (end, stream) = pipe();
    drop(end);
    assert_eq!(stream.opened().await, Err(ResetCode::Reset));
}

#[tokio::test]
async fn whoever_writes_waits_for_room_and_is_woken_by_it() {
    let (end, mut stream) = pipe();
    let writer = tokio::spawn(async move {
        stream.write_all(&vec![7; 3 * CAPACITY]).await.unwrap();
        stream.shutdown().await.unwrap();
        stream
    });
    let (mut sum, mut bytes) = (0, vec![0; CAPACITY]);
    loop {
        poll_fn(|cx| end.poll_read_ready(cx)).await;
        match end.read(&mut [IoSliceMut::new(&mut bytes)]).unwrap() {
            0 => break,
            count => sum += count,
        }
    }
    assert_eq!(sum, 3 * CAPACITY);
    let mut stream = writer.await.unwrap();
    let full = [IoSlice::new(&bytes)];
    assert_eq!(end.write(&full).unwrap(), CAPACITY);
    assert_eq!(end.write(&full).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let room = poll_fn(|cx| end.poll_write_ready(cx));
    let mut one = [0];
    let ((), read) = tokio::join!(room, stream.read_exact(&mut one));
    assert_eq!(read.unwrap(), 1);
}

#[tokio::test]
async fn a_stream_that_was_opened_and_reset_at_once_gives_its_bytes() {
    let (end, mut stream) = pipe();
    end.open();
    end.write(&[IoSlice::new(b"too many connections")]).unwrap();
    end.reset(ResetCode::Reset);
    assert_eq!(stream.opened().await, Ok(()));
    let mut bytes = Vec::new();
    let error = stream.read_to_end(&mut bytes).await.unwrap_err();
    assert_eq!(
        (bytes.as_slice(), reset_code(&error)),
        (b"too many connections".as_slice(), Some(ResetCode::Reset))
    );
}

#[test]
fn a_code_that_no_frame_can_carry_becomes_one_that_it_can() {
    let (end, stream) = pipe();
    stream.reset(ResetCode::Unknown(u64::MAX));
    let code = reset_code(&end.read(&mut []).unwrap_err()).unwrap();
    assert_eq!(code, ResetCode::Unknown((1 << 62) - 1));
}

#[tokio::test]
async fn a_direction_without_bytes_holds_no_memory() {
    let (end, mut stream) = pipe();
    stream.write_all(&[7; 10_000]).await.unwrap();
    end.write(&[IoSlice::new(&[7; 10_000])]).unwrap();
    let capacities = || {
        let state = end.0.lock();
        state.sides.each_ref().map(|side| side.incoming.capacity())
    };
    assert!(capacities().iter().all(|bytes| *bytes >= 10_000));
    assert_eq!(end.read(&mut [IoSliceMut::new(&mut [0; 20_000])]).unwrap(), 10_000);
    stream.read_exact(&mut [0; 10_000]).await.unwrap();
    assert_eq!(capacities(), [0, 0]);
}

#[tokio::test]
async fn between_two_links_bytes_and_ends_cross_as_between_connections() {
    let memory = RelayMemory::new(64 << 20);
    let (asker, publisher) = relay(&memory);
    assert_eq!(read(&asker), Err(io::ErrorKind::WouldBlock));
    publisher.open();
    asker.opened().await.unwrap();
    asker.write(&[IoSlice::new(b"over "), IoSlice::new(b"there")]).unwrap();
    asker.finish();
    assert_eq!(read(&publisher).as_deref(), Ok(b"over there".as_slice()));
    assert_eq!(read(&publisher).as_deref(), Ok(b"".as_slice()), "FIN, behind the bytes");
    publisher.write(&[IoSlice::new(b"back")]).unwrap();
    publisher.finish();
    drop(publisher);
    assert_eq!(read(&asker).as_deref(), Ok(b"back".as_slice()), "what has ended in order is not reset");
    assert!(matches!(asker.end(&nobody()), Some(Ok(()))));
}

#[tokio::test]
async fn between_two_links_a_reset_passes_with_its_code() {
    let memory = RelayMemory::new(64 << 20);
    let (asker, publisher) = relay(&memory);
    publisher.reset(ResetCode::Refused);
    assert_eq!(asker.opened().await, Err(ResetCode::Refused));
    let (asker, publisher) = relay(&memory);
    asker.write(&[IoSlice::new(b"last words")]).unwrap();
    asker.reset(ResetCode::Idle);
    assert!(publisher.write(&[IoSlice::new(b"x")]).is_err());
    assert_eq!(read(&publisher).as_deref(), Ok(b"last words".as_slice()), "behind the bytes");
    assert_eq!(reset_code(&publisher.read(&mut []).unwrap_err()), Some(ResetCode::Idle));
    let (asker, publisher) = relay(&memory);
    drop(publisher);
    assert_eq!(read(&asker), Err(io::ErrorKind::ConnectionReset), "a link that vanishes is a reset");
}

#[test]
fn bytes_keep_their_order_however_they_lie() {
    let memory = RelayMemory::new(64 << 20);
    let (one, other) = relay(&memory);
    let (mut sent, mut received) = (0, Vec::new());
    for turn in 0..2_000_usize {
        // Two pieces in, two buffers out, of lengths that cut each other.
        let bytes: Vec<u8> =
            (sent..sent + turn % 700).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
        let (first, second) = bytes.split_at(bytes.len() / 3);
        sent += one.write(&[IoSlice::new(first), IoSlice::new(second)]).unwrap_or(0);
        let mut bufs = [vec![0; 11 + turn % 500], vec![0; 1 + turn % 90]];
        let mut slices = bufs.each_mut().map(|buf| IoSliceMut::new(buf));
        let read = other.read(&mut slices).unwrap_or(0);
        received.extend(bufs.concat().into_iter().take(read));
    }
    let right = |(at, byte): (usize, &u8)| *byte == at.to_le_bytes()[0] ^ at.to_le_bytes()[1];
    assert!(received.iter().enumerate().all(right), "{} bytes", received.len());
    assert!(received.len() > 400_000, "{}", received.len());
}

#[tokio::test]
async fn an_application_that_only_waits_learns_of_a_reset() {
    let (end, stream) = pipe();
    let mut broken = Box::pin(stream.broken());
    assert!(broken.as_mut().poll(&mut Context::from_waker(&nobody())).is_pending());
    end.write(&[IoSlice::new(b"bytes")]).unwrap();
    end.finish();
    assert!(broken.as_mut().poll(&mut Context::from_waker(&nobody())).is_pending(), "that is in order");
    let resetting = tokio::spawn(async move { end.reset(ResetCode::Reset) });
    broken.await;
    resetting.await.unwrap();
}

#[tokio::test]
async fn a_direction_is_finished_when_the_far_end_has_it_and_not_before() {
    let (end, mut stream) = pipe();
    stream.write_all(b"there").await.unwrap();
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(stream.poll_finish(cx).is_pending());
    assert_eq!(read(&end).as_deref(), Ok(b"there".as_slice()));
    assert_eq!(read(&end).as_deref(), Ok(b"".as_slice()), "FIN, behind the bytes");
    assert!(stream.poll_finish(cx).is_pending(), "it was read, and has not arrived");
    let (finished, ()) = tokio::join!(stream.finish(), async { end.delivered() });
    finished.unwrap();
    end.reset(ResetCode::Idle);
    stream.finish().await.unwrap();
}

#[tokio::test]
async fn what_has_not_arrived_when_the_link_ends_is_not_finished() {
    let (end, mut stream) = pipe();
    end.reset(ResetCode::Limit);
    assert_eq!(reset_code(&stream.finish().await.unwrap_err()), Some(ResetCode::Limit));
    // Both directions have ended in order, but nobody knows what became of the bytes.
    let (end, mut stream) = pipe();
    stream.write_all(b"there").await.unwrap();
    stream.shutdown().await.unwrap();
    end.finish();
    let (finished, ()) = tokio::join!(stream.finish(), async { drop(end) });
    assert_eq!(reset_code(&finished.unwrap_err()), Some(ResetCode::Reset));
}
