//! A map in a ring buffer, for keys that come almost in order and go almost in order.
//!
//! Message ids and calls do: what is new goes to the back, what is answered goes from near the front, and both cost
//! next to nothing; in the middle an entry costs a move of the shorter side. It is a fifth of a B-tree's code.

use alloc::collections::VecDeque;

/// Puts `value` before all that `goes_behind` it, neighbour by neighbour: it belongs near the back, as a rule.
pub(super) fn insert<T>(ring: &mut VecDeque<T>, value: T, goes_behind: impl Fn(&T) -> bool) {
    ring.push_back(value);
    for at in (1..ring.len()).rev() {
        if !ring.get(at - 1).is_some_and(&goes_behind) {
            break;
        }
        ring.swap(at - 1, at);
    }
}

/// Takes out what is at `at`, over the shorter way.
pub(super) fn remove<T>(ring: &mut VecDeque<T>, at: usize) -> Option<T> {
    if at < ring.len() / 2 {
        for at in (0..at).rev() {
            ring.swap(at, at + 1);
        }
        ring.pop_front()
    } else {
        for at in at + 1..ring.len() {
            ring.swap(at - 1, at);
        }
        ring.pop_back()
    }
}

/// Entries, the lowest key first.
#[derive(Debug)]
pub(super) struct Sorted<K, V>(VecDeque<(K, V)>);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<K: Ord + Copy, V> Sorted<K, V> {
    fn find(&self, key: K) -> Result<usize, usize> {
        // Most are new, and go to the back.
        match self.0.back() {
            Some((last, _)) if *last < key => Err(self.0.len()),
            _ => self.0.binary_search_by_key(&key, |(key, _)| *key),
        }
    }
    pub(super) fn get(&self, key: K) -> Option<&V> {
        self.0.get(self.find(key).ok()?).map(|(_, value)| value)
    }
    pub(super) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let at = self.find(key).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }
    pub(super) fn contains(&self, key: K) -> bool {
        self.find(key).is_ok()
    }
    /// Puts `value` in the place of what was there before: whether there was anything.
    pub(super) fn insert(&mut self, key: K, value: V) -> bool {
        match self.find(key) {
            Ok(at) => {
                if let Some(entry) = self.0.get_mut(at) {
                    entry.1 = value;
                }
                true
            }
            Err(_) => {
                insert(&mut self.0, (key, value), |(other, _)| *other > key);
                false
            }
        }
    }
    pub(super) fn remove(&mut self, key: K) -> Option<V> {
        let at = self.find(key).ok()?;
        let (_, value) = remove(&mut self.0, at)?;
        if self.0.is_empty() {
            // After a flood its memory is given back.
            self.0.shrink_to(64);
        }
        Some(value)
    }
    pub(super) fn clear(&mut self) {
        self.0 = VecDeque::new();
    }
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
    pub(super) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.0.iter().map(|(key, value)| (*key, value))
    }
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (*key, value))
    }
}

impl<K, V> IntoIterator for Sorted<K, V> {
    type Item = (K, V);
    type IntoIter = alloc::collections::vec_deque::IntoIter<(K, V)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;
    use rand::{RngExt, SeedableRng, rngs::ChaCha12Rng};

    #[test]
    fn it_is_a_map_like_any_other() {
        let mut random = ChaCha12Rng::seed_from_u64(1);
        let (mut ours, mut theirs) = (Sorted::default(), BTreeMap::new());
        for n in 0..20_000 {
            let key: u8 = random.random();
            match random.random_range(0..4) {
                0 => assert_eq!(ours.remove(key), theirs.remove(&key)),
                1 => assert_eq!(ours.get_mut(key).map(|v| *v += 1), theirs.get_mut(&key).map(|v| *v += 1)),
                _ => assert_eq!(ours.insert(key, n), theirs.insert(key, n).is_some()),
            }
            assert_eq!((ours.len(), ours.get(key), ours.contains(key)), {
                (theirs.len(), theirs.get(&key), theirs.contains_key(&key))
            });
        }
        let mut more = Sorted::default();
        (0..=u8::MAX).rev().for_each(|key| assert!(!more.insert(key, 7)));
        for (key, value) in core::mem::take(&mut ours) {
            more.insert(key, value);
        }
        let all: BTreeMap<u8, i32> = (0..=u8::MAX).map(|key| (key, theirs.get(&key).copied().unwrap_or(7))).collect();
        assert!(more.iter().map(|(k, v)| (k, *v)).eq(all));
        assert_eq!(ours.len(), 0);
        more.iter_mut().for_each(|(_, v)| *v = 0);
        assert!(more.iter().all(|(_, v)| *v == 0));
        more.clear();
        assert_eq!(more.iter().collect::<Vec<_>>(), []);
    }
}
