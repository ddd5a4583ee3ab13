//! A proxy1 and a proxy2 with a network between them.

use super::link_end::{Application, LinkEnd};
use super::network::Network;
use super::pair::{Pair, START};
use super::path::Path;
use super::server::Server;
use super::setup::Setup;
use crate::sealed::handshake::terms::{Instance, LinkId};

impl Setup {
    /// A client and a server with nothing said between them yet, each with its application. The path is the same both ways.
    pub fn pair<A, B>(self, path: Path, client: A, server: B) -> Pair<LinkEnd<A>, Server<B>>
    where
        A: Application,
        B: Application,
    {
        let network = Network::new(self.seed, path);
        let link = self.client(START, network.server, LinkId(1), Instance(1));
        Pair::new(network, LinkEnd::new(link, client), Server::new(self, server))
    }
}
