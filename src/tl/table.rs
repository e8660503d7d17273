//! Finds where a value ends, with ten kilobytes instead of a type for each of its parts.
//!
//! TL values carry no length, so whoever wants what follows a `Vector<Update>` must know every constructor that may
//! stand in it. A table knows that and nothing else: no names, no values. It is walked where it lies.
//!
//! ```text
//! constructors:2 types:2 shapes:2 roots:2                   all numbers little-endian
//! id:4        x constructors    sorted
//! layout:2    x constructors    where the layout starts; constructors that lie alike share one
//! type:2      x constructors    what the constructor builds
//! shape:2     x shapes          8000 Vector | 0..7 a primitive, 8.. a type; the first `roots` of them can be asked for
//! layouts                       fields:1, then for each field
//!                                 shape << 1 | conditional    7 bits a byte, the lowest first; 80: one more byte
//!                                 word << 5 | bit             if conditional
//! ```
//!
//! A `true` under a flag takes no bytes and is not there. `schema::compile` writes such a table,
//! with feature `schema`; [`API`] is the one for starting a bot and signing in.
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

/// How many constructors may stand inside each other.
///
/// Every type that `Updates` reaches stands within 8 of them by the shortest way; the rest is for what nests in itself:
/// rich text, page blocks, JSON.
pub const MAX_DEPTH: usize = 32;

/// Shapes that are no type: how many bytes they take, not what the bytes mean.
pub(super) mod shape {
    pub(in crate::tl) const INT: u16 = 0;
    pub(in crate::tl) const LONG: u16 = 1;
    pub(in crate::tl) const INT128: u16 = 2;
    pub(in crate::tl) const INT256: u16 = 3;
    pub(in crate::tl) const BYTES: u16 = 4;
    pub(in crate::tl) const BOOL: u16 = 5;
    pub(in crate::tl) const FLAGS: u16 = 6;
    pub(in crate::tl) const FIRST_TYPE: u16 = 8;
    pub(in crate::tl) const VECTOR: u16 = 0x8000;
}

/// The number of a root: a type that a table can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeId(u16);

macro_rules! roots {
    ($($name:ident $tl:literal)*) => {
        /// The roots of [`API`], in the order of their numbers.
        pub const ROOTS: &[&str] = &[$($tl),*];

        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "counts the constants below")]
        enum Number { $($name),* }

        /// The roots of [`API`].
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
}

/// The types that starting a bot and signing in can meet, at layer 229: 10.7 KB that the linker leaves out of a program
/// that does not name them.
pub static API: Table<'static> = match Table::new(include_bytes!("../../tl/api.tlb")) {
    Some(table) => table,
    None => panic!("tl/api.tlb is cut short"), // in the compiler
};

/// A compiled schema.
#[derive(Debug, Clone, Copy)]
pub struct Table<'t> {
    ids: &'t [[u8; 4]],
    starts: &'t [[u8; 2]],
    types: &'t [[u8; 2]],
    shapes: &'t [[u8; 2]],
    roots: usize,
    layouts: &'t [u8],
}

fn number(of: &[[u8; 2]], at: usize) -> Option<u16> {
    of.get(at).copied().map(u16::from_le_bytes)
}

impl<'t> Table<'t> {
    /// Looks at the head of a table; `None` if it promises more than there is.
    pub const fn new(bytes: &'t [u8]) -> Option<Self> {
        let Some(([constructors, _types, shapes, roots], bytes)) = head(bytes) else { return None };
        if roots > shapes {
            return None;
        }
        let Some((ids, bytes)) = bytes.split_at_checked(4 * constructors) else { return None };
        let Some((starts, bytes)) = bytes.split_at_checked(2 * constructors) else { return None };
        let Some((types, bytes)) = bytes.split_at_checked(2 * constructors) else { return None };
        let Some((shapes, layouts)) = bytes.split_at_checked(2 * shapes) else { return None };
        Some(Self {
            ids: ids.as_chunks().0,
            starts: starts.as_chunks().0,
            types: types.as_chunks().0,
            shapes: shapes.as_chunks().0,
            roots,
            layouts,
        })
    }
    /// The root with this number, as `schema::compile` was given it.
    pub fn root(&self, number: usize) -> Option<TypeId> {
        u16::try_from(number).ok().filter(|_| number < self.roots).map(TypeId)
    }
    /// Moves `r` past one value of the type `ty`.
    ///
    /// A table that is damaged refuses values, or ends them in the wrong place; it does no worse.
    ///
    /// # Errors
    /// The bytes end early, or are no such value: then `r` stands somewhere inside.
    pub fn skip(&self, r: &mut Reader<'_>, ty: TypeId) -> Result<(), DecodeError> {
        let root = usize::from(ty.0);
        let shape = number(self.shapes, root).filter(|_| root < self.roots);
        self.shape(r, shape.ok_or(r.fault(Fault::Id(r.peek().unwrap_or(0))))?, 0)
    }
    fn shape(&self, r: &mut Reader<'_>, shape: u16, depth: usize) -> Result<(), DecodeError> {
        if shape & shape::VECTOR == 0 {
            return self.one(r, shape, depth);
        }
        for _ in 0..r.vector(4)? {
            self.one(r, shape & !shape::VECTOR, depth)?;
        }
        Ok(())
    }
    fn one(&self, r: &mut Reader<'_>, shape: u16, depth: usize) -> Result<(), DecodeError> {
        match shape {
            shape::INT | shape::FLAGS => r.array::<4>().map(drop),
            shape::LONG => r.array::<8>().map(drop),
            shape::INT128 => r.array::<16>().map(drop),
            shape::INT256 => r.array::<32>().map(drop),
            shape::BYTES => r.bytes().map(drop),
            shape::BOOL => bool::read(r).map(drop),
            ty => self.boxed(r, ty, depth),
        }
    }
    fn boxed(&self, r: &mut Reader<'_>, ty: u16, depth: usize) -> Result<(), DecodeError> {
        if depth == MAX_DEPTH {
            return Err(r.fault(Fault::Depth));
        }
        let id = r.u32()?;
        let strange = r.fault_before(Fault::Id(id));
        let at = self.ids.binary_search_by_key(&id, |id| u32::from_le_bytes(*id)).map_err(|_| strange)?;
        if number(self.types, at) != ty.checked_sub(shape::FIRST_TYPE) {
            return Err(strange);
        }
        let start = number(self.starts, at).ok_or(strange)?;
        let mut layout = self.layouts.get(usize::from(start)..).unwrap_or_default();
        let mut byte = || {
            let (first, rest) = layout.split_first().ok_or(strange)?;
            layout = rest;
            Ok(u16::from(*first))
        };
        let (mut words, mut next) = ([0; MAX_WORDS], 0);
        for _ in 0..byte()? {
            let mut field = byte()?;
            if field & 0x80 != 0 {
                field = field & 0x7f | byte()? << 7;
            }
            if field & 1 != 0 {
                let flag = byte()?;
                let word: u32 = words.get(usize::from(flag >> 5)).copied().ok_or(strange)?;
                if word >> (flag & 31) & 1 == 0 {
                    continue;
                }
            }
            match number(self.shapes, usize::from(field >> 1)).ok_or(strange)? {
                shape::FLAGS => {
                    *words.get_mut(next).ok_or(strange)? = r.u32()?;
                    next += 1;
                }
                shape => self.shape(r, shape, depth + 1)?,
            }
        }
        Ok(())
    }
}

/// The four numbers that a table starts with, and what follows them.
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

    /// One root `A`: `a#1 flags:# b:flags.0?A c:flags.1?Vector<int> = A`.
    fn table() -> Vec<u8> {
        let mut t = Vec::new();
        for n in [1u16, 1, 3, 1] {
            t.extend(n.to_le_bytes());
        }
        t.extend(1u32.to_le_bytes());
        for n in [0u16, 0, shape::FIRST_TYPE, shape::FLAGS, shape::VECTOR | shape::INT] {
            t.extend(n.to_le_bytes());
        }
        t.extend([3, 1 << 1, 1, 0, 2 << 1 | 1, 1]);
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
