//! Registrations that nobody has been told of yet: they end with whoever waits for them.

use tokio::sync::{mpsc, oneshot, watch};

use super::ReverseHandle;
use crate::control::client::{Command, RegistrationState};
use crate::session::handle::LinkClosed;

/// A registration that is under way.
#[derive(Debug)]
pub(in crate::session) struct Begun {
    pub(super) number: oneshot::Receiver<u32>,
    pub(super) state: watch::Receiver<RegistrationState>,
    pub(super) commands: mpsc::UnboundedSender<Command>,
}

impl Begun {
    pub(super) async fn number(self) -> Result<ReverseHandle, LinkClosed> {
        let Self { number, state, commands } = self;
        let mut asked = Asked { number, commands };
        let id = (&mut asked.number).await.map_err(|_| LinkClosed)?;
        Ok(ReverseHandle { id, state, commands: asked.commands.clone() })
    }
}

/// Waits for the number of a registration. If nobody waits any more when it comes, the registration ends.
struct Asked {
    number: oneshot::Receiver<u32>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        // What is said from now on fails, and the registration ends by that.
        self.number.close();
        if let Ok(id) = self.number.try_recv() {
            let _ = self.commands.send(Command::Unregister(id));
        }
    }
}

/// A registration of which nobody has been told yet: it ends with this.
pub(super) struct Unfinished(pub(super) Option<ReverseHandle>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            handle.unregister();
        }
    }
}
