//! Connecting to a data centre: its addresses one after the other, with back-off.

use super::Driver;
use crate::client::Error;
use crate::client::notice::Notice;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use std::io;
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(super) async fn connect_once(addr: &str, within: Duration) -> io::Result<TcpStream> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, "no connection in time");
    let socket = timeout(within, TcpStream::connect(addr)).await.map_err(|_| late())??;
    // Packets are complete when written: Nagle's algorithm would only delay them.
    socket.set_nodelay(true)?;
    Ok(socket)
}

impl Driver {
    /// Connects to a data centre, with as many attempts as the options allow.
    pub(super) async fn connect(&mut self, dc: u8) -> Result<TcpStream, Error> {
        let mut failures = 0;
        loop {
            let error = match self.connect_nth(dc, failures).await {
                Ok(socket) => return Ok(socket),
                Err(error) => error,
            };
            failures += 1;
            if failures >= self.most_attempts(dc) {
                return Err(error);
            }
            self.pause(failures, &error).await;
        }
    }

    /// Makes one attempt to connect, after `failures` failed ones.
    pub(super) async fn connect_nth(&mut self, dc: u8, failures: u32) -> Result<TcpStream, Error> {
        let addr = self.address(dc, failures).ok_or(Error::UnknownDc(dc.into()))?;
        self.options.watcher.tell(&Notice::Connecting { dc_id: dc, addr: &addr });
        let socket = match connect_once(&addr, self.options.connect_within).await {
            Ok(socket) => socket,
            Err(error) => {
                let error = Error::Network { addr, error };
                self.shared.set_trouble(Some(&error));
                return Err(error);
            }
        };
        self.options.watcher.tell(&Notice::Connected { dc_id: dc, addr: &addr });
        // A configured address is in no table: save it, so that later runs find it.
        if let (Some(own), Ok(peer)) = (&self.options.addr, socket.peer_addr())
            && *own == addr
        {
            // Except for Telegram's own data centres, where it is a route to the same place, such as a proxy, and not
            // an address.
            self.shared.with(|state| !state.dcs.has_built_in() && state.dcs.put_first(dc, peer));
        }
        self.addr = addr;
        Ok(socket)
    }

    /// Most consecutive failures: the number in the options, but at least one per address.
    pub(super) fn most_attempts(&self, dc: u8) -> u32 {
        let addresses = self.addresses(dc).len().try_into().unwrap_or(u32::MAX);
        self.options.attempts.max(addresses)
    }

    pub(super) fn addresses(&self, dc: u8) -> Vec<String> {
        if let (true, Some(addr)) = (dc == self.first_dc, &self.options.addr) {
            return vec![addr.clone()];
        }
        self.shared.with(|state| state.dcs.addresses(dc).map(|addr| addr.to_string()).collect())
    }

    /// Address of a data centre for the attempt after `failures` failed ones.
    pub(super) fn address(&self, dc: u8, failures: u32) -> Option<String> {
        let mut addresses = self.addresses(dc);
        let at = usize::try_from(failures).unwrap_or(0).checked_rem(addresses.len())?;
        Some(addresses.swap_remove(at))
    }
}
