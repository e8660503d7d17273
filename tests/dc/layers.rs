//! Layers of the test server: everything sent to a client is decoded with the schema of the client's layer.
//!
//! The schemas are complete, taken from published packages (`tl/all.tl`, which the server itself does not read;
//! `tl/sources.txt` lists the packages).

use nanogram::lab::dc::residents::*;
use nanogram::lab::dc::{Caller, PeerId, Push, World, is_layer_served, served_layers};
use nanogram::protocol::session::RpcError;
use nanogram::telegram::api::LAYER;
use nanogram::telegram::api::connect::{GetConfig, GetNearestDc, InitConnection, InvokeWithLayer};
use nanogram::telegram::api::contacts::ResolveUsername;
use nanogram::tl::schema::{self, Object, Schema, Type, Value};
use nanogram::tl::{Combinator, Raw, Reader, Tl, line};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

const NOW: i32 = 1_790_000_000;

const ALL: &str = include_str!("../../tl/all.tl");
const SOURCES: &str = include_str!("../../tl/sources.txt");

fn is_of(layer: i32, comment: &str) -> bool {
    comment.split(',').any(|run| {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        (first.parse().unwrap()..=last.parse().unwrap()).contains(&layer)
    })
}

/// Lines that belong to every schema; some packages omit them.
const BUILT_IN: &str = "boolFalse#bc799737 = Bool; // \nboolTrue#997275b5 = Bool; // \ntrue#3fedd339 = True; // \n\
                        error#c4b9f9bb code:int text:string = Error; // \nnull#56730bcc = Null; // \n";

/// Every layer in `tl/all.tl`, with exactly its own lines.
static LAYERS: LazyLock<Vec<(i32, Schema<'static>)>> = LazyLock::new(|| {
    let built_in = Schema::parse(BUILT_IN).unwrap();
    let lines_of = |layer| built_in.clone().amended_if(ALL, |comment| is_of(layer, comment)).unwrap();
    carried().into_iter().map(|layer| (layer, lines_of(layer))).collect()
});

/// Layers listed in `tl/sources.txt`.
fn carried() -> Vec<i32> {
    let rows = SOURCES.lines().filter(|row| !row.starts_with('#'));
    rows.map(|row| row.split(' ').next().unwrap().parse().unwrap()).collect()
}

struct Seat {
    world: World,
    caller: Caller,
    pushes: Vec<Push>,
    layer: i32,
    log: String,
    schema: &'static Schema<'static>,
}

impl Seat {
    fn new(layer: i32, schema: &'static Schema<'static>) -> Self {
        let (world, caller) = (World::new([7; 32]), Caller::signed_in(ALICE));
        let mut seat = Self { world, caller, pushes: vec![], layer, log: String::new(), schema };
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
        self.log.extend(outcome.entries.iter().map(ToString::to_string));
        outcome.reply
    }
    /// Makes a call and decodes the reply completely, as the result type of the call in this layer.
    fn call(&mut self, call: &[u8]) -> Value<'static> {
        let line = self.schema.find(u32::from_le_bytes(*call.first_chunk().unwrap())).unwrap().1;
        let reply = self.bytes(call).unwrap_or_else(|e| panic!("{}: {e}", line.name));
        self.read(&reply, &line.result)
    }
    /// Makes a call by name, see [`by_name`](Self::by_name), and returns everything sent because of it.
    fn said(&mut self, name: &str, given: &[(&str, Value<'static>)]) -> String {
        let call = self.by_name(name, given);
        let mut said = self.call(&call).to_string();
        for push in std::mem::take(&mut self.pushes) {
            let bytes = self.world.updates_in(Some(self.layer), &push.updates);
            said += &self.read(&bytes, &Type::Boxed("Updates")).to_string();
        }
        said
    }
    fn read(&self, bytes: &[u8], ty: &Type<'_>) -> Value<'static> {
        let mut r = Reader::new(bytes);
        let value = self.schema.read(&mut r, ty).unwrap_or_else(|e| panic!("{ty}: {e}"));
        assert!(r.is_empty(), "{value}");
        value
    }
    /// Builds a call or constructor of the layer by name. Fields that are not given are absent or empty; given fields
    /// that the layer lacks are dropped.
    fn object(&self, name: &str, given: &[(&str, Value<'static>)]) -> Value<'static> {
        let of = self.schema.named(name).unwrap_or_else(|| panic!("no {name} in layer {}", self.layer));
        let fields = of.fields.iter().map(|field| {
            let given = given.iter().find(|(name, _)| *name == field.name).map(|(_, value)| value.clone());
            match (given, field.when, &field.ty) {
                (Some(value), ..) => Some(value),
                (None, None, Type::Int) => Some(Value::Int(0)),
                (None, None, Type::Long) => Some(Value::Long(0)),
                (None, None, Type::Text) => Some(Value::Text(String::new())),
                (None, None, Type::Bool) => Some(Value::Bool(false)),
                (None, None, Type::Vector(_)) => Some(Value::Vector(vec![])),
                _ => None,
            }
        });
        Value::Object(Object { of, fields: fields.collect() })
    }
    fn by_name(&self, name: &str, given: &[(&str, Value<'static>)]) -> Vec<u8> {
        self.object(name, given).to_bytes().unwrap_or_else(|e| panic!("{name} in layer {}: {e}", self.layer))
    }
    fn value(&self, of: &impl Tl) -> Value<'static> {
        let mut out = vec![];
        of.write(&mut out);
        self.schema.from_bytes(&out).unwrap()
    }
}

#[test]
fn each_layer_has_a_source_and_each_line_its_id() {
    let rows: Vec<Vec<&str>> =
        SOURCES.lines().filter(|row| !row.starts_with('#')).map(|row| row.split(' ').collect()).collect();
    for row in &rows {
        let [_, registry, _, _, sha256, _] = row[..] else { panic!("{row:?}") };
        assert!(["pypi", "npm", "crates.io"].contains(&registry) && sha256.len() == 64, "{row:?}");
    }
    let decreed = ["ipPortSecret", "accessPointRule", "help.configSimple"];
    for text in ALL.lines().filter(|text| text.contains(" // ")) {
        let text = text.split(" // ").next().unwrap();
        assert!(line::id(text) == line::written_id(text) || decreed.contains(&line::name(text)), "{text}");
    }
    // Both files agree on the current layer.
    let ids = |schema: &Schema<'_>| schema.definitions().iter().map(|line| line.id).collect::<BTreeSet<_>>();
    let (_, today) = LAYERS.iter().find(|(layer, _)| *layer == LAYER).unwrap();
    assert_eq!(ids(today), ids(&Schema::parse(schema::API).unwrap()));
}

#[test]
fn every_layer_of_a_package_is_served_and_every_other_refused_by_name() {
    let carried = carried();
    let (oldest, newest) = (carried[0], *carried.last().unwrap());
    assert_eq!((oldest, newest), (133, 232));
    let refused = (oldest..=newest).filter(|layer| !is_layer_served(*layer)).collect::<Vec<_>>();
    assert!(carried.iter().all(|layer| is_layer_served(*layer)));
    assert_eq!(served_layers().flatten().count() + refused.len(), 100);
    for layer in refused.into_iter().chain([0, 1, 100, 132, newest + 1, i32::MAX, -1]) {
        let mut world = World::new([7; 32]);
        let mut caller = Caller::signed_in(ALICE);
        let call = InvokeWithLayer { layer, query: Raw(GetConfig {}.to_boxed()) };
        let outcome = world.call(&mut caller, NOW, &call.to_boxed());
        let error = outcome.reply.unwrap_err();
        assert_eq!((error.code, error.message.as_str()), (400, "CONNECTION_LAYER_INVALID"), "{layer}");
        let said = outcome.entries.iter().map(ToString::to_string).collect::<String>();
        assert!(
            said.starts_with(&format!("speaks layer {layer}, which is not served: those are 133, 135, 137 to 140")),
            "{said}"
        );
    }
}

/// The documentation must list the served layers.
#[test]
fn the_docs_name_the_served_layers() {
    let listed = schema::OLD.lines().find_map(|line| line.strip_prefix("// LAYERS ")).unwrap();
    let listed = listed.replace(',', ", ");
    for (name, text) in [
        ("tl/README.md", include_str!("../../tl/README.md")),
        ("docs/clients.md", include_str!("../../docs/clients.md")),
    ] {
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(&listed), "{name} is to say {listed}");
    }
}

/// `tl/old.tl` is generated from `tl/all.tl` by `tl/layers.py --old`: run it after changing a TL line in `src/`.
#[test]
fn the_table_of_the_data_centre_has_each_line_that_it_needs() {
    let names = spoken(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    assert!(names.len() > 200, "{names:?}");
    let always = "133-232";
    let has = schema::OLD.lines().collect::<BTreeSet<_>>();
    for text in ALL.lines().filter(|text| text.contains(" // ") && !text.ends_with(&format!("// {always}"))) {
        assert!(!names.contains(line::name(text)) || has.contains(text), "python3 tl/layers.py --old, for {text}");
    }
    for text in schema::OLD.lines().filter(|text| text.contains(" // ")) {
        assert!(ALL.lines().any(|line| line == text), "{text}");
    }
}

/// Names of the TL lines in a folder of Rust files.
fn spoken(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.append(&mut spoken(&path));
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            names.extend(text.split('"').filter_map(|part| {
                let (name, rest) = part.split_once('#')?;
                let id = rest.split(' ').next()?;
                let is_line =
                    !id.is_empty() && id.len() <= 8 && id.bytes().all(|c| c.is_ascii_hexdigit()) && part.ends_with(';');
                is_line.then(|| name.to_owned())
            }));
        }
    }
    names
}

fn text(of: &str) -> Value<'static> {
    Value::Text(of.into())
}

/// Calls every served method in every layer. The reply and the updates are decoded completely with the lines of that
/// layer, so constructors of other layers fail.
#[test]
fn whatever_is_said_to_a_layer_is_made_of_its_constructors() {
    for (layer, schema) in &*LAYERS {
        let mut seat = Seat::new(*layer, schema);
        let user = |seat: &Seat, id| seat.value(&seat.world.input_user(ALICE, id));
        let peer = |seat: &Seat, id| seat.value(&seat.world.input_peer(ALICE, id));
        let (me, bot) = (user(&seat, ALICE), user(&seat, ECHO_BOT));
        let peers = [PeerId::User(ECHO_BOT), GROUP, SUPERGROUP].map(|id| peer(&seat, id));
        let PeerId::Channel(channel_id) = SUPERGROUP else { panic!() };
        let PeerId::Chat(chat_id) = GROUP else { panic!() };
        let hash = seat.world.access_hash(ALICE, SUPERGROUP);
        let channel =
            seat.object("inputChannel", &[("channel_id", Value::Long(channel_id)), ("access_hash", Value::Long(hash))]);
        let rights = seat.object("chatAdminRights", &[("add_admins", Value::True)]);
        let mut said = String::new();
        let mut called = BTreeSet::new();
        let mut call = |seat: &mut Seat, name: &'static str, given: &[(&str, Value<'static>)]| {
            called.insert(name);
            said += &seat.said(name, given);
        };

        for name in ["help.getConfig", "help.getNearestDc", "updates.getState", "account.getPassword"] {
            call(&mut seat, name, &[]);
        }
        call(&mut seat, "account.updateStatus", &[("offline", Value::Bool(false))]);
        call(&mut seat, "users.getUsers", &[("id", Value::Vector(vec![me.clone(), bot.clone()]))]);
        call(&mut seat, "users.getFullUser", &[("id", me)]);
        call(&mut seat, "users.getFullUser", &[("id", bot.clone())]);
        for username in ["nano_group", "echo_bot"] {
            call(&mut seat, "contacts.resolveUsername", &[("username", text(username))]);
        }
        for (at, peer) in (1..).zip(&peers) {
            let given = [
                ("bot", bot.clone()),
                ("peer", peer.clone()),
                ("random_id", Value::Long(at)),
                ("start_param", text("hello_42")),
            ];
            if at != 2 {
                call(&mut seat, "messages.startBot", &given);
            }
            let (peer, message) = (("peer", peer.clone()), ("message", text("good morning")));
            for random_id in [10, 20].map(|from| ("random_id", Value::Long(from + at))) {
                let given = [peer.clone(), message.clone(), random_id];
                call(&mut seat, "messages.sendMessage", &given);
            }
        }
        call(
            &mut seat,
            "messages.addChatUser",
            &[("chat_id", Value::Long(chat_id)), ("user_id", bot.clone()), ("fwd_limit", Value::Int(0))],
        );
        let given = [("chat_id", Value::Long(chat_id)), ("user_id", bot.clone()), ("is_admin", Value::Bool(true))];
        call(&mut seat, "messages.editChatAdmin", &given);
        let given = [("channel", channel.clone()), ("users", Value::Vector(vec![bot.clone()]))];
        call(&mut seat, "channels.inviteToChannel", &given);
        let given = [("channel", channel.clone()), ("user_id", bot), ("admin_rights", rights), ("rank", text("x"))];
        call(&mut seat, "channels.editAdmin", &given);
        assert!(seat.world.group(SUPERGROUP).unwrap().is_admin(ECHO_BOT));
        for (at, peer) in peers.iter().enumerate() {
            let limit = Value::Int(if at == 0 { 1 } else { 10 });
            call(&mut seat, "messages.getHistory", &[("peer", peer.clone()), ("limit", limit)]);
        }
        let filter = seat.object("inputMessagesFilterEmpty", &[]);
        for peer in &peers {
            let given =
                [("peer", peer.clone()), ("q", text("good")), ("filter", filter.clone()), ("limit", Value::Int(2))];
            call(&mut seat, "messages.search", &given);
        }
        let empty = seat.object("inputPeerEmpty", &[]);
        for limit in [1, 100] {
            let given = [("offset_peer", empty.clone()), ("limit", Value::Int(limit))];
            call(&mut seat, "messages.getDialogs", &given);
        }
        let dialogs = peers.iter().map(|peer| seat.object("inputDialogPeer", &[("peer", peer.clone())])).collect();
        call(&mut seat, "messages.getPeerDialogs", &[("peers", Value::Vector(dialogs))]);
        for pts in [1, 2] {
            let given = [("pts", Value::Int(pts)), ("date", Value::Int(NOW)), ("qts", Value::Int(0))];
            call(&mut seat, "updates.getDifference", &given);
            let filter = seat.object("channelMessagesFilterEmpty", &[]);
            let given = [
                ("channel", channel.clone()),
                ("filter", filter),
                ("pts", Value::Int(pts)),
                ("limit", Value::Int(100)),
            ];
            call(&mut seat, "updates.getChannelDifference", &given);
        }

        // Another program signs in, and this one accepts its QR code.
        seat.caller.user_id = None;
        let key = [("api_id", Value::Int(1)), ("api_hash", text("0123456789abcdef0123456789abcdef"))];
        call(&mut seat, "auth.exportLoginToken", &key);
        let token = seat.by_name("auth.exportLoginToken", &key);
        let Value::Object(token) = seat.call(&token) else { panic!() };
        let token = token.field("token").unwrap().clone();
        let phone = ("phone_number", text("+10000000001"));
        let settings = seat.object("codeSettings", &[]);
        for is_first in [true, false] {
            let given =
                [phone.clone(), ("settings", settings.clone())].into_iter().chain(key.clone()).collect::<Vec<_>>();
            let sent = seat.by_name("auth.sendCode", &given);
            let Value::Object(sent) = seat.call(&sent) else { panic!() };
            let hash = ("phone_code_hash", sent.field("phone_code_hash").unwrap().clone());
            call(&mut seat, "auth.sendCode", &given);
            call(&mut seat, "auth.resendCode", &[phone.clone(), hash.clone()]);
            let (_, code) = seat.log.rsplit_once(&format!("the code for {ALICE} is ")).unwrap();
            let code = code.chars().take_while(char::is_ascii_digit).collect::<String>();
            if is_first {
                call(&mut seat, "auth.cancelCode", &[phone.clone(), hash]);
            } else {
                call(&mut seat, "auth.signIn", &[phone.clone(), hash, ("phone_code", text(&code))]);
            }
        }
        seat.caller.user_id = Some(ALICE);
        call(&mut seat, "auth.acceptLoginToken", &[("token", token)]);
        call(&mut seat, "auth.logOut", &[]);

        for part in [
            "hello_42",
            "good morning",
            "(user ",
            "(channel ",
            "(chat ",
            "(message ",
            "(messageService ",
            "(dialog ",
            "(userFull ",
            "(messages.peerDialogs ",
            "(config ",
            "(dcOption ",
            "(peerSettings",
            "(peerNotifySettings",
            "first_name:\"Echo\"",
            "You started me with: hello_42",
        ] {
            assert!(said.contains(part), "{layer}: {part}");
        }
        assert!(!seat.log.contains("has no words"), "{layer}: {}", seat.log);
        // Passwords, bot tokens and keys of other data centres: their replies have types that are covered by other
        // calls here.
        let elsewhere = [
            "auth.checkPassword",
            "auth.exportAuthorization",
            "auth.importAuthorization",
            "auth.importBotAuthorization",
            "auth.importLoginToken",
            "auth.bindTempAuthKey",
            "auth.dropTempAuthKeys",
        ];
        for line in schema.definitions().iter().filter(|line| line.is_function) {
            let refused = seat.bytes(&line.id.to_le_bytes()).err();
            let is_served = !refused.is_some_and(|e| e.message.starts_with("INPUT_METHOD_INVALID"));
            assert!(
                !is_served
                    || called.contains(line.name)
                    || elsewhere.contains(&line.name)
                    || line.name.starts_with("in"),
                "{} is not called here",
                line.name
            );
        }
    }
}

#[test]
fn a_layer_that_no_package_has_is_served_where_its_neighbours_agree() {
    let served = |layer: i32| served_layers().any(|run| run.contains(&layer));
    let carried = carried();
    for layer in carried[0]..*carried.last().unwrap() {
        assert_eq!(served(layer), is_layer_served(layer));
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

/// TDLib 1.8.0 wraps its calls of layer 135 like this.
#[test]
fn the_older_init_connection_is_understood() {
    let (_, schema) = LAYERS.iter().find(|(layer, _)| *layer == 135).unwrap();
    let mut seat = Seat::new(135, schema);
    let init = InitConnection {
        api_id: 7,
        device_model: "old".into(),
        system_version: "1".into(),
        app_version: "1.8.0".into(),
        system_lang_code: "en".into(),
        lang_pack: "".into(),
        lang_code: "en".into(),
        proxy: None,
        params: None,
        query: Raw(GetNearestDc {}.to_boxed()),
    };
    let mut init = init.to_boxed();
    init[..4].copy_from_slice(&0x7851_88b8_u32.to_le_bytes());
    let reply = seat.bytes(&InvokeWithLayer { layer: 135, query: Raw(init) }.to_boxed()).unwrap();
    assert!(seat.read(&reply, &Type::Boxed("NearestDc")).to_string().contains("this_dc:2"));
    assert_eq!(seat.caller.app.as_ref().unwrap().app_version, "1.8.0");
}

/// TDLib 1.8.0 complains of limits that are zero; and a client that believed it could pin no chat.
#[test]
fn the_limits_that_the_configuration_once_had_are_not_zero() {
    for (layer, schema) in &*LAYERS {
        let mut seat = Seat::new(*layer, schema);
        let config = seat.said("help.getConfig", &[]);
        for limit in [
            "saved_gifs_limit:200",
            "stickers_faved_limit:5",
            "pinned_dialogs_count_max:5",
            "pinned_infolder_count_max:100",
        ] {
            assert_eq!(config.contains(limit), *layer < 155, "{layer}: {limit}: {config}");
        }
        assert!(!config.contains("_limit:0") && !config.contains("_max:0"), "{layer}: {config}");
    }
}
