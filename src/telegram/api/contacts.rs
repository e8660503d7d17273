//! Resolution of usernames to peers.

use super::chats::{AnyChat, Channel, ChannelHead};
use super::peer::{Peer, PeerChannel, PeerUser};
use super::users::{AnyUser, User, UserHead};
use crate::tl;
use crate::tl::table::{API, TypeId};
use crate::tl::{Combinator, DecodeError, Fault, Reader, Tl};
use alloc::string::String;
use alloc::vec::Vec;

tl! {
    /// Resolves a username, given without `@`.
    ///
    /// Servers limit the rate of this call, so results should be cached. Spec: method/contacts.resolveUsername
    "contacts.resolveUsername#725afbbc flags:# username:string referer:flags.0?string = contacts.ResolvedPeer;"
    struct ResolveUsername { username: String, referer: Option<String> } -> ResolvedPeerBody

    /// Result of resolving a username: the peer, and its user or chat.
    "contacts.resolvedPeer#7f077ad9 peer:Peer chats:Vector<Chat> users:Vector<User> = contacts.ResolvedPeer;"
    struct ResolvedPeer { peer: Peer, chats: Vec<AnyChat>, users: Vec<AnyUser> }
}

kept! {
    /// Unparsed `contacts.resolvedPeer`, from which only the first fields of the peer are read.
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

/// A peer found by its username.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Resolved {
    /// A user or bot.
    User(UserHead),
    /// A channel or supergroup.
    Channel(ChannelHead),
}

impl ResolvedPeerBody {
    /// Returns the peer, if it is the first value of its vector.
    ///
    /// Servers send no chats in the reply for a user, and the requested peer first. Read any other reply in full with
    /// [`ResolvedPeer`].
    ///
    /// # Errors
    /// The bytes are not such a reply, or the peer is not the first of its vector.
    pub fn resolved(&self) -> Result<Resolved, DecodeError> {
        Resolved::read(&self.0.0)
    }

    /// Returns the peer at any position in its vector. The table is used to skip the other values.
    ///
    /// Returns `None` if the peer is missing or only named, like a basic group or a channel that is not accessible.
    ///
    /// # Errors
    /// The bytes are not such a reply, or belong to another layer.
    pub fn find(&self) -> Result<Option<Resolved>, DecodeError> {
        let mut r = Reader::new(&self.0.0);
        r.expect(ResolvedPeer::ID)?;
        let peer = Peer::read(&mut r)?;
        let mut found = None;
        for _ in 0..r.vector(AnyChat::LEAST)? {
            let mut chat = r.clone();
            // `chat` stays at the start of the value while `r` moves past it.
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
    /// Reads a reply like [`ResolvedPeerBody::resolved`], without copying or allocating.
    ///
    /// # Errors
    /// The errors of [`ResolvedPeerBody::resolved`].
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(body);
        r.expect(ResolvedPeer::ID)?;
        match Peer::read(&mut r)? {
            Peer::User(PeerUser { user_id }) => {
                // The users follow the chats. The end of a chat can only be found with the table.
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
