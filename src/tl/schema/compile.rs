//! Turns definitions into the bytes of a [`Table`](crate::tl::table): what the given types reach, without names.

use super::{Definition, Schema, Type};
use crate::tl::table::shape;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::fmt;

/// Writes the table for `roots` and all that they reach.
///
/// The number of a root is its place in `roots`. The same schema and roots give the same bytes.
///
/// # Errors
/// A root is not in the schema, or something that it reaches does not fit into a table.
pub fn compile<'n>(schema: &'n Schema<'_>, roots: &[&'n str]) -> Result<Vec<u8>, CompileError> {
    let mut types = Types::default();
    let roots = roots.iter().map(|root| types.shape(&schema.ty(root).ok_or(CompileError::Root)?));
    let roots = roots.collect::<Result<Vec<_>, _>>()?;
    let mut lines = Vec::new();
    let mut uses = BTreeMap::<u16, usize>::new();
    let mut done = 0;
    while let Some(&name) = types.names.get(done) {
        let number = u16::try_from(done).map_err(|_| CompileError::Large)?;
        for definition in schema.constructors(name) {
            let fields = types.fields(definition)?;
            for (shape, _) in &fields {
                *uses.entry(*shape).or_default() += 1;
            }
            lines.push((definition.id, number, fields));
        }
        done += 1;
    }
    lines.sort_by_key(|(id, ..)| *id);

    // The shapes that are used most get the numbers that fit into one byte; roots have theirs already.
    let mut often = uses.iter().filter(|(shape, _)| !roots.contains(shape)).collect::<Vec<_>>();
    often.sort_by_key(|(shape, uses)| (Reverse(**uses), **shape));
    let shapes = roots.iter().chain(often.into_iter().map(|(shape, _)| shape)).copied().collect::<Vec<_>>();

    let (mut starts, mut layouts) = (BTreeMap::new(), Vec::new());
    let [mut ids, mut at, mut results] = [const { Vec::new() }; 3];
    for (id, result, fields) in &lines {
        let layout = layout(fields, &shapes)?;
        let start = *starts.entry(layout).or_insert_with_key(|layout| {
            let start = layouts.len();
            layouts.extend_from_slice(layout);
            start
        });
        ids.extend(id.to_le_bytes());
        at.extend(short(start)?);
        results.extend(result.to_le_bytes());
    }
    let mut out = Vec::new();
    for count in [lines.len(), types.names.len(), shapes.len(), roots.len()] {
        out.extend(short(count)?);
    }
    let shapes = shapes.iter().flat_map(|shape| shape.to_le_bytes()).collect();
    for part in [ids, at, results, shapes, layouts] {
        out.extend(part);
    }
    Ok(out)
}

fn short(number: usize) -> Result<[u8; 2], CompileError> {
    u16::try_from(number).map(u16::to_le_bytes).map_err(|_| CompileError::Large)
}

/// The types that were met, in the order of their numbers.
#[derive(Default)]
struct Types<'n> {
    names: Vec<&'n str>,
    numbers: BTreeMap<&'n str, u16>,
}

impl<'n> Types<'n> {
    fn shape(&mut self, ty: &Type<'n>) -> Result<u16, CompileError> {
        Ok(match ty {
            Type::Flags => shape::FLAGS,
            Type::Int => shape::INT,
            Type::Long | Type::Double => shape::LONG,
            Type::Int128 => shape::INT128,
            Type::Int256 => shape::INT256,
            Type::Text | Type::Bytes => shape::BYTES,
            Type::Bool => shape::BOOL,
            Type::Boxed(name) => {
                let next = u16::try_from(self.names.len()).ok().and_then(|n| n.checked_add(shape::FIRST_TYPE));
                let next = next.filter(|next| *next < shape::VECTOR).ok_or(CompileError::Large)?;
                *self.numbers.entry(name).or_insert_with(|| {
                    self.names.push(name);
                    next
                })
            }
            Type::Vector(of) => match self.shape(of)? {
                of if of & shape::VECTOR == 0 => shape::VECTOR | of,
                _ => return Err(CompileError::Shape),
            },
            Type::True | Type::Any | Type::Bare(_) | Type::BareVector(_) => return Err(CompileError::Shape),
        })
    }
    /// The shape of each field that takes bytes, and the flag that it stands under.
    fn fields(&mut self, definition: &Definition<'n>) -> Result<Vec<(u16, Option<u8>)>, CompileError> {
        let fields = definition.fields.iter().filter(|field| field.ty != Type::True);
        fields.map(|field| Ok((self.shape(&field.ty)?, field.when.map(|flag| flag.word << 5 | flag.bit)))).collect()
    }
}

fn layout(fields: &[(u16, Option<u8>)], shapes: &[u16]) -> Result<Vec<u8>, CompileError> {
    let mut out = Vec::new();
    out.push(u8::try_from(fields.len()).map_err(|_| CompileError::Large)?);
    for (shape, flag) in fields {
        let at = shapes.iter().position(|s| s == shape).ok_or(CompileError::Shape)?;
        let field = u16::try_from(at << 1).map_err(|_| CompileError::Large)? | u16::from(flag.is_some());
        match u8::try_from(field) {
            Ok(byte @ 0..0x80) => out.push(byte),
            _ => {
                let [low, _] = field.to_le_bytes();
                out.push(low | 0x80);
                out.push(u8::try_from(field >> 7).map_err(|_| CompileError::Large)?);
            }
        }
        out.extend(flag);
    }
    Ok(out)
}

/// Why a table cannot be written.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompileError {
    /// A root that the schema does not have.
    Root,
    /// A field that a table does not know: `Object`, a bare type, a vector of vectors.
    Shape,
    /// More than 65,535 bytes of layouts, or more constructors, types or shapes than a number can tell.
    Large,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "a root is not a type of the schema",
            Self::Shape => "a field is of a kind that a table does not know",
            Self::Large => "the schema is too large for a table",
        })
    }
}
impl core::error::Error for CompileError {}
