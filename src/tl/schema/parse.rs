//! Parser of schema text: one definition per line.
//!
//! ```text
//! ---types---
//! user#b1b8cc83 flags:# self:flags.10?true id:long access_hash:flags.0?long = User;   // a comment
//! name#id       fields: name:type, name:word.bit?type                       = result;
//! ---functions---
//! invokeWithLayer#da9b0d0d {X:Type} layer:int query:!X = X;
//! // LAYER 229
//! ```

use crate::tl::line::{self, MAX_WORDS};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// One line of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition<'t> {
    /// The line without its comment.
    pub line: &'t str,
    /// The name, including its namespace.
    pub name: &'t str,
    /// The written id, or the computed one if none is written.
    pub id: u32,
    /// The fields in order, including flag words.
    pub fields: Vec<Field<'t>>,
    /// The type of a constructor, or the result type of a function.
    pub result: Type<'t>,
    /// True if the line is below `---functions---`.
    pub is_function: bool,
}

/// A field of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'t> {
    /// The name of the field.
    pub name: &'t str,
    /// The type without the condition.
    pub ty: Type<'t>,
    /// The condition, `flags.N?`.
    pub when: Option<Flag>,
}

/// A bit in one of a line's flag words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flag {
    /// Index of the flag word in the line, from 0.
    pub word: u8,
    /// Index of the bit, 0 to 31.
    pub bit: u8,
}

/// The type of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type<'t> {
    /// `#`: a word of flags.
    Flags,
    /// The type `int`.
    Int,
    /// The type `long`.
    Long,
    /// The type `double`.
    Double,
    /// The type `int128`.
    Int128,
    /// The type `int256`.
    Int256,
    /// The type `string`.
    Text,
    /// The type `bytes`.
    Bytes,
    /// The type `Bool`.
    Bool,
    /// `true`: presence only, no bytes.
    True,
    /// `Object` or `!X`: any value, identified by its id.
    Any,
    /// A boxed type: the id, then the fields of the constructor.
    Boxed(&'t str),
    /// A bare constructor: only its fields.
    Bare(&'t str),
    /// The type `Vector<T>`.
    Vector(Box<Self>),
    /// `vector<T>`, without the vector's id.
    BareVector(Box<Self>),
}

/// Maximum nesting of vectors.
pub(super) const MAX_NESTED: usize = 4;

impl<'t> Type<'t> {
    pub(super) fn parse(text: &'t str, parameters: &[&str], nested: usize) -> Option<Self> {
        if let Some(parameter) = text.strip_prefix('!') {
            return parameters.contains(&parameter).then_some(Self::Any);
        }
        if let Some(name) = text.strip_prefix('%') {
            return is_name(name).then_some(Self::Bare(name));
        }
        if let Some((outer, inner)) = text.strip_suffix('>').and_then(|t| t.split_once('<')) {
            let inner = || Self::parse(inner, parameters, nested.checked_sub(1)?).map(Box::new);
            return match outer {
                "Vector" => inner().map(Self::Vector),
                "vector" => inner().map(Self::BareVector),
                _ => None,
            };
        }
        Some(match text {
            "#" => Self::Flags,
            "int" => Self::Int,
            "long" => Self::Long,
            "double" => Self::Double,
            "int128" => Self::Int128,
            "int256" => Self::Int256,
            "string" => Self::Text,
            "bytes" => Self::Bytes,
            "Bool" => Self::Bool,
            "true" => Self::True,
            "Object" => Self::Any,
            parameter if parameters.contains(&parameter) => Self::Any,
            name if !is_name(name) => return None,
            // After the namespace, a type starts with a capital letter and a constructor with a small one.
            name if name.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_uppercase())) => {
                Self::Boxed(name)
            }
            name => Self::Bare(name),
        })
    }
    /// Returns the type inside all vectors.
    pub(super) fn innermost(&self) -> &Self {
        match self {
            Self::Vector(of) | Self::BareVector(of) => of.innermost(),
            ty => ty,
        }
    }
}

fn is_name(text: &str) -> bool {
    text.split('.').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
    })
}

impl<'t> Definition<'t> {
    /// Parses one line, up to its `;`.
    ///
    /// # Errors
    /// The line is not valid TL, or exceeds the limits of a [`Table`](crate::tl::table::Table) or a
    /// [`Plan`](line::Plan).
    pub fn parse(line: &'t str, is_function: bool) -> Result<Self, ParseFault> {
        let (left, result) = line.strip_suffix(';').and_then(|l| l.split_once(" = ")).ok_or(ParseFault::Unfinished)?;
        let mut words = left.split_ascii_whitespace();
        let head = words.next().ok_or(ParseFault::Name)?;
        let (name, id) = match head.split_once('#') {
            Some((name, hex)) => (name, parse_id(hex).ok_or(ParseFault::Id)?),
            None => (head, line::id(line)),
        };
        if !is_name(name) {
            return Err(ParseFault::Name);
        }
        let (mut fields, mut flag_words, mut parameters) = (Vec::new(), Vec::new(), Vec::new());
        for word in words {
            if let Some(parameter) = word.strip_prefix('{') {
                // `{X:Type}` declares a type parameter, to which `!X` refers.
                parameters.push(parameter.strip_suffix(":Type}").ok_or(ParseFault::Field)?);
                continue;
            }
            let field = Field::parse(word, &flag_words, &parameters)?;
            if field.ty == Type::Flags {
                flag_words.push(field.name);
            }
            // The limits of compiled tables and of the compile-time check.
            if flag_words.len() > MAX_WORDS || fields.len() == usize::from(u8::MAX) {
                return Err(ParseFault::Long);
            }
            fields.push(field);
        }
        let result = Type::parse(result, &parameters, MAX_NESTED).ok_or(ParseFault::Type)?;
        Ok(Self { line, name, id, fields, result, is_function })
    }
}

impl<'t> Field<'t> {
    fn parse(text: &'t str, words: &[&str], parameters: &[&str]) -> Result<Self, ParseFault> {
        let (name, ty) = text.split_once(':').ok_or(ParseFault::Field)?;
        if !is_name(name) {
            return Err(ParseFault::Field);
        }
        let (when, ty) = match ty.split_once('?') {
            Some((flag, ty)) => (Some(Flag::parse(flag, words).ok_or(ParseFault::Flag)?), ty),
            None => (None, ty),
        };
        let ty = Type::parse(ty, parameters, MAX_NESTED).ok_or(ParseFault::Type)?;
        match (&ty, when, ty.innermost()) {
            // An element of a vector must take bytes, and a flag word cannot be conditional.
            (Type::True, None, _) | (Type::Flags, Some(_), _) => Err(ParseFault::Flag),
            (Type::Vector(_) | Type::BareVector(_), _, Type::True | Type::Flags) => Err(ParseFault::Type),
            _ => Ok(Self { name, ty, when }),
        }
    }
}

impl Flag {
    fn parse(text: &str, words: &[&str]) -> Option<Self> {
        let (word, bit) = text.split_once('.')?;
        let word = words.iter().position(|w| *w == word)?;
        // `parse` would accept a leading `+`.
        let bit = bit.parse().ok().filter(|bit| *bit < 32 && !text.contains('+'))?;
        Some(Self { word: word.try_into().ok()?, bit })
    }
}

fn parse_id(hex: &str) -> Option<u32> {
    hex.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')).then_some(())?;
    u32::from_str_radix(hex, 16).ok()
}

impl fmt::Display for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flags => "#",
            Self::Int => "int",
            Self::Long => "long",
            Self::Double => "double",
            Self::Int128 => "int128",
            Self::Int256 => "int256",
            Self::Text => "string",
            Self::Bytes => "bytes",
            Self::Bool => "Bool",
            Self::True => "true",
            Self::Any => "Object",
            Self::Boxed(name) | Self::Bare(name) => name,
            Self::Vector(of) => return write!(f, "Vector<{of}>"),
            Self::BareVector(of) => return write!(f, "vector<{of}>"),
        })
    }
}

/// Parse error of a schema and its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseError {
    /// Line number, from 1.
    pub line: usize,
    /// Kind of error.
    pub fault: ParseFault,
}

/// Kind of error in a line.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseFault {
    /// Missing ` = Type;` at the end.
    Unfinished,
    /// Missing name at the start.
    Name,
    /// Text after `#` that is not 1 to 8 digits of lower-case hex.
    Id,
    /// Word that is not `name:type`.
    Field,
    /// Type that is not valid TL.
    Type,
    /// Condition that does not refer to a bit of an earlier flag word, or `true` without a condition.
    Flag,
    /// More fields or flag words than the limit.
    Long,
    /// Name or id that another line already has.
    Twice,
    /// Type without a constructor.
    Unknown,
    /// Bare constructor that takes no bytes.
    Empty,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.fault {
            ParseFault::Unfinished => "it does not end in ` = Type;`",
            ParseFault::Name => "it does not start with a name",
            ParseFault::Id => "the id is not 1 to 8 digits of lower-case hex",
            ParseFault::Field => "a field is not `name:type`",
            ParseFault::Type => "a type is not valid TL",
            ParseFault::Flag => "a condition does not refer to a bit of an earlier flag word",
            ParseFault::Long => "it has too many fields or flag words",
            ParseFault::Twice => "another line has the same name or id",
            ParseFault::Unknown => "it uses a type that has no constructor",
            ParseFault::Empty => "a bare constructor in it takes no bytes",
        };
        write!(f, "line {}: {what}", self.line)
    }
}
impl core::error::Error for ParseError {}
