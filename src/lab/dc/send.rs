//! Output: answers and updates, sealed and framed, or their replacement by a [fault](super::faults).

use super::faults::{Out, Place};
use super::log::{Entry, Refusal};
use super::types::ConnId;
use super::{Cut, Dc};
use crate::base::time::Instant;
use alloc::vec;
use bytes::BytesMut;

impl Dc {
    /// Appends to `out` what is to be sent to a client; false if there was nothing.
    pub fn poll_transmit(&mut self, id: ConnId, now: Instant, out: &mut BytesMut) -> bool {
        let Some(conn) = self.conns.get_mut(&id) else { return false };
        let (before, mut end) = (out.len(), None);
        out.extend_from_slice(&conn.out.split());
        for (key, session_id) in &conn.sessions {
            let Some(seat) = self.auth.seat(*key, *session_id).filter(|seat| seat.conn == Some(id)) else { continue };
            while end.is_none() {
                let (Ok(packet), Some(framer)) = (seat.poll_packet(now, &mut *self.random), &mut conn.framer) else {
                    end = Some(Refusal::Entropy);
                    break;
                };
                let Some(packet) = packet else { break };
                let place = Place { conn: id, key: *key, session_id: *session_id };
                let faults = &mut self.world.faults;
                let written = if faults.is_idle() {
                    Ok(vec![Out::Packet(packet)])
                } else {
                    faults.packets(place, seat.session.key(), framer.framing(), packet, &mut *self.random)
                };
                let (is_sent, is_last) = conn.cut.as_mut().map_or((true, false), Cut::give);
                end = is_last.then_some(Refusal::Scripted);
                let Ok(written) = written else {
                    end = Some(Refusal::Entropy);
                    break;
                };
                for item in written.iter().filter(|_| is_sent) {
                    match item {
                        Out::Silence => conn.is_silent = true,
                        Out::Close => end = Some(Refusal::Scripted),
                        _ if conn.is_silent => {}
                        item if item.write(framer, &mut *self.random, out).is_err() => end = Some(Refusal::Entropy),
                        _ => {}
                    }
                }
            }
        }
        let there_are = out.len() - before;
        let (sent, is_last) = conn.cut.as_mut().map_or((there_are, false), |cut| cut.send(there_are));
        out.truncate(before + sent);
        end = if is_last { Some(Refusal::Scripted) } else { end };
        let is_over = conn.is_over;
        self.note_faults(now, id);
        if let (Some(why), false) = (end, is_over) {
            self.end(id, now, why);
        }
        out.len() > before
    }

    /// In pieces of how many bytes at most a connection's bytes are to be sent.
    pub fn grain(&self, id: ConnId) -> usize {
        self.conns.get(&id).map_or(usize::MAX, |conn| conn.grain)
    }

    /// Puts the faults that have acted into the log.
    pub(super) fn note_faults(&mut self, now: Instant, id: ConnId) {
        for (fault, touched) in self.world.faults.acted() {
            self.note(now, id, Entry::Misbehaved { fault: fault.name });
            self.watches.begin(now, id, fault, touched);
        }
    }
}
