//! The TL schema at run time, for tools, study and tests.
//!
//! ```text
//! text --Schema::parse--> Definition, one per line --compile--> the bytes of a Table, without names
//!                              |
//!            bytes --Schema::read--> Value --Display--> (inputUser user_id:1 access_hash:2)
//!            bytes <--Value::write--'      --to_json--> {"_":"inputUser","user_id":"1","access_hash":"2"}
//! ```
//!
//! The types used by the library itself are Rust types declared with [`tl!`](crate::tl!). Nothing here is needed to
//! speak MTProto.
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

/// The API schema of layer 229, 280 KB, from `tl/api.tl`.
pub const API: &str = include_str!("../../../tl/api.tl");
/// Lines of other layers that the library uses, each with its layers in a comment, from `tl/old.tl`.
pub const OLD: &str = include_str!("../../../tl/old.tl");
/// MTProto's service schema, from `tl/mtproto.tl`.
pub const MTPROTO: &str = include_str!("../../../tl/mtproto.tl");

/// Built-in names that exist whether a schema declares them or not.
const BUILT_IN: &[&str] = &["int", "long", "double", "string", "bytes", "int128", "int256", "vector", "object"];

/// A parsed schema, searchable by id, name and type.
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
    /// Parses the text of a schema.
    ///
    /// # Errors
    /// A line is not valid TL, is defined twice, or has a field of a type without a constructor. A function's result
    /// may be such a type: `http_wait` has one.
    pub fn parse(text: &'t str) -> Result<Self, ParseError> {
        Self::default().amended(text)
    }
    /// Replaces the lines that have the same names as lines of `text`, and adds the others: another layer, given by its
    /// differences.
    ///
    /// # Errors
    /// The errors of [`parse`](Self::parse).
    pub fn amended(self, text: &'t str) -> Result<Self, ParseError> {
        self.amended_if(text, |_| true)
    }
    /// Applies [`amended`](Self::amended) with the lines of `text` whose comment passes `is_wanted`. In a table of
    /// layers, the comment lists the layers that have the line.
    ///
    /// # Errors
    /// The errors of [`parse`](Self::parse).
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
                // Such a line only declares a built-in type.
                line if BUILT_IN.contains(&line.split(['#', ' ']).next().unwrap_or_default()) => {}
                line => {
                    // A line may replace one of the amended schema, but not an earlier one of the same text.
                    let may_replace = |at: usize| added.iter().all(|(other, _)| *other != at);
                    let at = Definition::parse(line, is_function).and_then(|d| self.add(d, may_replace));
                    added.push((at.map_err(|fault| ParseError { line: number, fault })?, number));
                }
            }
        }
        // Checked after all lines have been read, because a line may use a type declared below it.
        for (at, line) in added {
            let fields = self.definitions.get(at).map_or(&[][..], |definition| &definition.fields);
            let known = fields.iter().try_for_each(|field| self.known(&field.ty));
            known.map_err(|fault| ParseError { line, fault })?;
        }
        Ok(self)
    }
    /// Returns MTProto's service schema, carrying the API schema, as stored in `tl/`.
    ///
    /// # Errors
    /// None unless the texts in `tl/` are damaged, which `tests/protocol/schema.rs` excludes.
    pub fn telegram() -> Result<Schema<'static>, ParseError> {
        Ok(Schema::parse(MTPROTO)?.carrying(Schema::parse(API)?))
    }
    /// Adds `inner` as the schema for everything this one does not contain: an `Object` may hold its values, and
    /// lookups by id and name find it.
    ///
    /// Fields are resolved only within their schema, because both schemas have a type `Message`.
    #[must_use]
    pub fn carrying(mut self, inner: Self) -> Self {
        self.carried = Some(Box::new(inner));
        self
    }

    /// Adds a line, replacing the one of the same name if `may_replace` allows it, and returns its index.
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
        // Two lines with one id could not be distinguished on the wire.
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
            // Otherwise values of zero bytes could nest and repeat without limit.
            Type::Bare(name) => match self.named(name) {
                None => Err(ParseFault::Unknown),
                Some(of) if of.fields.iter().all(|field| field.ty == Type::True) => Err(ParseFault::Empty),
                Some(_) => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Returns the layer from a `LAYER n` comment in this schema or the carried one.
    pub fn layer(&self) -> Option<u32> {
        self.layer.or_else(|| self.carried.as_ref()?.layer())
    }
    /// Returns the lines in order, without those of the carried schema.
    pub fn definitions(&self) -> &[Definition<'t>] {
        &self.definitions
    }
    /// Returns the schema whose values an `Object` may hold.
    pub fn carried(&self) -> Option<&Self> {
        self.carried.as_deref()
    }
    /// Finds the line with this id and the schema that contains it.
    pub fn find(&self, id: u32) -> Option<(&Self, &Definition<'t>)> {
        let here = self.by_id.get(&id).and_then(|at| self.definitions.get(*at)).map(|found| (self, found));
        here.or_else(|| self.carried()?.find(id))
    }
    /// Finds the line with this name.
    pub fn named(&self, name: &str) -> Option<&Definition<'t>> {
        let here = self.by_name.get(name).and_then(|at| self.definitions.get(*at));
        here.or_else(|| self.carried()?.named(name))
    }
    /// Returns the constructors of a type.
    pub fn constructors(&self, ty: &str) -> impl Iterator<Item = &Definition<'t>> {
        let here = || self.by_type.get(ty).map(|found| (self, found));
        let found = here().or_else(|| self.carried().and_then(|c| Some((c, c.by_type.get(ty)?))));
        found.into_iter().flat_map(|(schema, found)| found.iter().filter_map(|at| schema.definitions.get(*at)))
    }
    /// Parses the text of a type, such as `Vector<User>`; `None` if it is not in the schema.
    pub fn ty<'n>(&self, text: &'n str) -> Option<Type<'n>> {
        let ty = Type::parse(text, &[], MAX_NESTED)?;
        // `true` exists only under a flag and is never a value.
        (ty != Type::True && ty.innermost() != &Type::True && self.known(&ty).is_ok()).then_some(ty)
    }
}
