//! The macros [`tl!`](crate::tl!), [`tl_head!`](crate::tl_head!) and [`tl_type!`](crate::tl_type!): structs and enums
//! that are checked against the schema at compile time.

/// Declares structs for schema lines.
///
/// Compilation fails if the id of a line is not its CRC-32, or if the fields of a struct differ from the line in name,
/// order, type or flag. A function of the schema is declared with `-> Reply`.
///
/// ```
/// use nanogram::tl::{Combinator, Tl};
/// nanogram::tl! {
///     /// A user, with the access hash that this account received for it.
///     "inputUser#f21158c6 user_id:long access_hash:long = InputUser;"
///     struct InputUser { user_id: i64, access_hash: i64 }
/// }
/// let wire = InputUser { user_id: 1, access_hash: 2 }.to_boxed();
/// assert_eq!(wire, [0xc6, 0x58, 0x11, 0xf2, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
/// ```
///
/// A mistake does not compile:
/// ```compile_fail
/// nanogram::tl! {
///     "inputUser#f21158c6 user_id:long access_hash:long = InputUser;"
///     struct InputUser { user_id: i32, access_hash: i64 }
/// }
/// ```
#[macro_export]
macro_rules! tl {
    ($($(#[$meta:meta])* $line:literal struct $name:ident { $($field:ident: $t:ty),* $(,)? } $(-> $reply:ty)?)*) => {$(
        $(#[$meta])*
        #[doc = concat!("\n\n```tl\n", $line, "\n```")]
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $(#[doc = concat!("`", stringify!($field), "` of the schema line.")] pub $field: $t),*
        }

        const _: () = assert!($crate::tl::line::id($line) == $crate::tl::line::written_id($line),
            "{}", concat!("the id is not the CRC-32 of: ", $line));

        impl $name {
            const FIELDS: usize = <[&str]>::len(&[$(stringify!($field)),*]);
            const PLAN: $crate::tl::line::Plan<{ Self::FIELDS }> = $crate::tl::line::plan(
                $line, [$(stringify!($field)),*], [$(<$t as $crate::tl::Tl>::SHAPE),*], false);
        }
        const _: u8 = $name::PLAN.words; // evaluates the check even if the struct is never used

        impl $crate::tl::Combinator for $name {
            const ID: u32 = $crate::tl::line::written_id($line);
            const LINE: &'static str = $line;
        }
        impl $crate::tl::Tl for $name {
            const SHAPE: $crate::tl::line::Shape = $crate::tl::line::Shape::Named($crate::tl::line::name($line));
            // `allow` instead of `expect`: the lints fire only for structs with fields.
            #[allow(clippy::indexing_slicing, unused_mut)]
            const LEAST: usize = {
                let (mut least, mut i) = (Self::PLAN.words as usize * 4, 0usize);
                $(if Self::PLAN.flag[i].is_none() { least += <$t as $crate::tl::Tl>::LEAST }
                  i += 1;)*
                let _ = i;
                least
            };
            #[allow(unused, clippy::indexing_slicing)]
            #[inline]
            fn write(&self, out: &mut $crate::tl::__Vec<u8>) {
                // The const block makes the compiler compute the plan even in an unoptimized build.
                let plan = const { Self::PLAN };
                let (mut words, mut next, mut i) = ([0u32; $crate::tl::line::MAX_WORDS], 0u8, 0usize);
                $(if let Some((word, bit)) = plan.flag[i] {
                    words[word as usize] |= u32::from($crate::tl::Tl::is_present(&self.$field)) << bit;
                  }
                  i += 1;)*
                i = 0;
                $(while next < plan.words_before[i] { $crate::tl::Tl::write(&words[next as usize], out); next += 1 }
                  $crate::tl::Tl::write_field(&self.$field, out, plan.flag[i].is_some());
                  i += 1;)*
                while next < plan.words { $crate::tl::Tl::write(&words[next as usize], out); next += 1 }
            }
            fn read(r: &mut $crate::tl::Reader<'_>) -> Result<Self, $crate::tl::DecodeError> {
                <Self as $crate::tl::Tl>::try_read(r).ok_or_else(|| r.noted())
            }
            #[allow(unused, clippy::indexing_slicing)]
            #[inline]
            fn try_read(r: &mut $crate::tl::Reader<'_>) -> Option<Self> {
                let plan = const { Self::PLAN };
                let (mut words, mut next, mut i) = ([0u32; $crate::tl::line::MAX_WORDS], 0u8, 0usize);
                $(while next < plan.words_before[i] {
                    words[next as usize] = <u32 as $crate::tl::Tl>::try_read(r)?;
                    next += 1
                  }
                  let $field = <$t as $crate::tl::Tl>::try_read_field(r,
                      plan.flag[i].map(|(word, bit)| words[word as usize] >> bit & 1 == 1))?;
                  i += 1;)*
                // A flag word can follow the last conditional field and takes 4 bytes nevertheless.
                while next < plan.words { <u32 as $crate::tl::Tl>::try_read(r)?; next += 1 }
                Some(Self { $($field),* })
            }
        }
        $(impl $crate::tl::Call for $name { type Reply = $reply; })?
    )*};
}

/// Declares structs for the first fields of a line; the remaining fields stay unread, and `true` flags may be omitted.
///
/// TL values have no length prefix, but messages do. So the rest of a message can stay unparsed after its first fields.
#[macro_export]
macro_rules! tl_head {
    ($($(#[$meta:meta])* $line:literal struct $name:ident { $($field:ident: $t:ty),* $(,)? })*) => {$(
        $(#[$meta])*
        #[doc = concat!("\n\n```tl\n", $line, "\n```")]
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $(#[doc = concat!("`", stringify!($field), "` of the schema line.")] pub $field: $t),*
        }
        const _: () = assert!($crate::tl::line::id($line) == $crate::tl::line::written_id($line),
            "{}", concat!("the id is not the CRC-32 of: ", $line));
        const _: u8 = $name::PLAN.words; // evaluates the check even if the head is never read
        impl $name {
            /// The constructor id.
            pub const ID: u32 = $crate::tl::line::written_id($line);
            /// The schema line.
            pub const LINE: &'static str = $line;
            const FIELDS: usize = <[&str]>::len(&[$(stringify!($field)),*]);
            const PLAN: $crate::tl::line::Plan<{ Self::FIELDS }> = $crate::tl::line::plan(
                $line, [$(stringify!($field)),*], [$(<$t as $crate::tl::Tl>::SHAPE),*], true);

            /// Reads the fields from `r`, which stands after the constructor id.
            ///
            /// # Errors
            /// The bytes end early or are not a valid value.
            pub fn read(r: &mut $crate::tl::Reader<'_>) -> Result<Self, $crate::tl::DecodeError> {
                Self::try_read(r).ok_or_else(|| r.noted())
            }
            #[allow(unused, clippy::indexing_slicing)]
            fn try_read(r: &mut $crate::tl::Reader<'_>) -> Option<Self> {
                let plan = const { Self::PLAN };
                let (mut words, mut next, mut i) = ([0u32; $crate::tl::line::MAX_WORDS], 0u8, 0usize);
                $(while next < plan.words_before[i] { words[next as usize] = <u32 as $crate::tl::Tl>::try_read(r)?; next += 1 }
                  let $field = <$t as $crate::tl::Tl>::try_read_field(r,
                      plan.flag[i].map(|(word, bit)| words[word as usize] >> bit & 1 == 1))?;
                  i += 1;)*
                Some(Self { $($field),* })
            }
        }
    )*};
}

/// Declares a boxed type: an enum over its constructors.
///
/// ```
/// use nanogram::tl::Tl;
/// nanogram::tl! {
///     "peerUser#59511722 user_id:long = Peer;"
///     struct PeerUser { user_id: i64 }
///     "peerChat#36c6019a chat_id:long = Peer;"
///     struct PeerChat { chat_id: i64 }
/// }
/// nanogram::tl_type! {
///     /// The other party of a conversation.
///     "Peer" enum Peer { User(PeerUser), Chat(PeerChat) }
/// }
/// let peer = Peer::from_bytes(&[0x22, 0x17, 0x51, 0x59, 7, 0, 0, 0, 0, 0, 0, 0]).unwrap();
/// assert_eq!(peer, Peer::User(PeerUser { user_id: 7 }));
/// ```
#[macro_export]
macro_rules! tl_type {
    ($($(#[$meta:meta])* $tl:literal enum $name:ident { $($(#[$vmeta:meta])* $variant:ident($of:ident)),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        #[allow(clippy::large_enum_variant)] // boxing the variants would cost one allocation per value
        pub enum $name { $(
            $(#[$vmeta])*
            #[doc = concat!("[`", stringify!($of), "`]")]
            $variant($of)
        ),* }
        $(const _: () = assert!($crate::tl::line::same($crate::tl::line::result(<$of as $crate::tl::Combinator>::LINE), $tl),
            concat!(stringify!($of), " does not build ", $tl));)*
        impl $crate::tl::Tl for $name {
            const SHAPE: $crate::tl::line::Shape = $crate::tl::line::Shape::Named($tl);
            const LEAST: usize = 4;
            fn write(&self, out: &mut $crate::tl::__Vec<u8>) {
                match self { $(Self::$variant(value) => $crate::tl::Combinator::write_boxed(value, out)),* }
            }
            fn read(r: &mut $crate::tl::Reader<'_>) -> Result<Self, $crate::tl::DecodeError> {
                <Self as $crate::tl::Tl>::try_read(r).ok_or_else(|| r.noted())
            }
            fn try_read(r: &mut $crate::tl::Reader<'_>) -> Option<Self> {
                match <u32 as $crate::tl::Tl>::try_read(r)? {
                    $(<$of as $crate::tl::Combinator>::ID => <$of as $crate::tl::Tl>::try_read(r).map(Self::$variant),)*
                    id => {
                        r.note(r.fault_before($crate::tl::Fault::Id(id)));
                        None
                    }
                }
            }
        }
        $(impl From<$of> for $name {
            fn from(value: $of) -> Self { Self::$variant(value) }
        })*
    )*};
}
