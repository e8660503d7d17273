//! The schema in `tl/` and the files generated from it; the skip table and the schema agree on the end of a value.

use nanogram::telegram::api::account::GetPassword;
use nanogram::telegram::api::auth::{
    AcceptLoginToken, AnyAuthorization, AnySentCode, BindTempAuthKey, CancelCode, CheckPassword, DropTempAuthKeys,
    ExportAuthorization, ExportLoginToken, ImportAuthorization, ImportBotAuthorization, ImportLoginToken, LogOut,
    ResendCode, SendCode, SignIn,
};
use nanogram::telegram::api::chats::{AddChatUser, EditAdmin, InviteToChannel};
use nanogram::telegram::api::connect::{GetConfig, GetNearestDc};
use nanogram::telegram::api::contacts::{ResolveUsername, Resolved, ResolvedPeerBody};
use nanogram::telegram::api::messages::{SendMessage, StartBot};
use nanogram::telegram::api::updates::{GetState, Updates};
use nanogram::telegram::api::users::GetUsers;
use nanogram::tl::schema::{self, Definition, Object, ParseFault, Schema, Type, Value, compile};
use nanogram::tl::table::{self, MAX_DEPTH, Table, TypeId};
use nanogram::tl::{Call, DecodeError, Fault, Reader, Tl, VECTOR, line};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

static API: LazyLock<Schema<'static>> = LazyLock::new(|| Schema::parse(schema::API).unwrap());
static ALL: LazyLock<Schema<'static>> = LazyLock::new(|| Schema::telegram().unwrap());

/// Lines with ids that are not their CRC-32: the list in `tl/README.md`.
const DECREED: &[(&str, u32)] =
    &[("ipPortSecret", 0x402d_9b47), ("accessPointRule", 0x0206_34ce), ("help.configSimple", 0x066d_2808)];

#[test]
fn every_id_is_the_crc_of_its_line_or_decreed() {
    let decreed = |schema: &Schema<'static>| {
        let other = schema.definitions().iter().filter(|d| line::id(d.line) != d.id);
        other.map(|d| (d.name, line::id(d.line))).collect::<Vec<_>>()
    };
    assert_eq!(decreed(&API), []);
    assert_eq!(decreed(&ALL), DECREED);
    assert_eq!(API.layer(), Some(229));
    assert_eq!(API.definitions().iter().filter(|d| d.is_function).count(), 813);
    assert_eq!(API.definitions().len(), 1_657 + 813);
    assert_eq!(ALL.definitions().len(), 45 + 11);
    let readme = read("tl/README.md");
    for (name, by_rule) in DECREED {
        assert!(readme.contains(&format!("| `{name}` |")) && readme.contains(&format!("`{by_rule:08x}`")), "{name}");
    }
}

#[test]
fn the_text_keeps_its_order() {
    let key = |d: &Definition<'static>| {
        let name = if d.is_function { d.name.into() } else { d.result.to_string() };
        let namespace = name.split_once('.').map_or("", |(namespace, _)| namespace).to_owned();
        (d.is_function, namespace, name.to_lowercase(), d.name.to_lowercase())
    };
    assert!(API.definitions().is_sorted_by_key(key));
}

/// `src/tl/line.rs` identifies flag words by name, the schema by position, so a name must match its position.
#[test]
fn flag_words_are_called_by_their_number() {
    for d in API.definitions() {
        let words = d.fields.iter().filter(|f| f.ty == Type::Flags).map(|f| f.name).collect::<Vec<_>>();
        assert!(["flags", "flags2", "flags3"].starts_with(&words), "{}", d.line);
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// String literals in a source text that are schema lines.
fn written_lines(source: &str) -> BTreeSet<String> {
    // A literal may continue on the next line after a backslash.
    let pieces = source.split("\\\n").enumerate();
    let joined = pieces.map(|(at, piece)| if at == 0 { piece } else { piece.trim_start() }).collect::<String>();
    let is_line = |text: &&str| {
        let id = text.split_once('#').and_then(|(_, rest)| rest.split(' ').next());
        text.ends_with(';') && text.contains(" = ") && id.is_some_and(|id| u32::from_str_radix(id, 16).is_ok())
    };
    joined.lines().flat_map(|line| line.split('"')).filter(is_line).map(str::to_owned).collect()
}

fn sources(dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_line_in_the_source_stands_in_the_schema() {
    let known = [schema::MTPROTO, schema::API].into_iter().flat_map(str::lines).collect::<BTreeSet<_>>();
    assert_eq!(written_lines(&read("src/tl/macros.rs")).len(), 3, "the search sees the lines in the examples");
    let mut texts = vec![read("src/tl/macros.rs")];
    for dir in ["src/wire/mt", "src/telegram/api"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(dir), &mut texts);
    }
    let lines = texts.iter().flat_map(|text| written_lines(text)).collect::<BTreeSet<_>>();
    assert!(lines.len() > 200, "the search sees {} lines", lines.len());
    let strange = lines.iter().filter(|line| !known.contains(line.as_str())).collect::<Vec<_>>();
    assert!(strange.is_empty(), "not in tl/*.tl, word for word: {strange:#?}");
}

#[test]
fn the_readme_tells_the_sum_of_each_file() {
    let readme = read("tl/README.md");
    for name in ["mtproto.tl", "api.tl", "old.tl", "api.tlb"] {
        let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tl").join(name)).unwrap();
        let sum = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).unwrap();
        assert!(row.contains(&sum), "{name} is {sum}");
    }
}

/// `NANOGRAM_WRITE=1` regenerates the file.
#[test]
fn the_table_is_what_the_text_compiles_to() {
    let fresh = compile(&API, table::ROOTS).unwrap();
    if std::env::var_os("NANOGRAM_WRITE").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("tl/api.tlb"), &fresh).unwrap();
    }
    let stored = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tl/api.tlb")).unwrap();
    assert!(stored == fresh, "tl/api.tlb is of another schema or other roots: run with NANOGRAM_WRITE=1");
    let updates = compile(&API, &["Updates"]).unwrap();
    println!("roots: {} bytes, Updates alone: {} bytes", fresh.len(), updates.len());
    assert!(fresh.len() < 12_500 && updates.len() < 10_700);
}

#[test]
fn what_a_table_cannot_hold_is_refused() {
    use schema::CompileError::*;
    let s = Schema::parse("a x:Object = A;\nb x:%c = B;\nc x:int = C;\nd x:vector<C> = D;\ne x:Vector<Vector<C>> = E;")
        .unwrap();
    for (root, error) in [("F", Root), ("A", Shape), ("B", Shape), ("D", Shape), ("E", Shape)] {
        assert_eq!(compile(&s, &[root]), Err(error), "{root}");
    }
    assert!(compile(&s, &["C", "int", "Vector<C>"]).is_ok());
}

/// Generator of random values of any API type, with limited depth.
struct Random {
    rng: ChaCha8Rng,
    /// Number of further constructors that may have optional fields.
    budget: usize,
}

/// Minimal nesting of constructors in a value of each type.
static LEAST: LazyLock<BTreeMap<&str, usize>> = LazyLock::new(|| {
    let mut least = BTreeMap::new();
    for round in 1.. {
        let before = least.len();
        for d in API.definitions().iter().filter(|d| !d.is_function) {
            if let Type::Boxed(name) = d.result
                && !least.contains_key(name)
                && least_of(d, &least).is_some_and(|n| n < round)
            {
                least.insert(name, round);
            }
        }
        if least.len() == before && round > 10 {
            break;
        }
    }
    least
});

fn least_of(d: &Definition<'_>, least: &BTreeMap<&str, usize>) -> Option<usize> {
    d.fields.iter().filter(|f| f.when.is_none()).try_fold(0, |most, f| match f.ty {
        Type::Boxed(name) => least.get(name).map(|n| most.max(*n)),
        _ => Some(most),
    })
}

impl Random {
    fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), budget: 300 }
    }
    fn object(&mut self, of: &'static Definition<'static>, depth: usize) -> Value<'static> {
        let mut bits = BTreeMap::new();
        let is_rich = self.budget > 0;
        self.budget = self.budget.saturating_sub(1);
        // A flag is set only if all of its fields fit the depth limit.
        for field in &of.fields {
            if let Some(flag) = field.when {
                let fits = is_rich && Self::fits(&field.ty, depth - 1);
                let set = bits.entry(flag).or_insert_with(|| self.rng.random_bool(0.5));
                *set &= fits;
            }
        }
        let fields = of.fields.iter().map(|field| match field.when {
            _ if field.ty == Type::Flags => None,
            Some(flag) if !bits[&flag] => None,
            _ => Some(self.value(&field.ty, depth - 1)),
        });
        Value::Object(Object { of, fields: fields.collect() })
    }
    fn fits(ty: &Type<'_>, depth: usize) -> bool {
        match ty {
            Type::Boxed(name) => LEAST[name] <= depth,
            _ => true,
        }
    }
    fn value(&mut self, ty: &Type<'static>, depth: usize) -> Value<'static> {
        match ty {
            Type::Int => Value::Int(self.rng.random()),
            Type::Long => Value::Long(self.rng.random()),
            Type::Double => Value::Double(self.rng.random()),
            Type::Int128 => Value::Int128(self.rng.random()),
            Type::Int256 => Value::Int256(self.rng.random()),
            Type::Bool => Value::Bool(self.rng.random()),
            Type::True => Value::True,
            Type::Text => {
                let len = self.length();
                Value::Text((0..len).map(|_| self.rng.random_range('a'..='ž')).collect())
            }
            Type::Bytes => {
                let mut bytes = vec![0; self.length()];
                self.rng.fill_bytes(&mut bytes);
                Value::Bytes(bytes)
            }
            Type::Vector(of) => {
                let most = if self.budget > 0 && Self::fits(of, depth) { 4 } else { 1 };
                let count = self.rng.random_range(0..most);
                Value::Vector((0..count).map(|_| self.value(of, depth)).collect())
            }
            Type::Boxed(name) => {
                let fits = |d: &&Definition<'_>| least_of(d, &LEAST).unwrap() < depth;
                let mut of = API.constructors(name).filter(fits).collect::<Vec<_>>();
                if self.budget == 0 {
                    of.sort_by_key(|d| least_of(d, &LEAST));
                    of.truncate(1);
                }
                let of = of[self.rng.random_range(0..of.len())];
                self.object(of, depth)
            }
            ty => panic!("the API has no {ty}"),
        }
    }
    fn length(&mut self) -> usize {
        let most = if self.rng.random_bool(0.02) { 600 } else { 12 };
        self.rng.random_range(0..most)
    }
}

/// End of a value or the error, from the table and from the schema, which must agree.
fn end(bytes: &[u8], ty: TypeId, name: &str) -> Result<usize, DecodeError> {
    let (mut r, mut s) = (Reader::new(bytes), Reader::new(bytes));
    let skipped = table::API.skip(&mut r, ty).map(|()| r.position());
    let read = API.read(&mut s, &API.ty(name).unwrap()).map(|_| s.position());
    assert_eq!(skipped, read, "{name}");
    skipped
}

#[test]
fn the_table_and_the_tree_end_at_the_same_byte() {
    let (mut values, mut bytes) = (0, 0);
    for of in API.constructors("Updates") {
        for seed in 0..60 {
            println!("{} seed {seed}", of.name);
            let mut random = Random::new(seed);
            let depth = random.rng.random_range(8..MAX_DEPTH);
            let value = random.object(of, depth);
            let wire = value.to_bytes().unwrap();
            assert_eq!(end(&wire, TypeId::UPDATES, "Updates"), Ok(wire.len()));

            // Round trip: the same bytes, the same tree.
            let back = API.from_bytes(&wire).unwrap();
            assert_eq!(back, value);
            assert_eq!(back.to_bytes().unwrap(), wire);

            // No prefix of a value is a value.
            for cut in 0..wire.len() {
                assert!(end(&wire[..cut], TypeId::UPDATES, "Updates").is_err(), "cut at {cut}");
            }
            // With a flipped bit, both must still agree.
            for _ in 0..40 {
                let mut wire = wire.clone();
                let bit = random.rng.random_range(0..wire.len() * 8);
                wire[bit / 8] ^= 1 << (bit % 8);
                let _ = end(&wire, TypeId::UPDATES, "Updates");
            }
            (values, bytes) = (values + 1, bytes + wire.len());
        }
    }
    println!("{values} values, {bytes} bytes");
    assert_eq!(values, 7 * 60);
}

#[test]
fn every_root_is_skipped() {
    for (number, name) in table::ROOTS.iter().enumerate() {
        for seed in 0..10 {
            println!("{name} seed {seed}");
            let (id, ty) = (table::API.root(number).unwrap(), API.ty(name).unwrap());
            let mut wire = Vec::new();
            let value = Random::new(seed).value(&ty, 20);
            value.write(&ty, &mut wire).unwrap();
            assert_eq!(end(&wire, id, name), Ok(wire.len()));
            assert_eq!(API.read(&mut Reader::new(&wire), &ty).unwrap(), value);
        }
    }
    assert_eq!(table::API.root(table::ROOTS.len()), None);
    assert_eq!(table::API.root(1), Some(TypeId::UPDATE));
}

/// Every constructor of the layer, including those that `tl/api.tlb` omits.
#[test]
fn every_constructor_goes_there_and_back() {
    let types = LEAST.keys().copied().collect::<Vec<_>>();
    let table = compile(&API, &types).unwrap();
    println!("all {} types of the layer: {} bytes", types.len(), table.len());
    let table = Table::new(&table).unwrap();
    let mut bytes = 0;
    for d in API.definitions() {
        for seed in 0..3 {
            let mut random = Random::new(seed);
            let value = match (d.is_function, &d.result) {
                (false, Type::Boxed(_)) => random.object(d, 20),
                _ => random.skim(d),
            };
            let wire = value.to_bytes().unwrap();
            let back = API.from_bytes(&wire).unwrap();
            assert_eq!(back, value, "{} seed {seed}", d.line);
            assert_eq!(back.to_bytes().unwrap(), wire, "{} seed {seed}", d.line);
            if let (false, Type::Boxed(ty)) = (d.is_function, &d.result) {
                let root = table.root(types.binary_search(ty).unwrap()).unwrap();
                let mut r = Reader::new(&wire);
                assert_eq!(table.skip(&mut r, root), Ok(()), "{} seed {seed}", d.line);
                assert!(r.is_empty(), "{} seed {seed}", d.line);
            }
            bytes += wire.len();
        }
    }
    println!("{bytes} bytes");
}

impl Random {
    /// Value of `of` with minimal depth; `!X` holds another call.
    fn skim(&mut self, of: &'static Definition<'static>) -> Value<'static> {
        self.budget = 12;
        let is_any = |at: usize| of.fields[at].ty == Type::Any;
        let call = || Value::Object(Object { of: API.named("help.getConfig").unwrap(), fields: vec![] });
        if of.result == Type::Bool && !of.is_function {
            return Value::Bool(of.name == "boolTrue");
        }
        let fields = of.fields.iter().enumerate().map(|(at, field)| match field.when {
            _ if field.ty == Type::Flags => None,
            _ if is_any(at) => Some(call()),
            Some(_) => None,
            None => Some(self.value(&field.ty, 20)),
        });
        Value::Object(Object { of, fields: fields.collect() })
    }
}

/// Nests `textBold#6724abc4 text:RichText` around a `textEmpty#dc3d824f`.
#[test]
fn both_stop_at_the_same_depth() {
    let page = |levels: usize| {
        let mut wire = 0x6724_abc4u32.to_le_bytes().repeat(levels);
        wire.extend(0xdc3d_824fu32.to_le_bytes());
        wire
    };
    let table = compile(&API, &["RichText"]).unwrap();
    let table = Table::new(&table).unwrap();
    for (levels, fault) in [(MAX_DEPTH - 1, None), (MAX_DEPTH, Some(Fault::Depth)), (200_000, Some(Fault::Depth))] {
        let wire = page(levels);
        let skipped = table.skip(&mut Reader::new(&wire), table.root(0).unwrap());
        assert_eq!(skipped.err().map(|e| e.fault), fault, "{levels}");
        assert_eq!(API.from_bytes(&wire).err(), skipped.err());
    }
}

/// Deepest nesting in practice, from which [`MAX_DEPTH`] was chosen.
#[test]
fn the_depth_leaves_room() {
    let mut level = BTreeSet::from(["Updates"]);
    let mut seen = level.clone();
    let mut depth = 0;
    while !level.is_empty() {
        let fields = level.iter().flat_map(|ty| API.constructors(ty)).flat_map(|d| &d.fields);
        level = fields
            .map(|f| match &f.ty {
                Type::Vector(of) => &**of,
                ty => ty,
            })
            .filter_map(|ty| if let Type::Boxed(name) = ty { Some(*name) } else { None })
            .filter(|name| seen.insert(name))
            .collect();
        depth += 1;
    }
    println!("{} types, the furthest {depth} deep", seen.len());
    assert_eq!(depth, 8);
}

#[test]
fn an_object_is_whatever_its_id_says() {
    let hex = |text: &str| -> Vec<u8> {
        let digits = text.split_whitespace().collect::<String>();
        (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect()
    };
    // msg_container, 3 messages: pong; an id that nobody knows; rpc_result with nearestDc.
    let wire = hex("dcf8f173 03000000
        0100000000000000 01000000 14000000 c5737734 0700000000000000 0800000000000000
        0500000000000000 02000000 08000000 0df0adba 01020304
        0900000000000000 03000000 1c000000 016d5cf3 0100000000000000 75171a8e 024e4c00 02000000 04000000");
    let value = ALL.from_bytes(&wire).unwrap();
    assert_eq!(
        value.to_string(),
        "(msg_container messages:[(message msg_id:1 seqno:1 bytes:20 body:(pong msg_id:7 ping_id:8)) \
         (message msg_id:5 seqno:2 bytes:8 body:raw:#0df0adba01020304) \
         (message msg_id:9 seqno:3 bytes:28 body:(rpc_result req_msg_id:1 \
         result:(nearestDc country:\"NL\" this_dc:2 nearest_dc:4)))])"
    );
    assert_eq!(value.to_bytes().unwrap(), wire);
    // A message longer or shorter than its length field.
    for (bytes, at, fault) in [(0x18, 44, Fault::Trailing), (0x10, 36, Fault::End), (-1, 24, Fault::Length)] {
        let mut wire = wire.clone();
        wire[20..24].copy_from_slice(&i32::to_le_bytes(bytes));
        assert_eq!(ALL.from_bytes(&wire).unwrap_err(), DecodeError { at, fault }, "{bytes}");
    }
    assert_eq!(ALL.from_bytes(&hex("b5757299")).unwrap(), Value::Bool(true));
    assert_eq!(ALL.from_bytes(&[]).unwrap_err(), DecodeError { at: 0, fault: Fault::End });
    let vector = [VECTOR.to_le_bytes(), [0; 4]].concat();
    assert_eq!(ALL.from_bytes(&vector).unwrap(), Value::Raw(vector));
}

#[test]
fn a_value_that_does_not_fit_its_line_is_not_written() {
    let of = API.named("restrictionReason").unwrap();
    let text = || Some(Value::Text(String::new()));
    let write = |of, fields| Value::Object(Object { of, fields }).to_bytes().map_err(|e| e.to_string());
    let missing = "restrictionReason.text does not match the schema";
    assert!(write(of, vec![text(), text(), text()]).is_ok());
    assert_eq!(write(of, vec![text(), text()]).unwrap_err(), missing);
    assert_eq!(write(of, vec![text(), text(), Some(Value::Int(1))]).unwrap_err(), missing);
    // Two fields under one flag: both or neither.
    let of = API.named("message").unwrap();
    let mut value = Random::new(1).skim(of);
    if let Value::Object(object) = &mut value {
        let views = of.fields.iter().position(|f| f.name == "views").unwrap();
        object.fields[views] = Some(Value::Int(1));
    }
    assert_eq!(value.to_bytes().unwrap_err().0, "message.forwards");
    assert!(Value::Int(1).to_bytes().is_err());
}

#[test]
fn a_string_that_is_no_text_stays_as_it_is() {
    let ty = Type::Text;
    let value = API.read(&mut Reader::new(&[2, 0xff, 0xfe, 0]), &ty).unwrap();
    assert_eq!(value, Value::Bytes(vec![0xff, 0xfe]));
    let mut out = Vec::new();
    value.write(&ty, &mut out).unwrap();
    assert_eq!(out, [2, 0xff, 0xfe, 0]);
}

#[test]
fn a_wrong_line_is_told_with_its_number() {
    use ParseFault::*;
    for (text, line, fault) in [
        ("a = A", 1, Unfinished),
        ("\na#1;", 2, Unfinished),
        ("// x\n\n1a = A;", 3, Name),
        (" = A;", 1, Unfinished),
        ("a# = A;", 1, Id),
        ("a#xyz = A;", 1, Id),
        ("a#+1 = A;", 1, Id),
        ("a#123456789 = A;", 1, Id),
        ("a x = A;", 1, Field),
        ("a {X} = A;", 1, Field),
        ("a x:a.?int = A;", 1, Flag),
        ("a x:flags.1?int flags:# = A;", 1, Flag),
        ("a flags:# x:flags.32?int = A;", 1, Flag),
        ("a flags:# x:flags.+1?int = A;", 1, Flag),
        ("a flags:# x:flags.1?# = A;", 1, Flag),
        ("a x:true = A;", 1, Flag),
        ("a x:Vector<true> = A;", 1, Type),
        ("a x:Maybe<int> = A;", 1, Type),
        ("a x:!Y = A;", 1, Type),
        ("a x:.A = A;", 1, Type),
        ("a x:Vector<Vector<Vector<Vector<Vector<int>>>>> = A;", 1, Type),
        ("a a:# b:# c:# d:# = A;", 1, Long),
        ("a#1 = A;\nb#1 = A;", 2, Twice),
        ("a#1 = A;\na#2 = A;", 2, Twice),
        ("a = A;\nb x:B = A;", 2, Unknown),
        ("a = A;\nb x:%c = A;", 2, Unknown),
        ("a = A;\nb x:vector<a> = B;", 2, Empty),
    ] {
        let error = Schema::parse(text).unwrap_err();
        assert_eq!((error.line, error.fault), (line, fault), "{text}");
        assert!(error.to_string().starts_with(&format!("line {line}: ")));
    }
    let deep = format!("a x:{}int{} = A;", "Vector<".repeat(100_000), ">".repeat(100_000));
    assert_eq!(Schema::parse(&deep).unwrap_err().fault, Type);
    let long = format!("a{} = A;", " x:int".repeat(256));
    assert_eq!(Schema::parse(&long).unwrap_err().fault, Long);
}

#[test]
fn an_amended_schema_has_the_new_lines_and_no_more_the_old() {
    let first = "a#1 x:int = A;\nb#2 = B;";
    let amended = |text| Schema::parse(first).unwrap().amended(text);
    let schema = amended("// LAYER 3\na#3 y:B = A;\nc#4 = B;").unwrap();
    assert_eq!((schema.layer(), schema.definitions().len()), (Some(3), 3));
    assert_eq!(schema.named("a").unwrap().id, 3);
    assert!(schema.find(1).is_none() && schema.find(3).is_some());
    assert_eq!(schema.constructors("A").count() + schema.constructors("B").count(), 3);
    assert_eq!(schema.from_bytes(&[3, 0, 0, 0, 4, 0, 0, 0]).unwrap().to_string(), "(a y:(c))");
    let moved = amended("a#5 = B;").unwrap();
    assert_eq!((moved.constructors("A").count(), moved.constructors("B").count()), (0, 2));
    assert_eq!(amended("a#3 = A;\na#4 = A;").unwrap_err().fault, ParseFault::Twice);
    assert_eq!(amended("a#2 = A;").unwrap_err().fault, ParseFault::Twice);
    assert_eq!(amended("a#3 y:C = A;").unwrap_err().fault, ParseFault::Unknown);
}

#[test]
fn the_official_way_to_write_a_schema_is_read() {
    let text = "int ? = Int;\nvector#1cb5c415 {t:Type} # [ t ] = Vector t;\nint128 4*[ int ] = Int128;\n\
        ---functions---\nhttp_wait max_delay:int = HttpWait; // wait\n// LAYER 7\n---types---\nipPort ipv4:int port:int = IpPort;";
    let schema = Schema::parse(text).unwrap();
    assert_eq!(schema.layer(), Some(7));
    let [wait, port] = schema.definitions() else { panic!("{:?}", schema.definitions()) };
    assert!(wait.is_function && !port.is_function);
    assert_eq!((port.id, port.line), (0xd433_ad73, "ipPort ipv4:int port:int = IpPort;"));
}

#[test]
fn no_text_is_too_odd_to_be_refused() {
    let lines = schema::API.lines().filter(|l| !l.is_empty()).collect::<Vec<_>>();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..20_000 {
        let mut text = lines[rng.random_range(0..lines.len())].as_bytes().to_vec();
        for _ in 0..rng.random_range(1..4) {
            let (at, odd) = (rng.random_range(0..text.len()), b"#:;?<>%!{}=. \n\0\xc3a1"[rng.random_range(0..18)]);
            if rng.random() { text[at] = odd } else { text.insert(at, odd) }
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        let _ = Schema::parse(&text);
        let _ = Definition::parse(&text, false);
        let _ = API.ty(&text);
    }
}
#[test]
fn json_keeps_names_order_and_every_digit() {
    let of = API.named("inputUser").unwrap();
    let fields = vec![Some(Value::Long(i64::MAX)), Some(Value::Long(-1))];
    let json = Value::Object(Object { of, fields }).to_json();
    assert_eq!(json.to_string(), r#"{"_":"inputUser","user_id":"9223372036854775807","access_hash":"-1"}"#);
    let value = API.from_bytes(&Random::new(3).object(API.named("updates").unwrap(), 12).to_bytes().unwrap()).unwrap();
    assert_eq!(value.to_json()["_"], "updates");
    assert!(value.to_json()["users"].is_array());
}

#[test]
fn text_shows_flags_as_what_is_there() {
    let of = API.named("username").unwrap();
    let name = Some(Value::Text("durov".into()));
    let value = Value::Object(Object { of, fields: vec![None, None, Some(Value::True), name] });
    assert_eq!(value.to_string(), "(username active:true username:\"durov\")");
    assert_eq!(Value::Vector(vec![value]).to_string(), "[(username active:true username:\"durov\")]");
    let wire = API.from_bytes(&[0x47, 0x36, 0x07, 0xb4, 2, 0, 0, 0, 1, b'x', 0, 0]).unwrap();
    assert_eq!(format!("{wire:#}"), "(username\n  active:true\n  username:\"x\")");
}

/// Decodes 400 random answers to `C` by its type, encodes them again, and passes each to `look`.
fn answers<C: Call>(look: impl Fn(C::Reply)) {
    let of = API.definitions().iter().find(|d| d.id == C::ID).unwrap();
    for seed in 0..400 {
        let mut wire = Vec::new();
        Random::new(seed).value(&of.result, 20).write(&of.result, &mut wire).unwrap();
        let answer = C::Reply::from_bytes(&wire).unwrap_or_else(|e| panic!("{} seed {seed}: {e}", of.name));
        let mut again = Vec::new();
        answer.write(&mut again);
        assert!(again == wire, "{} seed {seed}", of.name);
        look(answer);
    }
}

/// No answer that the layer allows may stop the client from signing in or starting a bot.
#[test]
fn every_answer_that_the_client_depends_on_is_read_whatever_is_in_it() {
    use nanogram::telegram::login::{self, LoginError};
    let signed_in = |answer: AnyAuthorization| {
        assert!(!matches!(login::account(&answer), Err(LoginError::Unreadable(_))), "{answer:?}");
    };
    let sent = |answer: AnySentCode| {
        assert!(!matches!(login::code_sent(answer), Err(LoginError::Unreadable(_))));
    };
    answers::<GetConfig>(|_| {});
    answers::<GetNearestDc>(|_| {});
    answers::<SendCode>(sent);
    answers::<ResendCode>(sent);
    answers::<CancelCode>(|_| {});
    answers::<SignIn>(signed_in);
    answers::<CheckPassword>(signed_in);
    answers::<ImportBotAuthorization>(signed_in);
    answers::<ImportAuthorization>(signed_in);
    answers::<ExportAuthorization>(|_| {});
    answers::<ExportLoginToken>(|_| {});
    answers::<ImportLoginToken>(|_| {});
    answers::<AcceptLoginToken>(|_| {});
    answers::<BindTempAuthKey>(|_| {});
    answers::<DropTempAuthKeys>(|_| {});
    answers::<LogOut>(|_| {});
    answers::<GetPassword>(|_| {});
    answers::<GetState>(|_| {});
    answers::<GetUsers>(|users| {
        users.first().unwrap();
        users.first_name().unwrap();
    });
    answers::<ResolveUsername>(|answer| {
        answer.find().unwrap();
    });
    let updates = |updates: Updates| {
        updates.texts();
        updates.notifications();
        updates.has_login_token();
    };
    answers::<StartBot>(updates);
    answers::<SendMessage>(updates);
    answers::<EditAdmin>(updates);
    answers::<AddChatUser>(|invited| drop(invited.missing().unwrap()));
    answers::<InviteToChannel>(|invited| drop(invited.missing().unwrap()));
}

/// The resolved peer is found at any position of its vector, among other users and chats.
#[test]
fn a_resolved_peer_need_not_be_the_first_of_its_vector() {
    let user = |seed: u64| Random::new(seed).object(API.named("user").unwrap(), 12);
    let channel = |seed: u64| Random::new(seed).object(API.named("channel").unwrap(), 12);
    fn id_of(value: &Value<'static>) -> Option<Value<'static>> {
        if let Value::Object(object) = value { object.field("id").cloned() } else { None }
    }
    for seed in 0..50 {
        let (users, channels) =
            ([user(seed), user(seed + 1000), user(seed + 2000)], [channel(seed), channel(seed + 1000)]);
        for (peer, field, of) in users
            .iter()
            .map(|u| ("peerUser", "user_id", u))
            .chain(channels.iter().map(|c| ("peerChannel", "channel_id", c)))
        {
            let line = API.named(peer).unwrap();
            assert_eq!(line.fields[0].name, field);
            let peer = Value::Object(Object { of: line, fields: vec![id_of(of)] });
            let fields = [peer, Value::Vector(channels.to_vec()), Value::Vector(users.to_vec())].map(Some).to_vec();
            let answer = Value::Object(Object { of: API.named("contacts.resolvedPeer").unwrap(), fields });
            let found = ResolvedPeerBody::from_bytes(&answer.to_bytes().unwrap()).unwrap().find().unwrap();
            let found = match found.unwrap() {
                Resolved::User(user) => user.id,
                Resolved::Channel(channel) => channel.id,
                other => panic!("{other:?}"),
            };
            assert_eq!(id_of(of), Some(Value::Long(found)));
        }
    }
}
