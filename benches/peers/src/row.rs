//! Row of the table: the contenders for one piece of work, their times, and the goal.

use crate::counting::Allocations;
use crate::measure::{Samples, Spread};
use serde_json::{Value, json};

/// Goal for nanogram, set before the code was written.
#[derive(Clone, Copy)]
pub struct Goal {
    /// Implementation to compare with.
    pub rival: &'static str,
    /// Lowest acceptable ratio of its time to nanogram's.
    pub ratio: f64,
    /// Origin of the goal.
    pub why: &'static str,
}

pub struct Row {
    pub group: &'static str,
    pub work: String,
    /// Samples, nanogram's first.
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

    /// Other implementations, with the ratio of their time to nanogram's.
    pub fn rivals(&self) -> impl Iterator<Item = (&Samples, Spread)> {
        let ours = &self.samples[0];
        self.samples[1..].iter().map(move |rival| (rival, rival.over(ours)))
    }

    /// Goal, measured ratio, and true if it is reached.
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

/// Rounds to four digits, beyond the precision of the measurement.
pub fn round(x: f64) -> f64 {
    if x == 0.0 {
        return 0.0;
    }
    let scale = 10_f64.powi(3 - x.abs().log10().floor() as i32);
    (x * scale).round() / scale
}
