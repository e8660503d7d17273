//! Translation between the layer of a client and the one that the world speaks.
//!
//! ```text
//! a call of layer 198 ──▶ Value, by the lines of 198 ──▶ the same names in 229 ──▶ METHODS
//! its reply in 229 ──▶ Value, by the lines of 229 ──▶ the same names in 198 ──▶ the client
//! ```
//!
//! A layer is its lines. `tl/old.tl` holds those that not every layer has, each with the layers that have it; all others
//! are those of today. Constructors and fields keep their names over the layers, so that values are translated by name:
//!
//! - A field that the other layer does not have, or has with another type, is left out.
//! - A field that it must have and that has no value is empty.
//! - A constructor that it does not have is left out where a flag or a vector allows that. Elsewhere a constructor of
//!   the same type stands in for it: `messageActionEmpty`, `auth.sentCodeTypeApp`.
//! - A reply of another type than today's is the part of today's that has that type, or `true`.
//! - What is left is in [`Door::renamed`].
//!
//! A reply for which there are no words is an error, which the log explains; an update is left out. A layer whose lines
//! no package carries is refused, unless nothing that is spoken here differs between its neighbours.
//! Spec: api/layers

use super::methods::method_name;
use super::vectors::{MAX_CALL_NODES, MAX_ELEMENTS};
use crate::telegram::api::LAYER;
use crate::tl::schema::{self, Definition, Object, Schema, Type, Value};
use crate::tl::{Combinator, DecodeError, Reader, Tl};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;
use core::ops::RangeInclusive;

/// Layers whose lines are kept at the same time: a megabyte each.
const MAX_KEPT: usize = 8;
/// Greatest depth of a default value.
const MAX_EMPTY: u8 = 4;

/// A reply that a layer has no words for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsaid {
    /// The client's layer.
    pub layer: i32,
    /// The id of today's reply.
    pub id: u32,
}

/// The layers that are served, in order.
pub fn served() -> impl Iterator<Item = RangeInclusive<i32>> {
    let listed = schema::OLD.lines().find_map(|line| line.strip_prefix("// LAYERS "));
    runs(listed.unwrap_or_default())
}

/// Returns true if clients of a layer are served.
pub fn is_served(layer: i32) -> bool {
    served().any(|run| run.contains(&layer))
}

/// The layers in a text such as `133-144,146`.
fn runs(text: &str) -> impl Iterator<Item = RangeInclusive<i32>> {
    text.split(',').filter_map(|run| {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    })
}

/// Returns true if a comment of `tl/old.tl` names the layer.
fn is_of(layer: i32, comment: &str) -> bool {
    runs(comment).any(|run| run.contains(&layer))
}

/// The lines of one layer.
struct Lines {
    schema: Schema<'static>,
    /// Names that other layers have and this one does not.
    absent: BTreeSet<&'static str>,
}

impl Lines {
    fn new(today: &Schema<'static>, layer: i32) -> Option<Self> {
        let schema = today.clone().amended_if(schema::OLD, |comment| is_of(layer, comment)).ok()?;
        let rows = schema::OLD.lines().filter_map(|row| row.split_once(" // "));
        let named = |line: &'static str| line.split('#').next().unwrap_or(line);
        let (here, elsewhere): (Vec<_>, Vec<_>) = rows.partition(|(_, comment)| is_of(layer, comment));
        let here = here.into_iter().map(|(line, _)| named(line)).collect::<BTreeSet<_>>();
        let absent = elsewhere.into_iter().map(|(line, _)| named(line)).filter(|name| !here.contains(name)).collect();
        Some(Self { schema, absent })
    }

    fn named(&self, name: &str) -> Option<&Definition<'static>> {
        self.schema.named(name).filter(|line| !self.absent.contains(line.name))
    }
}

/// Today's lines, and those of the layers that were spoken last.
#[derive(Default)]
pub(super) struct Layers {
    today: Option<Lines>,
    kept: BTreeMap<i32, Lines>,
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kept.keys()).finish()
    }
}

impl Layers {
    /// Today's lines and those of `layer`, if it is another.
    fn pair(&mut self, layer: Option<i32>) -> Option<(&Lines, &Lines)> {
        let layer = layer.filter(|layer| *layer != LAYER && is_served(*layer))?;
        // Both texts are read by a test: there is no error to tell anybody.
        if self.today.is_none() {
            self.today = Some(Lines { schema: Schema::parse(schema::API).ok()?, absent: BTreeSet::new() });
        }
        let today = self.today.as_mut()?;
        if today.absent.is_empty() {
            // A line of old.tl alone may be of a type that only other layers have.
            today.absent = Lines::new(&today.schema, LAYER)?.absent;
        }
        if !self.kept.contains_key(&layer) {
            if self.kept.len() >= MAX_KEPT {
                self.kept.clear();
            }
            self.kept.insert(layer, Lines::new(&today.schema, layer)?);
        }
        Some((today, self.kept.get(&layer)?))
    }

    /// A call as today's clients make it; `None` if it can stay as it is, or `layer` does not have it.
    ///
    /// # Errors
    /// It cannot be read: the id of the call, and why.
    pub(super) fn call_of_today(
        &mut self,
        layer: Option<i32>,
        call: &[u8],
    ) -> Result<Option<Vec<u8>>, (u32, DecodeError)> {
        let Some((today, other)) = self.pair(layer) else { return Ok(None) };
        let of = Reader::new(call).peek().and_then(|id| other.schema.find(id));
        let Some(of_today) = of.and_then(|(_, line)| today.named(line.name).filter(|_| line.is_function)) else {
            return Ok(None);
        };
        if method_name(of_today.id).is_none() {
            return Ok(None);
        }
        let mut r = Reader::new(call);
        r.limit_elements(MAX_ELEMENTS);
        let read = other.schema.read_within(&mut r, &Type::Any, &Cell::new(MAX_CALL_NODES));
        match read.and_then(|value| r.end().map(|()| value)) {
            Ok(value) => Ok((Door { to: today }).translated(value).and_then(|value| value.to_bytes().ok())),
            // A call that is the same today may hold what only its server method reads, or is refused by that.
            Err(_) if of.is_some_and(|(_, line)| line.id == of_today.id) => Ok(None),
            Err(e) => Err((of_today.id, e)),
        }
    }

    /// The reply to `method` as a client of `layer` reads it.
    pub(super) fn reply(&mut self, layer: Option<i32>, method: u32, reply: Vec<u8>) -> Result<Vec<u8>, Unsaid> {
        let Some((today, other)) = self.pair(layer) else { return Ok(reply) };
        let Some((_, line)) = today.schema.find(method) else { return Ok(reply) };
        let wanted = other.named(line.name).map_or(&line.result, |line| &line.result);
        let unsaid = || Unsaid { layer: layer.unwrap_or(0), id: Reader::new(&reply).peek().unwrap_or(0) };
        value(today, other, &reply, &line.result, wanted).ok_or_else(unsaid)
    }

    /// Updates as a client of `layer` reads them.
    pub(super) fn updates(&mut self, layer: Option<i32>, updates: &impl Tl) -> Vec<u8> {
        let mut bytes = Vec::new();
        updates.write(&mut bytes);
        let Some((today, other)) = self.pair(layer) else { return bytes };
        let ty = Type::Boxed("Updates");
        // The client asks for the difference then. Spec: api/updates#recovering-gaps
        value(today, other, &bytes, &ty, &ty)
            .unwrap_or_else(|| crate::telegram::api::updates::UpdatesTooLong {}.to_boxed())
    }
}

/// A value of today's type `ty` as one of the type `wanted`; `None` if the layer has no words for it.
fn value(today: &Lines, other: &Lines, bytes: &[u8], ty: &Type<'_>, wanted: &Type<'_>) -> Option<Vec<u8>> {
    let value = today.schema.read(&mut Reader::new(bytes), ty).ok()?;
    let door = Door { to: other };
    let mut out = Vec::new();
    if ty == wanted {
        door.translated(value)?.write(wanted, &mut out).ok()?;
        return Some(out);
    }
    if *wanted == Type::Bool {
        Value::Bool(true).write(wanted, &mut out).ok()?;
        return Some(out);
    }
    // Where the reply is a part of today's: `messages.invitedUsers` holds the `Updates`.
    let Value::Object(mut whole) = value else { return None };
    let at = whole.of.fields.iter().position(|field| field.ty == *wanted)?;
    let part = whole.fields.get_mut(at)?.take()?;
    let Value::Object(part) = part else { return None };
    Value::Object(door.object(part, Some(&whole))?).write(wanted, &mut out).ok()?;
    Some(out)
}

/// The way of values into a layer.
#[derive(Clone, Copy)]
struct Door<'s> {
    to: &'s Lines,
}

impl<'s> Door<'s> {
    /// `value` in the lines of the layer; `None` if these have no words for it.
    fn translated(self, value: Value<'_>) -> Option<Value<'s>> {
        Some(match value {
            Value::Object(object) => Value::Object(self.object(object, None)?),
            Value::Vector(items) => Value::Vector(items.into_iter().filter_map(|item| self.translated(item)).collect()),
            Value::Int(v) => Value::Int(v),
            Value::Long(v) => Value::Long(v),
            Value::Double(v) => Value::Double(v),
            Value::Int128(v) => Value::Int128(v),
            Value::Int256(v) => Value::Int256(v),
            Value::Text(v) => Value::Text(v),
            Value::Bytes(v) => Value::Bytes(v),
            Value::Bool(v) => Value::Bool(v),
            Value::True => Value::True,
            Value::Raw(v) => Value::Raw(v),
        })
    }

    /// `object` in the lines of the layer; `whole` is what it was taken out of, if its place is another there.
    fn object(self, mut object: Object<'_>, whole: Option<&Object<'_>>) -> Option<Object<'s>> {
        let of = self.to.named(object.of.name).filter(|of| of.result == object.of.result || of.is_function)?;
        let mut fields = Vec::with_capacity(of.fields.len());
        for field in &of.fields {
            let same = object.of.fields.iter().position(|other| other.name == field.name && other.ty == field.ty);
            let value = same.and_then(|at| object.fields.get_mut(at)).and_then(Option::take);
            let value = value.and_then(|value| self.translated(value));
            let value = value.or_else(|| self.renamed(of, field.name, &object, whole));
            fields.push(match (value, field.when, &field.ty) {
                (None, None, Type::Flags) | (None, Some(_), _) => None,
                (None, None, ty) => Some(self.empty(ty, MAX_EMPTY)?),
                (value, ..) => value,
            });
        }
        Some(Object { of, fields })
    }

    /// Fields whose value stands elsewhere in the other layer.
    fn renamed(
        self,
        of: &Definition<'_>,
        field: &str,
        from: &Object<'_>,
        whole: Option<&Object<'_>>,
    ) -> Option<Value<'s>> {
        match (of.name, field) {
            // Until layer 133 the user stood in what is told of it.
            ("userFull", "user") => {
                let Some(Value::Vector(users)) = whole?.field("users") else { return None };
                let id = from.field("id")?;
                let is_it = |user: &&Value<'_>| matches!(user, Value::Object(user) if user.field("id") == Some(id));
                self.translated(users.iter().find(is_it)?.clone())
            }
            // Until layer 152, with the values that `help.getAppConfig` has for accounts without Premium since.
            // Spec: api/config#client-configuration
            ("config", "saved_gifs_limit") => Some(Value::Int(200)),
            ("config", "stickers_faved_limit" | "pinned_dialogs_count_max") => Some(Value::Int(5)),
            ("config", "pinned_infolder_count_max") => Some(Value::Int(100)),
            // Until layer 158 a call said only which message it replies to.
            (_, "reply_to") if of.is_function => {
                let to = self.to.named("inputReplyToMessage")?;
                let id = from.field("reply_to_msg_id")?.clone();
                let fields = to.fields.iter().map(|field| match field.name {
                    "reply_to_msg_id" => self.translated(id.clone()),
                    "top_msg_id" => self.translated(from.field("top_msg_id")?.clone()),
                    _ => None,
                });
                Some(Value::Object(Object { of: to, fields: fields.collect() }))
            }
            _ => None,
        }
    }

    /// The value that stands where something must and nothing does.
    fn empty(self, ty: &Type<'_>, depth: u8) -> Option<Value<'s>> {
        let depth = depth.checked_sub(1)?;
        Some(match ty {
            Type::Int => Value::Int(0),
            Type::Long => Value::Long(0),
            Type::Double => Value::Double(0.0),
            Type::Text => Value::Text(String::new()),
            Type::Bytes => Value::Bytes(Vec::new()),
            Type::Bool => Value::Bool(false),
            Type::Vector(_) | Type::BareVector(_) => Value::Vector(Vec::new()),
            Type::Boxed(name) => {
                let mut lines = self
                    .to
                    .schema
                    .constructors(name)
                    .filter(|line| !self.to.absent.contains(line.name))
                    .collect::<Vec<_>>();
                lines.sort_by_key(|line| (!line.name.ends_with("Empty"), line.fields.len()));
                lines.into_iter().find_map(|of| {
                    let fields = of.fields.iter().map(|field| match (field.when, &field.ty) {
                        (Some(_), _) | (None, Type::Flags) => Some(None),
                        (None, ty) => self.empty(ty, depth).map(Some),
                    });
                    Some(Value::Object(Object { of, fields: fields.collect::<Option<_>>()? }))
                })?
            }
            _ => return None,
        })
    }
}
