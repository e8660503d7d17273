//! TL: decoding a reply with 30 users, encoding the call that starts a bot.

use crate::counting::allocations;
use crate::measure::{Contender, Effort, measure};
use crate::row::Row;
use grammers_tl_types::{self as theirs, Deserializable, Serializable};
use nanogram::telegram::api::contacts::{Resolved, ResolvedPeer};
use nanogram::telegram::api::messages::StartBot;
use nanogram::telegram::api::peer::{InputPeer, InputPeerUser, InputUser, InputUserById, Peer};
use nanogram::telegram::api::users::{AnyUser, User, UserProfilePhoto, UserStatusRecently};
use nanogram::tl::Combinator;
use std::hint::black_box;

/// Name of the decoder that starts a bot: decodes the first user's head and leaves the rest serialized.
pub const HEADS: &str = "nanogram, by heads";

/// Serialized `contacts.resolvedPeer` with 30 users.
pub fn resolved_peer() -> Vec<u8> {
    let user = |i: i64| {
        AnyUser::User(User {
            id: 1_000 + i,
            access_hash: Some(0x1234_5678 * i),
            first_name: Some(format!("Somebody {i}")),
            username: Some(format!("some_body_{i}_bot")),
            photo: Some(UserProfilePhoto { photo_id: i, dc_id: 2, ..photo() }.into()),
            status: Some(UserStatusRecently { by_me: false }.into()),
            bot_info_version: (i == 0).then_some(3),
            ..User::default()
        })
    };
    ResolvedPeer { peer: Peer::user(1_000), chats: vec![], users: (0..30).map(user).collect() }.to_boxed()
}

fn photo() -> UserProfilePhoto {
    UserProfilePhoto { has_video: false, personal: false, photo_id: 0, stripped_thumb: None, dc_id: 0 }
}

pub type Theirs = theirs::enums::contacts::ResolvedPeer;

fn reading(effort: Effort) -> Vec<Row> {
    let body = resolved_peer();
    assert_eq!(Theirs::from_bytes(&body).expect("theirs").to_bytes(), body, "one schema, one meaning");
    assert_eq!(ResolvedPeer::from_boxed(&body).expect("ours").to_boxed(), body);
    let whole = || ResolvedPeer::from_boxed(black_box(&body));
    let heads = || Resolved::read(black_box(&body));
    let other = || Theirs::from_bytes(black_box(&body));
    let read = format!("resolvedPeer, 30 users, {} bytes: read", body.len());
    let whole_tree = vec![Contender::new("nanogram", whole), Contender::new("grammers", other)];
    let by_heads = vec![Contender::new("nanogram", heads), Contender::new("grammers", other)];
    vec![
        Row::new("TL", format!("{read} whole"), measure(effort, whole_tree))
            .allocating("nanogram", allocations(whole))
            .allocating("grammers", allocations(other))
            .goal("grammers", 1.0, "not slower than grammers")
            .note("grammers always reads the whole tree, and nanogram does so on request; an allocation is a vector or a string"),
        Row::new("TL", format!("{read} by heads"), measure(effort, by_heads))
            .allocating("nanogram", allocations(heads))
            .allocating("grammers", allocations(other))
            .goal("grammers", 2.0, "required")
            .note("starting a bot reads by heads: parts that it does not need stay undecoded"),
    ]
}

fn writing(effort: Effort) -> Row {
    let (id, access_hash, param) = (1_000, 0x1234_5678, "abcdefgh");
    let ours = StartBot {
        bot: InputUser::ById(InputUserById { user_id: id, access_hash }),
        peer: InputPeer::User(InputPeerUser { user_id: id, access_hash }),
        random_id: 7,
        start_param: param.into(),
    };
    let other = theirs::functions::messages::StartBot {
        bot: theirs::types::InputUser { user_id: id, access_hash }.into(),
        peer: theirs::types::InputPeerUser { user_id: id, access_hash }.into(),
        random_id: 7,
        start_param: param.into(),
    };
    assert_eq!(ours.to_boxed(), other.to_bytes());
    let contenders = vec![
        Contender::new("nanogram", || black_box(&ours).to_boxed()),
        Contender::new("grammers", || black_box(&other).to_bytes()),
    ];
    Row::new("TL", "startBot: write", measure(effort, contenders))
        .allocating("nanogram", allocations(|| ours.to_boxed()))
        .allocating("grammers", allocations(|| other.to_bytes()))
        .goal("grammers", 1.0, "not slower than grammers")
}

pub fn rows(effort: Effort) -> Vec<Row> {
    let mut rows = reading(effort);
    rows.push(writing(effort));
    rows
}
