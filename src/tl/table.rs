//! Skipping of TL values with a 7 KB table instead of a Rust type for each of their parts.
//!
//! TL values have no length prefix. To find the end of a `Vector<Update>`, a reader must know every constructor that
//! can occur in it. A table contains only that layout information, without names, and is used in place without being
//! unpacked.
//!
//! ```text
//! constructors:2 types:2 often:2 roots:2        all numbers little-endian
//! id:4        x constructors                    grouped by type, sorted within each type
//! first:2     x types                           index of the type's first constructor
//! start:2     x constructors / 8, rounded up    nibble at which the layout of every eighth constructor starts
//! symbol:2    x often                           the most frequent symbols
//! symbol:2    x roots                           the types that can be skipped by number
//! layouts                                       one per constructor, in nibbles, the low one of a byte first:
//!                                                 number of fields, then for each field
//!                                                 symbol       below 72: index of a frequent one; else symbol + 72
//!                                                 flag - previous flag     modulo 256, if conditional
//! symbol      type << 2 | is vector << 1 | is conditional            type: 0..7 a primitive, 8.. the types in order
//! flag        word << 5 | bit
//! number      0xxx    10xx xxxx +8    110x xxxx xxxx +72    1110 xxxx xxxx xxxx +584       in nibbles
//! ```
//!
//! A `true` under a flag takes no bytes and is omitted. `schema::compile` (feature `schema`) writes such a table;
//! [`API`] is the table for starting a bot and signing in.
//!
//! ```
//! use nanogram::tl::{Reader, table::{API, TypeId}};
//! // updateShort#78d4dec1 update:Update date:int = Updates, with updateLoginToken#564fe691 in it
//! let wire = [0xc1, 0xde, 0xd4, 0x78, 0x91, 0xe6, 0x4f, 0x56, 1, 2, 3, 4, 0xff];
//! let mut r = Reader::new(&wire);
//! API.skip(&mut r, TypeId::UPDATES).unwrap();
//! assert_eq!(r.rest(), [0xff]);
//! ```

use super::line::MAX_WORDS;
use super::{DecodeError, Fault, Reader, Tl};

/// Maximum nesting of constructors.
///
/// Every type reachable from `Updates` has a path of at most 8 constructors. The rest is for recursive types: rich
/// text, page blocks and JSON.
pub const MAX_DEPTH: usize = 32;

/// Type numbers of the primitives, which distinguish only their encoded sizes, not their meaning.
pub(super) mod shape {
    pub(in crate::tl) const INT: u16 = 0;
    pub(in crate::tl) const LONG: u16 = 1;
    pub(in crate::tl) const INT128: u16 = 2;
    pub(in crate::tl) const INT256: u16 = 3;
    pub(in crate::tl) const BYTES: u16 = 4;
    pub(in crate::tl) const BOOL: u16 = 5;
    pub(in crate::tl) const FLAGS: u16 = 6;
    pub(in crate::tl) const FIRST_TYPE: u16 = 8;
    /// Shift of the type number in a symbol. The two bits below are the flags that follow.
    pub(in crate::tl) const TYPE: u16 = 2;
    pub(in crate::tl) const VECTOR: u16 = 2;
    pub(in crate::tl) const CONDITIONAL: u16 = 1;
}

/// Interval of constructors for which the start of the layout is stored.
pub(super) const STRIDE: usize = 8;
/// Maximum number of frequent symbols. Their indices take one or two nibbles.
pub(super) const OFTEN: u16 = 72;

/// The number of a root: a type that a table can skip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeId(u16);

macro_rules! roots {
    ($($name:ident $tl:literal)*) => {
        /// The roots of [`API`], ordered by number.
        pub const ROOTS: &[&str] = &[$($tl),*];

        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "counts the constants below")]
        enum Number { $($name),* }

        /// Numbers of the roots of [`API`].
        impl TypeId {
            $(#[doc = concat!("`", $tl, "`")] pub const $name: Self = Self(Number::$name as u16);)*
        }
    };
}
roots! {
    UPDATES "Updates"
    UPDATE "Update"
    UPDATE_VECTOR "Vector<Update>"
    USER "User"
    USER_VECTOR "Vector<User>"
    CHAT "Chat"
    CHAT_VECTOR "Vector<Chat>"
    MESSAGE "Message"
    MESSAGE_VECTOR "Vector<Message>"
    PEER "Peer"
    FORWARD "MessageFwdHeader"
    REPLY "MessageReplyHeader"
    MEDIA "MessageMedia"
    MARKUP "ReplyMarkup"
    ENTITY_VECTOR "Vector<MessageEntity>"
    RESOLVED_PEER "contacts.ResolvedPeer"
    INVITED_USERS "messages.InvitedUsers"
    UPDATES_STATE "updates.State"
    UPDATES_DIFFERENCE "updates.Difference"
    SENT_CODE "auth.SentCode"
    AUTHORIZATION "auth.Authorization"
    LOGIN_TOKEN "auth.LoginToken"
    LOGGED_OUT "auth.LoggedOut"
    PASSWORD "account.Password"
    CONFIG "Config"
    REACTION "Reaction"
}

/// The types that occur when starting a bot and signing in, at layer 229. 6.8 KB, which the linker drops from a program
/// that does not use it.
pub static API: Table<'static> = match Table::new(include_bytes!("../../tl/api.tlb")) {
    Some(table) => table,
    None => panic!("tl/api.tlb is cut short"), // fails at compile time
};

/// A compiled schema.
#[derive(Debug, Clone, Copy)]
pub struct Table<'t> {
    ids: &'t [[u8; 4]],
    firsts: &'t [[u8; 2]],
    starts: &'t [[u8; 2]],
    often: &'t [[u8; 2]],
    roots: &'t [[u8; 2]],
    layouts: &'t [u8],
}

fn number(of: &[[u8; 2]], at: usize) -> Option<u16> {
    of.get(at).copied().map(u16::from_le_bytes)
}

impl<'t> Table<'t> {
    /// Reads the head of a table; `None` if it claims more bytes than are present.
    pub const fn new(bytes: &'t [u8]) -> Option<Self> {
        let Some(([constructors, types, often, roots], bytes)) = head(bytes) else { return None };
        // All parts are sliced here once. The table is used in place and never copied.
        let Some((ids, bytes)) = bytes.split_at_checked(4 * constructors) else { return None };
        let Some((firsts, bytes)) = bytes.split_at_checked(2 * types) else { return None };
        let Some((starts, bytes)) = bytes.split_at_checked(2 * constructors.div_ceil(STRIDE)) else { return None };
        let Some((often, bytes)) = bytes.split_at_checked(2 * often) else { return None };
        let Some((roots, layouts)) = bytes.split_at_checked(2 * roots) else { return None };
        Some(Self {
            ids: ids.as_chunks().0,
            firsts: firsts.as_chunks().0,
            starts: starts.as_chunks().0,
            often: often.as_chunks().0,
            roots: roots.as_chunks().0,
            layouts,
        })
    }
    /// Returns the root with this index in the list passed to `schema::compile`.
    pub fn root(&self, number: usize) -> Option<TypeId> {
        u16::try_from(number).ok().filter(|_| number < self.roots.len()).map(TypeId)
    }
    /// Moves `r` past one value of type `ty`.
    ///
    /// A damaged table makes this refuse values or end them at the wrong place, but has no worse effect.
    ///
    /// # Errors
    /// The bytes end early or are not a valid value. The position of `r` is then somewhere inside the value.
    pub fn skip(&self, r: &mut Reader<'_>, ty: TypeId) -> Result<(), DecodeError> {
        let symbol = number(self.roots, usize::from(ty.0));
        self.field(r, symbol.ok_or(r.fault(Fault::Id(r.peek().unwrap_or(0))))?, 0)
    }
    fn field(&self, r: &mut Reader<'_>, symbol: u16, depth: usize) -> Result<(), DecodeError> {
        // The smallest element takes 4 bytes, so the count is bounded by the input.
        let count = if symbol & shape::VECTOR == 0 { 1 } else { r.vector(4)? };
        for _ in 0..count {
            let len = match symbol >> shape::TYPE {
                shape::INT | shape::FLAGS => 4,
                shape::LONG => 8,
                shape::INT128 => 16,
                shape::INT256 => 32,
                shape::BYTES => {
                    r.bytes()?;
                    continue;
                }
                shape::BOOL => {
                    bool::read(r)?;
                    continue;
                }
                ty => {
                    self.boxed(r, ty, depth)?;
                    continue;
                }
            };
            r.take(len)?;
        }
        Ok(())
    }
    fn boxed(&self, r: &mut Reader<'_>, ty: u16, depth: usize) -> Result<(), DecodeError> {
        // Recursion on untrusted input needs a limit, or a message could overflow the stack.
        if depth == MAX_DEPTH {
            return Err(r.fault(Fault::Depth));
        }
        let id = r.u32()?;
        let strange = r.fault_before(Fault::Id(id));
        // An unknown constructor cannot be skipped, because its length is unknown.
        let mut layout = self.layout(ty, id).ok_or(strange)?;
        let (mut words, mut next) = ([0; MAX_WORDS], 0);
        for _ in 0..layout.number().ok_or(strange)? {
            let (symbol, flag) = layout.field(self).ok_or(strange)?;
            if let Some(flag) = flag {
                let word: u32 = words.get(usize::from(flag >> 5)).copied().ok_or(strange)?;
                if word >> (flag & 31) & 1 == 0 {
                    continue;
                }
            }
            if symbol >> shape::TYPE == shape::FLAGS {
                *words.get_mut(next).ok_or(strange)? = r.u32()?;
                next += 1;
            } else {
                self.field(r, symbol, depth + 1)?;
            }
        }
        Ok(())
    }
    /// Finds the layout of the constructor of `ty` with this id.
    fn layout(&self, ty: u16, id: u32) -> Option<Nibbles<'t>> {
        let ty = usize::from(ty.checked_sub(shape::FIRST_TYPE)?);
        let first = usize::from(number(self.firsts, ty)?);
        let end = number(self.firsts, ty + 1).map_or(self.ids.len(), usize::from);
        let at = self.ids.get(first..end)?.binary_search_by_key(&id, |id| u32::from_le_bytes(*id)).ok()? + first;
        let start = number(self.starts, at / STRIDE)?;
        let mut layout = Nibbles { of: self.layouts, at: usize::from(start), flag: 0 };
        // Only every eighth start is stored, so up to seven layouts are skipped.
        for _ in 0..at % STRIDE {
            for _ in 0..layout.number()? {
                layout.field(self)?;
            }
            layout.flag = 0;
        }
        Some(layout)
    }
}

/// A reader of layouts.
struct Nibbles<'t> {
    of: &'t [u8],
    at: usize,
    /// The previous flag.
    flag: u8,
}

impl Nibbles<'_> {
    fn nibble(&mut self) -> Option<u16> {
        let byte = self.of.get(self.at / 2)?;
        let nibble = byte >> (self.at % 2 * 4) & 15;
        self.at += 1;
        Some(nibble.into())
    }
    fn number(&mut self) -> Option<u16> {
        let first = self.nibble()?;
        let (more, least) = match first {
            0..=7 => (0, 0),
            8..=11 => (1, 8),
            12 | 13 => (2, 72),
            14 => (3, 584),
            _ => return None,
        };
        // The mask removes the prefix, which gives the length of the number.
        let mut number = first & 7 >> more;
        for _ in 0..more {
            number = number << 4 | self.nibble()?;
        }
        Some(number + least)
    }
    /// Reads the next field: its symbol and, if conditional, its flag.
    fn field(&mut self, table: &Table<'_>) -> Option<(u16, Option<u8>)> {
        let symbol = match self.number()? {
            number @ OFTEN.. => number - OFTEN,
            place => number(table.often, place.into())?,
        };
        if symbol & shape::CONDITIONAL == 0 {
            return Some((symbol, None));
        }
        let [more, _] = self.number()?.to_le_bytes();
        // Flags are stored as differences, because small numbers take one nibble.
        self.flag = self.flag.wrapping_add(more);
        Some((symbol, Some(self.flag)))
    }
}

/// Reads the four counts at the start of a table and returns the rest.
const fn head(bytes: &[u8]) -> Option<([usize; 4], &[u8])> {
    let Some(([a, b, c, d, e, f, g, h], rest)) = bytes.split_first_chunk() else { return None };
    Some((
        [
            u16::from_le_bytes([*a, *b]) as usize,
            u16::from_le_bytes([*c, *d]) as usize,
            u16::from_le_bytes([*e, *f]) as usize,
            u16::from_le_bytes([*g, *h]) as usize,
        ],
        rest,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// A table with one root `A`: `a#1 flags:# b:flags.0?A c:flags.1?Vector<int> = A`.
    fn table() -> Vec<u8> {
        let mut t = Vec::new();
        for n in [1u16, 1, 3, 1] {
            t.extend(n.to_le_bytes());
        }
        t.extend(1u32.to_le_bytes());
        let (a, ints) = (shape::FIRST_TYPE << 2, shape::INT << 2 | shape::VECTOR);
        for n in [0u16, 0, shape::FLAGS << 2, a | shape::CONDITIONAL, ints | shape::CONDITIONAL, a] {
            t.extend(n.to_le_bytes());
        }
        // 3 fields: symbol 0; symbol 1 under flag 0; symbol 2 under flag 1.
        t.extend([0x03, 0x01, 0x12]);
        t
    }
    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    #[test]
    fn flags_say_what_is_there() {
        let (bytes, v) = (table(), super::super::VECTOR);
        let table = Table::new(&bytes).unwrap();
        let a = table.root(0).unwrap();
        assert_eq!(table.root(1), None);
        for (wire, is) in [
            (words(&[1, 0, 7]), Ok(8)),
            (words(&[1, 1, 1, 2, v, 2, 7, 8, 9]), Ok(32)),
            (words(&[1, 1, 2, 0]), Err((8, Fault::Id(2)))),
            (words(&[1, 2, v, 2, 7]), Err((12, Fault::Count))),
            (words(&[1, 2, 5, 2, 7]), Err((8, Fault::Id(5)))),
            (words(&[1]), Err((4, Fault::End))),
        ] {
            let mut r = Reader::new(&wire);
            let is = is.map_err(|(at, fault)| DecodeError { at, fault });
            assert_eq!(table.skip(&mut r, a).map(|()| r.position()), is, "{wire:?}");
        }
    }

    #[test]
    fn nesting_ends() {
        let bytes = table();
        let table = Table::new(&bytes).unwrap();
        for (levels, fault) in [(MAX_DEPTH - 1, None), (MAX_DEPTH, Some(Fault::Depth)), (100_000, Some(Fault::Depth))] {
            let mut wire = words(&[1, 1]).repeat(levels);
            wire.extend(words(&[1, 0]));
            let end = table.skip(&mut Reader::new(&wire), TypeId(0));
            assert_eq!(end.err().map(|e| e.fault), fault, "{levels}");
        }
    }

    #[test]
    fn a_damaged_table_only_refuses() {
        let whole = table();
        let wire = words(&[1, 3, 1, 0, super::super::VECTOR, 1, 7]);
        for len in 0..whole.len() {
            if let Some(table) = Table::new(&whole[..len]) {
                let _ = table.skip(&mut Reader::new(&wire), TypeId(0));
            }
        }
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Some(table) = Table::new(&bytes) {
                let _ = table.skip(&mut Reader::new(&wire), TypeId(0));
            }
        }
    }
}
