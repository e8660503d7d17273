//! A value as text: TL's own form for people, JSON for programs.
//!
//! Everything is shown, keys and phone numbers too: a tool that shows a value decides what it lets out.

use super::value::{Object, Value};
use core::fmt::{self, Write};

impl fmt::Display for Value<'_> {
    /// `(inputUser user_id:1 access_hash:2)`; `{:#}` puts each field and each element on its own line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_value(f, self, f.alternate().then_some(0))
    }
}
impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_object(f, self, f.alternate().then_some(0))
    }
}

/// Text in quotes, with quotes and backslashes in it marked.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// `indent` is how deep the line is, or `None` for all in one.
fn write_value(f: &mut fmt::Formatter<'_>, value: &Value<'_>, indent: Option<usize>) -> fmt::Result {
    match value {
        Value::Int(v) => write!(f, "{v}"),
        Value::Long(v) => write!(f, "{v}"),
        Value::Double(v) => write!(f, "{v}"),
        Value::Int128(v) => write_hex(f, v),
        Value::Int256(v) => write_hex(f, v),
        // `Debug` leaves marks of the reading order as they are.
        Value::Text(v) => write!(f, "{}", crate::base::escape::one_line(Quoted(v))),
        Value::Bytes(v) => write_hex(f, v),
        Value::Bool(true) => f.write_str("boolTrue"),
        Value::Bool(false) => f.write_str("boolFalse"),
        Value::True => f.write_str("true"),
        Value::Object(v) => write_object(f, v, indent),
        Value::Raw(v) => {
            f.write_str("raw:")?;
            write_hex(f, v)
        }
        Value::Vector(items) => {
            f.write_char('[')?;
            for (at, item) in items.iter().enumerate() {
                if at > 0 || indent.is_some() {
                    next(f, indent.map(|n| n + 1))?;
                }
                write_value(f, item, indent.map(|n| n + 1))?;
            }
            if indent.is_some() && !items.is_empty() {
                next(f, indent)?;
            }
            f.write_char(']')
        }
    }
}
fn write_object(f: &mut fmt::Formatter<'_>, object: &Object<'_>, indent: Option<usize>) -> fmt::Result {
    write!(f, "({}", object.of.name)?;
    for (name, value) in object.present() {
        next(f, indent.map(|n| n + 1))?;
        write!(f, "{name}:")?;
        write_value(f, value, indent.map(|n| n + 1))?;
    }
    f.write_char(')')
}
fn next(f: &mut fmt::Formatter<'_>, indent: Option<usize>) -> fmt::Result {
    match indent {
        Some(n) => write!(f, "\n{:1$}", "", 2 * n),
        None => f.write_char(' '),
    }
}
/// `#` and the digits.
fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_char('#')?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

#[cfg(feature = "tools")]
mod json {
    use super::{Object, Value};
    use alloc::format;
    use alloc::string::{String, ToString};
    use serde_json::{Map, Value as Json};

    impl Value<'_> {
        /// The value as JSON. Needs the feature `tools`.
        ///
        /// An object is `{"_":"inputUser","user_id":"1","access_hash":"2"}`, with the fields that are there, in their
        /// order. `long` is a string, as JavaScript would lose digits of a number; `bytes`, `int128`, `int256` are hex;
        /// a `double` that is no number is null; what could not be read is `{"raw":"hex"}`.
        pub fn to_json(&self) -> Json {
            match self {
                Self::Int(v) => (*v).into(),
                Self::Long(v) => v.to_string().into(),
                Self::Double(v) => (*v).into(),
                Self::Int128(v) => hex(v).into(),
                Self::Int256(v) => hex(v).into(),
                Self::Text(v) => v.as_str().into(),
                Self::Bytes(v) => hex(v).into(),
                Self::Bool(v) => (*v).into(),
                Self::True => true.into(),
                Self::Vector(items) => items.iter().map(Self::to_json).collect(),
                Self::Object(v) => v.to_json(),
                Self::Raw(v) => Json::Object(Map::from_iter([("raw".into(), hex(v).into())])),
            }
        }
    }
    impl Object<'_> {
        /// As [`Value::to_json`].
        pub fn to_json(&self) -> Json {
            let name = ("_".into(), self.of.name.into());
            let fields = self.present().map(|(name, value)| (name.into(), value.to_json()));
            Json::Object(core::iter::once(name).chain(fields).collect())
        }
    }
    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
