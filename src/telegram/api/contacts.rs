//! From a name to a peer.

use super::chats::{AnyChat, Channel, ChannelHead};
use super::peer::{Peer, PeerChannel, PeerUser};
use super::users::{AnyUser, User, UserHead};
use crate::tl;
use crate::tl::table::{API, TypeId};
use crate::tl::{Combinator, DecodeError, Fault, Reader, Tl};
use alloc::string::String;
use alloc::vec::Vec;

tl! {
    /// Whose name is this (without `@`)?
    ///
    /// Servers allow few of these calls: keep what comes back. Spec: method/contacts.resolveUsername
    "contacts.resolveUsername#725afbbc flags:# username:string referer:flags.0?string = contacts.ResolvedPeer;"
    struct ResolveUsername { username: String, referer: Option<String> } -> ResolvedPeerBody

    /// The peer, and what to know of it.
    "contacts.resolvedPeer#7f077ad9 peer:Peer chats:Vector<Chat> users:Vector<User> = contacts.ResolvedPeer;"
    struct ResolvedPeer { peer: Peer, chats: Vec<AnyChat>, users: Vec<AnyUser> }
}

kept! {
    /// `contacts.resolvedPeer`, read by its heads: all that a bot's start needs of it.
    ///
    /// ```
    /// use nanogram::telegram::api::contacts::{Resolved, ResolvedPeer, ResolvedPeerBody};
    /// use nanogram::telegram::api::peer::Peer;
    /// use nanogram::tl::{Combinator, Tl};
    /// let body = ResolvedPeer { peer: Peer::user(7), chats: vec![], users: vec![] }.to_boxed();
    /// let body = ResolvedPeerBody::from_bytes(&body).unwrap();
    /// assert!(body.resolved().is_err(), "the peer is not among the users");
    /// ```
    "contacts.ResolvedPeer" ResolvedPeerBody;
}

/// Whom a name belongs to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Resolved {
    /// A user or bot.
    User(UserHead),
    /// A channel or supergroup.
    Channel(ChannelHead),
}

impl ResolvedPeerBody {
    /// The peer, by the first value of its vector.
    ///
    /// A user's reply carries no chats and the user first; a channel's carries the channel first. That is what servers
    /// send; whatever else comes is for [`ResolvedPeer`] to read in full.
    ///
    /// # Errors
    /// It is no such reply, or the peer is not the first of its vector.
    pub fn resolved(&self) -> Result<Resolved, DecodeError> {
        Resolved::read(&self.0.0)
    }

    /// The peer, wherever in its vector it is; the table finds where each value ends. `None`: it is not there, or only
    /// named, as a basic group or a channel that may not be looked into.
    ///
    /// # Errors
    /// It is no such reply, or one of another layer.
    pub fn find(&self) -> Result<Option<Resolved>, DecodeError> {
        let mut r = Reader::new(&self.0.0);
        r.expect(ResolvedPeer::ID)?;
        let peer = Peer::read(&mut r)?;
        let mut found = None;
        for _ in 0..r.vector(AnyChat::LEAST)? {
            let mut chat = r.clone();
            API.skip(&mut r, TypeId::CHAT)?;
            if let (Peer::Channel(PeerChannel { channel_id }), Channel::ID) = (&peer, chat.u32()?) {
                let head = ChannelHead::read(&mut chat)?;
                found = found.or((head.id == *channel_id).then_some(Resolved::Channel(head)));
            }
        }
        for _ in 0..r.vector(AnyUser::LEAST)? {
            let mut user = r.clone();
            API.skip(&mut r, TypeId::USER)?;
            if let (Peer::User(PeerUser { user_id }), User::ID) = (&peer, user.u32()?) {
                let head = UserHead::read(&mut user)?;
                found = found.or((head.id == *user_id).then_some(Resolved::User(head)));
            }
        }
        r.end().map(|()| found)
    }
}

impl Resolved {
    /// As [`ResolvedPeerBody::resolved`], from a reply as it came: nothing is copied, nothing allocated.
    ///
    /// # Errors
    /// The same.
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(body);
        r.expect(ResolvedPeer::ID)?;
        match Peer::read(&mut r)? {
            Peer::User(PeerUser { user_id }) => {
                if r.vector(AnyChat::LEAST)? != 0 {
                    return Err(r.fault_before(Fault::Count));
                }
                if r.vector(AnyUser::LEAST)? == 0 {
                    return Err(r.fault_before(Fault::Count));
                }
                r.expect(User::ID)?;
                let head = UserHead::read(&mut r)?;
                if head.id == user_id { Ok(Self::User(head)) } else { Err(r.fault(Fault::Count)) }
            }
            Peer::Channel(PeerChannel { channel_id }) => {
                if r.vector(AnyChat::LEAST)? == 0 {
                    return Err(r.fault_before(Fault::Count));
                }
                r.expect(Channel::ID)?;
                let head = ChannelHead::read(&mut r)?;
                if head.id == channel_id { Ok(Self::Channel(head)) } else { Err(r.fault(Fault::Count)) }
            }
            Peer::Chat(_) => Err(r.fault(Fault::Id(super::peer::PeerChat::ID))),
        }
    }
}
