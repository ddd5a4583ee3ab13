//! A network of nodes of which the tests know everything.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use common::testing::{Middlebox, Pair, Weather, pair_that_allows};
use paso::{Allow, Link, Ticket};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::names::Pattern;
use crate::node::words::{Heard, MemberInfo, Reply, Request};
use crate::node::{Node, Options};
use crate::work::Programs;

/// How long anything may take that is to happen: these machines are busy.
pub(super) const SOON: Duration = Duration::from_secs(60);

/// Which nodes keep links.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Ring,
    Star,
    Mesh,
}

pub(super) struct Network {
    pub(super) pair: Pair,
    pub(super) nodes: Vec<Running>,
    tickets: BTreeMap<String, Ticket>,
    folder: PathBuf,
}

pub(super) struct Running {
    pub(super) name: String,
    pub(super) node: Arc<Node>,
    pub(super) link: Link,
    heard: broadcast::Receiver<Heard>,
    task: JoinHandle<anyhow::Result<()>>,
    /// All posts that it heard: whose, and what.
    pub(super) posts: BTreeMap<String, Vec<String>>,
    pub(super) home: PathBuf,
}

pub(super) fn name(at: usize) -> String {
    format!("n{at:02}")
}

/// How a node is run that lets everybody in and shares nothing.
pub(super) fn options() -> Options {
    let all: Vec<Pattern> = vec!["*".parse().unwrap()];
    Options {
        home: None,
        allow: all.clone(),
        link: all,
        share: None,
        programs: Programs::new(true, &[]).unwrap(),
        capacity: 2,
        job_limit: Duration::from_secs(60),
    }
}

pub(super) fn only(names: &[String]) -> Vec<Pattern> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

impl Network {
    /// An exit at which nodes may be.
    pub(super) async fn new(test: &str) -> Self {
        let allow = Allow::nothing().rule("publish:peer.*").unwrap().rule("use:peer.*").unwrap();
        let folder = std::env::temp_dir().join(format!("peer-{test}-{}", std::process::id()));
        Self { pair: pair_that_allows(allow, 7).await, nodes: Vec::new(), tickets: BTreeMap::new(), folder }
    }

    /// So many nodes, with these links and no others.
    pub(super) async fn with(test: &str, count: usize, shape: Shape) -> Self {
        let mut network = Self::new(test).await;
        for at in 0..count {
            let link = match shape {
                Shape::Mesh => options().link,
                Shape::Star if at == 0 => options().link,
                Shape::Star => only(&[name(0)]),
                Shape::Ring => only(&[name((at + 1) % count), name((at + count - 1) % count)]),
            };
            network.start(&name(at), Options { link, ..options() }).await;
        }
        for at in 0..count {
            let links = match shape {
                Shape::Mesh => count - 1,
                Shape::Star => {
                    if at == 0 {
                        count - 1
                    } else {
                        1
                    }
                }
                Shape::Ring => 2,
            };
            network.nodes[at]
                .until("its links", |members| {
                    members.iter().filter(|member| member.is_linked).count() == links
                })
                .await;
        }
        network
    }

    pub(super) async fn start(&mut self, name: &str, options: Options) -> &mut Running {
        let at = self.pair.network().address().to_string();
        let link = Link::join(&at, self.ticket(name)).await.unwrap();
        self.start_on(name, link, options).await
    }

    /// The ticket of this name, made when it is wanted first.
    pub(super) fn ticket(&mut self, name: &str) -> Ticket {
        let ticket =
            self.tickets.entry(name.into()).or_insert_with(|| self.pair.state().ticket(name).unwrap());
        ticket.clone()
    }

    /// A way of its own to the exit, which can be cut.
    pub(super) fn way(&self) -> Middlebox {
        Middlebox::start(self.pair.network().address(), 3).unwrap()
    }

    pub(super) async fn start_on(&mut self, name: &str, link: Link, options: Options) -> &mut Running {
        let home = self.folder.join(name);
        let options = Options { home: Some(home.clone()), ..options };
        let (node, ends) = Node::start(link.clone(), options).await.unwrap();
        let heard = node.listen();
        let task = tokio::spawn(Arc::clone(&node).run(ends));
        self.nodes.push(Running { name: name.into(), node, link, heard, task, posts: BTreeMap::new(), home });
        self.nodes.last_mut().unwrap()
    }

    pub(super) fn at(&mut self, name: &str) -> &mut Running {
        self.nodes.iter_mut().find(|node| node.name == name).unwrap()
    }

    /// Everybody but its author hears these texts of each author, once and in order, and nothing else.
    pub(super) async fn all_hear(&mut self, said: &BTreeMap<String, Vec<String>>) {
        for node in &mut self.nodes {
            let name = node.name.clone();
            for (author, texts) in said.iter().filter(|(author, _)| **author != name) {
                node.hears(author, texts).await;
            }
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for node in &self.nodes {
            node.task.abort();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Running {
    /// Waits for something that is heard.
    pub(super) async fn until_heard(&mut self, what: &str, is_it: impl Fn(&Heard) -> bool) {
        let listening = async {
            loop {
                let heard = self.heard.recv().await.unwrap();
                if let Heard::Said { from, text, .. } = &heard {
                    self.posts.entry(from.clone().into()).or_default().push(text.clone());
                }
                if is_it(&heard) {
                    return;
                }
            }
        };
        timeout(SOON, listening)
            .await
            .unwrap_or_else(|_| panic!("{}: never {what}: {:?}", self.name, self.posts));
    }

    /// Waits until it has heard these texts of an author: these, and no others.
    pub(super) async fn hears(&mut self, author: &str, texts: &[String]) {
        while self.posts.get(author).map_or(0, Vec::len) < texts.len() {
            self.until_heard(
                &format!("hears {texts:?} of {author}"),
                |heard| matches!(heard, Heard::Said { from, .. } if from.as_str() == author),
            )
            .await;
        }
        assert_eq!(self.posts.get(author).map_or(&[][..], Vec::as_slice), texts, "{} of {author}", self.name);
    }

    /// Waits until who is there is as it should be.
    pub(super) async fn until(&self, what: &str, is_it: impl Fn(&[MemberInfo]) -> bool) {
        let looking = async {
            while !is_it(&self.members().await) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let looked = timeout(SOON, looking).await;
        if looked.is_err() {
            panic!("{}: never {what}: {:?}", self.name, self.members().await);
        }
    }

    pub(super) async fn members(&self) -> Vec<MemberInfo> {
        let (replies, _) = self.ask(Request::List).await;
        let member = |(reply, _)| if let Reply::Member(member) = reply { Some(member) } else { None };
        replies.into_iter().filter_map(member).collect()
    }

    /// Asks as its user's programs do: all answers, the last with what it says.
    pub(super) async fn ask(&self, request: Request) -> (Vec<(Reply, Vec<u8>)>, Option<String>) {
        self.ask_with(request, b"").await
    }

    pub(super) async fn ask_with(
        &self,
        request: Request,
        body: &[u8],
    ) -> (Vec<(Reply, Vec<u8>)>, Option<String>) {
        let mut stream = tokio::net::UnixStream::connect(crate::home::socket(&self.home)).await.unwrap();
        crate::wire::write(&mut stream, &request, body).await.unwrap();
        let mut replies = Vec::new();
        loop {
            match timeout(SOON, crate::wire::read::<Reply>(&mut stream)).await.expect("the node answers") {
                Ok((Reply::Done, _)) => return (replies, None),
                Ok((Reply::Failed { why }, _)) => return (replies, Some(why)),
                Ok(reply) => {
                    let is_last = matches!(reply.0, Reply::Members { .. });
                    replies.push(reply);
                    if is_last {
                        return (replies, None);
                    }
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Ends it, as a crash does: nobody is told by it.
    pub(super) async fn dies(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Nothing passes.
pub(super) fn storm() -> Weather {
    Weather { loss: 1.0, ..Weather::default() }
}
