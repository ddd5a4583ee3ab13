//! Dialogues with the parser: a line, and what it is.

use proptest::prelude::*;

use super::*;

fn request(line: &str) -> Result<Request, Option<RequestNumber>> {
    Request::from_line(line.as_bytes()).map_err(|malformed| malformed.n)
}

fn written(message: &impl Serialize) -> String {
    let mut line = Vec::new();
    write_line(message, &mut line);
    String::from_utf8(line).unwrap()
}

#[test]
fn each_request_has_one_line() {
    let dialogue = [
        (
            r#"{"n":1,"do":"listen","id":7,"at":"127.0.0.1:0"}"#,
            Asked::Listen { id: 7, at: "127.0.0.1:0".into() },
        ),
        (r#"{"n":2,"do":"unlisten","id":7}"#, Asked::Unlisten { id: 7 }),
        (
            r#"{"n":3,"do":"publish","id":8,"name":"files"}"#,
            Asked::Publish { id: 8, name: "files".into(), udp: false },
        ),
        (
            r#"{"n":4,"do":"publish","id":8,"name":"dns","udp":true}"#,
            Asked::Publish { id: 8, name: "dns".into(), udp: true },
        ),
        (r#"{"n":5,"do":"unpublish","id":8}"#, Asked::Unpublish { id: 8 }),
        (r#"{"n":6,"do":"find","glob":"fi*"}"#, Asked::Find { glob: "fi*".into() }),
        (r#"{"n":7,"do":"watch","glob":"*"}"#, Asked::Watch { glob: "*".into() }),
        (r#"{"n":8,"do":"unwatch","watch":7}"#, Asked::Unwatch { watch: 7 }),
        (r#"{"n":9,"do":"whoami"}"#, Asked::WhoAmI),
        (
            r#"{"n":4294967295,"do":"why","destination":"db:5432"}"#,
            Asked::Why { destination: "db:5432".into() },
        ),
    ];
    for (line, what) in dialogue {
        let read = request(line).expect(line);
        assert_eq!(read.what, what, "{line}");
        assert_eq!(written(&read), format!("{line}\n"));
    }
}

#[test]
fn unknown_members_are_ignored_and_unknown_requests_are_known_as_such() {
    let more = r#"{"later":[1,{"x":null}],"do":"find","glob":"*","n":5}"#;
    assert_eq!(request(more), Ok(Request { n: 5, what: Asked::Find { glob: "*".into() } }));
    let unknown = r#"{"n":5,"do":"dance","id":{"deep":[]}}"#;
    assert_eq!(request(unknown), Ok(Request { n: 5, what: Asked::Unknown }));
}

#[test]
fn what_is_no_request_is_malformed_with_its_number_if_it_has_one() {
    let numbered = [
        r#"{"n":5}"#,
        r#"{"n":5,"do":"listen","at":"127.0.0.1:0"}"#,
        r#"{"n":5,"do":"listen","id":-1,"at":"127.0.0.1:0"}"#,
        r#"{"n":5,"do":"listen","id":4294967296,"at":"127.0.0.1:0"}"#,
        r#"{"n":5,"do":"find","glob":["*"]}"#,
    ];
    for line in numbered {
        assert_eq!(request(line), Err(Some(5)), "{line}");
    }
    let nested = "[".repeat(10_000);
    for line in
        ["", "ctl", "[]", "null", r#"{"do":"find","glob":"*"}"#, r#"{"n":"5","do":"whoami"}"#, &nested]
    {
        assert_eq!(request(line), Err(None), "{line}");
    }
    assert!(Request::from_line(b"{\"n\":1,\"do\":\"find\",\"glob\":\"\xff\"}").is_err());
}

#[test]
fn each_reply_has_one_line() {
    let refused = Refused::new(RefusedCode::Taken, "choose another port");
    let files = FoundName { name: "files".into(), udp: false, publishers: 2, tickets: vec!["laptop".into()] };
    let answer = |n, body| Reply::Answer(Answer { n: Some(n), body });
    let dialogue = [
        (answer(1, Body::Bound { at: "127.0.0.1:8000".into() }), r#"{"n":1,"at":"127.0.0.1:8000"}"#),
        (answer(2, Body::Done {}), r#"{"n":2}"#),
        (
            answer(3, Body::Error(refused.clone())),
            r#"{"n":3,"error":"taken","sentence":"choose another port"}"#,
        ),
        (
            answer(4, Body::Names { names: vec![files.clone()], more: true }),
            r#"{"n":4,"names":[{"name":"files","publishers":2,"tickets":["laptop"]}],"more":true}"#,
        ),
        (
            answer(5, Body::Identity { ticket: "laptop".into(), rules: vec!["use:*".into()], more: false }),
            r#"{"n":5,"ticket":"laptop","rules":["use:*"]}"#,
        ),
        (answer(6, Body::Because { sentence: "no".into() }), r#"{"n":6,"sentence":"no"}"#),
        (
            Reply::Answer(Answer { n: None, body: Body::Error(refused.clone()) }),
            r#"{"error":"taken","sentence":"choose another port"}"#,
        ),
        (
            Reply::Event(Event::Lost { id: 7, why: refused }),
            r#"{"event":"lost","id":7,"error":"taken","sentence":"choose another port"}"#,
        ),
        (
            Reply::Event(Event::Appeared { watch: 4, found: files.clone() }),
            r#"{"event":"appeared","watch":4,"name":"files","publishers":2,"tickets":["laptop"]}"#,
        ),
        (
            Reply::Event(Event::Gone {
                watch: 4,
                found: FoundName { publishers: 0, tickets: vec![], ..files },
            }),
            r#"{"event":"gone","watch":4,"name":"files","publishers":0}"#,
        ),
        (Reply::Event(Event::Overrun { watch: 4 }), r#"{"event":"overrun","watch":4}"#),
    ];
    for (reply, line) in dialogue {
        assert_eq!(written(&reply), format!("{line}\n"));
        assert_eq!(Reply::from_line(line.as_bytes()), Some(reply), "{line}");
    }
}

#[test]
fn replies_of_a_later_version_are_read_as_far_as_they_are_known() {
    let event = Reply::from_line(br#"{"event":"sang","id":7}"#);
    assert_eq!(event, Some(Reply::Event(Event::Unknown)));
    let error = Reply::from_line(br#"{"n":1,"error":"later","sentence":"no","x":1}"#);
    let refused = Refused::new(RefusedCode::Other, "no");
    assert_eq!(error, Some(Reply::Answer(Answer { n: Some(1), body: Body::Error(refused) })));
    assert_eq!(Reply::from_line(b"[]"), None);
}

proptest! {
    #[test]
    fn anything_is_read_or_refused(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (Request::from_line(&line), Reply::from_line(&line));
    }
}

#[test]
fn names_are_read_the_same_with_members_of_a_later_version() {
    let name = FoundName { name: "files".into(), udp: false, publishers: 2, tickets: vec![] };
    let body = Body::Names { names: vec![name], more: false };
    let expected = Some(Reply::Answer(Answer { n: Some(4), body }));
    for line in [
        r#"{"n":4,"names":[{"name":"files","publishers":2}]}"#,
        r#"{"names":[{"later":[],"name":"files","publishers":2}],"more":false,"n":4}"#,
        r#"{"n":4,"later":{},"names":[{"name":"files","publishers":2}]}"#,
    ] {
        assert_eq!(Reply::from_line(line.as_bytes()), expected, "{line}");
    }
    assert_eq!(Reply::from_line(br#"{"n":4,"names":[{"name":"files"}"#), None);
}
