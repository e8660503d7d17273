//! One line of the table: who did the same work, in what time, and what was wanted.

use crate::counting::Allocations;
use crate::measure::{Samples, Spread};
use serde_json::{Value, json};

/// What was wanted of nanogram, set before it was written.
#[derive(Clone, Copy)]
pub struct Goal {
    /// Against whom.
    pub rival: &'static str,
    /// The rival shall take at least this many times as long.
    pub ratio: f64,
    /// Where the figure comes from.
    pub why: &'static str,
}

pub struct Row {
    pub group: &'static str,
    pub work: String,
    /// Nanogram first.
    pub samples: Vec<Samples>,
    pub allocations: Vec<(&'static str, Allocations)>,
    pub goal: Option<Goal>,
    pub note: &'static str,
}

impl Row {
    pub fn new(group: &'static str, work: impl Into<String>, samples: Vec<Samples>) -> Self {
        Self { group, work: work.into(), samples, allocations: Vec::new(), goal: None, note: "" }
    }
    pub fn goal(mut self, rival: &'static str, ratio: f64, why: &'static str) -> Self {
        self.goal = Some(Goal { rival, ratio, why });
        self
    }
    pub fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }
    pub fn allocating(mut self, name: &'static str, allocations: Allocations) -> Self {
        self.allocations.push((name, allocations));
        self
    }

    /// Everyone but nanogram, with how many times as long each takes.
    pub fn rivals(&self) -> impl Iterator<Item = (&Samples, Spread)> {
        let ours = &self.samples[0];
        self.samples[1..].iter().map(move |rival| (rival, rival.over(ours)))
    }

    /// The goal, what was reached of it, and whether that is enough.
    pub fn verdict(&self) -> Option<(Goal, Spread, bool)> {
        let goal = self.goal?;
        let (_, reached) = self.rivals().find(|(rival, _)| rival.name == goal.rival)?;
        Some((goal, reached, reached.median >= goal.ratio))
    }

    pub fn to_json(&self) -> Value {
        let spread = |s: Spread| json!([round(s.low), round(s.median), round(s.high)]);
        let contenders: Vec<Value> = self
            .samples
            .iter()
            .enumerate()
            .map(|(i, s)| {
                let mut value = json!({ "name": s.name, "ns": spread(s.spread()) });
                if i > 0 {
                    value["times_as_long"] = spread(s.over(&self.samples[0]));
                }
                if let Some((_, a)) = self.allocations.iter().find(|(name, _)| *name == s.name) {
                    value["allocations"] = json!({ "calls": a.calls, "bytes": a.bytes });
                }
                value
            })
            .collect();
        let mut row = json!({ "group": self.group, "work": self.work, "contenders": contenders });
        if let Some((goal, _, met)) = self.verdict() {
            row["goal"] = json!({ "rival": goal.rival, "times_as_long": goal.ratio, "why": goal.why, "met": met });
        }
        if !self.note.is_empty() {
            row["note"] = json!(self.note);
        }
        row
    }
}

/// Four digits are more than the measurement knows.
pub fn round(x: f64) -> f64 {
    if x == 0.0 {
        return 0.0;
    }
    let scale = 10_f64.powi(3 - x.abs().log10().floor() as i32);
    (x * scale).round() / scale
}
