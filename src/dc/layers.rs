//! The layers that clients speak: the world speaks one, and what differs is translated at its door.
//!
//! ```text
//! a call of layer 198 ──▶ Value, by the lines of 198 ──▶ the same names in 229 ──▶ METHODS
//! its reply in 229 ──▶ Value, by the lines of 229 ──▶ the same names in 198 ──▶ the client
//! ```
//!
//! A layer is its lines. `tl/old.tl` holds those that differ, of what is said here at all; all others are those of
//! today. A field that the other layer does not have, or has with another type, is left out; one that it must have and
//! that is not there is empty. Nothing else is needed, as constructors keep their names.
//!
//! Today's lines and those of a layer are read when a client first speaks it. A layer that stands between the known
//! ones is served as the one below it. Spec: api/layers

use crate::api::LAYER;
use crate::tl::schema::{self, Object, Schema, Type, Value};
use crate::tl::{DecodeError, Reader, Tl};
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The layers whose differences `tl/old.tl` holds; today's is [`LAYER`].
pub const OLD_LAYERS: [i32; 3] = [158, 198, 227];

/// The lines of today and of every older layer that somebody speaks.
#[derive(Default)]
pub(super) struct Layers {
    today: Option<Schema<'static>>,
    old: BTreeMap<i32, Schema<'static>>,
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.old.keys()).finish()
    }
}

/// Today's lines, and those of one older layer.
struct Pair<'l> {
    today: &'l Schema<'static>,
    old: &'l Schema<'static>,
}

/// The part of `tl/old.tl` that is about `layer`.
fn lines_of(layer: i32) -> Option<&'static str> {
    let parts = schema::OLD.split("// LAYER ").filter_map(|part| part.split_once('\n'));
    parts.into_iter().find(|(number, _)| number.trim().parse() == Ok(layer)).map(|(_, lines)| lines)
}

impl Layers {
    /// What a client of `layer` needs translated; `None` for today's.
    fn pair(&mut self, layer: Option<i32>) -> Option<Pair<'_>> {
        let layer = layer.filter(|layer| *layer < LAYER)?;
        let [oldest, ..] = OLD_LAYERS;
        let served = OLD_LAYERS.into_iter().rfind(|old| *old <= layer).unwrap_or(oldest);
        // Both texts are read by a test: there is no error to tell anybody.
        if self.today.is_none() {
            self.today = Schema::parse(schema::API).ok();
        }
        let today = self.today.as_ref()?;
        let old = match self.old.entry(served) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(free) => free.insert(today.clone().amended(lines_of(served)?).ok()?),
        };
        Some(Pair { today, old })
    }

    /// A call as today's clients make it; `None` if it is the same today, or nothing in `layer` either.
    pub(super) fn call_of_today(&mut self, layer: Option<i32>, call: &[u8]) -> Result<Option<Vec<u8>>, DecodeError> {
        let Some(Pair { today, old }) = self.pair(layer) else { return Ok(None) };
        let is_other = |line: &schema::Definition<'_>| {
            line.is_function && today.named(line.name).is_some_and(|of_today| of_today.id != line.id)
        };
        if !Reader::new(call).peek().and_then(|id| old.find(id)).is_some_and(|(_, line)| is_other(line)) {
            return Ok(None);
        }
        let value = translated(old.from_bytes(call)?, today);
        Ok(value.and_then(|value| value.to_bytes().ok()))
    }

    /// The reply to `method` as a client of `layer` reads it.
    pub(super) fn reply(&mut self, layer: Option<i32>, method: u32, reply: Vec<u8>) -> Vec<u8> {
        let translate = |pair: Pair<'_>| {
            let (_, line) = pair.today.find(method)?;
            pair.value(&reply, &line.result, &pair.old.named(line.name)?.result)
        };
        self.pair(layer).and_then(translate).unwrap_or(reply)
    }

    /// Updates as a client of `layer` reads them.
    pub(super) fn updates(&mut self, layer: Option<i32>, updates: &impl Tl) -> Vec<u8> {
        let mut bytes = Vec::new();
        updates.write(&mut bytes);
        let ty = Type::Boxed("Updates");
        self.pair(layer).and_then(|pair| pair.value(&bytes, &ty, &ty)).unwrap_or(bytes)
    }
}

impl Pair<'_> {
    /// A value of today's type `ty` as one of the old type `wanted`; `None` if the layer has no words for it.
    fn value(&self, bytes: &[u8], ty: &Type<'_>, wanted: &Type<'_>) -> Option<Vec<u8>> {
        let value = translated(self.today.read(&mut Reader::new(bytes), ty).ok()?, self.old)?;
        let mut out = Vec::new();
        if value.write(wanted, &mut out).is_err() {
            // Where the old reply is now a part of the new one: `messages.invitedUsers` holds the `Updates`.
            let Value::Object(whole) = &value else { return None };
            let at = whole.of.fields.iter().position(|field| field.ty == *wanted)?;
            out.clear();
            whole.fields.get(at)?.as_ref()?.write(wanted, &mut out).ok()?;
        }
        Some(out)
    }
}

/// `value` in the lines of `to`; `None` if these have no words for it.
fn translated<'s>(value: Value<'_>, to: &'s Schema<'static>) -> Option<Value<'s>> {
    Some(match value {
        Value::Object(object) => Value::Object(object_in(object, to)?),
        Value::Vector(items) => {
            Value::Vector(items.into_iter().map(|item| translated(item, to)).collect::<Option<_>>()?)
        }
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

fn object_in<'s>(object: Object<'_>, to: &'s Schema<'static>) -> Option<Object<'s>> {
    let of = to.named(object.of.name)?;
    let mut had: Vec<_> = object.of.fields.iter().zip(object.fields).collect();
    let mut fields = Vec::with_capacity(of.fields.len());
    for field in &of.fields {
        let same = had.iter_mut().find(|(other, _)| other.name == field.name && other.ty == field.ty);
        let value = same.and_then(|(_, value)| value.take()).and_then(|value| translated(value, to));
        fields.push(match (value, field.when, &field.ty) {
            (None, None, Type::Flags) | (None, Some(_), _) => None,
            (None, None, ty) => Some(empty(ty)?),
            (value, ..) => value,
        });
    }
    Some(Object { of, fields })
}

/// What stands where something must and nothing does.
fn empty(ty: &Type<'_>) -> Option<Value<'static>> {
    Some(match ty {
        Type::Int => Value::Int(0),
        Type::Long => Value::Long(0),
        Type::Text => Value::Text(String::new()),
        Type::Bytes => Value::Bytes(Vec::new()),
        Type::Bool => Value::Bool(false),
        Type::Vector(_) | Type::BareVector(_) => Value::Vector(Vec::new()),
        _ => return None,
    })
}
