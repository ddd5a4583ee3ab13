//! A user at one end, and the test as the server at the other one of a pipe in memory.

use tokio::io::{AsyncBufReadExt, BufReader, DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::*;

/// A session, and its three ends.
struct Session {
    server: BufReader<DuplexStream>,
    input: Option<mpsc::Sender<Input>>,
    output: mpsc::Receiver<String>,
    ended: JoinHandle<io::Result<Ended>>,
}

const PATIENCE: Duration = Duration::from_secs(60);

impl Session {
    fn begin() -> Self {
        Self::with(Shown::All, std::future::pending())
    }

    fn with(shows: Shown, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        let (server, stream) = duplex(4_096);
        let (input, lines) = mpsc::channel(4);
        let (shown, output) = mpsc::channel(4);
        let ended = tokio::spawn(converse(stream, lines, (shown, shows), PATIENCE, stop));
        Self { server: BufReader::new(server), input: Some(input), output, ended }
    }

    async fn types(&self, line: &str) {
        self.input.as_ref().unwrap().send(Input::Line(line.into())).await.unwrap();
    }

    /// The next line at the server that is no beat.
    async fn gets(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.server.read_line(&mut line).await.unwrap();
            if line != "\u{6}\n" {
                return line;
            }
        }
    }

    async fn says(&mut self, text: &[u8]) {
        self.server.write_all(text).await.unwrap();
    }

    async fn end(mut self) -> (io::Result<Ended>, Vec<String>) {
        self.input = None;
        drop(self.server);
        let mut shown = Vec::new();
        while let Some(line) = self.output.recv().await {
            shown.push(line);
        }
        (self.ended.await.unwrap(), shown)
    }
}

#[tokio::test]
async fn lines_go_there_and_answers_come_back_without_control_characters() {
    let mut session = Session::begin();
    session.types("who").await;
    assert_eq!(session.gets().await, "who\n");
    session.says(b"\x06\nana \x1b[2J\r\n\xff\nlast").await;
    session.types("quit").await;
    assert_eq!(session.gets().await, "quit\n");
    let (ended, shown) = session.end().await;
    assert_eq!(shown, ["ana ?[2J", "* the server has sent something that is no text", "last"]);
    assert_eq!(ended.unwrap(), Ended { by: By::Us, errors: 0 });
}

#[tokio::test]
async fn the_end_of_the_input_ends_the_direction_and_errors_are_counted() {
    let mut session = Session::begin();
    session.types("nonsense").await;
    session.input = None;
    assert_eq!(session.gets().await, "nonsense\n");
    assert_eq!(session.gets().await, "", "the end");
    session.says(b"error: there is no command 'nonsense'\n<eve#2> error: x\n").await;
    let (ended, shown) = session.end().await;
    assert_eq!((ended.unwrap(), shown.len()), (Ended { by: By::Us, errors: 1 }, 2));
}

#[tokio::test]
async fn a_server_that_ends_by_itself_is_told_from_a_wish() {
    let mut session = Session::begin();
    session.says(b"* the console ends: good bye\n").await;
    let Session { server, mut output, ended, input: _input } = session;
    drop(server);
    assert_eq!(output.recv().await.unwrap(), "* the console ends: good bye");
    assert_eq!(ended.await.unwrap().unwrap(), Ended { by: By::Server, errors: 0 });
}

#[tokio::test(start_paused = true)]
async fn both_ends_hear_of_each_other_and_silence_is_told_and_then_ends_it() {
    let mut session = Session::begin();
    for _ in 0..3 {
        let mut line = String::new();
        session.server.read_line(&mut line).await.unwrap();
        assert_eq!(line, "\u{6}\n");
        session.says(b"\x06\n").await;
    }
    assert_eq!(session.output.recv().await.unwrap(), "* the server has not been heard for 15 s; waiting on");
    session.says(b"\x06\n").await;
    assert_eq!(session.output.recv().await.unwrap(), "* the server is heard again");
    assert_eq!(session.output.recv().await.unwrap(), "* the server has not been heard for 15 s; waiting on");
    let error = session.ended.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the server has not been heard for 60 s");
}

#[tokio::test(start_paused = true)]
async fn who_reads_the_output_slowly_is_still_there_for_the_server() {
    let mut session = Session::begin();
    for _ in 0..20 {
        session.says(b"a line that nobody reads\n").await;
    }
    for _ in 0..30 {
        let mut line = String::new();
        session.server.read_line(&mut line).await.unwrap();
        assert_eq!(line, "\u{6}\n", "it beats on");
    }
}

#[tokio::test(start_paused = true)]
async fn a_signal_is_a_wish_to_quit_that_does_not_wait_for_a_server_that_is_gone() {
    let mut session = Session::with(Shown::All, std::future::ready(()));
    let ended = (&mut session.ended).await.unwrap().unwrap();
    assert_eq!(ended.by, By::Us);
}

#[tokio::test]
async fn options_give_commands_whose_answers_alone_are_shown() {
    let mut session = Session::with(Shown::Answers, std::future::pending());
    session.says(b"Welcome\nto you\n\x06\nyou are ana\n<ben#2> hola\n* good bye\n").await;
    let (_, shown) = session.end().await;
    assert_eq!(shown, ["you are ana", "<ben#2> hola"]);
    let mut session = Session::with(Shown::Answers, std::future::pending());
    session.says(b"error: 3 clients are here\n").await;
    let (ended, shown) = session.end().await;
    assert_eq!((shown.len(), ended.unwrap().errors), (1, 1));
}
