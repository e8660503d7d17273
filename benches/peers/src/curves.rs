//! Cost of a message by its size.

use crate::measure::{Effort, Samples};
use crate::other::Alone;
use crate::{ige, seal};

pub struct Curve {
    pub work: &'static str,
    /// Size in bytes, and the samples of each contender.
    pub points: Vec<(usize, Vec<Samples>)>,
}

/// Measures sizes from 16 B to 16 MiB, each four times the previous one.
pub fn curves(effort: Effort, alone: &Alone) -> Vec<Curve> {
    let effort = Effort { rounds: (effort.rounds / 3).max(3), slice: effort.slice / 2 };
    let sizes = || (4..=24).step_by(2).map(|power| 1_usize << power);
    vec![
        Curve {
            work: "AES-256-IGE, encrypt",
            points: sizes().map(|bytes| (bytes, ige::samples(effort, alone, true, bytes))).collect(),
        },
        Curve {
            work: "sealed message, seal",
            points: sizes().map(|bytes| (bytes, seal::sealing(effort, alone, bytes))).collect(),
        },
    ]
}
