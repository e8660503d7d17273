//! The permanent key's own word: a call under it, on a connection of its own, before it is given up, and before the servers
//! that it belongs to are recorded.
//!
//! TDLib does the same (`Session::connection_send_check_main_key`, `help.getNearestDc`).

use super::dial::connect_once;
use super::serve::READ;
use super::{Driver, FIRST_WAIT, LONGEST_WAIT, config};
use crate::client::retry::jittered;
use crate::client::shared::Clock;
use crate::client::{Error, Options};
use crate::protocol::connection::{Connection, ConnectionError, Event};
use crate::protocol::session::CallError;
use crate::telegram::api::connect::GetNearestDc;
use crate::wire::transport::TransportFault;
use alloc::boxed::Box;
use alloc::vec;
use bytes::{Bytes, BytesMut};
use core::time::Duration;
use rand::rngs::SysRng;
use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// Number of consecutive connections that must report the key as unknown.
const CONNECTIONS: u32 = 3;
/// Time-out of one connection.
const WITHIN: Duration = Duration::from_secs(10);

/// Result of a call under the permanent key.
#[derive(Debug)]
pub(super) enum Proof {
    /// Answered: the key is good.
    Good,
    /// Key unknown to the server.
    Unknown,
    /// No proof either way.
    None,
}

impl Driver {
    /// Makes a call under the permanent key.
    ///
    /// A -404 alone proves nothing, as anyone can forge it. This call is made only after the server has refused the key
    /// in an authentic message, and the -404 must then come on several consecutive connections.
    pub(super) async fn prove(&mut self) -> Proof {
        for attempt in 1..=CONNECTIONS {
            match timeout(WITHIN, self.ask_with_permanent()).await {
                Ok(Ok(Err(CallError::Refused(e)))) if e.is("AUTH_KEY_INVALID") => return Proof::Unknown,
                Ok(Ok(Ok(_) | Err(CallError::Refused(_)))) => return Proof::Good,
                Ok(Err(Error::Connection(ConnectionError::Fault(TransportFault::AuthKeyNotFound)))) => {}
                _ => return Proof::None,
            }
            if attempt < CONNECTIONS {
                sleep(jittered(FIRST_WAIT, LONGEST_WAIT, attempt)).await;
            }
        }
        Proof::Unknown
    }

    /// Asks once, and says whether an answer came under the key.
    pub(super) async fn tell_proof(&mut self, reply: oneshot::Sender<bool>) {
        // Without a key the answer would come under a new one, which proves nothing.
        let has_key = self.shared.with(|state| state.keys.contains_key(&self.dc));
        let answer = match has_key {
            true => timeout(WITHIN, self.ask_with_permanent()).await.ok(),
            false => None,
        };
        let _ = reply.send(matches!(answer, Some(Ok(Ok(_) | Err(CallError::Refused(_))))));
    }

    async fn ask_with_permanent(&mut self) -> Result<Result<Bytes, CallError>, Error> {
        let addr = self.addr.clone();
        let network = |error| Error::Network { addr: addr.clone(), error };
        let mut socket = connect_once(&addr, self.options.connect_within).await.map_err(network)?;
        let options = Options { temporary: None, ..self.options.clone() };
        let config = self.shared.with(|state| config(&options, &self.keys, state, self.dc));
        let mut connection = Connection::new(config, self.clock.now(), Clock::unix(), Box::new(SysRng));
        let question = connection.call(&GetNearestDc {});
        let mut input = vec![0; READ];
        loop {
            let mut output = BytesMut::new();
            while connection.poll_transmit(self.clock.now(), &mut output).map_err(Error::Connection)? {}
            while let Some(event) = connection.poll_event() {
                match event {
                    Event::Reply { call, result } if call == question.id() => return Ok(result),
                    _ => {}
                }
            }
            socket.write_all(&output).await.map_err(network)?;
            let due = connection.poll_timeout().map(|at| self.clock.until(at));
            let took = tokio::select! {
                read = socket.read(&mut input) => match read.map_err(network)? {
                    0 => return Err(network(io::ErrorKind::UnexpectedEof.into())),
                    n => connection.handle_input(self.clock.now(), input.get(..n).unwrap_or_default()),
                },
                () = sleep(due.unwrap_or_default()), if due.is_some() => connection.handle_timeout(self.clock.now()),
            };
            took.map_err(Error::Connection)?;
        }
    }
}
