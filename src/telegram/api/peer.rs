//! Peers: users, basic groups and channels, which include supergroups.
//!
//! An id is not enough to address a user or channel; the `access_hash` received with it must be sent too. Access hashes
//! are valid only for the account that received them. Spec: api/peers

use crate::{tl, tl_type};

tl! {
    /// User as a peer.
    "peerUser#59511722 user_id:long = Peer;"
    struct PeerUser { user_id: i64 }
    /// Basic group as a peer.
    "peerChat#36c6019a chat_id:long = Peer;"
    struct PeerChat { chat_id: i64 }
    /// Channel or supergroup as a peer.
    "peerChannel#a2a5371e channel_id:long = Peer;"
    struct PeerChannel { channel_id: i64 }

    /// Empty peer, which in some calls stands for the other peer of the call.
    "inputPeerEmpty#7f3b18ea = InputPeer;"
    struct InputPeerEmpty {}
    /// The current user: the chat Saved Messages.
    "inputPeerSelf#7da07ec9 = InputPeer;"
    struct InputPeerSelf {}
    /// User, with its access hash.
    "inputPeerUser#dde8a54c user_id:long access_hash:long = InputPeer;"
    struct InputPeerUser { user_id: i64, access_hash: i64 }
    /// Basic group, which needs no access hash because membership grants access.
    "inputPeerChat#35a95cb9 chat_id:long = InputPeer;"
    struct InputPeerChat { chat_id: i64 }
    /// Channel or supergroup, with its access hash.
    "inputPeerChannel#27bcbbfc channel_id:long access_hash:long = InputPeer;"
    struct InputPeerChannel { channel_id: i64, access_hash: i64 }
    /// User known only from a message in the chat with another peer.
    "inputPeerUserFromMessage#a87b0a1c peer:InputPeer msg_id:int user_id:long = InputPeer;"
    struct InputPeerUserFromMessage { peer: DirectPeer, msg_id: i32, user_id: i64 }
    /// Channel known only from a message in the chat with another peer.
    "inputPeerChannelFromMessage#bd2a0840 peer:InputPeer msg_id:int channel_id:long = InputPeer;"
    struct InputPeerChannelFromMessage { peer: DirectPeer, msg_id: i32, channel_id: i64 }

    /// Empty user.
    "inputUserEmpty#b98886cf = InputUser;"
    struct InputUserEmpty {}
    /// The current user.
    "inputUserSelf#f7c1b13f = InputUser;"
    struct InputUserSelf {}
    /// User, with the access hash that this account received for it.
    "inputUser#f21158c6 user_id:long access_hash:long = InputUser;"
    struct InputUserById { user_id: i64, access_hash: i64 }
    /// User known only from a message in the chat with another peer.
    "inputUserFromMessage#1da448e2 peer:InputPeer msg_id:int user_id:long = InputUser;"
    struct InputUserFromMessage { peer: DirectPeer, msg_id: i32, user_id: i64 }

    /// Empty channel.
    "inputChannelEmpty#ee8c1e86 = InputChannel;"
    struct InputChannelEmpty {}
    /// Channel or supergroup, with its access hash.
    "inputChannel#f35aec28 channel_id:long access_hash:long = InputChannel;"
    struct InputChannelById { channel_id: i64, access_hash: i64 }
    /// Channel known only from a message in the chat with another peer.
    "inputChannelFromMessage#5b934f9d peer:InputPeer msg_id:int channel_id:long = InputChannel;"
    struct InputChannelFromMessage { peer: DirectPeer, msg_id: i32, channel_id: i64 }
}

tl_type! {
    /// Chat or sender of a message.
    "Peer" enum Peer { User(PeerUser), Chat(PeerChat), Channel(PeerChannel) }
    /// Peer in the form that calls require.
    "InputPeer" enum InputPeer {
        Empty(InputPeerEmpty), Me(InputPeerSelf), User(InputPeerUser), Chat(InputPeerChat), Channel(InputPeerChannel),
        UserFromMessage(InputPeerUserFromMessage), ChannelFromMessage(InputPeerChannelFromMessage),
    }
    /// Peer that does not refer to another peer, for use inside those that do. This bounds the nesting, which a sender
    /// could otherwise make arbitrarily deep.
    "InputPeer" enum DirectPeer {
        Empty(InputPeerEmpty), Me(InputPeerSelf), User(InputPeerUser), Chat(InputPeerChat), Channel(InputPeerChannel),
    }
    /// User in the form that calls require.
    "InputUser" enum InputUser {
        Empty(InputUserEmpty), Me(InputUserSelf), ById(InputUserById), FromMessage(InputUserFromMessage),
    }
    /// Channel in the form that calls require.
    "InputChannel" enum InputChannel {
        Empty(InputChannelEmpty), ById(InputChannelById), FromMessage(InputChannelFromMessage),
    }
}

impl Peer {
    /// Creates a user peer.
    pub const fn user(user_id: i64) -> Self {
        Self::User(PeerUser { user_id })
    }
    /// Creates a basic group peer.
    pub const fn chat(chat_id: i64) -> Self {
        Self::Chat(PeerChat { chat_id })
    }
    /// Creates a channel or supergroup peer.
    pub const fn channel(channel_id: i64) -> Self {
        Self::Channel(PeerChannel { channel_id })
    }
}
