//! Values as text: TL notation for people, JSON for programs.
//!
//! All values are shown, including keys and phone numbers. A tool decides what to withhold before it shows a value.

use super::value::{Object, Value};
use core::fmt::{self, Write};

impl fmt::Display for Value<'_> {
    /// Formats as `(inputUser user_id:1 access_hash:2)`; `{:#}` puts each field and each element on a separate line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_value(f, self, f.alternate().then_some(0))
    }
}
impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_object(f, self, f.alternate().then_some(0))
    }
}

/// Text in quotes, with quotes and backslashes escaped.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// Writes a value. `indent` is the nesting depth, or `None` to write everything on one line.
fn write_value(f: &mut fmt::Formatter<'_>, value: &Value<'_>, indent: Option<usize>) -> fmt::Result {
    match value {
        Value::Int(v) => write!(f, "{v}"),
        Value::Long(v) => write!(f, "{v}"),
        Value::Double(v) => write!(f, "{v}"),
        Value::Int128(v) => write_hex(f, v),
        Value::Int256(v) => write_hex(f, v),
        // `Debug` does not escape characters that change the reading order.
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
/// Writes `#` and hex digits.
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
        /// Converts the value to JSON. Needs the feature `tools`.
        ///
        /// An object is `{"_":"inputUser","user_id":"1","access_hash":"2"}`, with the present fields in order. A `long`
        /// is a string, because JavaScript loses digits of large numbers. `bytes`, `int128` and `int256` are hex, a
        /// `double` that is NaN or infinite is null, and unknown data are `{"raw":"hex"}`.
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
        /// Converts the object to JSON like [`Value::to_json`].
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
