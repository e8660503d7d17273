//! Steps as text, one line per message with its fields below, and as JSON.
//!
//! ```text
//!     0.005027 → req_pq_multi   msg_id 7710896492579566288
//!                  nonce: 9f0f5fe3ae9b853bacd238c1ef4ca9df
//!     0.051442 ← rpc_result ▸ config   msg_id 7710896490364796937 seqno 5, answers help.getConfig 7710896493140345860
//!                  …
//! ```
//!
//! Output includes everything, also keys and phone numbers: anyone with the key log can read them in the recording as
//! well.

use super::cut::Broken;
use super::exchange::{Note, Verdict};
use super::json::seconds;
use super::step::{Answered, Content, Item, NO_KEY, Plain, Sealed, Step, What};
use crate::base::side::Side;
use crate::protocol::keylog::Hex;
use crate::tl::schema::Value;
use crate::tl::{Combinator, Fault, Reader};
use crate::wire::mt::message::GzipPacked;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt::{self, Display, Formatter, Write};
use serde_json::{Map, Value as Json, json};

/// Bytes shown of a longer value; `{:#}` shows all.
const SHORT: usize = 32;
/// Columns before a field.
const INDENT: usize = 17;

impl Display for Step<'_> {
    /// Writes a line, followed by indented lines for the content. `{:#}` shows long byte strings in full.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let arrow = if self.from == Side::Client { '→' } else { '←' };
        write!(f, "{:>12.6} {arrow} ", seconds(self.at))?;
        match &self.what {
            What::Start { framing, is_obfuscated } => {
                write!(f, "speaks {framing:?}{}", if *is_obfuscated { ", obfuscated" } else { "" })
            }
            What::Fault(fault) => fault.fmt(f),
            What::QuickAck(token) => write!(f, "quick ack {token:08x}"),
            What::Plain(plain) => show_plain(f, plain),
            What::Sealed(sealed) => show_sealed(f, sealed),
            What::Locked { auth_key_id, len } => {
                write!(f, "{len} bytes under key {}, not opened: {NO_KEY}", Hex(auth_key_id))
            }
            What::Damaged { auth_key_id, len, why } => {
                let key = Hex(auth_key_id);
                write!(f, "{len} bytes under key {key}: msg_key does not match: damaged or forged ({why})")
            }
            What::Broken(broken) => write!(f, "the stream cannot be decoded: {broken}"),
        }
    }
}

impl Display for Broken {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(e) => e.fmt(f),
            Self::Early => f.write_str("the server sent bytes before the client selected a framing"),
            Self::Gap => f.write_str("bytes are missing from the recording"),
            Self::Short => f.write_str("the recording ends before the client selected a framing"),
        }
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => f.write_str("ok"),
            Self::Fails => f.write_str("WRONG"),
            Self::Unknown(why) => write!(f, "not checked: {why}"),
        }
    }
}

fn show_plain(f: &mut Formatter<'_>, plain: &Plain<'_>) -> fmt::Result {
    show_title(f, &plain.content)?;
    write!(f, "   msg_id {}, {} bytes in the open", plain.msg_id, plain.body.len())?;
    if plain.extra > 0 {
        write!(f, ", {} of them after the value", plain.extra)?;
    }
    show_fields(f, &plain.content, INDENT)?;
    for note in &plain.notes {
        line(f, INDENT)?;
        match note {
            Note::Checked(what, verdict) => write!(f, "{what} {verdict}")?,
            Note::Computed(what, value) => {
                write!(f, "computed {what}: ")?;
                show_value(f, value, INDENT + 2)?;
            }
            Note::Opened(what, value) => {
                write!(f, "hidden {what}: ")?;
                show_value(f, value, INDENT + 2)?;
            }
        }
    }
    Ok(())
}

fn show_sealed(f: &mut Formatter<'_>, sealed: &Sealed<'_>) -> fmt::Result {
    show_item_head(f, &sealed.item)?;
    line(f, INDENT)?;
    let Sealed { auth_key_id, header, padding, wants_ack, item } = sealed;
    write!(f, "key {}, msg_key ok, session {}", Hex(auth_key_id), header.session_id)?;
    write!(f, ", salt {}, padding {padding}", header.salt)?;
    if *wants_ack {
        f.write_str(", a quick ack is asked for")?;
    }
    show_fields(f, &item.content, INDENT)
}

fn show_item_head(f: &mut Formatter<'_>, item: &Item<'_>) -> fmt::Result {
    show_title(f, &item.content)?;
    write!(f, "   msg_id {}, seqno {}, {} bytes", item.msg_id, item.seqno, item.body.len())?;
    if let Content::Result { req_msg_id, call, .. } = item.content.unpacked() {
        f.write_str(", answers ")?;
        match call {
            Some(Answered { of: Some(of), .. }) => f.write_str(of.name)?,
            Some(Answered { id, of: None }) => write!(f, "{id:08x}")?,
            None => f.write_str("an unheard call")?,
        }
        write!(f, " {req_msg_id}")?;
    }
    Ok(())
}

/// Writes the names from the outside in: `gzip_packed ▸ invokeWithLayer ▸ initConnection ▸ help.getConfig`.
fn show_title(f: &mut Formatter<'_>, content: &Content<'_>) -> fmt::Result {
    match content {
        Content::Container(items) => write!(f, "msg_container of {}", items.len()),
        Content::Gzip { content, .. } => {
            f.write_str("gzip_packed ▸ ")?;
            show_title(f, content)
        }
        Content::Result { content, .. } => {
            f.write_str("rpc_result ▸ ")?;
            show_title(f, content)
        }
        Content::Value(value) => show_chain(f, value),
        Content::Wrapped { wrappers, packed } => {
            show_chain(f, wrappers)?;
            f.write_str(" ▸ ")?;
            show_title(f, packed.unpacked())
        }
        Content::Unread { id, name, .. } => match (id, name) {
            (_, Some(name)) => f.write_str(name),
            (Some(id), None) => write!(f, "constructor {id:08x}, not in this layer"),
            (None, None) => f.write_str("nothing that has an id"),
        },
    }
}

/// Writes the name of a call and of the calls that it wraps.
fn show_chain(f: &mut Formatter<'_>, value: &Value<'_>) -> fmt::Result {
    match value {
        Value::Object(object) => {
            f.write_str(object.of.name)?;
            let Some(inner @ (Value::Object(_) | Value::Raw(_))) = object.field("query") else { return Ok(()) };
            f.write_str(" ▸ ")?;
            show_chain(f, inner)
        }
        Value::Vector(items) => write!(f, "vector of {}", items.len()),
        Value::Raw(raw) => show_raw(f, raw),
        other => other.fmt(f),
    }
}

fn show_raw(f: &mut Formatter<'_>, raw: &[u8]) -> fmt::Result {
    let id = Reader::new(raw).peek().unwrap_or_default();
    if id == GzipPacked::ID {
        return f.write_str("gzip_packed");
    }
    write!(f, "constructor {id:08x}, {} bytes, not in this layer", raw.len())
}

fn show_fields(f: &mut Formatter<'_>, content: &Content<'_>, indent: usize) -> fmt::Result {
    match content {
        Content::Container(items) => {
            for item in items {
                line(f, indent)?;
                f.write_str("· ")?;
                show_item_head(f, item)?;
                show_fields(f, &item.content, indent + 4)?;
            }
            Ok(())
        }
        Content::Gzip { packed, len, content } => {
            line(f, indent)?;
            write!(f, "{packed} bytes opened to {len}")?;
            show_fields(f, content, indent)
        }
        Content::Result { content, .. } => show_fields(f, content, indent),
        Content::Value(Value::Object(object)) => {
            object.present().try_for_each(|(name, value)| show_field(f, name, value, indent))
        }
        Content::Wrapped { wrappers, packed } => {
            if let Value::Object(object) = wrappers {
                object.present().try_for_each(|(name, value)| show_field(f, name, value, indent))?;
            }
            show_fields(f, packed, indent)
        }
        Content::Value(Value::Vector(items)) => items.iter().try_for_each(|item| show_element(f, item, indent)),
        Content::Value(_) => Ok(()),
        Content::Unread { id: Some(_), name: None, .. } => Ok(()), // the title has the id
        Content::Unread { len, why, .. } => {
            line(f, indent)?;
            match why.fault {
                Fault::Nodes | Fault::Inflated => write!(f, "{len} bytes, not shown: {why}"),
                Fault::Gzip => write!(f, "{len} bytes, {why}"),
                _ => write!(f, "{len} bytes, not all in this layer: {why}"),
            }
        }
    }
}

fn show_field(f: &mut Formatter<'_>, name: &str, value: &Value<'_>, indent: usize) -> fmt::Result {
    line(f, indent)?;
    write!(f, "{name}: ")?;
    show_value(f, value, indent + 2)
}
fn show_element(f: &mut Formatter<'_>, value: &Value<'_>, indent: usize) -> fmt::Result {
    line(f, indent)?;
    f.write_str("- ")?;
    show_value(f, value, indent + 2)
}

/// Writes a value, with its content below it, indented by `indent` columns.
fn show_value(f: &mut Formatter<'_>, value: &Value<'_>, indent: usize) -> fmt::Result {
    match value {
        Value::Object(object) => {
            f.write_str(object.of.name)?;
            object.present().try_for_each(|(name, value)| show_field(f, name, value, indent))
        }
        Value::Vector(items) if items.iter().any(|item| matches!(item, Value::Object(_) | Value::Vector(_))) => {
            write!(f, "{} of them", items.len())?;
            items.iter().try_for_each(|item| show_element(f, item, indent))
        }
        Value::Vector(items) => {
            f.write_char('[')?;
            for (at, item) in items.iter().enumerate() {
                f.write_str(if at > 0 { ", " } else { "" })?;
                show_value(f, item, indent)?;
            }
            f.write_char(']')
        }
        Value::Bytes(bytes) => show_bytes(f, bytes),
        Value::Int128(bytes) => Hex(bytes).fmt(f),
        Value::Int256(bytes) => Hex(bytes).fmt(f),
        Value::Raw(raw) => show_raw(f, raw),
        other => write!(f, "{other}"),
    }
}

fn show_bytes(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    match bytes.get(..SHORT) {
        Some(head) if bytes.len() > SHORT && !f.alternate() => write!(f, "{}… ({} bytes)", Hex(head), bytes.len()),
        _ if bytes.is_empty() => f.write_str("(empty)"),
        _ => Hex(bytes).fmt(f),
    }
}

fn line(f: &mut Formatter<'_>, indent: usize) -> fmt::Result {
    write!(f, "\n{:indent$}", "")
}

impl Step<'_> {
    /// The step as JSON: `{"connection":0,"t":0.005,"from":"client","kind":"sealed","msg_id":"…",…,"value":{…}}`.
    ///
    /// 64-bit numbers are strings, bytes are hex, values are in the form of [`Value::to_json`]; `checks` maps each
    /// check to `true`, `false`, or the reason why it was not made.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut out = Map::new();
        let mut put = |name: &str, value: Json| drop(out.insert(name.into(), value));
        put("connection", self.connection.into());
        put("t", seconds(self.at).into());
        put("from", if self.from == Side::Client { "client" } else { "server" }.into());
        match &self.what {
            What::Start { framing, is_obfuscated } => {
                put("kind", "start".into());
                put("framing", alloc::format!("{framing:?}").into());
                put("obfuscated", (*is_obfuscated).into());
            }
            What::Fault(fault) => {
                put("kind", "fault".into());
                put("code", fault.code().into());
            }
            What::QuickAck(token) => {
                put("kind", "quick_ack".into());
                put("token", (*token).into());
            }
            What::Plain(plain) => {
                put("kind", "plain".into());
                put("msg_id", plain.msg_id.to_string().into());
                put("value", content_json(&plain.content));
                put("extra", plain.extra.into());
                put("computed", plain.notes.iter().filter_map(computed).collect());
            }
            What::Sealed(sealed) => {
                put("kind", "sealed".into());
                put("auth_key_id", hex(&sealed.auth_key_id));
                put("salt", sealed.header.salt.to_string().into());
                put("session_id", sealed.header.session_id.to_string().into());
                put("padding", sealed.padding.into());
                put("quick_ack_wanted", sealed.wants_ack.into());
                put("message", item_json(&sealed.item));
            }
            What::Locked { auth_key_id, len } => {
                put("kind", "locked".into());
                put("auth_key_id", hex(auth_key_id));
                put("bytes", (*len).into());
                put("why", NO_KEY.into());
            }
            What::Damaged { auth_key_id, len, why } => {
                put("kind", "damaged".into());
                put("auth_key_id", hex(auth_key_id));
                put("bytes", (*len).into());
                put("why", (*why).into());
            }
            What::Broken(broken) => {
                put("kind", "broken".into());
                put("why", broken.to_string().into());
            }
        }
        let checks: Map<_, _> = self.checks().map(|(what, verdict)| (what.into(), verdict_json(verdict))).collect();
        put("checks", Json::Object(checks));
        Json::Object(out)
    }
}

fn computed(note: &Note<'_>) -> Option<(alloc::string::String, Json)> {
    match note {
        Note::Computed(what, value) | Note::Opened(what, value) => Some(((*what).into(), value.to_json())),
        Note::Checked(..) => None,
    }
}
fn verdict_json(verdict: Verdict) -> Json {
    match verdict {
        Verdict::Holds => true.into(),
        Verdict::Fails => false.into(),
        Verdict::Unknown(why) => why.into(),
    }
}
fn item_json(item: &Item<'_>) -> Json {
    let value = content_json(&item.content);
    json!({ "msg_id": item.msg_id.to_string(), "seqno": item.seqno, "bytes": item.body.len(), "value": value })
}

fn content_json(content: &Content<'_>) -> Json {
    match content {
        Content::Container(items) => {
            json!({ "_": "msg_container", "messages": items.iter().map(item_json).collect::<Vec<_>>() })
        }
        Content::Gzip { packed, len, content } => {
            json!({ "_": "gzip_packed", "packed": packed, "bytes": len, "value": content_json(content) })
        }
        Content::Result { req_msg_id, call, content } => {
            let call = call.map(|call| call.of.map_or_else(|| alloc::format!("{:08x}", call.id), |of| of.name.into()));
            json!({ "_": "rpc_result", "req_msg_id": req_msg_id.to_string(), "call": call,
                "result": content_json(content) })
        }
        Content::Value(value) => value.to_json(),
        Content::Wrapped { wrappers, packed } => {
            let mut all = wrappers.to_json();
            let mut inner = &mut all;
            while inner.get("query").is_some() {
                inner = &mut inner["query"];
            }
            *inner = content_json(packed);
            all
        }
        Content::Unread { id, name, len, why } => {
            let id = id.map(|id| alloc::format!("{id:08x}"));
            json!({ "_": name, "id": id, "bytes": len, "unread": why.to_string() })
        }
    }
}
fn hex(bytes: &[u8]) -> Json {
    Hex(bytes).to_string().into()
}
