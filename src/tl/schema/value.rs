//! TL values as trees, read and written with a schema.

use super::{Definition, Flag, Schema, Type};
use crate::tl::line::MAX_WORDS;
use crate::tl::table::MAX_DEPTH;
use crate::tl::{DecodeError, Fault, Reader, Tl, VECTOR, write_bytes};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;

/// Maximum number of values and fields in one tree, about 40 bytes each. Server responses stay far below it.
pub const MAX_NODES: usize = 1 << 18;

/// A TL value with its parts.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'s> {
    /// A value of type `int`.
    Int(i32),
    /// A value of type `long`.
    Long(i64),
    /// A value of type `double`.
    Double(f64),
    /// A value of type `int128`.
    Int128([u8; 16]),
    /// A value of type `int256`.
    Int256([u8; 32]),
    /// A value of type `string`.
    Text(String),
    /// `bytes`, or a `string` that is not UTF-8.
    Bytes(Vec<u8>),
    /// A value of type `Bool`.
    Bool(bool),
    /// `true`: presence only.
    True,
    /// The elements of a vector, boxed or bare.
    Vector(Vec<Self>),
    /// A constructor or a call, with its fields.
    Object(Object<'s>),
    /// Unparsed data in place of an `Object` whose id is not in the schema, up to the end of the input.
    Raw(Vec<u8>),
}

/// A constructor or function with the values of its fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<'s> {
    /// The schema line.
    pub of: &'s Definition<'s>,
    /// One value per field of the line; `None` for flag words and absent fields.
    pub fields: Vec<Option<Value<'s>>>,
}

impl<'s> Object<'s> {
    /// Returns the field with this name, if present.
    pub fn field(&self, name: &str) -> Option<&Value<'s>> {
        let at = self.of.fields.iter().position(|field| field.name == name)?;
        self.fields.get(at)?.as_ref()
    }
    /// Returns the present fields with their names.
    pub fn present(&self) -> impl Iterator<Item = (&'s str, &Value<'s>)> {
        self.of.fields.iter().zip(&self.fields).filter_map(|(field, value)| Some((field.name, value.as_ref()?)))
    }
}

impl<'t> Schema<'t> {
    /// Reads one value of type `ty` from the front of `r`.
    ///
    /// Accepts the same bytes as [`Table::skip`](crate::tl::table::Table::skip). Flag bits without a field are not
    /// kept.
    ///
    /// # Errors
    /// The bytes end early or are not a valid value.
    pub fn read(&self, r: &mut Reader<'_>, ty: &Type<'_>) -> Result<Value<'_>, DecodeError> {
        self.read_within(r, ty, &Cell::new(MAX_NODES))
    }
    /// Reads one of several values that share a budget. `left` is the number of values and fields that may still be
    /// read.
    pub(crate) fn read_within(
        &self,
        r: &mut Reader<'_>,
        ty: &Type<'_>,
        left: &Cell<usize>,
    ) -> Result<Value<'_>, DecodeError> {
        self.value(r, ty, Place { depth: 0, left })
    }
    /// Decodes a constructor or call from `bytes`, which must contain nothing else.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), or trailing bytes.
    pub fn from_bytes(&self, bytes: &[u8]) -> Result<Value<'_>, DecodeError> {
        let mut r = Reader::new(bytes);
        let value = self.read(&mut r, &Type::Any)?;
        r.end().map(|()| value)
    }

    fn value(&self, r: &mut Reader<'_>, ty: &Type<'_>, at: Place<'_>) -> Result<Value<'_>, DecodeError> {
        at.spend(r, 1)?;
        Ok(match ty {
            Type::Flags | Type::Int => Value::Int(r.i32()?),
            Type::Long => Value::Long(r.i64()?),
            Type::Double => Value::Double(f64::read(r)?),
            Type::Int128 => Value::Int128(*r.array()?),
            Type::Int256 => Value::Int256(*r.array()?),
            Type::Text => {
                let bytes = r.bytes()?.to_vec();
                // Tools have to show strings that are not UTF-8, too.
                String::from_utf8(bytes).map_or_else(|e| Value::Bytes(e.into_bytes()), Value::Text)
            }
            Type::Bytes => Value::Bytes(r.bytes()?.to_vec()),
            Type::Bool => Value::Bool(bool::read(r)?),
            Type::True => Value::True,
            Type::Vector(of) => {
                let count = r.vector(4)?;
                self.elements(r, of, count, at)?
            }
            Type::BareVector(of) => {
                let count = r.count(4)?;
                self.elements(r, of, count, at)?
            }
            Type::Bare(name) => {
                let of = self.named(name).ok_or(r.fault(Fault::Id(0)))?;
                Value::Object(self.object(r, of, at)?)
            }
            Type::Boxed(_) => {
                deeper(r, at)?;
                let id = r.u32()?;
                let strange = r.fault_before(Fault::Id(id));
                let (schema, of) = self.find(id).ok_or(strange)?;
                if of.is_function || of.result != *ty {
                    return Err(strange);
                }
                Value::Object(schema.object(r, of, at)?)
            }
            Type::Any => self.any(r, at)?,
        })
    }
    /// Reads `count` elements. The count is untrusted, so memory grows only with the elements actually present.
    fn elements(
        &self,
        r: &mut Reader<'_>,
        of: &Type<'_>,
        count: usize,
        at: Place<'_>,
    ) -> Result<Value<'_>, DecodeError> {
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(self.value(r, of, at)?);
        }
        Ok(Value::Vector(items))
    }
    fn any(&self, r: &mut Reader<'_>, at: Place<'_>) -> Result<Value<'_>, DecodeError> {
        deeper(r, at)?;
        let id = r.peek().ok_or(r.fault(Fault::End))?;
        match self.find(id) {
            None => Ok(Value::Raw(r.take_rest().to_vec())),
            // `boolTrue` and `boolFalse` are ordinary constructors of the schema, but have a separate Rust value.
            Some((_, of)) if of.result == Type::Bool && !of.is_function => Ok(Value::Bool(bool::read(r)?)),
            Some((schema, of)) => {
                r.u32()?;
                Ok(Value::Object(schema.object(r, of, at)?))
            }
        }
    }
    /// Reads a body after its length, `bytes:int body:Object`.
    ///
    /// This is the only length-prefixed value in TL. It lets a reader separate the messages of a container even if one
    /// of them is unknown.
    fn body(&self, r: &mut Reader<'_>, len: i32, at: Place<'_>) -> Result<Value<'_>, DecodeError> {
        let start = r.position();
        let len = usize::try_from(len).map_err(|_| r.fault(Fault::Length))?;
        let mut body = Reader::new(r.take(len)?);
        let value = self.any(&mut body, at).and_then(|value| body.end().map(|()| value));
        // The inner reader counts from the start of the body.
        value.map_err(|e| DecodeError { at: start + e.at, ..e })
    }
    fn object(&self, r: &mut Reader<'_>, of: &'t Definition<'t>, at: Place<'_>) -> Result<Object<'_>, DecodeError> {
        deeper(r, at)?;
        // Absent fields take memory too, so they count towards the limit.
        at.spend(r, of.fields.len())?;
        let mut fields: Vec<Option<Value<'_>>> = Vec::with_capacity(of.fields.len());
        let mut words = Vec::new();
        for field in &of.fields {
            let is_there = |flag: Flag| words.get(usize::from(flag.word)).is_some_and(|w| w >> flag.bit & 1 == 1);
            fields.push(if field.ty == Type::Flags {
                words.push(r.u32()?);
                None
            } else if field.when.is_some_and(|flag| !is_there(flag)) {
                None
            } else if let (Type::Any, Some(("bytes", Value::Int(len)))) = (&field.ty, last_of(of, &fields)) {
                Some(self.body(r, *len, at.below())?)
            } else {
                Some(self.value(r, &field.ty, at.below())?)
            });
        }
        Ok(Object { of, fields })
    }
}

/// Depth of a value in its tree and the remaining budget of the tree.
#[derive(Clone, Copy)]
struct Place<'a> {
    depth: usize,
    left: &'a Cell<usize>,
}

impl Place<'_> {
    const fn below(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
    fn spend(self, r: &Reader<'_>, nodes: usize) -> Result<(), DecodeError> {
        self.left.set(self.left.get().checked_sub(nodes).ok_or(r.fault(Fault::Nodes))?);
        Ok(())
    }
}

/// Returns the last field read, with its name.
fn last_of<'f, 's>(of: &Definition<'s>, fields: &'f [Option<Value<'_>>]) -> Option<(&'s str, &'f Value<'f>)> {
    let at = fields.len().checked_sub(1)?;
    Some((of.fields.get(at)?.name, fields.get(at)?.as_ref()?))
}

fn deeper(r: &Reader<'_>, at: Place<'_>) -> Result<(), DecodeError> {
    if at.depth < MAX_DEPTH { Ok(()) } else { Err(r.fault(Fault::Depth)) }
}

impl Value<'_> {
    /// Appends the value, encoded as type `ty`.
    ///
    /// # Errors
    /// The value is not of that type. `out` then contains part of it.
    pub fn write(&self, ty: &Type<'_>, out: &mut Vec<u8>) -> Result<(), Misfit> {
        match (self, ty) {
            (Self::Int(v), Type::Int) => v.write(out),
            (Self::Long(v), Type::Long) => v.write(out),
            (Self::Double(v), Type::Double) => v.write(out),
            (Self::Int128(v), Type::Int128) => v.write(out),
            (Self::Int256(v), Type::Int256) => v.write(out),
            // A TL length has at most 24 bits.
            (Self::Text(v), Type::Text) if v.len() < 1 << 24 => write_bytes(v.as_bytes(), out),
            (Self::Bytes(v), Type::Text | Type::Bytes) if v.len() < 1 << 24 => write_bytes(v, out),
            (Self::Bool(v), Type::Bool | Type::Any) => v.write(out),
            (Self::True, Type::True) => {}
            (Self::Raw(v), Type::Any) => out.extend_from_slice(v),
            (Self::Vector(items), Type::Vector(of)) => {
                VECTOR.write(out);
                return write_items(items, of, out);
            }
            (Self::Vector(items), Type::BareVector(of)) => return write_items(items, of, out),
            (Self::Object(o), Type::Bare(name)) if o.of.name == *name => return o.write(out),
            (Self::Object(o), _) if *ty == Type::Any || (o.of.result == *ty && !o.of.is_function) => {
                o.of.id.write(out);
                return o.write(out);
            }
            _ => return Err(Misfit(String::new())),
        }
        Ok(())
    }
    /// Encodes the value with its id.
    ///
    /// # Errors
    /// A field does not match its line, or the value is of a type without an id.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Misfit> {
        let mut out = Vec::new();
        self.write(&Type::Any, &mut out)?;
        Ok(out)
    }
}

fn write_items(items: &[Value<'_>], of: &Type<'_>, out: &mut Vec<u8>) -> Result<(), Misfit> {
    i32::try_from(items.len()).map_err(|_| Misfit(String::new()))?.write(out);
    items.iter().try_for_each(|item| item.write(of, out))
}

impl Object<'_> {
    /// Writes the fields. Flag words are computed from the fields present.
    fn write(&self, out: &mut Vec<u8>) -> Result<(), Misfit> {
        // The flag words come before the fields that they describe, so all flags are collected first.
        let mut words = [0u32; MAX_WORDS];
        for (field, value) in self.of.fields.iter().zip(&self.fields) {
            let word = field.when.and_then(|flag| words.get_mut(usize::from(flag.word)));
            if let (Some(word), Some(flag), Some(_)) = (word, field.when, value) {
                *word |= 1 << flag.bit;
            }
        }
        let misfit = |name: &str| Misfit(format!("{}.{name}", self.of.name));
        let mut next = words.iter();
        for (at, field) in self.of.fields.iter().enumerate() {
            let value = self.fields.get(at).and_then(Option::as_ref);
            let is_wanted = field
                .when
                .is_none_or(|flag| words.get(usize::from(flag.word)).is_some_and(|word| word >> flag.bit & 1 == 1));
            match (value, &field.ty) {
                (None, Type::Flags) => next.next().ok_or_else(|| misfit(field.name))?.write(out),
                (None, _) if !is_wanted => {}
                (Some(value), ty) => value.write(ty, out).map_err(|e| e.or(|| misfit(field.name)))?,
                (None, _) => return Err(misfit(field.name)),
            }
        }
        Ok(())
    }
}

/// Mismatch between a value and the schema. Contains the line and field, or is empty if the value as a whole
/// mismatches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit(pub String);

impl Misfit {
    fn or(self, place: impl FnOnce() -> Self) -> Self {
        if self.0.is_empty() { place() } else { self }
    }
}
impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            "" => f.write_str("the value does not have the expected type"),
            place => write!(f, "{place} does not match the schema"),
        }
    }
}
impl core::error::Error for Misfit {}
