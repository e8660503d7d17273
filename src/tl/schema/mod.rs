//! The schema's text, read at run time: for tools, for study, for tests.
//!
//! ```text
//! text --Schema::parse--> Definition, one a line --compile--> the bytes of a Table, without names
//!                              |
//!            bytes --Schema::read--> Value --Display--> (inputUser user_id:1 access_hash:2)
//!            bytes <--Value::write--'      --to_json--> {"_":"inputUser","user_id":"1","access_hash":"2"}
//! ```
//!
//! What the library itself speaks it has as types, see [`tl!`](crate::tl!); nothing here is needed to speak MTProto.
//!
//! ```
//! use nanogram::tl::{Reader, schema::Schema};
//! let schema = Schema::parse("inputUser#f21158c6 user_id:long access_hash:long = InputUser;").unwrap();
//! let wire = [0xc6, 0x58, 0x11, 0xf2, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0];
//! let value = schema.read(&mut Reader::new(&wire), &schema.ty("InputUser").unwrap()).unwrap();
//! assert_eq!(value.to_string(), "(inputUser user_id:1 access_hash:2)");
//! ```
//!
//! Spec: mtproto/TL, mtproto/TL-formal.

mod compile;
mod parse;
mod show;
mod value;

pub use compile::{CompileError, compile};
pub use parse::{Definition, Field, Flag, ParseError, ParseFault, Type};
pub use value::{MAX_NODES, Misfit, Object, Value};

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;
use parse::MAX_NESTED;

/// The API of layer 229: `tl/api.tl`, 280 KB.
pub const API: &str = include_str!("../../../tl/api.tl");
/// Lines that the library speaks and that not every layer has, each with its layers as a comment: `tl/old.tl`.
pub const OLD: &str = include_str!("../../../tl/old.tl");
/// MTProto's own types: `tl/mtproto.tl`.
pub const MTPROTO: &str = include_str!("../../../tl/mtproto.tl");

/// Names that every schema has, whether it writes them down or not.
const BUILT_IN: &[&str] = &["int", "long", "double", "string", "bytes", "int128", "int256", "vector", "object"];

/// All the lines of a text, found by id, name and type.
#[derive(Debug, Clone, Default)]
pub struct Schema<'t> {
    layer: Option<u32>,
    definitions: Vec<Definition<'t>>,
    by_id: BTreeMap<u32, usize>,
    by_name: BTreeMap<&'t str, usize>,
    by_type: BTreeMap<&'t str, Vec<usize>>,
    carried: Option<Box<Self>>,
}

impl<'t> Schema<'t> {
    /// Reads a text.
    ///
    /// # Errors
    /// A line is no TL, is there twice, or has a field that no line builds. (A function may answer what none builds:
    /// `http_wait` does.)
    pub fn parse(text: &'t str) -> Result<Self, ParseError> {
        Self::default().amended(text)
    }
    /// With the lines of `text` in place of those of the same names: another layer, told by what differs.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn amended(self, text: &'t str) -> Result<Self, ParseError> {
        self.amended_if(text, |_| true)
    }
    /// [`amended`](Self::amended) with those lines of `text` whose comment passes `is_wanted`: a table of layers says
    /// there which of them have the line.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn amended_if(mut self, text: &'t str, is_wanted: impl Fn(&str) -> bool) -> Result<Self, ParseError> {
        let mut added: Vec<(usize, usize)> = Vec::new();
        let mut is_function = false;
        for (number, text) in (1..).zip(text.lines()) {
            let (text, comment) = text.split_once("//").unwrap_or((text, ""));
            if let Some(layer) = comment.trim().strip_prefix("LAYER ") {
                self.layer = layer.trim().parse().ok();
            }
            match text.trim() {
                "" => {}
                "---types---" => is_function = false,
                "---functions---" => is_function = true,
                _ if !is_wanted(comment.trim()) => {}
                line if BUILT_IN.contains(&line.split(['#', ' ']).next().unwrap_or_default()) => {}
                line => {
                    let may_replace = |at: usize| added.iter().all(|(other, _)| *other != at);
                    let at = Definition::parse(line, is_function).and_then(|d| self.add(d, may_replace));
                    added.push((at.map_err(|fault| ParseError { line: number, fault })?, number));
                }
            }
        }
        for (at, line) in added {
            let fields = self.definitions.get(at).map_or(&[][..], |definition| &definition.fields);
            let known = fields.iter().try_for_each(|field| self.known(&field.ty));
            known.map_err(|fault| ParseError { line, fault })?;
        }
        Ok(self)
    }
    /// MTProto's own types around those of the API, as `tl/` holds them.
    ///
    /// # Errors
    /// None while the texts in `tl/` are whole, which `tests/schema.rs` shows.
    pub fn telegram() -> Result<Schema<'static>, ParseError> {
        Ok(Schema::parse(MTPROTO)?.carrying(Schema::parse(API)?))
    }
    /// With `inner` for what is not here: an `Object` may hold it, and it is found by id and name.
    ///
    /// The fields of either are read by itself alone, as both have a `Message`.
    #[must_use]
    pub fn carrying(mut self, inner: Self) -> Self {
        self.carried = Some(Box::new(inner));
        self
    }

    /// Takes a line in, in place of the one that has its name, if that may be; where it stands then.
    fn add(&mut self, definition: Definition<'t>, may_replace: impl Fn(usize) -> bool) -> Result<usize, ParseFault> {
        let of_name = self.by_name.get(definition.name).copied();
        if of_name.is_some_and(|at| !may_replace(at)) {
            return Err(ParseFault::Twice);
        }
        if let Some(replaced) = of_name.and_then(|at| self.definitions.get(at)) {
            self.by_id.remove(&replaced.id);
            if let Type::Boxed(ty) = &replaced.result {
                self.by_type.entry(ty).or_default().retain(|at| Some(*at) != of_name);
            }
        }
        let at = of_name.unwrap_or(self.definitions.len());
        let Entry::Vacant(id) = self.by_id.entry(definition.id) else { return Err(ParseFault::Twice) };
        id.insert(at);
        self.by_name.insert(definition.name, at);
        if let (Type::Boxed(ty), false) = (&definition.result, definition.is_function) {
            self.by_type.entry(ty).or_default().push(at);
        }
        match self.definitions.get_mut(at) {
            Some(place) => *place = definition,
            None => self.definitions.push(definition),
        }
        Ok(at)
    }
    fn known(&self, ty: &Type<'_>) -> Result<(), ParseFault> {
        match ty.innermost() {
            Type::Boxed(name) if self.constructors(name).next().is_none() => Err(ParseFault::Unknown),
            // Were it allowed, values of no bytes could nest and repeat for nothing.
            Type::Bare(name) => match self.named(name) {
                None => Err(ParseFault::Unknown),
                Some(of) if of.fields.iter().all(|field| field.ty == Type::True) => Err(ParseFault::Empty),
                Some(_) => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The layer that a comment `LAYER n` tells, here or in what is carried.
    pub fn layer(&self) -> Option<u32> {
        self.layer.or_else(|| self.carried.as_ref()?.layer())
    }
    /// The lines in their order, without those that are carried.
    pub fn definitions(&self) -> &[Definition<'t>] {
        &self.definitions
    }
    /// The schema that an `Object` may hold values of.
    pub fn carried(&self) -> Option<&Self> {
        self.carried.as_deref()
    }
    /// The line with this id, and the schema that it stands in.
    pub fn find(&self, id: u32) -> Option<(&Self, &Definition<'t>)> {
        let here = self.by_id.get(&id).and_then(|at| self.definitions.get(*at)).map(|found| (self, found));
        here.or_else(|| self.carried()?.find(id))
    }
    /// The line with this name.
    pub fn named(&self, name: &str) -> Option<&Definition<'t>> {
        let here = self.by_name.get(name).and_then(|at| self.definitions.get(*at));
        here.or_else(|| self.carried()?.named(name))
    }
    /// The constructors of a type.
    pub fn constructors(&self, ty: &str) -> impl Iterator<Item = &Definition<'t>> {
        let here = || self.by_type.get(ty).map(|found| (self, found));
        let found = here().or_else(|| self.carried().and_then(|c| Some((c, c.by_type.get(ty)?))));
        found.into_iter().flat_map(|(schema, found)| found.iter().filter_map(|at| schema.definitions.get(*at)))
    }
    /// A type by its text, as `Vector<User>`, if it is known.
    pub fn ty<'n>(&self, text: &'n str) -> Option<Type<'n>> {
        let ty = Type::parse(text, &[], MAX_NESTED)?;
        (ty != Type::True && ty.innermost() != &Type::True && self.known(&ty).is_ok()).then_some(ty)
    }
}
