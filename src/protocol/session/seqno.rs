//! `seqno`: twice the number of content messages before this one, plus one if it is such itself.
//!
//! A content message is one that its receiver must acknowledge. Spec: mtproto/description#message-sequence-number-msg_seqno

/// Counts the content messages of one direction of one session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seqno {
    content: u32,
}

impl Seqno {
    /// The number for the next message.
    pub fn next(&mut self, is_content: bool) -> i32 {
        let seqno = self.content.wrapping_mul(2).cast_signed();
        if is_content {
            self.content = self.content.wrapping_add(1);
            seqno | 1
        } else {
            seqno
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_odd_and_counts() {
        let mut s = Seqno::default();
        assert_eq!([s.next(true), s.next(false), s.next(true), s.next(true), s.next(false)], [1, 2, 3, 5, 6]);
    }
}
