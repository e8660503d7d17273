//! Compilation of definitions into a [`Table`](crate::tl::table): the types reachable from the given roots, without
//! names.

use super::{Definition, Schema, Type};
use crate::tl::table::{OFTEN, STRIDE, shape};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::fmt;

/// Writes the table for `roots` and all types reachable from them.
///
/// The number of a root is its index in `roots`. The output depends only on the schema and the roots.
///
/// # Errors
/// A root is not in the schema, or a reachable type does not fit into a table.
pub fn compile<'n>(schema: &'n Schema<'_>, roots: &[&'n str]) -> Result<Vec<u8>, CompileError> {
    let mut types = Types::default();
    let roots = roots.iter().map(|root| types.symbol(&schema.ty(root).ok_or(CompileError::Root)?));
    let mut roots = roots.collect::<Result<Vec<_>, _>>()?;
    let mut lines = Vec::new();
    while let Some(&name) = types.names.get(lines.len()) {
        let of = schema.constructors(name).map(|definition| Ok((definition.id, types.fields(definition)?)));
        let mut of = of.collect::<Result<Vec<_>, CompileError>>()?;
        // A table finds constructors by binary search.
        of.sort_by_key(|(id, _)| *id);
        lines.push(of);
    }

    // Frequent types get low numbers, because low numbers have short encodings.
    let fields = lines.iter().flatten().flat_map(|(_, fields)| fields);
    let order = by_use((0..types.next()?).chain(fields.map(|(symbol, _)| symbol >> shape::TYPE)));
    let order = order.into_iter().filter(|ty| *ty >= shape::FIRST_TYPE).collect::<Vec<_>>();
    let renumber = |symbol: &mut u16| {
        if let Some(at) = order.iter().position(|ty| *ty == *symbol >> shape::TYPE) {
            let ty = short(at)?.checked_add(shape::FIRST_TYPE).ok_or(CompileError::Large)?;
            *symbol = ty << shape::TYPE | *symbol & (shape::VECTOR | shape::CONDITIONAL);
        }
        Ok(())
    };
    roots.iter_mut().try_for_each(renumber)?;
    let all = lines.iter_mut().flatten().flat_map(|(_, fields)| fields);
    all.map(|(symbol, _)| symbol).try_for_each(renumber)?;
    let mut often = by_use(lines.iter().flatten().flat_map(|(_, fields)| fields).map(|(symbol, _)| *symbol));
    often.truncate(OFTEN.into());

    let (mut ids, mut firsts, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    let mut layouts = Nibbles::default();
    for ty in order {
        firsts.push(short(ids.len())?);
        for (id, fields) in lines.get(usize::from(ty - shape::FIRST_TYPE)).into_iter().flatten() {
            if ids.len() % STRIDE == 0 {
                starts.push(short(layouts.0.len())?);
            }
            ids.push(*id);
            layouts.layout(fields, &often)?;
        }
    }
    let mut out = Vec::new();
    for count in [ids.len(), firsts.len(), often.len(), roots.len()] {
        out.extend(short(count)?.to_le_bytes());
    }
    out.extend(ids.into_iter().flat_map(u32::to_le_bytes));
    out.extend([firsts, starts, often, roots].concat().into_iter().flat_map(u16::to_le_bytes));
    // The first nibble of a pair is the low one.
    out.extend(layouts.0.chunks(2).map(|two| two.iter().rev().fold(0, |byte, nibble| byte << 4 | nibble)));
    Ok(out)
}

fn short(number: usize) -> Result<u16, CompileError> {
    u16::try_from(number).map_err(|_| CompileError::Large)
}

/// Returns each distinct item once, the most frequent first.
fn by_use(all: impl Iterator<Item = u16>) -> Vec<u16> {
    let mut uses = BTreeMap::<u16, usize>::new();
    all.for_each(|one| *uses.entry(one).or_default() += 1);
    let mut order = uses.into_iter().collect::<Vec<_>>();
    order.sort_by_key(|(one, uses)| (Reverse(*uses), *one));
    order.into_iter().map(|(one, _)| one).collect()
}

/// The types found so far, ordered by number.
#[derive(Default)]
struct Types<'n> {
    names: Vec<&'n str>,
    numbers: BTreeMap<&'n str, u16>,
}

impl<'n> Types<'n> {
    /// Returns the number of the next new type.
    fn next(&self) -> Result<u16, CompileError> {
        let next = short(self.names.len())?.checked_add(shape::FIRST_TYPE);
        // A symbol has two more bits, for a vector and for a condition.
        next.filter(|next| *next <= u16::MAX >> shape::TYPE).ok_or(CompileError::Large)
    }
    fn symbol(&mut self, ty: &Type<'n>) -> Result<u16, CompileError> {
        let ty = match ty {
            Type::Flags => shape::FLAGS,
            Type::Int => shape::INT,
            // A table distinguishes only sizes.
            Type::Long | Type::Double => shape::LONG,
            Type::Int128 => shape::INT128,
            Type::Int256 => shape::INT256,
            Type::Text | Type::Bytes => shape::BYTES,
            Type::Bool => shape::BOOL,
            Type::Boxed(name) => {
                let next = self.next()?;
                *self.numbers.entry(name).or_insert_with(|| {
                    self.names.push(name);
                    next
                })
            }
            Type::Vector(of) => {
                return match self.symbol(of)? {
                    of if of & shape::VECTOR == 0 => Ok(of | shape::VECTOR),
                    _ => Err(CompileError::Shape),
                };
            }
            Type::True | Type::Any | Type::Bare(_) | Type::BareVector(_) => return Err(CompileError::Shape),
        };
        Ok(ty << shape::TYPE)
    }
    /// Returns the symbol and the flag of each field that takes bytes.
    fn fields(&mut self, definition: &Definition<'n>) -> Result<Vec<(u16, Option<u8>)>, CompileError> {
        let fields = definition.fields.iter().filter(|field| field.ty != Type::True);
        fields
            .map(|field| {
                let flag = field.when.map(|flag| flag.word << 5 | flag.bit);
                let conditional = if flag.is_some() { shape::CONDITIONAL } else { 0 };
                Ok((self.symbol(&field.ty)? | conditional, flag))
            })
            .collect()
    }
}

/// A writer of numbers in as few nibbles as possible.
#[derive(Default)]
struct Nibbles(Vec<u8>);

impl Nibbles {
    fn number(&mut self, number: usize) -> Result<(), CompileError> {
        let (prefix, more, least) = match number {
            0..8 => (0, 0, 0),
            8..72 => (0x80, 1, 8),
            72..584 => (0xc00, 2, 72),
            584..4680 => (0xe000, 3, 584),
            _ => return Err(CompileError::Large),
        };
        let number = (number - least) | prefix;
        let nibbles = (0..=more).rev().map(|at| u8::try_from(number >> (4 * at) & 15));
        nibbles.for_each(|nibble| self.0.extend(nibble));
        Ok(())
    }
    fn layout(&mut self, fields: &[(u16, Option<u8>)], often: &[u16]) -> Result<(), CompileError> {
        self.number(fields.len())?;
        let mut last = 0_u8;
        for (symbol, flag) in fields {
            let place = often.iter().position(|of| of == symbol);
            self.number(place.unwrap_or(usize::from(OFTEN) + usize::from(*symbol)))?;
            if let Some(flag) = flag {
                self.number(flag.wrapping_sub(last).into())?;
                last = *flag;
            }
        }
        Ok(())
    }
}

/// Error returned when a table cannot be written.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompileError {
    /// Root that is not in the schema.
    Root,
    /// Unsupported type of a field: `Object`, a bare type or a vector of vectors.
    Shape,
    /// More than 65,535 nibbles of layouts, or more constructors or types than a table can number.
    Large,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "a root is not a type of the schema",
            Self::Shape => "a field has a type that a table does not support",
            Self::Large => "the schema is too large for a table",
        })
    }
}
impl core::error::Error for CompileError {}
