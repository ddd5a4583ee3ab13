//! The pure parts on this machine's clock: two links in memory, the parser of frames, the scheduler.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use paso_proto::sealed::benching::{Ends, Turns};
use paso_proto::sealed::wire::frame::{Frame, Frames, StreamId, put, put_ack};
use paso_proto::sealed::wire::varint::Writer;
use std::hint::black_box;
use std::time::Duration;

/// Bytes of a UDP payload in a frame of 1,500 bytes.
const DATAGRAM: u16 = 1_472;
/// Bytes carried in one go: long enough that its start and its end do not count.
const TRANSFER: usize = 4 << 20;

/// Write, frame, seal, open, parse, reassemble, read, acknowledge: all that both links do for a packet.
fn links(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("two links in memory");
    for datagram in [DATAGRAM, 8_972] {
        let mut ends = Ends::on_loopback(datagram);
        let id = ends.open();
        // The first finds the size of packets that the path takes.
        ends.transfer(id, TRANSFER);
        let packets = ends.transfer(id, TRANSFER);
        group.throughput(Throughput::Elements(packets));
        group.bench_function(format!("a packet of {datagram} bytes"), |bencher| {
            bencher.iter(|| ends.transfer(id, TRANSFER));
        });
    }
    group.finish();
}

/// A packet as bulk makes them: an acknowledgement of a few ranges, credit, data.
fn parser(criterion: &mut Criterion) {
    let mut packet = [0; DATAGRAM as usize];
    let mut out = Writer::new(&mut packet);
    let ranges = [900..1_000, 700..890, 10..500];
    put_ack(&mut out, Duration::from_micros(25), ranges.into_iter());
    put(&mut out, &Frame::Credit { id: StreamId(2), end: 1 << 22 });
    put(&mut out, &Frame::Data { id: StreamId(2), offset: 1 << 20, fin: false, bytes: &[7; 1_300] });
    let length = out.len();
    criterion.bench_function("parse the frames of a packet", |bencher| {
        bencher.iter(|| Frames::new(black_box(&packet[..length])).filter(Result::is_ok).count());
    });
}

fn scheduler(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scheduler, a turn");
    for streams in [1, 100, 10_000] {
        let mut turns = Turns::new(streams);
        // All of them become bulk first.
        for _ in 0..streams * 8 {
            turns.send(1_400);
        }
        group.bench_function(format!("{streams} streams"), |bencher| bencher.iter(|| turns.send(1_400)));
    }
    group.finish();
}

criterion_group!(benches, links, parser, scheduler);
criterion_main!(benches);
