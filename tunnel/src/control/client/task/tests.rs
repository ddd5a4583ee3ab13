//! What a proxy2 that means no good can do to this end by its answers.

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::super::connection::MAX_LINES;
use super::super::registrations::{Backlog, Recipient};
use super::*;
use crate::link::sealed::requests;
use crate::local::pipe::PipeStream;
use crate::local::relay::relay;
use crate::metrics::Registry;

/// Longer than anything takes on a machine that is busy.
const LONG: Duration = Duration::from_secs(20);

fn table(commands: mpsc::UnboundedReceiver<Command>) -> ControlTask {
    let (status, counters) = (watch::channel(LinkStatus::default()).1, Registry::default().of_process());
    ControlTask::new(requests().0, status, commands, Registrations::default(), counters.into())
}

/// A control stream, and proxy2's end of it.
fn connection() -> (Connection, PipeStream) {
    let ((end, stream), (near, peer)) = (pipe(), pipe());
    tokio::spawn(relay(end.into(), near.into(), Vec::new()));
    (Connection::new(stream), peer)
}

#[tokio::test]
async fn an_answer_without_end_is_none() {
    let (commands, asked) = mpsc::unbounded_channel();
    let (answer, answered) = oneshot::channel();
    commands.send(Command::Ask(Question::Find("*".parse().unwrap(), answer))).unwrap();
    let ControlTask { mut table, mut commands, .. } = table(asked);
    let (connection, mut peer) = connection();
    // Until nobody takes it any more.
    let endless =
        async move { while peer.write_all(b"{\"n\":0,\"names\":[],\"more\":true}\n").await.is_ok() {} };
    tokio::spawn(endless);
    let answered = async {
        tokio::select! {
            ended = connection.run(&mut table, &mut commands) => panic!("{ended:?}"),
            answered = answered => answered.unwrap(),
        }
    };
    let error = timeout(LONG, answered).await.expect("it is read for ever").unwrap_err();
    assert!(error.contains(&format!("more than {MAX_LINES} lines")), "{error}");
}

#[test]
fn whoever_asks_for_what_is_forbidden_without_end_costs_a_few_questions() {
    let mut table = table(mpsc::unbounded_channel().1).table;
    for number in 0..10_000 {
        table.take(Command::Explain(format!("host{number}:80").into_bytes()));
    }
    assert_eq!(table.to_ask.len(), MAX_EXPLAINING);
    table.explained(None);
    table.take(Command::Explain(b"another:80".to_vec()));
    assert_eq!(table.to_ask.len(), MAX_EXPLAINING + 1, "as many as have been answered may be asked");
}

#[test]
fn a_registration_that_comes_and_goes_does_not_fill_the_log() {
    let mut table = table(mpsc::unbounded_channel().1).table;
    let (state, number) = (watch::channel(RegistrationState::default()).0, oneshot::channel());
    let recipient = Recipient::Process(Backlog::new().0);
    let at = ReverseAt::Publish("files".parse().unwrap());
    table.take(Command::Register { at, recipient, state, number: number.0 });
    for _ in 0..10_000 {
        table.held(1, None);
        table.announce();
    }
    assert!(!matches!(table.lines.pass(std::time::Instant::now()), Some(None)), "lines are held back");
}
