//! The test data centre speaks the layer of each client: what it says is read back by that layer's own lines.
#![cfg(feature = "dc")]

use nanogram::api::LAYER;
use nanogram::api::connect::{GetConfig, GetNearestDc, InitConnection, InvokeWithLayer};
use nanogram::api::contacts::ResolveUsername;
use nanogram::api::messages::{GetDialogs, GetHistory, GetPeerDialogs, InputDialogPeer, InputDialogWith, StartBot};
use nanogram::api::updates::{GetDifference, GetState};
use nanogram::api::users::{GetFullUser, GetUsers};
use nanogram::dc::residents::*;
use nanogram::dc::{Caller, OLD_LAYERS, PeerId, Push, World};
use nanogram::session::RpcError;
use nanogram::tl::schema::{self, Object, Schema, Type, Value};
use nanogram::tl::{Combinator, Raw, Reader, Tl, line};
use std::sync::LazyLock;

const NOW: i32 = 1_790_000_000;

/// The lines that differ in each old layer.
fn old() -> Vec<(i32, &'static str)> {
    let parts = schema::OLD.split("// LAYER ").skip(1);
    parts.map(|part| part.split_once('\n').unwrap()).map(|(n, lines)| (n.parse().unwrap(), lines)).collect()
}

/// Every layer, with all of its lines.
static LAYERS: LazyLock<Vec<(i32, Schema<'static>)>> = LazyLock::new(|| {
    let today = Schema::parse(schema::API).unwrap();
    let old = old().into_iter().map(|(layer, lines)| (layer, today.clone().amended(lines).unwrap()));
    old.chain([(LAYER, today.clone())]).collect()
});

struct Seat {
    world: World,
    caller: Caller,
    pushes: Vec<Push>,
    schema: &'static Schema<'static>,
}

impl Seat {
    fn new(layer: i32, schema: &'static Schema<'static>) -> Self {
        let mut seat = Self { world: World::new([7; 32]), caller: Caller::signed_in(ALICE), pushes: vec![], schema };
        let init = InitConnection {
            api_id: 1,
            device_model: "test".into(),
            system_version: "1".into(),
            app_version: "1".into(),
            system_lang_code: "en".into(),
            lang_pack: "".into(),
            lang_code: "en".into(),
            proxy: None,
            params: None,
            query: Raw(GetConfig {}.to_boxed()),
        };
        seat.bytes(&InvokeWithLayer { layer, query: Raw(init.to_boxed()) }.to_boxed()).unwrap();
        seat
    }
    fn bytes(&mut self, body: &[u8]) -> Result<Vec<u8>, RpcError> {
        let outcome = self.world.call(&mut self.caller, NOW, body);
        self.pushes = outcome.pushes;
        outcome.reply
    }
    /// The reply, read to its end as what the layer says that the call answers.
    fn call(&mut self, call: &[u8]) -> Value<'static> {
        let reply = self.bytes(call).unwrap();
        let line = self.schema.find(u32::from_le_bytes(*call.first_chunk().unwrap())).unwrap().1;
        self.read(&reply, &line.result)
    }
    fn read(&self, bytes: &[u8], ty: &Type<'_>) -> Value<'static> {
        let mut r = Reader::new(bytes);
        let value = self.schema.read(&mut r, ty).unwrap_or_else(|e| panic!("{ty}: {e}"));
        assert!(r.is_empty(), "{value}");
        value
    }
    /// A call of the layer, by name; what is not given is left out.
    fn by_name(&self, name: &str, given: &[(&str, Value<'static>)]) -> Vec<u8> {
        let of = self.schema.named(name).unwrap();
        let field = |name: &str| given.iter().find(|(given, _)| *given == name).map(|(_, value)| value.clone());
        Value::Object(Object { of, fields: of.fields.iter().map(|f| field(f.name)).collect() }).to_bytes().unwrap()
    }
    fn value(&self, of: &impl Tl) -> Value<'static> {
        let mut out = vec![];
        of.write(&mut out);
        self.schema.from_bytes(&out).unwrap()
    }
}

fn history(peer: nanogram::api::peer::InputPeer) -> Vec<u8> {
    let (offset_id, offset_date, add_offset, limit) = (0, 0, 0, 10);
    GetHistory { peer, offset_id, offset_date, add_offset, limit, max_id: 0, min_id: 0, hash: 0 }.to_boxed()
}

#[test]
fn the_old_lines_are_told_by_their_ids_and_differ_from_todays() {
    let today = Schema::parse(schema::API).unwrap();
    let old = old();
    assert_eq!(old.iter().map(|(layer, _)| *layer).collect::<Vec<_>>(), OLD_LAYERS);
    for (layer, lines) in old {
        let lines = lines.lines().filter(|line| line.contains('#')).collect::<Vec<_>>();
        assert!(lines.len() >= 2);
        for text in lines {
            assert_eq!(Some(line::id(text)), Some(line::written_id(text)), "{layer}: {text}");
            assert!(today.definitions().iter().all(|d| d.line != text), "{layer}: {text}");
        }
    }
    let id = |layer: i32, name: &str| LAYERS.iter().find(|(n, _)| *n == layer).unwrap().1.named(name).unwrap().id;
    for (name, ids) in [
        ("user", [0x8f97_c628, 0x4b46_c37e, 0x3177_4388, 0xb1b8_cc83]),
        ("message", [0x3811_6ee0, 0x96fd_bbe9, 0x7600_b9d3, 0x7600_b9d3]),
        ("messageService", [0x2b08_5862, 0xd3d2_8540, 0x7a80_0e0a, 0x7a80_0e0a]),
        ("channel", [0x8325_9464, 0xe009_98b7, 0x1c32_b11c, 0xd49f_34c6]),
    ] {
        assert_eq!([158, 198, 227, 229].map(|layer| id(layer, name)), ids, "{name}");
    }
}

#[test]
fn every_reply_is_in_the_words_of_the_layer() {
    for (layer, schema) in &*LAYERS {
        let mut seat = Seat::new(*layer, schema);
        let calls = [
            GetConfig {}.to_boxed(),
            GetNearestDc {}.to_boxed(),
            GetState {}.to_boxed(),
            GetUsers { id: vec![seat.world.input_user(ALICE, ALICE), seat.world.input_user(ALICE, ECHO_BOT)] }
                .to_boxed(),
            GetFullUser { id: seat.world.input_user(ALICE, ALICE) }.to_boxed(),
            StartBot {
                bot: seat.world.input_user(ALICE, ECHO_BOT),
                peer: seat.world.input_peer(ALICE, PeerId::User(ECHO_BOT)),
                random_id: 1,
                start_param: "hello_42".into(),
            }
            .to_boxed(),
            StartBot {
                bot: seat.world.input_user(ALICE, ECHO_BOT),
                peer: seat.world.input_peer(ALICE, SUPERGROUP),
                random_id: 2,
                start_param: "hello_42".into(),
            }
            .to_boxed(),
            history(seat.world.input_peer(ALICE, PeerId::User(ECHO_BOT))),
            history(seat.world.input_peer(ALICE, GROUP)),
            history(seat.world.input_peer(ALICE, SUPERGROUP)),
            GetDialogs {
                exclude_pinned: false,
                folder_id: None,
                offset_date: 0,
                offset_id: 0,
                offset_peer: nanogram::api::peer::InputPeerEmpty {}.into(),
                limit: 3,
                hash: 0,
            }
            .to_boxed(),
            GetPeerDialogs {
                peers: vec![
                    InputDialogPeer::With(InputDialogWith {
                        peer: seat.world.input_peer(ALICE, PeerId::User(ECHO_BOT)),
                    }),
                    InputDialogPeer::With(InputDialogWith { peer: seat.world.input_peer(ALICE, SUPERGROUP) }),
                ],
            }
            .to_boxed(),
        ];
        let mut said = String::new();
        for call in calls {
            said += &seat.call(&call).to_string();
            for push in std::mem::take(&mut seat.pushes) {
                let bytes = seat.world.updates_in(Some(*layer), &push.updates);
                said += &seat.read(&bytes, &Type::Boxed("Updates")).to_string();
            }
        }
        for part in [
            "hello_42",
            "(user ",
            "(channel ",
            "(message ",
            "(messageService ",
            "(dialog ",
            "(userFull ",
            "(messages.peerDialogs ",
        ] {
            assert!(said.contains(part), "{layer}: {part}");
        }
        assert!(said.contains("first_name:\"Echo\"") && said.contains("You started me with: hello_42"));
    }
}

#[test]
fn calls_that_have_changed_since_are_understood() {
    for (layer, schema) in &*LAYERS {
        let mut seat = Seat::new(*layer, schema);
        let name = |name: &str| Value::Text(name.into());
        let call = seat.by_name("contacts.resolveUsername", &[("username", name("nano_group"))]);
        assert!(seat.call(&call).to_string().contains("(channel "), "{layer}");

        let peer = seat.value(&seat.world.input_peer(ALICE, PeerId::User(ECHO_BOT)));
        let given = [("peer", peer), ("message", name("good morning")), ("random_id", Value::Long(7))];
        let call = seat.by_name("messages.sendMessage", &given);
        assert!(seat.call(&call).to_string().starts_with("(updateShortSentMessage out:true"), "{layer}");
        let text = seat.pushes.iter().flat_map(|push| push.updates.texts()).last().unwrap().text;
        assert_eq!(text, "good morning");

        let PeerId::Chat(chat_id) = GROUP else { panic!() };
        let bot = seat.value(&seat.world.input_user(ALICE, ECHO_BOT));
        let given = [("chat_id", Value::Long(chat_id)), ("user_id", bot.clone()), ("fwd_limit", Value::Int(0))];
        let call = seat.by_name("messages.addChatUser", &given);
        let kind = if *layer < 198 { "(updates " } else { "(messages.invitedUsers " };
        assert!(seat.call(&call).to_string().starts_with(kind), "{layer}");

        let channel = seat.schema.named("inputChannel").unwrap();
        let PeerId::Channel(id) = SUPERGROUP else { panic!() };
        let hash = seat.world.access_hash(ALICE, SUPERGROUP);
        let fields = vec![Some(Value::Long(id)), Some(Value::Long(hash))];
        let channel = Value::Object(Object { of: channel, fields });
        let rights = seat.schema.named("chatAdminRights").unwrap();
        let fields = rights.fields.iter().map(|f| (f.name == "add_admins").then_some(Value::True)).collect();
        let rights = Value::Object(Object { of: rights, fields });
        let given =
            [("channel", channel), ("user_id", bot), ("admin_rights", rights), ("rank", Value::Text("x".into()))];
        let call = seat.by_name("channels.editAdmin", &given);
        assert!(seat.call(&call).to_string().starts_with("(updates "), "{layer}");
        assert!(seat.world.group(SUPERGROUP).unwrap().is_admin(ECHO_BOT));

        let call = GetDifference { pts: 1, pts_limit: None, pts_total_limit: None, date: NOW, qts: 0, qts_limit: None };
        let call = if *layer < 198 {
            let given = [("pts", Value::Int(1)), ("date", Value::Int(NOW)), ("qts", Value::Int(0))];
            seat.by_name("updates.getDifference", &given)
        } else {
            call.to_boxed()
        };
        assert!(seat.call(&call).to_string().starts_with("(updates.difference new_messages:[("), "{layer}");
    }
}

#[test]
fn a_layer_between_the_known_ones_is_served_as_the_one_below() {
    for (layer, served) in [(100, 158), (157, 158), (197, 158), (199, 198), (226, 198), (228, 227)] {
        let schema = &LAYERS.iter().find(|(n, _)| *n == served).unwrap().1;
        let mut seat = Seat::new(layer, schema);
        let me = GetUsers { id: vec![seat.world.input_user(ALICE, ALICE)] }.to_boxed();
        assert!(seat.call(&me).to_string().contains("first_name:\"Alice\""), "{layer}");
    }
}

#[test]
fn what_no_layer_knows_is_refused_in_each() {
    for (layer, schema) in &*LAYERS {
        let mut seat = Seat::new(*layer, schema);
        let unknown = seat.bytes(&0xdead_beef_u32.to_le_bytes()).unwrap_err();
        assert_eq!((unknown.code, unknown.message.as_str()), (400, "INPUT_METHOD_INVALID_3735928559"));
        let mut cut = seat.by_name("contacts.resolveUsername", &[("username", Value::Text("echo_bot".into()))]);
        cut.truncate(8);
        assert_eq!(seat.bytes(&cut).unwrap_err().message, "INPUT_FETCH_ERROR");
        let old = ResolveUsername { username: "echo_bot".into(), referer: None };
        assert!(seat.bytes(&old.to_boxed()).is_ok(), "today's calls are taken in every layer");
    }
}
