//! One end of a link that has its thread, its socket and one stream to itself.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::IoSliceMut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::Result;
use proto::Time;
use proto::sealed::benching::UNIX;
use proto::sealed::link::Link;
use proto::sealed::wire::frame::StreamId;
use tunnel::udp::{self, DATAGRAM_BUFFER, MAX_SEND, RecvMeta, Transmit, Udp};

use crate::process::thread_cpu;

/// What the measurement sees of both ends.
#[derive(Debug, Default)]
pub(super) struct Shared {
    bytes: AtomicU64,
    /// Nanoseconds that each end has used.
    cpu: [AtomicU64; 2],
    over: AtomicBool,
}

impl Shared {
    /// Bytes that were read, nanoseconds that both ends used.
    pub(super) fn counted(&self) -> (u64, u64) {
        let cpu = self.cpu.iter().map(|cpu| cpu.load(Ordering::Relaxed)).sum();
        (self.bytes.load(Ordering::Relaxed), cpu)
    }

    /// Both ends stop.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// The time of both ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    zero: Instant,
    at: Time,
}

impl Clock {
    /// It is `now`.
    pub(super) fn at(now: Time) -> Self {
        Self { zero: Instant::now(), at: now }
    }

    fn now(self) -> Time {
        self.at + self.zero.elapsed()
    }
}

/// The end.
pub(super) struct End {
    pub(super) link: Link,
    pub(super) udp: Udp,
    pub(super) stream: StreamId,
    pub(super) clock: Clock,
    /// It writes; the other reads.
    pub(super) writes: bool,
    pub(super) shared: Arc<Shared>,
}

impl End {
    /// The longest wait, so that the end of the measurement is seen.
    const NAP: Duration = Duration::from_millis(50);
    /// Rounds between two looks at the CPU time, which is a file to read.
    const ROUNDS: u32 = 256;

    /// Carries bytes until the measurement is over.
    pub(super) async fn run(mut self) -> Result<()> {
        let (mut incoming, mut outgoing) = (vec![0; DATAGRAM_BUFFER], vec![0; MAX_SEND]);
        let mut round = 0;
        while !self.shared.over.load(Ordering::Relaxed) {
            let received = self.receive(&mut incoming).await?;
            let moved = self.serve();
            let sent = self.transmit(&mut outgoing).await?;
            if !received && !moved && !sent {
                self.wait(&mut incoming).await?;
            }
            round += 1;
            if round % Self::ROUNDS == 0 {
                self.count();
            }
        }
        Ok(())
    }

    /// Takes in what is there.
    async fn receive(&mut self, buffer: &mut [u8]) -> Result<bool> {
        let mut metas = [RecvMeta::default()];
        let mut bufs = [IoSliceMut::new(buffer)];
        let ready = poll_fn(|cx| Poll::Ready(self.udp.poll_recv(cx, &mut bufs, &mut metas))).await;
        let Poll::Ready(count) = ready else { return Ok(false) };
        count?;
        self.take_in(buffer, &metas[0]);
        Ok(true)
    }

    fn take_in(&mut self, buffer: &mut [u8], meta: &RecvMeta) {
        let now = self.clock.now();
        for datagram in buffer[..meta.len].chunks_mut(meta.stride.max(1)) {
            self.link.handle_marked(now, meta.addr, udp::ecn_of(meta), datagram);
        }
    }

    /// Timers, then what the application does.
    fn serve(&mut self) -> bool {
        let now = self.clock.now();
        if self.link.poll_timeout(now) <= now {
            self.link.handle_timeout(now);
        }
        let moved = if self.writes { self.write(now) } else { self.read(now) };
        while self.link.poll_event().is_some() {}
        moved
    }

    fn write(&mut self, now: Time) -> bool {
        static BLOCK: [u8; 64 << 10] = [7; 64 << 10];
        let room = self.link.streams().poll_room(now, self.stream).min(BLOCK.len());
        self.link.streams().write(now, self.stream, &BLOCK[..room]);
        room > 0
    }

    fn read(&mut self, now: Time) -> bool {
        let sum =
            |slices: &mut dyn Iterator<Item = &[u8]>| Ok::<_, Infallible>(slices.map(<[u8]>::len).sum());
        match self.link.streams().read_with(now, self.stream, sum) {
            Ok(read) => {
                self.shared.bytes.fetch_add(read as u64, Ordering::Relaxed);
                read > 0
            }
        }
    }

    async fn transmit(&mut self, buffer: &mut [u8]) -> Result<bool> {
        let Some(batch) = self.link.poll_transmit(self.clock.now(), UNIX, buffer) else { return Ok(false) };
        let segment_size = (batch.length > batch.segment).then_some(batch.segment);
        let contents = &buffer[..batch.length];
        let ecn = udp::ecn_bits(batch.ecn);
        let transmit = Transmit { destination: batch.path.remote, ecn, contents, segment_size, src_ip: None };
        self.udp.send(&transmit).await?;
        Ok(true)
    }

    /// Until something comes or something is due.
    async fn wait(&mut self, buffer: &mut [u8]) -> Result<()> {
        let now = self.clock.now();
        let due = self.link.poll_timeout(now).since(now).min(Self::NAP);
        let mut metas = [RecvMeta::default()];
        let received = {
            let mut bufs = [IoSliceMut::new(buffer)];
            tokio::time::timeout(due, self.udp.recv(&mut bufs, &mut metas)).await
        };
        if let Ok(count) = received {
            count?;
            self.take_in(buffer, &metas[0]);
        }
        Ok(())
    }

    fn count(&self) {
        let cpu = u64::try_from(thread_cpu().as_nanos()).unwrap_or(u64::MAX);
        self.shared.cpu[usize::from(self.writes)].store(cpu, Ordering::Relaxed);
    }
}
