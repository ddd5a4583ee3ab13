//! Control streams by hand: a line, and what is answered.

use super::*;

async fn control(entry: &Handle) -> PipeStream {
    within(entry.link().unwrap().open(&Destination::Control)).await.unwrap()
}

/// What comes until there are so many lines.
async fn lines(stream: &mut PipeStream, count: usize) -> Vec<String> {
    let mut bytes = Vec::new();
    while bytes.iter().filter(|byte| **byte == b'\n').count() < count {
        assert_ne!(within(stream.read_buf(&mut bytes)).await.unwrap(), 0, "{bytes:?}");
    }
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn each_request_is_answered_in_its_order_and_one_that_is_wrong_ends_nothing() {
    let exit = Exit::start("publish:* use:*").await;
    let entry = exit.joined("one").await;
    let mut stream = control(&entry).await;
    let requests = [
        r#"{"n":1,"do":"dance"}"#,
        r#"{"n":2,"do":"publish","id":7,"name":"files"}"#,
        r#"{"n":3,"do":"publish","id":7,"name":"web"}"#,
        r#"{"n":4,"do":"find"}"#,
        r#"{"n":5,"do":"find","glob":"*"}"#,
        r#"{"n":6,"do":"unlisten","id":8}"#,
        r#"{"n":7,"do":"listen","id":8,"at":"127.0.0.1:0"}"#,
        r#"{"n":8,"do":"listen","id":8,"at":"unix/run/../x"}"#,
        r#"{"n":9,"do":"why","destination":"@files"}"#,
        r#"{"n":10,"do":"unpublish","id":7}"#,
    ];
    stream.write_all((requests.join("\n") + "\n").as_bytes()).await.unwrap();
    let answers = lines(&mut stream, requests.len()).await;
    let begins = [
        r#"{"n":1,"error":"unsupported","#,
        r#"{"n":2}"#,
        r#"{"n":3,"error":"taken","#,
        r#"{"n":4,"error":"malformed","#,
        r#"{"n":5,"names":[{"name":"files","publishers":1,"tickets":["one"]}]}"#,
        r#"{"n":6,"error":"absent","#,
        r#"{"n":7,"error":"forbidden","#,
        r#"{"n":8,"error":"malformed","#,
        r#"{"n":9}"#,
        r#"{"n":10}"#,
    ];
    for (answer, begin) in answers.iter().zip(begins) {
        assert!(answer.starts_with(begin), "{answer} begins with {begin}");
    }
    assert_eq!(answers.len(), begins.len());
}

#[tokio::test]
async fn a_line_that_is_none_of_a_request_ends_the_stream_with_a_word() {
    let exit = Exit::start("publish:*").await;
    let entry = exit.joined("one").await;
    let long = format!("{{\"n\":1,\"do\":\"find\",\"glob\":\"{}\"}}\n", "x".repeat(16 << 10));
    for line in ["garbage\n", "{}\n", "\n", &long] {
        let mut stream = control(&entry).await;
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within(stream.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with(r#"{"error":"malformed","#), "{answer}");
    }
    let mut counters = exit.running.counters();
    within(counters.wait_for(|counters| counters.control_faults == 4)).await.unwrap();
}

#[tokio::test]
async fn a_link_has_no_more_control_streams_than_it_may() {
    let exit = Exit::start("").await;
    let entry = exit.joined("one").await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(control(&entry).await);
    }
    let link = entry.link().unwrap();
    let surplus = within(link.open(&Destination::Control)).await.unwrap_err();
    assert_eq!(surplus, NotOpened::Reset(ResetCode::Limit));
    open.pop();
    let again = async { while link.open(&Destination::Control).await.is_err() {} };
    within(again).await;
}

#[tokio::test]
async fn whoever_asks_without_end_is_slowed_down_and_keeps_nobody_waiting() {
    let start = std::time::Instant::now();
    let exit = Exit::start("publish:* use:*").await;
    let (entry, other) = (exit.joined("one").await, exit.joined("two").await);
    let (mut answers, mut requests) = tokio::io::split(control(&entry).await);
    let flood =
        tokio::spawn(
            async move { while requests.write_all(b"{\"n\":1,\"do\":\"dance\"}\n").await.is_ok() {} },
        );
    let read = tokio::spawn(async move { tokio::io::copy(&mut answers, &mut tokio::io::sink()).await });
    let mut counters = exit.running.counters();
    within(counters.wait_for(|counters| counters.control_requests >= 8_192)).await.unwrap();
    assert_eq!(within(other.link().unwrap().who_am_i()).await.unwrap().ticket, "two");
    let (answered, seconds) = (counters.borrow().control_requests, start.elapsed().as_secs() + 1);
    assert!(answered <= 8_192 + seconds * 1_024 + 1, "{answered} requests in {seconds} s");
    flood.abort();
    read.abort();
}
