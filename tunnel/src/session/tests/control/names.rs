//! Names that are published and used through one proxy2.

use std::time::Instant;

use super::*;

const ALL: &str = "publish:* use:*";

fn glob(text: &str) -> crate::rules::NameGlob {
    text.parse().unwrap()
}

async fn publishes(exit: &Exit, ticket: &Ticket, name: &str, to: SocketAddr) -> Handle {
    let mut publisher = exit.proxy1(ticket, vec![reverse(named(name), to)]).await;
    within(publisher.ready()).await.unwrap();
    publisher
}

#[tokio::test]
async fn one_client_reaches_what_another_publishes() {
    let exit = Exit::start(ALL).await;
    let _publisher = publishes(&exit, &exit.ticket("shed"), "files", target("files ").await).await;
    let user = exit.joined("laptop").await;
    let link = user.link().unwrap();
    for length in [0, 3_000_000] {
        let stream = within(link.open(&service("files"))).await.unwrap();
        assert_eq!(within(greeting(stream, length)).await, "files ");
    }
    let found = within(link.find(&glob("f*"))).await.unwrap();
    let files = ServiceInfo {
        name: "files".parse().unwrap(),
        udp: false,
        publishers: 1,
        tickets: vec!["shed".into()],
    };
    assert_eq!(found, [files]);
    assert_eq!(within(link.find(&glob("x*"))).await.unwrap(), []);
    let unknown = within(link.open(&service("other"))).await.unwrap_err();
    assert_eq!(unknown, NotOpened::Reset(ResetCode::Unreachable));
    let identity = within(link.who_am_i()).await.unwrap();
    assert_eq!((identity.ticket.as_str(), identity.rules.len()), ("laptop", 2));
    // A forward to a name, as users have it.
    let forward = Forward::to(Listen::loopback(0), service("files"));
    let bound = link.add(&forward).await.unwrap().tcp().unwrap();
    let client = TcpStream::connect(bound).await.unwrap();
    assert_eq!(within(greeting(client, 100)).await, "files ");
}

#[tokio::test]
async fn a_publisher_in_this_process_knows_the_ticket_of_its_caller() {
    let exit = Exit::start(ALL).await;
    let (publisher, user) = (exit.joined("shed").await, exit.joined("laptop").await);
    let mut listener = within(publisher.link().unwrap().publish("files".parse().unwrap())).await.unwrap();
    let destination = service("files");
    let opened = user.link().unwrap().open(&destination);
    let (stream, accepted) = within(async { tokio::join!(opened, listener.accept()) }).await;
    let (accepted, caller) = accepted.unwrap();
    assert_eq!(caller, Caller { ticket: Some("laptop".parse().unwrap()), from: None });
    // A reset passes with its code.
    accepted.reset(ResetCode::Idle);
    let error = within(stream.unwrap().read(&mut [0])).await.unwrap_err();
    assert_eq!(reset_code(&error), Some(ResetCode::Idle));
    drop(listener);
    let gone = async { while user.link().unwrap().open(&service("files")).await.is_ok() {} };
    within(gone).await;
}

#[tokio::test]
async fn publishers_share_new_streams_and_one_that_refuses_is_passed_over() {
    let exit = Exit::start(ALL).await;
    let shed = exit.ticket("shed");
    let _first = publishes(&exit, &shed, "files", target("a").await).await;
    let second = publishes(&exit, &exit.ticket("barn"), "files", target("b").await).await;
    let user = exit.joined("laptop").await;
    let link = user.link().unwrap();
    let mut open = Vec::new();
    let mut words = String::new();
    for _ in 0..6 {
        let mut stream = within(link.open(&service("files"))).await.unwrap();
        let mut word = [0];
        stream.read_exact(&mut word).await.unwrap();
        words.push(word[0].into());
        open.push(stream);
    }
    assert_eq!((words.matches('a').count(), words.matches('b').count()), (3, 3), "{words}");
    // One whose target is gone refuses: the next takes the stream.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let _third = publishes(&exit, &exit.ticket("cave"), "files", gone).await;
    for _ in 0..4 {
        let stream = within(link.open(&service("files"))).await.unwrap();
        assert!(["a", "b"].contains(&within(greeting(stream, 1)).await.as_str()));
    }
    assert!(exit.running.counters().borrow().publishers_passed_over > 0);
    // One that goes in order is gone at once.
    let start = Instant::now();
    second.close().await.unwrap();
    let two = async { while link.find(&glob("files")).await.unwrap()[0].publishers != 2 {} };
    within(two).await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

/// Opens streams until one is refused as too many.
async fn open_all(link: &LinkHandle, destination: &Destination) -> Vec<PipeStream> {
    let mut held = Vec::new();
    loop {
        match within(link.open(destination)).await {
            Ok(stream) => held.push(stream),
            Err(error) => {
                assert_eq!(error, NotOpened::Reset(ResetCode::Limit));
                return held;
            }
        }
    }
}

#[tokio::test]
async fn a_user_that_takes_all_the_streams_it_can_leaves_some_to_others() {
    let streams = 16;
    let set = |settings: &mut ServerSettings| settings.link.max_streams = streams;
    let exit = Exit::start_with(MemoryState::new(), Listen::loopback(0), ALL, set).await;
    let publisher = publishes(&exit, &exit.ticket("shed"), "files", target("files ").await).await;
    let (greedy, user) = (exit.joined("greedy").await, exit.joined("laptop").await);
    let files = service("files");
    let mut held = open_all(greedy.link().unwrap(), &files).await;
    assert_eq!(held.len(), 9, "three quarters of what is for visitors, which is three quarters");
    let stream = within(user.link().unwrap().open(&files)).await.unwrap();
    assert_eq!(within(greeting(stream, 10)).await, "files ");
    // The publisher itself still has streams of its own.
    let own = within(publisher.link().unwrap().open(&files)).await.unwrap();
    assert_eq!(within(greeting(own, 10)).await, "files ");
    assert!(exit.running.counters().borrow().streams_over_limit > 0);
    // With another publisher there are more.
    let _second = publishes(&exit, &exit.ticket("barn"), "files", target("files ").await).await;
    held.extend(open_all(greedy.link().unwrap(), &files).await);
    assert!(held.len() > 12, "{}", held.len());
    // What is given back is there again.
    drop(held);
    let link = greedy.link().unwrap();
    let again = async {
        let mut again = Vec::new();
        while again.len() < 12 {
            again.extend(link.open(&files).await);
        }
    };
    within(again).await;
}

#[tokio::test]
async fn a_publisher_that_is_silent_is_passed_over() {
    let exit = Exit::start(ALL).await;
    let first = publishes(&exit, &exit.ticket("shed"), "files", target("a").await).await;
    let _second = publishes(&exit, &exit.ticket("barn"), "files", target("b").await).await;
    let user = exit.joined("laptop").await;
    let link = user.link().unwrap();
    first.kill().await;
    let mut times = Vec::new();
    for _ in 0..4 {
        let start = Instant::now();
        let stream = within(link.open(&service("files"))).await.unwrap();
        assert_eq!(within(greeting(stream, 1)).await, "b");
        times.push(start.elapsed());
    }
    times.sort();
    assert!(times[3] < Duration::from_secs(3), "{times:?}");
    assert!(times[2] < Duration::from_secs(1), "only the first waits: {times:?}");
}

#[tokio::test]
async fn a_publisher_that_was_killed_is_neither_found_nor_asked() {
    let exit = Exit::start(ALL).await;
    let first = publishes(&exit, &exit.ticket("shed"), "files", target("a").await).await;
    let user = exit.joined("laptop").await;
    let link = user.link().unwrap();
    assert_eq!(within(link.find(&glob("*"))).await.unwrap()[0].publishers, 1);
    first.kill().await;
    let start = Instant::now();
    within(async { while !link.find(&glob("*")).await.unwrap().is_empty() {} }).await;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let error = within(link.open(&service("files"))).await.unwrap_err();
    assert_eq!(error, NotOpened::Reset(ResetCode::Unreachable));
    // Others publish it, and it is there again.
    let _second = publishes(&exit, &exit.ticket("barn"), "files", target("b").await).await;
    let found = within(link.find(&glob("*"))).await.unwrap();
    assert_eq!((found[0].publishers, found[0].tickets.as_slice()), (1, &["barn".to_owned()][..]));
    let stream = within(link.open(&service("files"))).await.unwrap();
    assert_eq!(within(greeting(stream, 1)).await, "b");
}

#[tokio::test]
async fn a_stream_does_not_wait_for_a_publisher_that_was_killed() {
    let exit = Exit::start(ALL).await;
    let first = publishes(&exit, &exit.ticket("shed"), "files", target("a").await).await;
    let user = exit.joined("laptop").await;
    let link = user.link().unwrap();
    // By then proxy2 knows how long a round trip takes there.
    assert_eq!(within(link.find(&glob("*"))).await.unwrap().len(), 1);
    first.kill().await;
    let start = Instant::now();
    let error = within(link.open(&service("files"))).await.unwrap_err();
    assert_eq!(error, NotOpened::Reset(ResetCode::Unreachable));
    assert!(start.elapsed() < Duration::from_secs(5), "not the limit of a dial: {:?}", start.elapsed());
}

#[tokio::test]
async fn a_watcher_hears_that_a_publisher_was_killed() {
    let exit = Exit::start(ALL).await;
    let user = exit.joined("laptop").await;
    let mut watcher = within(user.link().unwrap().watch(&glob("f*"))).await.unwrap();
    let shed = publishes(&exit, &exit.ticket("shed"), "files", target("a").await).await;
    let Ok(NameEvent::Appeared(_)) = within(watcher.next()).await else { panic!("it has appeared") };
    // By then proxy2 knows how long a round trip takes there.
    assert_eq!(within(user.link().unwrap().find(&glob("*"))).await.unwrap().len(), 1);
    shed.kill().await;
    let start = Instant::now();
    let Ok(NameEvent::Gone(files)) = within(watcher.next()).await else { panic!("it has gone") };
    assert_eq!((files.name.as_str(), files.publishers), ("files", 0));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn what_no_rule_allows_is_neither_found_nor_used_nor_published() {
    let exit = Exit::start(ALL).await;
    let publisher = publishes(&exit, &exit.ticket("shed"), "files", target("a").await).await;
    let user = exit.joined("laptop").await;
    let link = user.link().unwrap();
    let mut stream = within(link.open(&service("files"))).await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap();
    exit.memory.set_rules(&"laptop".parse().unwrap(), Some(Rules::none())).unwrap();
    let error = within(stream.read(&mut [0])).await.unwrap_err();
    assert_eq!(reset_code(&error), Some(ResetCode::Forbidden));
    let error = within(link.open(&service("files"))).await.unwrap_err();
    assert_eq!(error, NotOpened::Reset(ResetCode::Forbidden));
    assert_eq!(within(link.find(&glob("*"))).await.unwrap(), []);
    let why = within(link.why(&service("files"))).await.unwrap();
    assert!(why.contains("proxy2 ticket allow laptop use:files"), "{why}");
    let refused = within(link.publish("web".parse().unwrap())).await.unwrap_err().to_string();
    assert!(refused.contains("proxy2 ticket allow laptop publish:web"), "{refused}");
    // A publisher that may not any more loses the name.
    exit.memory.set_rules(&"laptop".parse().unwrap(), Some(Rules::parse(["use:*"]).unwrap())).unwrap();
    exit.memory.set_rules(&"shed".parse().unwrap(), Some(Rules::none())).unwrap();
    let gone = async { while !link.find(&glob("*")).await.unwrap().is_empty() {} };
    within(gone).await;
    within(publisher.counters().wait_for(|counters| counters.registrations_lost == 1)).await.unwrap();
}

#[tokio::test]
async fn a_watcher_hears_of_names_that_appear_and_go() {
    let exit = Exit::start(ALL).await;
    let (publisher, user) = (exit.joined("shed").await, exit.joined("laptop").await);
    let mut watcher = within(user.link().unwrap().watch(&glob("f*"))).await.unwrap();
    let listener = within(publisher.link().unwrap().publish("files".parse().unwrap())).await.unwrap();
    let _web = within(publisher.link().unwrap().publish("web".parse().unwrap())).await.unwrap();
    let Ok(NameEvent::Appeared(files)) = within(watcher.next()).await else { panic!("it has appeared") };
    assert_eq!((files.name.as_str(), files.publishers), ("files", 1));
    drop(listener);
    let Ok(NameEvent::Gone(files)) = within(watcher.next()).await else { panic!("it has gone") };
    assert_eq!((files.name.as_str(), files.publishers), ("files", 0));
}

#[tokio::test]
async fn a_watcher_that_does_not_read_is_overrun() {
    let exit = Exit::start(ALL).await;
    let (publisher, user) = (exit.joined("shed").await, exit.joined("laptop").await);
    let mut watcher = within(user.link().unwrap().watch(&glob("*"))).await.unwrap();
    for _ in 0..300 {
        drop(within(publisher.link().unwrap().publish("files".parse().unwrap())).await.unwrap());
    }
    let mut count = 0;
    let why = loop {
        match within(watcher.next()).await {
            Ok(_) => count += 1,
            Err(why) => break why,
        }
    };
    assert_eq!((count, why), (256, WatchEnded::Overrun), "what there was room for, then the end");
}

#[tokio::test]
async fn ten_thousand_names_are_found() {
    let exit = Exit::start(ALL).await;
    let mut publishers = Vec::new();
    for part in 0..3 {
        let to = "127.0.0.1:9".parse().unwrap();
        let names = (0..4_000).map(|number| reverse(named(&format!("n{part}-{number}")), to)).collect();
        let mut publisher = exit.proxy1(&exit.ticket(&format!("t{part}")), names).await;
        within(publisher.ready()).await.unwrap();
        publishers.push(publisher);
    }
    let user = exit.joined("laptop").await;
    let found = within(user.link().unwrap().find(&glob("n*"))).await.unwrap();
    assert_eq!(found.len(), 12_000);
}

#[tokio::test]
async fn proxy2_publishes_and_uses_names_itself() {
    let own = target("own ").await;
    let publish = Reverse { at: named("own"), to: ReverseTo::Tcp(own.into()), proxy_protocol: None };
    let forwards = [
        Forward::to(Listen::loopback(0), service("files")),
        Forward::to(Listen::loopback(0), service("own")),
    ];
    let memory = MemoryState::new();
    let rules = Rules::parse(ALL.split_whitespace()).unwrap();
    let settings = ServerSettings {
        publish: vec![publish],
        forwards: forwards.into(),
        ..ServerSettings::new(Listen::loopback(0), (&memory).into(), Allow { target: None, rules })
    };
    let session = Session::bind(settings).await.unwrap();
    let addresses: Vec<_> = session.listening().iter().map(|bound| bound.tcp().unwrap()).collect();
    let exit = Exit { memory, address: session.udp_addresses()[0], running: session.run() };
    let _publisher = publishes(&exit, &exit.ticket("shed"), "files", target("files ").await).await;
    for (address, word) in addresses.into_iter().zip(["files ", "own "]) {
        let client = TcpStream::connect(address).await.unwrap();
        assert_eq!(within(greeting(client, 300_000)).await, word);
    }
    let user = exit.joined("laptop").await;
    let stream = within(user.link().unwrap().open(&service("own"))).await.unwrap();
    assert_eq!(within(greeting(stream, 100)).await, "own ");
}

#[tokio::test]
async fn a_stream_outlives_its_name_but_not_the_rule_for_it() {
    let exit = Exit::start(ALL).await;
    let (publisher, user) = (exit.joined("shed").await, exit.joined("laptop").await);
    let mut listener = within(publisher.link().unwrap().publish("files".parse().unwrap())).await.unwrap();
    let (destination, link) = (service("files"), user.link().unwrap());
    let (stream, accepted) = within(async { tokio::join!(link.open(&destination), listener.accept()) }).await;
    let (mut stream, (mut accepted, _)) = (stream.unwrap(), accepted.unwrap());
    drop(listener);
    within(async { while !link.find(&glob("*")).await.unwrap().is_empty() {} }).await;
    accepted.write_all(b"x").await.unwrap();
    within(stream.read_exact(&mut [0])).await.unwrap();
    exit.memory.set_rules(&"shed".parse().unwrap(), Some(Rules::parse(["use:*"]).unwrap())).unwrap();
    let error = within(stream.read(&mut [0])).await.unwrap_err();
    assert_eq!(reset_code(&error), Some(ResetCode::Forbidden));
}
