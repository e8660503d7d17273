//! Connections of the data centre: bytes in, frames to packets, and their end.

use super::faults::Meet;
use super::log::{Entry, Refusal};
use super::{Conn, ConnId, Cut, Dc, Denied};
use crate::base::time::Instant;
use crate::wire::transport::{Frame, FrameError, detect};
use alloc::collections::BTreeSet;
use bytes::BytesMut;
use core::net::IpAddr;

impl Dc {
    /// A client has connected, to the world's first data centre.
    pub fn accept(&mut self, now: Instant) -> ConnId {
        self.accept_at(now, self.world.home.dc_id)
    }

    /// A client has connected to this one of the world's data centres.
    pub fn accept_at(&mut self, now: Instant, dc_id: i32) -> ConnId {
        let meet = self.world.faults.meet();
        let scripted = if let Some(Meet::Cut(cut)) = meet { Some(cut) } else { None };
        let cut = scripted.or_else(|| self.cuts.pop_front());
        self.count += 1;
        let id = ConnId(self.count);
        self.conns.insert(
            id,
            Conn {
                start: BytesMut::new(),
                framer: None,
                handshake: None,
                nonce: None,
                out: BytesMut::new(),
                sessions: BTreeSet::new(),
                dc_id,
                heard_at: None,
                reached_at: None,
                cut,
                is_deaf: meet == Some(Meet::Stall),
                is_silent: false,
                grain: if let Some(Meet::Grain(grain)) = meet { grain } else { usize::MAX },
                is_over: false,
            },
        );
        self.note(now, id, Entry::Opened);
        self.note_faults(now, id);
        if cut.is_some_and(Cut::is_at_once) {
            self.end(id, now, Refusal::Scripted);
        }
        id
    }

    /// Says by which address a client came: `help.getConfig` tells it that one where the data centre listens on all.
    pub fn set_reached_at(&mut self, id: ConnId, address: IpAddr) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.reached_at = Some(address);
        }
    }

    /// Takes bytes from a client, cut anywhere.
    pub fn handle_input(&mut self, id: ConnId, now: Instant, bytes: &[u8]) {
        let Some(mut conn) = self.conns.remove(&id) else { return };
        let (read, is_last) = conn.cut.as_mut().map_or((bytes.len(), false), |cut| cut.read(bytes.len()));
        let bytes = bytes.get(..read).unwrap_or_default();
        if !conn.is_over
            && !conn.is_deaf
            && let Err((refusal, fault)) = self.feed(id, &mut conn, now, bytes)
        {
            self.note(now, id, Entry::Refused(refusal));
            self.note(now, id, Entry::Closed);
            if let (Some(framer), Some(fault)) = (&mut conn.framer, fault) {
                framer.encode_fault(fault, &mut conn.out);
            }
            self.leave(&mut conn);
        }
        let is_over = conn.is_over;
        self.conns.insert(id, conn);
        self.note_faults(now, id);
        if is_last && !is_over {
            self.end(id, now, Refusal::Scripted);
        }
    }

    /// When the last whole packet came on a connection; `None` if there was none yet.
    pub fn heard_at(&self, id: ConnId) -> Option<Instant> {
        self.conns.get(&id).and_then(|conn| conn.heard_at)
    }

    /// Ends a connection; nothing more is sent. No-op if it is over.
    pub fn dismiss(&mut self, id: ConnId, now: Instant, why: Refusal) {
        if !self.is_closed(id) {
            self.end(id, now, why);
        }
    }

    /// Ends a connection; nothing more is sent.
    pub(super) fn end(&mut self, id: ConnId, now: Instant, why: Refusal) {
        let Some(mut conn) = self.conns.remove(&id) else { return };
        self.note(now, id, Entry::Refused(why));
        self.note(now, id, Entry::Closed);
        conn.out.clear();
        self.leave(&mut conn);
        self.conns.insert(id, conn);
    }

    /// The client has gone; the connection is forgotten.
    pub fn handle_closed(&mut self, id: ConnId, now: Instant) {
        let Some(mut conn) = self.conns.remove(&id) else { return };
        if !conn.is_over {
            let seen = self.watches.closed(now, id);
            self.note_reactions(now, id, seen);
            self.note(now, id, Entry::Closed);
            self.leave(&mut conn);
        }
        self.watches.end(id);
    }

    /// Parts the sessions from a connection that is over.
    pub(super) fn leave(&mut self, conn: &mut Conn) {
        conn.is_over = true;
        for (key, session_id) in core::mem::take(&mut conn.sessions) {
            if let Some(seat) = self.auth.seat(key, session_id) {
                seat.conn = None;
            }
        }
    }

    pub(super) fn feed(&mut self, id: ConnId, conn: &mut Conn, now: Instant, bytes: &[u8]) -> Result<(), Denied> {
        match &mut conn.framer {
            Some(framer) => framer.push(bytes),
            None => {
                conn.start.extend_from_slice(bytes);
                let detected = detect(&mut conn.start);
                let Some(framer) = detected.map_err(|e| (start_refusal(&conn.start, e), None))? else {
                    return Ok(());
                };
                self.note(now, id, Entry::Speaks(framer.framing()));
                conn.framer = Some(framer);
            }
        }
        while let Some(framer) = &mut conn.framer {
            match framer.next().map_err(|e| (Refusal::Frame(e), None))? {
                None => break,
                Some(Frame::Packet(packet)) => self.take_packet(id, conn, now, packet, false)?,
                Some(Frame::AckWanted(packet)) => self.take_packet(id, conn, now, packet, true)?,
                Some(Frame::QuickAck(_) | Frame::Fault(_)) => return Err((Refusal::NoPacket, None)),
            }
            conn.heard_at = Some(now);
            if conn.cut.as_mut().is_some_and(Cut::take) {
                conn.out.clear();
                return Err((Refusal::Scripted, None));
            }
        }
        Ok(())
    }

    pub(super) fn take_packet(
        &mut self,
        id: ConnId,
        conn: &mut Conn,
        now: Instant,
        packet: BytesMut,
        wants_ack: bool,
    ) -> Result<(), Denied> {
        match packet.first_chunk() {
            None => Err((Refusal::NoPacket, None)),
            Some([0, 0, 0, 0, 0, 0, 0, 0]) => self.take_plain(id, conn, now, &packet),
            Some(&key) => self.take_encrypted(id, conn, now, key, packet, wants_ack),
        }
    }

    /// Returns true if a connection is over: close its socket once everything is sent, and call [`Dc::handle_closed`].
    pub fn is_closed(&self, id: ConnId) -> bool {
        self.conns.get(&id).is_none_or(|conn| conn.is_over)
    }

    /// All connections that are not forgotten.
    pub fn connections(&self) -> impl Iterator<Item = ConnId> {
        self.conns.keys().copied()
    }
}

/// The reason to refuse the first bytes of a connection, by the transport that they are of.
fn start_refusal(start: &[u8], error: FrameError) -> Refusal {
    const METHODS: [&[u8]; 5] = [b"GET ", b"POST", b"HEAD", b"OPTI", b"PUT "];
    const UPGRADE: &[u8] = b"upgrade: websocket";
    let is_upgrade = start.windows(UPGRADE.len()).any(|bytes| bytes.eq_ignore_ascii_case(UPGRADE));
    match METHODS.iter().any(|method| start.starts_with(method)) {
        true if is_upgrade => Refusal::WebSocket,
        true => Refusal::Http,
        false => Refusal::Frame(error),
    }
}
