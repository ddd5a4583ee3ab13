//! Datagrams that no packet is large enough for.

use super::{Source, path, run};
use crate::sealed::transport::Settings;
use crate::sealed::transport::datagrams::{DatagramRefused, MAX_DATAGRAM};
use crate::sealed::transport::tests::MS;
use crate::sealed::transport::tests::pair::Pair;
use crate::sim::Path;
use std::time::Duration;

#[test]
fn what_fits_no_packet_comes_framed_and_whole_also_where_packets_are_lost() {
    for (memory, least) in [(Settings::default().memory, 30), (512 << 10, 20)] {
        let mut pair = Pair::with(1, path(0.05), Settings { memory, ..Settings::default() });
        let mut sources =
            [20_000, MAX_DATAGRAM, 9_500].map(|size| Source::new(&mut pair, size, Duration::from_secs(1)));
        run(&mut pair, Duration::from_secs(10), &mut sources);
        let arrived: usize = sources.iter().map(|source| source.delays(&pair).len()).sum();
        let (sent, came) = (pair.client.transport.datagram_counts(), pair.server.transport.datagram_counts());
        assert_eq!((sent.sent, sent.framed), (0, 30));
        assert_eq!((came.received, came.received + came.unread), (arrived as u64, 30), "{memory} bytes");
        assert!(arrived >= least, "{arrived} arrived with {memory} bytes");
        pair.server.transport.check_accounts();
    }
}

#[test]
fn packets_become_larger_where_datagrams_need_it() {
    let mut pair = Pair::on(2, path(0.0));
    let mut source = [Source::new(&mut pair, 1_350, 10 * MS)];
    let id = source[0].id;
    assert!(pair.client.transport.max_datagram_size(id) < 1_200);
    run(&mut pair, Duration::from_secs(5), &mut source);
    assert!(pair.client.transport.max_datagram_size(id) >= 1_419);
    let counts = pair.client.transport.datagram_counts();
    assert!(counts.framed < 20 && counts.sent > 470, "{counts:?}");
    assert_eq!(source[0].delays(&pair).len(), source[0].sent.len());
    // Nothing is looked for once it is found.
    assert!(!pair.client.transport.may_probe_mtu());
}

#[test]
fn where_a_path_stops_carrying_large_packets_datagrams_go_another_way() {
    let mut pair = Pair::on(3, path(0.0));
    pair.warm();
    let mut sources = [Source::new(&mut pair, 1_350, 10 * MS), Source::new(&mut pair, 200, 10 * MS)];
    run(&mut pair, Duration::from_secs(5), &mut sources);
    pair.network.change(|path| path.mtu = 1_280);
    run(&mut pair, Duration::from_secs(10), &mut sources);
    let before = sources[0].sent.len();
    let arrived = sources[0].delays(&pair).len();
    run(&mut pair, Duration::from_secs(5), &mut sources);
    assert_eq!(sources[0].delays(&pair).len() - arrived, sources[0].sent.len() - before, "all come again");
}

#[test]
fn what_is_larger_than_udp_carries_is_refused_and_a_flood_of_large_ones_is_bounded() {
    let mut pair = Pair::on(4, Path { rate: 100_000, ..path(0.0) });
    pair.warm();
    let id = pair.open_flow(0);
    let now = pair.now;
    let transport = &mut pair.client.transport;
    let large = vec![7; MAX_DATAGRAM + 1];
    assert_eq!(transport.send_datagram(now, id, &large), Err(DatagramRefused::TooLarge));
    let sent = (0..100).filter(|_| transport.send_datagram(now, id, &large[1..]).is_ok()).count();
    assert_eq!((sent, transport.datagram_counts().too_large), (2, 99));
    transport.check_accounts();
}
