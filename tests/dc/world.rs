//! The world of the test server, without a wire: effects and errors of each call.

use nanogram::lab::dc::call::{VECTORS, method_name};
use nanogram::lab::dc::log::Entry;
use nanogram::lab::dc::mailbox::MAX_LETTERS;
use nanogram::lab::dc::residents::*;
use nanogram::lab::dc::{Caller, PeerId, Push, World};
use nanogram::protocol::session::RpcError;
use nanogram::telegram::api::auth::{
    BindTempAuthKey, CodeSettings, DropTempAuthKeys, ExportLoginToken, LogOut, SendCode,
};
use nanogram::telegram::api::chats::{
    AddChatUser, AnyChat, ChatAdminRights, EditAdmin, EditChatAdmin, InviteToChannel,
};
use nanogram::telegram::api::connect::{
    GetConfig, GetNearestDc, InitConnection, InvokeAfterMsg, InvokeAfterMsgs, InvokeWithLayer, InvokeWithoutUpdates,
    JsonArray, JsonNull, JsonValue, MessageRange, Reaction,
};
use nanogram::telegram::api::contacts::{ResolveUsername, Resolved, ResolvedPeer};
use nanogram::telegram::api::messages::{
    AnyDialog, AnyDialogs, AnyMessage, AnyMessages, GetDialogs, GetHistory, GetPeerDialogs, InputDialogFolder,
    InputDialogPeer, InputDialogWith, InputMessageEntityMentionName, InputMessagesFilterContacts,
    InputMessagesFilterDocument, InputMessagesFilterEmpty, InputMessagesFilterGeo, InputMessagesFilterMyMentions,
    InputMessagesFilterPhoneCalls, InputMessagesFilterPhotoVideo, InputMessagesFilterPhotos, InputMessagesFilterPinned,
    InputMessagesFilterPoll, InputMessagesFilterUrl, InputMessagesFilterVideo, InputReplyTo,
    InputReplyToEphemeralMessage, InputReplyToMessage, InputReplyToMonoForum, InputReplyToStory, Message,
    MessageAction, MessageEntity, MessageEntityBold, MessageEntityCustomEmoji, MessageEntityDiffInsert,
    MessageEntityFormattedDate, MessageEntityMentionName, MessageEntityUrl, MessageReplyToMessage, MessagesFilter,
    Search, SendMessage, StartBot,
};
use nanogram::telegram::api::peer::{
    DirectPeer, InputChannel, InputChannelById, InputPeer, InputPeerChannelFromMessage, InputPeerEmpty, InputPeerSelf,
    InputPeerUser, InputPeerUserFromMessage, InputUser, InputUserById, InputUserEmpty, InputUserFromMessage,
    InputUserSelf, Peer,
};
use nanogram::telegram::api::updates::{
    AnyChannelDifference, AnyChannelMessagesFilter, AnyDifference, ChannelMessagesFilter, ChannelMessagesFilterEmpty,
    GetChannelDifference, GetDifference, GetState, Update, UpdateShortSentMessage, Updates, UpdatesKind, UpdatesList,
};
use nanogram::telegram::api::users::{AnyUser, GetFullUser, GetUsers, UserFullWithPeers};
use nanogram::telegram::api::{Boxed, LAYER, account::UpdateStatus};
use nanogram::tl::schema::{self, Definition, Schema, Type};
use nanogram::tl::{Blob, Call, Combinator, Hidden, Raw, Tl, VECTOR};
use nanogram::wire::mt::gzip::deflate;
use nanogram::wire::mt::message::GzipPacked;
use std::collections::BTreeSet;

const NOW: i32 = 1_790_000_000;

/// Access of one account to the world.
struct Seat {
    world: World,
    caller: Caller,
    pushes: Vec<Push>,
    wants_updates: bool,
}

fn init(query: Vec<u8>) -> InitConnection {
    InitConnection {
        api_id: 1,
        device_model: "test".into(),
        system_version: "1".into(),
        app_version: "1".into(),
        system_lang_code: "en".into(),
        lang_pack: "".into(),
        lang_code: "en".into(),
        proxy: None,
        params: None,
        query: Raw(query),
    }
}

fn greeting(layer: i32, query: Vec<u8>) -> Vec<u8> {
    InvokeWithLayer { layer, query: Raw(init(query).to_boxed()) }.to_boxed()
}

impl Seat {
    /// Alice, with a program that has sent `initConnection`.
    fn alice() -> Self {
        Self::of(Caller::signed_in(ALICE))
    }
    fn of(caller: Caller) -> Self {
        let mut seat = Self { world: World::new([7; 32]), caller, pushes: vec![], wants_updates: false };
        seat.bytes(&greeting(LAYER, GetConfig {}.to_boxed())).unwrap();
        seat
    }
    fn bytes(&mut self, body: &[u8]) -> Result<Vec<u8>, RpcError> {
        let outcome = self.world.call(&mut self.caller, NOW, body);
        self.pushes = outcome.pushes;
        self.wants_updates = outcome.wants_updates;
        outcome.reply
    }
    fn call<C: Call>(&mut self, call: C) -> Result<C::Reply, RpcError> {
        self.bytes(&call.to_boxed()).map(|reply| C::Reply::from_bytes(&reply).expect("the reply is of its type"))
    }
    fn user(&self, id: i64) -> InputUser {
        self.world.input_user(ALICE, id)
    }
    fn peer(&self, id: PeerId) -> InputPeer {
        self.world.input_peer(ALICE, id)
    }
    fn start(&mut self, bot: i64, peer: PeerId, random_id: i64, param: &str) -> Result<Updates, RpcError> {
        let call = self.start_call(bot, peer, random_id, param);
        self.call(call)
    }
    fn start_call(&self, bot: i64, peer: PeerId, random_id: i64, param: &str) -> StartBot {
        StartBot { bot: self.user(bot), peer: self.peer(peer), random_id, start_param: param.into() }
    }
    fn send(&mut self, peer: InputPeer, random_id: i64, text: &str) -> Result<Updates, RpcError> {
        self.call(message(peer, random_id, text))
    }
    /// Error of a refused call, and its log entries.
    fn refused<C: Call>(&mut self, call: C) -> (String, Vec<Entry>) {
        let outcome = self.world.call(&mut self.caller, NOW, &call.to_boxed());
        (outcome.reply.unwrap_err().message, outcome.entries)
    }
    /// The messages that a call fetches.
    fn page<C: Call<Reply = AnyMessages>>(&mut self, call: C) -> Vec<Message> {
        let messages = match self.call(call).unwrap() {
            AnyMessages::Messages(m) => m.messages,
            AnyMessages::Slice(m) => m.messages,
            AnyMessages::Channel(m) => m.messages,
            _ => unreachable!(),
        };
        let text = |message| if let AnyMessage::Message(message) = message { Some(message) } else { None };
        messages.into_iter().filter_map(text).collect()
    }
    /// Texts pushed to `user`, except those that exclude the calling session.
    fn texts_to(&self, user: i64) -> Vec<String> {
        let pushes = self.pushes.iter().filter(|push| push.user_id == user && !push.not_to_caller);
        pushes.flat_map(|push| push.updates.texts()).map(|text| text.text).collect()
    }
}

/// Request for the first `limit` messages of a history.
fn history(peer: InputPeer, limit: i32) -> GetHistory {
    GetHistory { peer, offset_id: 0, offset_date: 0, add_offset: 0, limit, max_id: 0, min_id: 0, hash: 0 }
}

/// A search for all of `q` in one dialog.
fn search_call(peer: InputPeer, q: &str, saved_reaction: Option<Vec<Reaction>>) -> Search {
    Search {
        peer,
        q: q.into(),
        from_id: None,
        saved_peer_id: None,
        saved_reaction,
        top_msg_id: None,
        filter: InputMessagesFilterEmpty {}.into(),
        min_date: 0,
        max_date: 0,
        offset_id: 0,
        add_offset: 0,
        limit: 100,
        max_id: 0,
        min_id: 0,
        hash: 0,
    }
}

/// An answer to message `reply_to_msg_id`.
fn reply(reply_to_msg_id: i32) -> InputReplyToMessage {
    InputReplyToMessage {
        reply_to_msg_id,
        top_msg_id: None,
        reply_to_peer_id: None,
        quote_text: None,
        quote_entities: None,
        quote_offset: None,
        monoforum_peer_id: None,
        todo_item_id: None,
        poll_option: None,
    }
}

fn message(peer: InputPeer, random_id: i64, text: &str) -> SendMessage {
    SendMessage {
        no_webpage: false,
        silent: false,
        background: false,
        clear_draft: false,
        noforwards: false,
        update_stickersets_order: false,
        invert_media: false,
        allow_paid_floodskip: false,
        peer,
        reply_to: None,
        message: text.into(),
        random_id,
        reply_markup: None,
        entities: None,
        schedule_date: None,
        schedule_repeat_period: None,
        send_as: None,
        quick_reply_shortcut: None,
        effect: None,
        allow_paid_stars: None,
        suggested_post: None,
        rich_message: None,
    }
}

#[test]
fn an_answer_names_the_message_by_its_id_in_the_readers_own_mailbox() {
    let mut seat = Seat::alice();
    let group = seat.peer(SUPERGROUP);
    // Some messages first, so that the two users' ids differ.
    (1..4).for_each(|n| drop(seat.send(InputPeerSelf {}.into(), n, "note").unwrap()));
    let bob = seat.peer(PeerId::User(BOB));
    seat.send(bob.clone(), 10, "question").unwrap();
    let asked = seat.page(history(bob.clone(), 1))[0].id;
    let call = SendMessage { reply_to: Some(reply(asked).into()), ..message(bob.clone(), 11, "answer") };
    seat.call(call).unwrap();
    let header = |message: &Message| {
        let header = message.reply_to.clone().expect("it is an answer");
        MessageReplyToMessage::from_boxed(&header.0.0).unwrap().reply_to_msg_id
    };
    assert_eq!(header(&seat.page(history(bob, 1))[0]), Some(asked));
    seat.caller.user_id = Some(BOB);
    let alice = seat.world.input_peer(BOB, PeerId::User(ALICE));
    let page = seat.page(history(alice, 2));
    assert_eq!((page[0].message.as_str(), page[1].message.as_str()), ("answer", "question"));
    assert_eq!(header(&page[0]), Some(page[1].id));
    assert_ne!(page[1].id, asked);
    // In a supergroup, ids are shared; 0 means no reply, and a missing message cannot be replied to.
    seat.caller.user_id = Some(ALICE);
    seat.send(group.clone(), 20, "question").unwrap();
    let asked = seat.page(history(group.clone(), 1))[0].id;
    let quoting = InputReplyToMessage { quote_text: Some("quest".into()), quote_offset: Some(0), ..reply(asked) };
    seat.call(SendMessage { reply_to: Some(quoting.into()), ..message(group.clone(), 21, "answer") }).unwrap();
    let page = seat.page(history(group.clone(), 1));
    let told = MessageReplyToMessage::from_boxed(&page[0].reply_to.clone().unwrap().0.0).unwrap();
    assert_eq!((told.reply_to_msg_id, told.quote, told.quote_text.as_deref()), (Some(asked), true, Some("quest")));
    seat.call(SendMessage { reply_to: Some(reply(0).into()), ..message(group.clone(), 22, "no answer") }).unwrap();
    assert_eq!(seat.page(history(group.clone(), 1))[0].reply_to, None);
    let absent = SendMessage { reply_to: Some(reply(999).into()), ..message(group.clone(), 23, "answer") };
    assert_eq!(seat.refused(absent).0, "REPLY_MESSAGE_ID_INVALID");
    let quoting = InputReplyToMessage { quote_text: Some("other".into()), ..reply(asked) };
    let wrong = SendMessage { reply_to: Some(quoting.into()), ..message(group, 24, "answer") };
    assert_eq!(seat.refused(wrong).0, "QUOTE_TEXT_INVALID");
}

#[test]
fn entities_are_kept_if_they_fit_the_text() {
    let mut seat = Seat::alice();
    let bob = seat.peer(PeerId::User(BOB));
    let bold = |offset, length| MessageEntity::from(MessageEntityBold { offset, length });
    let of = |seat: &Seat, entities: Vec<MessageEntity>| SendMessage {
        entities: Some(entities),
        ..message(seat.peer(PeerId::User(BOB)), 1, "b\u{1f600}ld")
    };
    let name = InputMessageEntityMentionName { offset: 0, length: 1, user_id: seat.user(CAROL) };
    let call = of(&seat, vec![bold(1, 4), name.into()]);
    seat.call(call).unwrap();
    let kept = seat.page(history(bob.clone(), 1))[0].entities.clone().unwrap();
    let named = MessageEntityMentionName { offset: 0, length: 1, user_id: CAROL };
    assert_eq!(kept, [bold(1, 4), named.into()]);
    for (entities, error) in [
        (vec![bold(1, 5)], "ENTITY_BOUNDS_INVALID"),
        (vec![bold(-1, 2)], "ENTITY_BOUNDS_INVALID"),
        (vec![bold(i32::MAX, i32::MAX)], "ENTITY_BOUNDS_INVALID"),
        (vec![bold(0, 1); 101], "ENTITIES_TOO_LONG"),
        (vec![MessageEntityCustomEmoji { offset: 0, length: 1, document_id: 1 }.into()], "DOCUMENT_INVALID"),
    ] {
        let call = SendMessage { random_id: 2, ..of(&seat, entities) };
        assert_eq!(seat.refused(call).0, error);
    }
}

/// Every content that is not kept: the field, the error, and a call with it.
fn unkept_calls(plain: impl Fn() -> SendMessage) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let answer = |reply_to: InputReplyTo| SendMessage { reply_to: Some(reply_to), ..plain() }.to_boxed();
    let entity = |entity: MessageEntity| SendMessage { entities: Some(vec![entity]), ..plain() }.to_boxed();
    // The flag, and whatever stands where the value is.
    let flagged = |bit: u32| {
        let mut call = plain().to_boxed();
        call[4 + bit as usize / 8] |= 1 << (bit % 8);
        call
    };
    let me = || InputPeer::from(InputPeerSelf {});
    let date = MessageEntityFormattedDate {
        relative: false,
        short_time: false,
        long_time: false,
        short_date: true,
        long_date: false,
        day_of_week: false,
        offset: 0,
        length: 1,
        date: NOW,
    };
    vec![
        ("reply_markup", "REPLY_MARKUP_INVALID", flagged(2)),
        ("schedule_date", "SCHEDULE_DATE_INVALID", SendMessage { schedule_date: Some(1), ..plain() }.to_boxed()),
        ("schedule_repeat_period", "SCHEDULE_DATE_INVALID", flagged(24)),
        ("send_as", "SEND_AS_PEER_INVALID", SendMessage { send_as: Some(me()), ..plain() }.to_boxed()),
        ("quick_reply_shortcut", "SHORTCUT_INVALID", flagged(17)),
        ("effect", "EFFECT_ID_INVALID", SendMessage { effect: Some(1), ..plain() }.to_boxed()),
        ("suggested_post", "SUGGESTED_POST_PEER_INVALID", flagged(22)),
        ("rich_message", "MEDIA_INVALID", flagged(23)),
        (
            "entities.document_id",
            "DOCUMENT_INVALID",
            entity(MessageEntityCustomEmoji { offset: 0, length: 1, document_id: 1 }.into()),
        ),
        ("entities", "ENTITY_BOUNDS_INVALID", entity(date.into())),
        ("entities", "ENTITY_BOUNDS_INVALID", entity(MessageEntityDiffInsert { offset: 0, length: 1 }.into())),
        ("reply_to.story_id", "STORY_ID_INVALID", answer(InputReplyToStory { peer: me(), story_id: 1 }.into())),
        (
            "reply_to.monoforum_peer_id",
            "REPLY_TO_MONOFORUM_PEER_INVALID",
            answer(InputReplyToMonoForum { monoforum_peer_id: me() }.into()),
        ),
        (
            "reply_to.monoforum_peer_id",
            "REPLY_TO_MONOFORUM_PEER_INVALID",
            answer(InputReplyToMessage { monoforum_peer_id: Some(me()), ..reply(0) }.into()),
        ),
        ("reply_to.ephemeral", "REPLY_MESSAGE_ID_INVALID", answer(InputReplyToEphemeralMessage { id: 1 }.into())),
        (
            "reply_to.reply_to_peer_id",
            "REPLY_MESSAGE_ID_INVALID",
            answer(InputReplyToMessage { reply_to_peer_id: Some(me()), ..reply(1) }.into()),
        ),
        (
            "reply_to.top_msg_id",
            "TOPIC_ID_INVALID",
            answer(InputReplyToMessage { top_msg_id: Some(1), ..reply(0) }.into()),
        ),
        (
            "reply_to.todo_item_id",
            "REPLY_MESSAGE_ID_INVALID",
            answer(InputReplyToMessage { todo_item_id: Some(1), ..reply(0) }.into()),
        ),
        (
            "reply_to.poll_option",
            "REPLY_MESSAGE_ID_INVALID",
            answer(InputReplyToMessage { poll_option: Some(Blob(vec![])), ..reply(0) }.into()),
        ),
    ]
}

#[test]
fn a_message_that_would_lose_something_is_refused_and_the_log_says_what() {
    let mut seat = Seat::alice();
    let bob = seat.peer(PeerId::User(BOB));
    let plain = || message(bob.clone(), 1, "x");
    let calls = unkept_calls(plain);
    for (field, error, call) in &calls {
        let outcome = seat.world.call(&mut seat.caller, NOW, call);
        assert_eq!(outcome.reply.unwrap_err().message, *error, "{field}");
        assert_eq!(outcome.entries, [Entry::Unkept(field)]);
        assert!(outcome.pushes.is_empty() && outcome.notice.is_none(), "{field}: nobody is told");
    }
    // None of it was confirmed: it is in nobody's history, and its random_id is still free.
    assert_eq!(seat.page(history(bob.clone(), 10)).len(), 0, "nothing was sent");
    seat.caller.user_id = Some(BOB);
    let alice = seat.world.input_peer(BOB, PeerId::User(ALICE));
    assert_eq!(seat.page(history(alice, 10)).len(), 0, "nothing was received");
    seat.caller.user_id = Some(ALICE);
    seat.call(SendMessage { silent: true, noforwards: true, allow_paid_stars: Some(5), ..plain() }).unwrap();
    let sent = &seat.page(history(bob.clone(), 1))[0];
    assert!(sent.silent && sent.noforwards);

    // The page lists them all, and the code has no others.
    let tried: BTreeSet<_> = calls.iter().map(|(field, error, _)| (*field, *error)).collect();
    let rows = include_str!("../../docs/clients.md").split("| field of `messages.sendMessage` |").nth(1).unwrap();
    let rows = rows.lines().skip(2).take_while(|line| line.starts_with('|'));
    let told: BTreeSet<_> = rows.map(|row| (row.split('`').nth(1).unwrap(), row.split('`').nth(3).unwrap())).collect();
    assert_eq!(told, tried, "docs/clients.md");
    let parts: Vec<_> = include_str!("../../src/lab/dc/draft.rs").split('"').collect();
    let coded: BTreeSet<_> = parts.windows(3).filter(|part| part[1] == ", ").map(|part| (part[0], part[2])).collect();
    assert_eq!(coded, tried, "src/lab/dc/draft.rs");
}

#[test]
fn paging_sees_each_message_once_in_either_direction() {
    let mut seat = Seat::alice();
    let peer: InputPeer = InputPeerSelf {}.into();
    for n in 1..=230 {
        seat.send(peer.clone(), n, &n.to_string()).unwrap(); // all in one second
    }
    let all: Vec<i32> = (1..=230).rev().collect();
    let newest = seat.page(history(peer.clone(), 1))[0].id;
    let id_of = |number: i32| newest - 230 + number;
    let numbers = |page: &[Message]| page.iter().map(|m| m.message.parse().unwrap()).collect::<Vec<i32>>();
    // Paging like Telethon and Pyrogram: by the id and the date of the last message.
    for with_date in [true, false] {
        let (mut seen, mut offset_id, mut offset_date) = (Vec::new(), 0, 0);
        loop {
            let page = seat.page(GetHistory { offset_id, offset_date, ..history(peer.clone(), 100) });
            let Some(last) = page.last() else { break };
            (offset_id, offset_date) = (last.id, if with_date { last.date } else { 0 });
            seen.extend(numbers(&page));
        }
        assert_eq!(seen, all);
    }
    // Paging by count.
    let pages =
        (0..3).flat_map(|n| numbers(&seat.page(GetHistory { add_offset: 100 * n, ..history(peer.clone(), 100) })));
    assert_eq!(pages.collect::<Vec<_>>(), all);
    // Oldest first: Telethon's `reverse=True` asks for the messages from `offset_id` on, with add_offset -limit.
    let (mut seen, mut offset_id) = (Vec::new(), 1);
    loop {
        let page = seat.page(GetHistory { offset_id, add_offset: -100, ..history(peer.clone(), 100) });
        let Some(newest) = page.first() else { break };
        offset_id = newest.id + 1;
        seen.extend(numbers(&page).into_iter().rev());
    }
    assert_eq!(seen, (1..=230).collect::<Vec<_>>());
    let around = seat.page(GetHistory { offset_id: id_of(100), add_offset: -2, ..history(peer.clone(), 4) });
    assert_eq!(numbers(&around), [101, 100, 99, 98]);
    let between = seat.page(GetHistory { max_id: id_of(105), min_id: id_of(100), ..history(peer.clone(), 100) });
    assert_eq!(numbers(&between), [104, 103, 102, 101]);
    for (add_offset, limit) in [(i32::MIN, i32::MAX), (i32::MAX, i32::MAX), (i32::MAX, i32::MIN), (-5, 3)] {
        assert_eq!(seat.page(GetHistory { add_offset, ..history(peer.clone(), limit) }).len(), 0, "{add_offset}");
    }
}

/// Returns true if values of a type may hold vectors.
fn has_vectors(schema: &Schema<'_>, ty: &Type<'_>, seen: &mut BTreeSet<String>) -> bool {
    match ty {
        Type::Vector(_) | Type::BareVector(_) => true,
        Type::Boxed(name) if seen.insert((*name).into()) => {
            schema.constructors(name).any(|line| line.fields.iter().any(|field| has_vectors(schema, &field.ty, seen)))
        }
        _ => false,
    }
}

/// A call of each row of `VECTORS` whose vectors have `len` elements together, and at most a few bytes for each.
fn with_vectors(seat: &Seat, len: usize) -> Vec<(u32, Vec<u8>)> {
    let me = || InputUser::from(InputUserSelf {});
    let PeerId::Channel(channel_id) = SUPERGROUP else { panic!() };
    let access_hash = seat.world.access_hash(ALICE, SUPERGROUP);
    let channel: InputChannel = InputChannelById { channel_id, access_hash }.into();
    let line: InputDialogPeer = InputDialogWith { peer: InputPeerSelf {}.into() }.into();
    let bold = || MessageEntity::from(MessageEntityBold { offset: 0, length: 1 });
    let ranges = vec![Boxed(MessageRange { min_id: 1, max_id: 2 }); len];
    let filter = AnyChannelMessagesFilter::Ranges(ChannelMessagesFilter { exclude_new_messages: false, ranges });
    let settings = CodeSettings { logout_tokens: Some(vec![Blob(vec![]); len]), ..CodeSettings::default() };
    let (phone_number, api_hash) = (Hidden("10000000001".into()), Hidden("x".into()));
    let query = || Raw(GetState {}.to_boxed());
    let reaction = Reaction::from_bytes(&0x79f5_d419_u32.to_le_bytes()).unwrap(); // reactionEmpty
    let json = |value: Vec<u8>| JsonValue::from_bytes(&value).unwrap();
    let params = Some(json(JsonArray { value: vec![json(JsonNull {}.to_boxed()); len] }.to_boxed()));
    vec![
        SendCode { phone_number, api_id: 1, api_hash: api_hash.clone(), settings: Boxed(settings) }.to_boxed(),
        ExportLoginToken { api_id: 1, api_hash, except_ids: vec![0; len] }.to_boxed(),
        DropTempAuthKeys { except_auth_keys: vec![0; len] }.to_boxed(),
        InviteToChannel { channel: channel.clone(), users: vec![me(); len] }.to_boxed(),
        GetPeerDialogs { peers: vec![line; len] }.to_boxed(),
        search_call(InputPeerSelf {}.into(), "x", Some(vec![reaction; len])).to_boxed(),
        SendMessage { entities: Some(vec![bold(); len]), ..message(InputPeerSelf {}.into(), 1, "x") }.to_boxed(),
        GetChannelDifference { force: false, channel, filter, pts: 1, limit: 1 }.to_boxed(),
        GetUsers { id: vec![me(); len] }.to_boxed(),
        InitConnection { params, ..init(query().0) }.to_boxed(),
        InvokeAfterMsgs { msg_ids: vec![0; len], query: query() }.to_boxed(),
    ]
    .into_iter()
    .map(|call| (u32::from_le_bytes(*call.first_chunk().unwrap()), call))
    .collect()
}

#[test]
fn every_vector_of_a_call_has_a_limit() {
    let schema = Schema::parse(schema::API).unwrap();
    let is_served = |line: &Definition<'_>| {
        let wraps = [InitConnection::ID, InvokeAfterMsgs::ID].contains(&line.id);
        line.is_function && (wraps || method_name(line.id).is_some())
    };
    let found: BTreeSet<_> = schema
        .definitions()
        .iter()
        .filter(|line| is_served(line))
        .filter(|line| line.fields.iter().any(|field| has_vectors(&schema, &field.ty, &mut BTreeSet::new())))
        .map(|line| line.id)
        .collect();
    let rows: BTreeSet<_> = VECTORS.iter().map(|(method, ..)| *method).collect();
    assert_eq!(rows, found, "a row for each served call with vectors");

    let mut seat = Seat::alice();
    // Calls about keys are not the world's: see `tests/dc/serving.rs`.
    let rows = || VECTORS.iter().filter(|(method, ..)| *method != DropTempAuthKeys::ID);
    for (method, most, error) in rows() {
        let name = method_name(*method).unwrap_or("wrapper");
        let mut told = |len: usize| {
            let calls = with_vectors(&seat, len);
            let call = &calls.iter().find(|(of, _)| of == method).expect(name).1;
            seat.bytes(call).map_err(|e| (e.code, e.message))
        };
        let refused = Err((400, (*error).to_owned()));
        assert_ne!(told(*most), refused, "{name} with {most}");
        assert_eq!(told(most + 1), refused, "{name} with {}", most + 1);
        assert_eq!(told(20_000), refused, "{name} with 20,000");
        // The elements are not read: the first of those that are too many is no value at all.
        let mut call = with_vectors(&seat, 20_000).into_iter().find(|(of, _)| of == method).unwrap().1;
        let start = call.windows(8).position(|w| *w == [VECTOR.to_le_bytes(), 20_000_u32.to_le_bytes()].concat());
        call[start.expect(name) + 8..].fill(0xff);
        assert_eq!(seat.bytes(&call).map_err(|e| (e.code, e.message)), refused, "{name} is not read");
    }
    // The vector in what a message answers has the same limit, for itself.
    let bold = || MessageEntity::from(MessageEntityBold { offset: 0, length: 1 });
    let quoting = |len| InputReplyToMessage { quote_entities: Some(vec![bold(); len]), ..reply(1) };
    let call = |len| SendMessage { reply_to: Some(quoting(len).into()), ..message(InputPeerSelf {}.into(), 1, "x") };
    assert_eq!(seat.refused(call(100)).0, "REPLY_MESSAGE_ID_INVALID");
    assert_eq!(seat.refused(call(101)).0, "ENTITIES_TOO_LONG");
    // So it is for clients of other layers, whose calls are translated.
    for layer in [158, 214] {
        seat.bytes(&greeting(layer, GetConfig {}.to_boxed())).unwrap();
        for (method, most, error) in rows() {
            for len in [most + 1, 20_000] {
                let call = with_vectors(&seat, len).into_iter().find(|(of, _)| of == method).unwrap().1;
                // Some ids are of today's layer alone.
                if let Err(e) = seat.bytes(&call)
                    && !e.message.starts_with("INPUT_METHOD_INVALID")
                    && !e.message.starts_with("INPUT_CONSTRUCTOR_INVALID")
                {
                    assert_eq!(e.message, *error, "{:?} with {len} in layer {layer}", method_name(*method));
                }
            }
        }
    }
}

#[test]
fn what_was_said_can_be_searched() {
    let mut seat = Seat::alice();
    let (bob, group) = (seat.peer(PeerId::User(BOB)), seat.peer(SUPERGROUP));
    let link = MessageEntity::from(MessageEntityUrl { offset: 0, length: 7 });
    for (n, text) in (1..).zip(["Good Morning", "good NIGHT, Ünal", "nothing", "goodness"]) {
        seat.send(bob.clone(), n, text).unwrap();
    }
    seat.call(SendMessage { entities: Some(vec![link]), ..message(bob.clone(), 5, "t.me/ok is good") }).unwrap();
    seat.send(group.clone(), 6, "good evening, group").unwrap();
    seat.send(InputPeerSelf {}.into(), 7, "a good note").unwrap();
    seat.caller.user_id = Some(BOB);
    let alice = seat.world.input_peer(BOB, PeerId::User(ALICE));
    seat.send(alice, 8, "good for you").unwrap();
    seat.caller.user_id = Some(ALICE);
    let texts = |page: &[Message]| page.iter().map(|m| m.message.clone()).collect::<Vec<_>>();
    let mut find = |call: Search| texts(&seat.page(call));
    let with_bob = |q: &str| search_call(bob.clone(), q, None);
    let all = ["good for you", "t.me/ok is good", "goodness", "good NIGHT, Ünal", "Good Morning"];
    assert_eq!(find(with_bob("GOOD")), all);
    assert_eq!(find(with_bob(" night good ")), ["good NIGHT, Ünal"], "each word, in any order");
    assert_eq!(find(with_bob("üNAL")), ["good NIGHT, Ünal"]);
    assert_eq!(find(with_bob("absent")), [""; 0]);
    assert_eq!(find(with_bob(" ")).len(), 6, "all of a dialog");
    assert_eq!(find(search_call(group.clone(), "good", None)), ["good evening, group"]);
    let everywhere = find(search_call(InputPeerEmpty {}.into(), "good", None));
    assert_eq!((everywhere.len(), everywhere[0].as_str(), everywhere[1].as_str()), (6, "good for you", "a good note"));
    let by = |from: InputPeer, q: &str| Search { from_id: Some(from), ..with_bob(q) };
    assert_eq!(find(by(bob.clone(), "")), ["good for you"]);
    assert_eq!(find(by(InputPeerSelf {}.into(), "good")), all[1..]);
    let filtered = |filter: MessagesFilter| Search { filter, ..with_bob("") };
    assert_eq!(find(filtered(InputMessagesFilterUrl {}.into())), ["t.me/ok is good"]);
    for nothing in [
        InputMessagesFilterPhotos {}.into(),
        InputMessagesFilterVideo {}.into(),
        InputMessagesFilterPhotoVideo {}.into(),
        InputMessagesFilterDocument {}.into(),
        InputMessagesFilterPinned {}.into(),
    ] {
        assert_eq!(find(filtered(nothing)), [""; 0]);
    }
    // Dates exclude the seconds that they name: everything here was said in one.
    assert_eq!(find(Search { min_date: NOW - 1, max_date: NOW + 1, ..with_bob("good") }), all);
    assert_eq!(find(Search { min_date: NOW, ..with_bob("good") }), [""; 0]);
    assert_eq!(find(Search { max_date: NOW, ..with_bob("good") }), [""; 0]);
    assert_eq!(find(with_bob(&format!("good{}absent", " ".repeat(252)))), all, "no more than 256 characters");
    assert_eq!(find(with_bob(&format!("good{}absent", " ".repeat(246)))), [""; 0]);
    let counted = seat.call(Search { limit: 2, ..with_bob("good") }).unwrap();
    assert!(matches!(counted, AnyMessages::Slice(slice) if slice.count == 5 && slice.messages.len() == 2));
    let counted = seat.call(Search { limit: 0, ..search_call(group, "good", None) }).unwrap();
    assert!(matches!(counted, AnyMessages::Channel(found) if found.count == 1 && found.messages.is_empty()));

    for (call, error, what) in [
        (search_call(InputPeerEmpty {}.into(), " ", None), "SEARCH_QUERY_EMPTY", None),
        (Search { from_id: Some(InputPeerEmpty {}.into()), ..with_bob("x") }, "FROM_PEER_INVALID", None),
        (search_call(InputPeerUser { user_id: BOB, access_hash: 1 }.into(), "x", None), "PEER_ID_INVALID", None),
        (Search { top_msg_id: Some(1), ..with_bob("x") }, "TOPIC_ID_INVALID", Some("top_msg_id")),
        (Search { saved_peer_id: Some(bob.clone()), ..with_bob("x") }, "PEER_ID_INVALID", Some("saved_peer_id")),
        (search_call(bob.clone(), "x", Some(vec![])), "REACTION_INVALID", Some("saved_reaction")),
        (
            filtered(InputMessagesFilterMyMentions {}.into()),
            "INPUT_FILTER_INVALID",
            Some("inputMessagesFilterMyMentions"),
        ),
        (
            filtered(InputMessagesFilterPhoneCalls { missed: true }.into()),
            "INPUT_FILTER_INVALID",
            Some("inputMessagesFilterPhoneCalls"),
        ),
        (filtered(InputMessagesFilterGeo {}.into()), "INPUT_FILTER_INVALID", Some("inputMessagesFilterGeo")),
        (filtered(InputMessagesFilterPoll {}.into()), "INPUT_FILTER_INVALID", Some("inputMessagesFilterPoll")),
        (filtered(InputMessagesFilterContacts {}.into()), "INPUT_FILTER_INVALID", Some("inputMessagesFilterContacts")),
    ] {
        let (told, log) = seat.refused(call);
        assert_eq!((told.as_str(), log), (error, what.map(Entry::Unsearched).into_iter().collect()));
    }
}

#[test]
fn paging_through_a_search_sees_each_message_once() {
    let mut seat = Seat::alice();
    let peer: InputPeer = InputPeerSelf {}.into();
    for n in 1..=460 {
        // Every second one is found; all in one second.
        seat.send(peer.clone(), n, &format!("{} {n}", if n % 2 == 0 { "found" } else { "other" })).unwrap();
    }
    let all: Vec<i32> = (1..=230).rev().map(|n| 2 * n).collect();
    let numbers = |page: &[Message]| page.iter().map(|m| m.message[6..].parse().unwrap()).collect::<Vec<i32>>();
    let search = || search_call(peer.clone(), "found", None);
    // As Telethon pages: by the id of the last message.
    let (mut seen, mut offset_id) = (Vec::new(), 0);
    loop {
        let page = seat.page(Search { offset_id, ..search() });
        let Some(last) = page.last() else { break };
        offset_id = last.id;
        seen.extend(numbers(&page));
    }
    assert_eq!(seen, all);
    // As Pyrogram does: by counting.
    let pages = (0..3).flat_map(|n| numbers(&seat.page(Search { add_offset: 100 * n, ..search() })));
    assert_eq!(pages.collect::<Vec<_>>(), all);
    // From the oldest on.
    let (mut seen, mut offset_id) = (Vec::new(), 1);
    loop {
        let page = seat.page(Search { offset_id, add_offset: -100, ..search() });
        let Some(newest) = page.first() else { break };
        offset_id = newest.id + 1;
        seen.extend(numbers(&page).into_iter().rev());
    }
    assert_eq!(seen, all.iter().rev().copied().collect::<Vec<_>>());
    let id_of = |seat: &mut Seat, n: i32| seat.page(search_call(peer.clone(), &format!("found {n}"), None))[0].id;
    let (low, high) = (id_of(&mut seat, 300), id_of(&mut seat, 310));
    let between = seat.page(Search { max_id: high, min_id: low, ..search() });
    assert_eq!(numbers(&between), [308, 306, 304, 302]);
    for (add_offset, limit) in [(i32::MIN, i32::MAX), (i32::MAX, i32::MAX), (i32::MAX, i32::MIN), (-5, 3)] {
        assert_eq!(seat.page(Search { add_offset, limit, ..search() }).len(), 0, "{add_offset}");
    }
}

#[test]
fn a_random_id_of_zero_is_none() {
    let mut seat = Seat::alice();
    let bob = seat.peer(PeerId::User(BOB));
    assert_eq!(error(seat.send(bob, 0, "x")), (400, "RANDOM_ID_EMPTY".into()));
    assert_eq!(error(seat.start(ECHO_BOT, PeerId::User(ECHO_BOT), 0, "x")), (400, "RANDOM_ID_EMPTY".into()));
}

fn error<T: std::fmt::Debug>(result: Result<T, RpcError>) -> (i32, String) {
    let e = result.unwrap_err();
    (e.code, e.message)
}

fn list(updates: &Updates) -> UpdatesList {
    assert_eq!(updates.kind, UpdatesKind::List);
    UpdatesList::from_bytes(&updates.body.0).unwrap()
}

#[test]
fn a_bot_started_in_private_answers_with_the_parameter() {
    let mut seat = Seat::alice();
    let reply = seat.start(ECHO_BOT, PeerId::User(ECHO_BOT), 42, "hello_42").unwrap();
    let reply = list(&reply);
    let Update::MessageId(named) = &reply.updates[0] else { panic!("{:?}", reply.updates[0]) };
    let Update::NewMessage(new) = &reply.updates[1] else { panic!("{:?}", reply.updates[1]) };
    let AnyMessage::Message(message) = &new.message else { panic!("{:?}", new.message) };
    assert_eq!((named.random_id, named.id), (42, message.id));
    assert_eq!((message.message.as_str(), message.out, message.date), ("/start", true, NOW));
    assert_eq!((&message.peer_id, &message.from_id), (&Peer::user(ECHO_BOT), &Some(Peer::user(ALICE))));
    let ids: Vec<_> =
        reply.users.iter().map(|user| if let AnyUser::User(user) = user { user.id } else { panic!() }).collect();
    assert_eq!(ids, [ALICE, ECHO_BOT]);

    let texts = seat.texts_to(ALICE);
    assert_eq!(texts.len(), 1);
    assert!(texts[0].contains("hello_42"), "{}", texts[0]);
    let heard = seat.pushes.iter().find(|push| push.user_id == ECHO_BOT).unwrap().updates.texts();
    assert_eq!(heard[0].text, "/start hello_42", "the bot is told what the user does not see");
    let other_sessions = seat.pushes.iter().find(|push| push.user_id == ALICE && push.not_to_caller).unwrap();
    assert_eq!(other_sessions.updates.texts()[0].text, "/start");
}

#[test]
fn an_empty_peer_means_the_bot_itself() {
    let mut seat = Seat::alice();
    let call = StartBot { peer: InputPeerEmpty {}.into(), ..seat.start_call(ECHO_BOT, GROUP, 1, "x") };
    seat.call(call).unwrap();
    assert_eq!(seat.texts_to(ALICE).len(), 1);
}

#[test]
fn a_silent_bot_says_nothing() {
    let mut seat = Seat::alice();
    seat.start(SILENT_BOT, PeerId::User(SILENT_BOT), 1, "x").unwrap();
    assert_eq!(seat.texts_to(ALICE), [""; 0]);
}

#[test]
fn a_bot_started_in_a_group_joins_it_and_answers_all() {
    for group in [GROUP, SUPERGROUP] {
        let mut seat = Seat::alice();
        let reply = list(&seat.start(ECHO_BOT, group, 42, "hello_42").unwrap());
        let messages: Vec<_> = reply
            .updates
            .iter()
            .filter_map(|update| match update {
                Update::NewMessage(new) => Some(&new.message),
                Update::NewChannelMessage(new) => Some(&new.message),
                _ => None,
            })
            .collect();
        let [AnyMessage::Service(joined), AnyMessage::Message(said)] = &*messages else { panic!("{messages:?}") };
        let MessageAction::ChatAddUser(added) = &joined.action else { panic!("{joined:?}") };
        assert_eq!(added.users, [ECHO_BOT]);
        assert_eq!(said.message, "/start@echo_bot hello_42");
        assert_eq!(said.peer_id, group.into());
        let Update::MessageId(named) = &reply.updates[0] else { panic!() };
        assert_eq!((named.random_id, named.id), (42, said.id));
        match &reply.chats[..] {
            [AnyChat::Chat(chat)] => assert_eq!((chat.participants_count, chat.version), (3, 2)),
            [AnyChat::Channel(channel)] => assert_eq!(channel.participants_count, Some(3)),
            other => panic!("{other:?}"),
        }
        for member in [ALICE, BOB] {
            let texts = seat.texts_to(member);
            assert!(texts.last().unwrap().contains("You started me with: hello_42"), "{texts:?}");
        }

        // The second start finds the bot in the group.
        let again = list(&seat.start(ECHO_BOT, group, 43, "x").unwrap());
        assert_eq!(again.updates.len(), 2);
    }
}

#[test]
fn every_documented_error_of_start_bot_has_its_cause() {
    let mut seat = Seat::alice();
    let private = PeerId::User(ECHO_BOT);
    let long = "x".repeat(65);
    for (bot, peer, param, code, message) in [
        (BOB, private, "x", 400, "BOT_INVALID"),
        (9, private, "x", 400, "BOT_INVALID"),
        (DELETED_BOT, PeerId::User(DELETED_BOT), "x", 400, "INPUT_USER_DEACTIVATED"),
        (ECHO_BOT, CLOSED_GROUP, "x", 400, "CHAT_ADMIN_REQUIRED"),
        (ECHO_BOT, CLOSED_SUPERGROUP, "x", 400, "CHAT_ADMIN_REQUIRED"),
        (ECHO_BOT, QUIET_GROUP, "x", 403, "CHAT_WRITE_FORBIDDEN"),
        (ECHO_BOT, QUIET_SUPERGROUP, "x", 403, "CHAT_WRITE_FORBIDDEN"),
        (ECHO_BOT, PeerId::Chat(9), "x", 400, "PEER_ID_INVALID"),
        (ECHO_BOT, PeerId::Channel(9), "x", 400, "PEER_ID_INVALID"),
        (ECHO_BOT, PeerId::User(SILENT_BOT), "x", 400, "PEER_ID_INVALID"),
        (ECHO_BOT, private, "", 400, "START_PARAM_EMPTY"),
        (ECHO_BOT, GROUP, "", 400, "START_PARAM_EMPTY"),
        (ECHO_BOT, private, "a b", 400, "START_PARAM_INVALID"),
        (ECHO_BOT, GROUP, "ä", 400, "START_PARAM_INVALID"),
        (ECHO_BOT, private, &long, 400, "START_PARAM_TOO_LONG"),
    ] {
        let got = error(seat.start(bot, peer, 1, param));
        assert_eq!(got, (code, message.into()), "{bot} {peer:?} {param}");
        assert!(seat.pushes.is_empty());
    }
    seat.start(ECHO_BOT, private, 1, &"x".repeat(64)).unwrap();
}

#[test]
fn wrong_hashes_and_foreign_messages_open_nothing() {
    let mut seat = Seat::alice();
    let call = seat.start_call(ECHO_BOT, PeerId::User(ECHO_BOT), 1, "x");
    let bots_hash = seat.world.access_hash(BOB, PeerId::User(ECHO_BOT));
    for bot in [
        InputUserById { user_id: ECHO_BOT, access_hash: bots_hash }.into(),
        InputUserEmpty {}.into(),
        InputUserSelf {}.into(),
    ] {
        assert_eq!(error(seat.call(StartBot { bot, ..call.clone() })), (400, "BOT_INVALID".into()));
    }
    let hash = seat.world.access_hash(ALICE, PeerId::User(ECHO_BOT)) ^ 1;
    for peer in [InputPeerUser { user_id: ECHO_BOT, access_hash: hash }.into(), InputPeerSelf {}.into()] {
        assert_eq!(error(seat.call(StartBot { peer, ..call.clone() })), (400, "PEER_ID_INVALID".into()));
    }
}

#[test]
fn a_message_shows_a_bot_or_is_no_reference() {
    let mut seat = Seat::alice();
    seat.start(ECHO_BOT, GROUP, 1, "x").unwrap();
    let InputPeer::Chat(group) = seat.peer(GROUP) else { panic!() };
    let group = DirectPeer::Chat(group);
    let history = seat.call(GetHistory {
        peer: seat.peer(GROUP),
        offset_id: 0,
        offset_date: 0,
        add_offset: 0,
        limit: 10,
        max_id: 0,
        min_id: 0,
        hash: 0,
    });
    let AnyMessages::Messages(history) = history.unwrap() else { panic!() };
    let AnyMessage::Message(answer) = &history.messages[0] else { panic!("{:?}", history.messages) };
    assert_eq!(answer.from_id, Some(Peer::user(ECHO_BOT)));

    let by_message =
        |msg_id| -> InputUser { InputUserFromMessage { peer: group.clone(), msg_id, user_id: ECHO_BOT }.into() };
    let call = seat.start_call(ECHO_BOT, GROUP, 2, "x");
    seat.call(StartBot { bot: by_message(answer.id), ..call.clone() }).unwrap();
    let call = StartBot { random_id: 3, ..call };
    for msg_id in [0, 1, -1, 9999] {
        let got = error(seat.call(StartBot { bot: by_message(msg_id), ..call.clone() }));
        assert_eq!(got, (400, "MSG_ID_INVALID".into()), "{msg_id}");
    }
    for peer in [
        InputPeerUserFromMessage { peer: group.clone(), msg_id: 1, user_id: ECHO_BOT }.into(),
        InputPeerChannelFromMessage { peer: group.clone(), msg_id: 1, channel_id: 4_000_001 }.into(),
    ] {
        assert_eq!(error(seat.call(StartBot { peer, ..call.clone() })), (400, "MSG_ID_INVALID".into()));
    }
}

#[test]
fn a_random_id_is_executed_once() {
    let mut seat = Seat::alice();
    seat.start(ECHO_BOT, PeerId::User(ECHO_BOT), -4_156_887_774_564, "x").unwrap();
    let before = seat.call(GetState {}).unwrap();
    let again = seat.start(ECHO_BOT, PeerId::User(ECHO_BOT), -4_156_887_774_564, "x");
    assert_eq!(error(again), (500, "RANDOM_ID_DUPLICATE".into()));
    assert!(seat.pushes.is_empty());
    assert_eq!(seat.call(GetState {}).unwrap(), before, "nothing was done");
    let peer = seat.peer(PeerId::User(ECHO_BOT));
    assert_eq!(error(seat.send(peer, -4_156_887_774_564, "x")).1, "RANDOM_ID_DUPLICATE");
    // A refused call does not use up its random_id.
    assert_eq!(error(seat.start(ECHO_BOT, PeerId::User(ECHO_BOT), 5, "")).1, "START_PARAM_EMPTY");
    seat.start(ECHO_BOT, PeerId::User(ECHO_BOT), 5, "x").unwrap();
}

#[test]
fn bots_cannot_start_bots() {
    let mut seat = Seat::of(Caller::signed_in(SILENT_BOT));
    assert_eq!(error(seat.start(ECHO_BOT, PeerId::User(ECHO_BOT), 1, "x")), (400, "BOT_METHOD_INVALID".into()));
}

#[test]
fn names_are_found_in_any_case_or_refused() {
    let mut seat = Seat::alice();
    let mut resolve = |name: &str| seat.call(ResolveUsername { username: name.into(), referer: None });
    for name in ["echo_bot", "ECHO_Bot"] {
        let found = resolve(name).unwrap();
        let Resolved::User(bot) = found.resolved().unwrap() else { panic!() };
        assert_eq!((bot.id, bot.bot, bot.min, bot.deleted), (ECHO_BOT, true, false, false));
        assert!(ResolvedPeer::from_boxed(&found.0.0).unwrap().chats.is_empty());
    }
    let Resolved::Channel(group) = resolve("nano_group").unwrap().resolved().unwrap() else { panic!() };
    assert_eq!((group.id, group.megagroup, group.left), (4_000_001, true, false));
    for name in ["", "bot", "1bot", "@echo_bot", "echo__bot", "echo_bot_", "echo bot", &"x".repeat(33)] {
        assert_eq!(error(resolve(name)), (400, "USERNAME_INVALID".into()), "{name}");
    }
    assert_eq!(error(resolve("nobody_here")), (400, "USERNAME_NOT_OCCUPIED".into()));
    let referred = ResolveUsername { username: "echo_bot".into(), referer: Some("_tgr_x".into()) };
    assert_eq!(error(seat.call(referred)), (400, "STARREF_EXPIRED".into()));
}

#[test]
fn what_resolve_gives_starts_the_bot() {
    let mut seat = Seat::alice();
    let found = seat.call(ResolveUsername { username: "echo_bot".into(), referer: None }).unwrap();
    let Resolved::User(bot) = found.resolved().unwrap() else { panic!() };
    let (user_id, access_hash) = (bot.id, bot.access_hash.unwrap());
    seat.call(StartBot {
        bot: InputUserById { user_id, access_hash }.into(),
        peer: InputPeerUser { user_id, access_hash }.into(),
        random_id: 1,
        start_param: "x".into(),
    })
    .unwrap();
}

#[test]
fn a_connection_says_who_it_is_first() {
    let mut seat = Seat::alice();
    seat.caller = Caller::signed_in(ALICE);
    let state = GetState {}.to_boxed();
    assert_eq!(error(seat.bytes(&state)), (400, "CONNECTION_NOT_INITED".into()));
    assert_eq!(error(seat.bytes(&init(state.clone()).to_boxed())), (400, "CONNECTION_LAYER_INVALID".into()));
    for layer in [0, -1, 1, 999] {
        assert_eq!(error(seat.bytes(&greeting(layer, state.clone()))), (400, "CONNECTION_LAYER_INVALID".into()));
    }
    let told = seat.world.call(&mut seat.caller, NOW, &greeting(999, state.clone())).entries;
    let [layer] = &told[..] else { panic!("{told:?}") };
    assert!(layer.to_string().starts_with("speaks layer 999, which is not served: those are 1"), "{layer}");
    seat.bytes(&greeting(LAYER, state.clone())).unwrap();
    assert!(seat.wants_updates);
    assert_eq!(seat.caller.app.as_ref().unwrap().device_model, "test");
    seat.bytes(&state).unwrap();
    seat.call(AfterMsg { msg_id: 4, query: Raw(state.clone()) }).unwrap();
    seat.bytes(&InvokeWithoutUpdates { query: Raw(state.clone()) }.to_boxed()).unwrap();
    assert!(!seat.wants_updates);
    let nested = (0..9).fold(state, |query, _| InvokeWithoutUpdates { query: Raw(query) }.to_boxed());
    assert_eq!(error(seat.bytes(&nested)), (400, "INPUT_FETCH_ERROR".into()));
}

nanogram::tl! {
    /// `invokeAfterMsg` around `updates.getState`.
    "invokeAfterMsg#cb9f372d {X:Type} msg_id:long query:!X = X;"
    struct AfterMsg { msg_id: i64, query: Raw } -> Boxed<nanogram::telegram::api::updates::State>
}

#[test]
fn who_is_not_signed_in_gets_the_config_and_no_more() {
    let mut seat = Seat::of(Caller::default());
    seat.call(GetConfig {}).unwrap();
    assert!(!seat.wants_updates);
    assert_eq!(seat.call(GetNearestDc {}).unwrap().0.this_dc, 2);
    for call in [GetState {}.to_boxed(), seat.start_call(ECHO_BOT, GROUP, 1, "x").to_boxed()] {
        assert_eq!(error(seat.bytes(&call)), (401, "AUTH_KEY_UNREGISTERED".into()));
    }
    seat.caller.user_id = Some(9);
    assert_eq!(error(seat.call(GetState {})), (401, "AUTH_KEY_UNREGISTERED".into()), "nobody of that id");
}

#[test]
fn after_log_out_the_key_is_nobodys() {
    let mut seat = Seat::alice();
    assert!(seat.call(UpdateStatus { offline: false }).unwrap());
    seat.call(LogOut {}).unwrap();
    assert_eq!(seat.caller.user_id, None);
    assert_eq!(error(seat.call(GetState {})), (401, "AUTH_KEY_UNREGISTERED".into()));
}

#[test]
fn what_is_no_call_is_refused_with_its_id() {
    let mut seat = Seat::alice();
    assert_eq!(error(seat.bytes(&[])), (400, "INPUT_FETCH_ERROR".into()));
    assert_eq!(error(seat.bytes(&[1, 0, 0, 0])), (400, "INPUT_METHOD_INVALID_1".into()));
    let call = seat.start_call(ECHO_BOT, GROUP, 1, "x").to_boxed();
    for cut in 4..call.len() {
        assert!(seat.bytes(&call[..cut]).is_err(), "{cut}");
    }
    let mut trailing = call.clone();
    trailing.extend([0; 4]);
    assert_eq!(error(seat.bytes(&trailing)), (400, "INPUT_FETCH_ERROR".into()));
    let mut foreign = call;
    foreign[4] ^= 1;
    assert!(error(seat.bytes(&foreign)).1.starts_with("INPUT_CONSTRUCTOR_INVALID_"));
    assert_eq!(method_name(StartBot::ID), Some("messages.startBot"));
    assert_eq!(method_name(InvokeAfterMsg::ID), None);
}

#[test]
fn users_are_shown_to_whom_they_may_be() {
    let mut seat = Seat::alice();
    let id = vec![InputUserSelf {}.into(), seat.user(ECHO_BOT), seat.user(DELETED_BOT), seat.user(9)];
    let body = seat.call(GetUsers { id }).unwrap();
    assert!(body.first().unwrap().unwrap().self_);
    let users = body.all().unwrap();
    let [AnyUser::User(alice), AnyUser::User(echo), AnyUser::User(deleted), AnyUser::Empty(nobody)] = &users[..] else {
        panic!("{users:?}")
    };
    assert!(alice.phone.is_some() && alice.self_ && alice.bot_info_version.is_none());
    assert!(echo.bot_info_version.is_some() && echo.username.as_deref() == Some("echo_bot"));
    assert!(deleted.deleted && nobody.id == 9);
    let full = seat.call(GetFullUser { id: InputUserSelf {}.into() }).unwrap();
    assert_eq!(UserFullWithPeers::from_boxed(&full.0.0).unwrap().full_user.0.id, ALICE);
    assert_eq!(error(seat.call(GetFullUser { id: seat.user(9) })), (400, "USER_ID_INVALID".into()));

    let bob = list_of_bob(&mut seat);
    assert!(bob.phone.is_none(), "a number is its owner's business");
}

fn list_of_bob(seat: &mut Seat) -> nanogram::telegram::api::users::User {
    let id = vec![seat.user(BOB)];
    match seat.call(GetUsers { id }).unwrap().all().unwrap().remove(0) {
        AnyUser::User(user) => user,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_is_sent_named_and_echoed() {
    let mut seat = Seat::alice();
    let echo = seat.peer(PeerId::User(ECHO_BOT));
    let sent = seat.send(echo.clone(), 1, "good morning").unwrap();
    assert_eq!(sent.kind, UpdatesKind::ShortSentMessage);
    let sent = UpdateShortSentMessage::from_bytes(&sent.body.0).unwrap();
    assert!(sent.out && sent.date == NOW);
    assert_eq!(seat.texts_to(ALICE), ["good morning"]);
    seat.send(echo.clone(), 2, "/start").unwrap();
    assert_eq!(seat.texts_to(ALICE), ["You started me without a parameter."]);

    assert_eq!(error(seat.send(echo.clone(), 3, "")), (400, "MESSAGE_EMPTY".into()));
    assert_eq!(error(seat.send(echo.clone(), 3, &"ä".repeat(4097))), (400, "MESSAGE_TOO_LONG".into()));
    seat.send(echo.clone(), 3, &"ä".repeat(4096)).unwrap();
    assert_eq!(error(seat.send(echo, 0, "x")), (400, "RANDOM_ID_EMPTY".into()));
    let (deleted, quiet) = (seat.peer(PeerId::User(DELETED_BOT)), seat.peer(QUIET_GROUP));
    assert_eq!(error(seat.send(deleted, 4, "x")), (400, "INPUT_USER_DEACTIVATED".into()));
    assert_eq!(error(seat.send(quiet, 4, "x")), (403, "CHAT_WRITE_FORBIDDEN".into()));
    assert_eq!(error(seat.send(InputPeerEmpty {}.into(), 4, "x")), (400, "PEER_ID_INVALID".into()));

    let (bob, group) = (seat.peer(PeerId::User(BOB)), seat.peer(GROUP));
    seat.send(bob, 5, "hello Bob").unwrap();
    assert_eq!(seat.texts_to(BOB), ["hello Bob"]);
    let said = list(&seat.send(group, 6, "hello all").unwrap());
    assert!(matches!(said.updates[0], Update::MessageId(_)));
    assert_eq!(seat.texts_to(BOB), ["hello all"]);
    seat.send(InputPeerSelf {}.into(), 7, "note").unwrap();
    assert_eq!(seat.texts_to(ALICE), [""; 0]);
}

#[test]
fn what_was_missed_is_the_difference() {
    let mut seat = Seat::alice();
    let before = seat.call(GetState {}).unwrap().0;
    let since = |pts| GetDifference { pts, pts_limit: None, pts_total_limit: None, date: NOW, qts: 0, qts_limit: None };
    assert!(matches!(seat.call(since(before.pts)).unwrap(), AnyDifference::Empty(_)));

    seat.start(ECHO_BOT, PeerId::User(ECHO_BOT), 1, "hello_42").unwrap();
    let AnyDifference::Difference(missed) = seat.call(since(before.pts)).unwrap() else { panic!() };
    let texts: Vec<_> = missed
        .new_messages
        .iter()
        .map(|m| if let AnyMessage::Message(m) = m { (m.out, m.message.as_str()) } else { panic!() })
        .collect();
    assert_eq!(texts, [(true, "/start"), (false, "You started me with: hello_42")]);
    assert_eq!(missed.state.0.pts, before.pts + 2);
    assert_eq!(missed.users.len(), 2);

    assert_eq!(error(seat.call(since(0))), (400, "PERSISTENT_TIMESTAMP_EMPTY".into()));
    assert_eq!(error(seat.call(since(before.pts + 3))), (400, "PERSISTENT_TIMESTAMP_INVALID".into()));

    let silent = seat.peer(PeerId::User(SILENT_BOT));
    for n in 0..150 {
        seat.send(silent.clone(), 100 + n, "x").unwrap();
    }
    let AnyDifference::Slice(slice) = seat.call(since(before.pts + 2)).unwrap() else { panic!() };
    assert_eq!((slice.new_messages.len(), slice.intermediate_state.0.pts), (100, before.pts + 102));
    let AnyDifference::Difference(rest) = seat.call(since(before.pts + 102)).unwrap() else { panic!() };
    assert_eq!((rest.new_messages.len(), rest.state.0.pts), (50, before.pts + 152));

    for n in 0..i64::try_from(MAX_LETTERS).unwrap() {
        seat.send(silent.clone(), 1000 + n, "x").unwrap();
    }
    assert!(matches!(seat.call(since(before.pts)).unwrap(), AnyDifference::TooLong(_)));
}

#[test]
fn a_supergroup_counts_for_itself() {
    let mut seat = Seat::alice();
    let PeerId::Channel(channel_id) = SUPERGROUP else { panic!() };
    let access_hash = seat.world.access_hash(ALICE, SUPERGROUP);
    let channel: InputChannel = InputChannelById { channel_id, access_hash }.into();
    let since = |pts| GetChannelDifference {
        force: false,
        channel: channel.clone(),
        filter: AnyChannelMessagesFilter::Empty(ChannelMessagesFilterEmpty {}),
        pts,
        limit: 100,
    };
    let state = seat.call(GetState {}).unwrap();
    let AnyChannelDifference::Difference(all) = seat.call(since(1)).unwrap() else { panic!() };
    assert_eq!(all.new_messages.len(), 1, "the group was made");
    seat.start(ECHO_BOT, SUPERGROUP, 1, "x").unwrap();
    assert_eq!(seat.call(GetState {}).unwrap(), state, "a supergroup does not touch the account's pts");
    let AnyChannelDifference::Difference(missed) = seat.call(since(all.pts)).unwrap() else { panic!() };
    assert_eq!((missed.new_messages.len(), missed.pts, missed.final_), (3, all.pts + 3, true));
    assert!(matches!(seat.call(since(missed.pts)).unwrap(), AnyChannelDifference::Empty(_)));
}

#[test]
fn dialogs_and_history_are_newest_first() {
    let mut seat = Seat::alice();
    seat.start(ECHO_BOT, PeerId::User(ECHO_BOT), 1, "x").unwrap();
    let dialogs = |limit| GetDialogs {
        exclude_pinned: false,
        folder_id: None,
        offset_date: 0,
        offset_id: 0,
        offset_peer: InputPeerEmpty {}.into(),
        limit,
        hash: 0,
    };
    let AnyDialogs::Dialogs(all) = seat.call(dialogs(100)).unwrap() else { panic!() };
    assert_eq!(all.dialogs.len(), 7);
    let AnyDialog::Dialog(first) = &all.dialogs[0] else { panic!() };
    assert_eq!(first.peer, Peer::user(ECHO_BOT));
    assert!(matches!(seat.call(dialogs(2)).unwrap(), AnyDialogs::Slice(slice) if slice.count == 7));
    let in_folder = |folder| GetDialogs { folder_id: Some(folder), ..dialogs(100) };
    assert!(matches!(seat.call(in_folder(0)).unwrap(), AnyDialogs::Dialogs(main) if main.dialogs.len() == 7));
    assert!(matches!(seat.call(in_folder(1)).unwrap(), AnyDialogs::Dialogs(archive) if archive.dialogs.is_empty()));
    assert_eq!(error(seat.call(in_folder(2))), (400, "FOLDER_ID_INVALID".into()));

    let history = |peer, limit| GetHistory {
        peer,
        offset_id: 0,
        offset_date: 0,
        add_offset: 0,
        limit,
        max_id: 0,
        min_id: 0,
        hash: 0,
    };
    let echo = seat.peer(PeerId::User(ECHO_BOT));
    let AnyMessages::Messages(all) = seat.call(history(echo.clone(), 10)).unwrap() else { panic!() };
    let AnyMessage::Message(newest) = &all.messages[0] else { panic!() };
    assert!(!newest.out && newest.from_id.is_none());
    assert!(matches!(seat.call(history(echo, 1)).unwrap(), AnyMessages::Slice(slice) if slice.count == 2));
    let group = seat.peer(SUPERGROUP);
    assert!(matches!(seat.call(history(group, 10)).unwrap(), AnyMessages::Channel(_)));
}

#[test]
fn the_log_names_methods_that_are_not_served_too() {
    let told = |method| Entry::Call { method, user: Some(1), error: None }.to_string();
    assert_eq!(told(GetState::ID), "updates.getState by 1: done");
    assert_eq!(told(BindTempAuthKey::ID), "auth.bindTempAuthKey by 1: done");
    assert_eq!(told(0x61e3_f854), "help.getAppConfig (not served here) by 1: done");
    assert_eq!(told(0x0873_6a09), "channels.getFullChannel (not served here) by 1: done");
    assert_eq!(told(InvokeWithLayer::ID), "invokeWithLayer by 1: done");
    assert_eq!(told(7), "unknown method 00000007 by 1: done");
}

#[test]
fn a_call_may_be_packed_inside_its_wrappers_once() {
    let mut seat = Seat::alice();
    let packed = |call: Vec<u8>| GzipPacked { packed_data: Blob(deflate(&call)) }.to_boxed();
    let state = seat.bytes(&GetState {}.to_boxed()).unwrap();
    let call = packed(GetState {}.to_boxed());
    assert_eq!(seat.bytes(&greeting(LAYER, call.clone())).unwrap(), state);
    assert_eq!(seat.bytes(&packed(greeting(LAYER, GetState {}.to_boxed()))).unwrap(), state);
    let twice = seat.bytes(&greeting(LAYER, packed(call.clone()))).unwrap_err();
    assert!(twice.message.starts_with("INPUT_METHOD_INVALID"), "{}", twice.message);
    let damaged = GzipPacked { packed_data: Blob(vec![0x1f, 0x8b, 8]) }.to_boxed();
    // A call that inflates beyond the limit for calls is not decompressed.
    for call in [damaged, packed(vec![0; (1 << 20) + 1]), call[..8].to_vec()] {
        assert_eq!(error(seat.bytes(&greeting(LAYER, call))), (400, "INPUT_FETCH_ERROR".into()));
    }
}

#[test]
fn every_peer_has_a_dialog_also_without_messages() {
    let mut seat = Seat::alice();
    seat.start(ECHO_BOT, PeerId::User(ECHO_BOT), 1, "x").unwrap();
    let with = |peer| InputDialogPeer::With(InputDialogWith { peer });
    let [echo, silent] = [ECHO_BOT, SILENT_BOT].map(|bot| with(seat.peer(PeerId::User(bot))));
    let peers = vec![echo.clone(), silent, with(seat.peer(SUPERGROUP)), echo.clone()];
    let Boxed(told) = seat.call(GetPeerDialogs { peers }).unwrap();
    let line = |dialog: &AnyDialog| match dialog {
        AnyDialog::Dialog(line) => (line.peer.clone(), line.top_message),
        _ => panic!(),
    };
    let dialogs: Vec<_> = told.dialogs.iter().map(line).collect();
    let [AnyMessage::Message(answer), AnyMessage::Service(made)] = &told.messages[..] else { panic!() };
    let supergroup: Peer = SUPERGROUP.into();
    let lines = [(Peer::user(ECHO_BOT), answer.id), (Peer::user(SILENT_BOT), 0), (supergroup, made.id)];
    assert_eq!(dialogs, lines, "each once, as asked");
    let is_told = |id| told.users.iter().any(|user| matches!(user, AnyUser::User(user) if user.id == id));
    assert!(is_told(ECHO_BOT) && is_told(SILENT_BOT) && told.chats.len() == 1);
    assert_eq!(told.state, seat.call(GetState {}).unwrap());

    let unknown = with(InputPeerUser { user_id: ECHO_BOT, access_hash: 1 }.into());
    let folder = InputDialogPeer::Folder(InputDialogFolder { folder_id: 1 });
    for (peers, message) in [
        (vec![], "INPUT_PEERS_EMPTY"),
        (vec![echo.clone(); 101], "LIMIT_INVALID"),
        (vec![echo, unknown], "PEER_ID_INVALID"),
        (vec![with(InputPeerEmpty {}.into())], "PEER_ID_INVALID"),
        (vec![folder], "FOLDER_ID_INVALID"),
    ] {
        assert_eq!(error(seat.call(GetPeerDialogs { peers })), (400, message.into()));
    }
}

#[test]
fn groups_take_in_whom_they_may() {
    let mut seat = Seat::alice();
    let add = |seat: &Seat, group, user| {
        let PeerId::Chat(chat_id) = group else { panic!() };
        AddChatUser { chat_id, user_id: seat.user(user), fwd_limit: 0 }
    };
    seat.call(add(&seat, GROUP, ECHO_BOT)).unwrap().missing().unwrap();
    assert!(seat.world.group(GROUP).unwrap().members.contains(&ECHO_BOT));
    for (group, user, message) in [
        (GROUP, ECHO_BOT, "USER_ALREADY_PARTICIPANT"),
        (GROUP, DELETED_BOT, "INPUT_USER_DEACTIVATED"),
        (GROUP, 9, "USER_ID_INVALID"),
        (CLOSED_GROUP, ECHO_BOT, "CHAT_ADMIN_REQUIRED"),
        (PeerId::Chat(9), ECHO_BOT, "CHAT_ID_INVALID"),
    ] {
        let call = add(&seat, group, user);
        assert_eq!(error(seat.call(call)), (400, message.into()));
    }

    let channel = |seat: &Seat, id| -> InputChannel {
        let PeerId::Channel(channel_id) = id else { panic!() };
        InputChannelById { channel_id, access_hash: seat.world.access_hash(ALICE, id) }.into()
    };
    let invite = |seat: &Seat, id| InviteToChannel { channel: channel(seat, id), users: vec![seat.user(ECHO_BOT)] };
    for _ in 0..2 {
        seat.call(invite(&seat, SUPERGROUP)).unwrap().missing().unwrap();
        assert!(seat.world.group(SUPERGROUP).unwrap().members.contains(&ECHO_BOT));
    }
    let call = invite(&seat, CLOSED_SUPERGROUP);
    assert_eq!(error(seat.call(call)), (400, "CHAT_ADMIN_REQUIRED".into()));

    let promote = |seat: &Seat, id| EditAdmin {
        channel: channel(seat, id),
        user_id: seat.user(SILENT_BOT),
        admin_rights: Boxed(ChatAdminRights { ban_users: true, ..ChatAdminRights::default() }),
        rank: None,
    };
    let call = promote(&seat, SUPERGROUP);
    seat.call(call).unwrap();
    assert!(seat.world.group(SUPERGROUP).unwrap().is_admin(SILENT_BOT));
    let call = promote(&seat, CLOSED_SUPERGROUP);
    assert_eq!(error(seat.call(call)), (400, "CHAT_ADMIN_REQUIRED".into()));
    let PeerId::Chat(chat_id) = GROUP else { panic!() };
    let user_id = seat.user(ECHO_BOT);
    assert!(seat.call(EditChatAdmin { chat_id, user_id, is_admin: true }).unwrap());
    assert!(seat.world.group(GROUP).unwrap().is_admin(ECHO_BOT));
}
