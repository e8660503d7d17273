//! Whom a call or a message is with: users, basic groups, channels (supergroups are such).
//!
//! An id alone does not open a peer: the `access_hash` that came with it must go back. Hashes belong to the account that
//! got them. Spec: api/peers

use crate::{tl, tl_type};

tl! {
    /// A user.
    "peerUser#59511722 user_id:long = Peer;"
    struct PeerUser { user_id: i64 }
    /// A basic group.
    "peerChat#36c6019a chat_id:long = Peer;"
    struct PeerChat { chat_id: i64 }
    /// A channel or supergroup.
    "peerChannel#a2a5371e channel_id:long = Peer;"
    struct PeerChannel { channel_id: i64 }

    /// Nobody; where a call allows it, the other peer that it names.
    "inputPeerEmpty#7f3b18ea = InputPeer;"
    struct InputPeerEmpty {}
    /// Oneself: Saved Messages.
    "inputPeerSelf#7da07ec9 = InputPeer;"
    struct InputPeerSelf {}
    /// A user.
    "inputPeerUser#dde8a54c user_id:long access_hash:long = InputPeer;"
    struct InputPeerUser { user_id: i64, access_hash: i64 }
    /// A basic group; it needs no hash, one is a member or not.
    "inputPeerChat#35a95cb9 chat_id:long = InputPeer;"
    struct InputPeerChat { chat_id: i64 }
    /// A channel or supergroup.
    "inputPeerChannel#27bcbbfc channel_id:long access_hash:long = InputPeer;"
    struct InputPeerChannel { channel_id: i64, access_hash: i64 }
    /// A user known only from a message of a peer that is known.
    "inputPeerUserFromMessage#a87b0a1c peer:InputPeer msg_id:int user_id:long = InputPeer;"
    struct InputPeerUserFromMessage { peer: DirectPeer, msg_id: i32, user_id: i64 }
    /// A channel known only from a message of a peer that is known.
    "inputPeerChannelFromMessage#bd2a0840 peer:InputPeer msg_id:int channel_id:long = InputPeer;"
    struct InputPeerChannelFromMessage { peer: DirectPeer, msg_id: i32, channel_id: i64 }

    /// Nobody.
    "inputUserEmpty#b98886cf = InputUser;"
    struct InputUserEmpty {}
    /// Oneself.
    "inputUserSelf#f7c1b13f = InputUser;"
    struct InputUserSelf {}
    /// A user, and the hash that proves we have met.
    "inputUser#f21158c6 user_id:long access_hash:long = InputUser;"
    struct InputUserById { user_id: i64, access_hash: i64 }
    /// A user known only from a message of a peer that is known.
    "inputUserFromMessage#1da448e2 peer:InputPeer msg_id:int user_id:long = InputUser;"
    struct InputUserFromMessage { peer: DirectPeer, msg_id: i32, user_id: i64 }

    /// No channel.
    "inputChannelEmpty#ee8c1e86 = InputChannel;"
    struct InputChannelEmpty {}
    /// A channel or supergroup.
    "inputChannel#f35aec28 channel_id:long access_hash:long = InputChannel;"
    struct InputChannelById { channel_id: i64, access_hash: i64 }
    /// A channel known only from a message of a peer that is known.
    "inputChannelFromMessage#5b934f9d peer:InputPeer msg_id:int channel_id:long = InputChannel;"
    struct InputChannelFromMessage { peer: DirectPeer, msg_id: i32, channel_id: i64 }
}

tl_type! {
    /// Whom a message is with or from.
    "Peer" enum Peer { User(PeerUser), Chat(PeerChat), Channel(PeerChannel) }
    /// A peer as calls name it.
    "InputPeer" enum InputPeer {
        Empty(InputPeerEmpty), Me(InputPeerSelf), User(InputPeerUser), Chat(InputPeerChat), Channel(InputPeerChannel),
        UserFromMessage(InputPeerUserFromMessage), ChannelFromMessage(InputPeerChannelFromMessage),
    }
    /// The same without the forms that name another peer: what those forms may name. It keeps readers from nesting
    /// as deep as the sender likes.
    "InputPeer" enum DirectPeer {
        Empty(InputPeerEmpty), Me(InputPeerSelf), User(InputPeerUser), Chat(InputPeerChat), Channel(InputPeerChannel),
    }
    /// A user as calls name it.
    "InputUser" enum InputUser {
        Empty(InputUserEmpty), Me(InputUserSelf), ById(InputUserById), FromMessage(InputUserFromMessage),
    }
    /// A channel as calls name it.
    "InputChannel" enum InputChannel {
        Empty(InputChannelEmpty), ById(InputChannelById), FromMessage(InputChannelFromMessage),
    }
}

impl Peer {
    /// A user.
    pub const fn user(user_id: i64) -> Self {
        Self::User(PeerUser { user_id })
    }
    /// A basic group.
    pub const fn chat(chat_id: i64) -> Self {
        Self::Chat(PeerChat { chat_id })
    }
    /// A channel or supergroup.
    pub const fn channel(channel_id: i64) -> Self {
        Self::Channel(PeerChannel { channel_id })
    }
}
