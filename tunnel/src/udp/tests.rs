use super::*;

/// Everything that arrives at `udp` until `count` datagrams are there.
async fn receive(udp: &Udp, count: usize) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut storage = vec![0; DATAGRAM_BUFFER * 2];
    let mut all = Vec::new();
    while all.len() < count {
        let mut bufs: Vec<_> = storage.chunks_mut(DATAGRAM_BUFFER).map(IoSliceMut::new).collect();
        let mut metas = [RecvMeta::default(); 2];
        let filled = udp.recv(&mut bufs, &mut metas).await.unwrap();
        for (meta, buffer) in metas.iter().zip(storage.chunks(DATAGRAM_BUFFER)).take(filled) {
            all.extend(datagrams(buffer, meta).map(|datagram| (meta.addr, datagram.to_vec())));
        }
    }
    all
}

fn transmit(destination: SocketAddr, contents: &[u8], segment: usize) -> Transmit<'_> {
    Transmit { destination, ecn: None, contents, segment_size: Some(segment), src_ip: None }
}

#[tokio::test]
async fn a_batch_arrives_as_its_datagrams() {
    let (here, there) =
        (Udp::bind_any(1 << 20).unwrap(), Udp::bind("127.0.0.1:0".parse().unwrap(), 0).unwrap());
    let contents: Vec<u8> = (0..30_000_u32).map(|i| i.to_le_bytes()[1]).collect();
    here.send(&transmit(there.local_addr().unwrap(), &contents, 1_402)).await.unwrap();
    let got = receive(&there, 22).await;
    assert_eq!(got.iter().map(|(_, d)| d.clone()).collect::<Vec<_>>().concat(), contents);
    assert!(got.iter().take(21).all(|(_, datagram)| datagram.len() == 1_402));
    let from = SocketAddr::new("127.0.0.1".parse().unwrap(), here.local_addr().unwrap().port());
    assert!(got.iter().all(|(sender, _)| *sender == from), "mapped addresses must not be seen");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn offload_comes_back_after_an_error_that_passes() {
    let mut here = Udp::bind("127.0.0.1:0".parse().unwrap(), 0).unwrap();
    let state = UdpSocketState::new(UdpSockRef::from(here.io.socket())).unwrap();
    here.sending = Offload::new(state, std::time::Duration::ZERO);
    let (most, there) = (here.max_segments(), here.local_addr().unwrap());
    // Nothing can be sent to port 0: the system says EINVAL, as it does where a route leads nowhere.
    let nowhere = "127.0.0.1:0".parse().unwrap();
    here.send(&transmit(nowhere, &[7; 3_000], 1_000)).await.unwrap_err();
    assert_eq!(here.max_segments(), 1, "the error has not been what was expected");
    here.send(&transmit(there, &[7; 3_000], 1_000)).await.unwrap();
    assert_eq!((here.max_segments(), receive(&here, 3).await.len()), (most, 3));
}

/// The address of the receiver, the size of merged datagrams and the bits have to be told together.
#[tokio::test]
async fn marks_of_merged_datagrams_are_seen() {
    let here = Udp::bind_any(0).unwrap();
    for at in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
        let Ok(there) = Udp::bind(at.parse().unwrap(), 0) else { continue };
        let to = SocketAddr::from(([127, 0, 0, 1], there.local_addr().unwrap().port()));
        for length in [100, 2_500] {
            let sent = Transmit { ecn: ecn_bits(Ecn::Capable), ..transmit(to, &[7; 2_500][..length], 1_000) };
            here.send(&sent).await.unwrap();
            let (mut storage, mut metas) = (vec![0; DATAGRAM_BUFFER], [RecvMeta::default()]);
            there.recv(&mut [IoSliceMut::new(&mut storage)], &mut metas).await.unwrap();
            assert_eq!(ecn_of(&metas[0]), Ecn::Capable, "{length} bytes to {at}");
        }
    }
}

#[tokio::test]
async fn the_largest_and_the_empty_datagram_arrive_whole() {
    let (here, there) =
        (Udp::bind_any(1 << 20).unwrap(), Udp::bind("127.0.0.1:0".parse().unwrap(), 1 << 20).unwrap());
    let address = there.local_addr().unwrap();
    here.send(&transmit(address, &[7; MAX_SEND], MAX_SEND)).await.unwrap();
    here.send(&transmit(address, &[], 1)).await.unwrap();
    let lengths: Vec<_> = receive(&there, 2).await.iter().map(|(_, datagram)| datagram.len()).collect();
    assert_eq!(lengths, [MAX_SEND, 0]);
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_no_error() {
    let here = Udp::bind("127.0.0.1:0".parse().unwrap(), 0).unwrap();
    let gone = Udp::bind("127.0.0.1:0".parse().unwrap(), 0).unwrap().local_addr().unwrap();
    for _ in 0..3 {
        here.send(&transmit(gone, b"hola", 4)).await.unwrap();
    }
    here.send(&transmit(here.local_addr().unwrap(), b"still here", 10)).await.unwrap();
    assert_eq!(receive(&here, 1).await[0].1, b"still here");
}
