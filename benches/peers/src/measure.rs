//! Interleaved rounds: within a round every contender runs for the same time slice, and only results of the same round
//! are compared. Load and frequency changes of the machine move times, but hardly move ratios.

use crate::cpu::Instant;
use std::hint::black_box;
use std::time::Duration;

/// Implementation under test: does the work `n` times and returns its duration, excluding preparation.
pub struct Contender<'a> {
    pub name: &'static str,
    run: Box<dyn FnMut(u64) -> Duration + 'a>,
}

impl<'a> Contender<'a> {
    /// Work that can be repeated without preparation.
    pub fn new<R>(name: &'static str, mut work: impl FnMut() -> R + 'a) -> Self {
        let run = move |n| {
            let began = Instant::now();
            for _ in 0..n {
                black_box(work());
            }
            began.elapsed()
        };
        Self { name, run: Box::new(run) }
    }

    /// Work that consumes its input: `prepare` makes up to `batch` inputs at a time, untimed.
    pub fn using<T, R>(
        name: &'static str,
        batch: usize,
        mut prepare: impl FnMut(usize) -> Vec<T> + 'a,
        mut work: impl FnMut(T) -> R + 'a,
    ) -> Self {
        let run = move |n: u64| {
            let (mut spent, mut left) = (Duration::ZERO, usize::try_from(n).unwrap_or(usize::MAX));
            while left > 0 {
                let items = prepare(batch.min(left));
                left -= items.len();
                let began = Instant::now();
                for item in items {
                    black_box(work(item));
                }
                spent += began.elapsed();
            }
            spent
        };
        Self { name, run: Box::new(run) }
    }

    /// Work that repeats and measures itself.
    pub fn counted(name: &'static str, run: impl FnMut(u64) -> Duration + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }

    /// Work that measures itself and returns the duration of one run.
    pub fn timed(name: &'static str, mut work: impl FnMut() -> Duration + 'a) -> Self {
        Self { name, run: Box::new(move |n| (0..n).map(|_| work()).sum()) }
    }
}

/// Results of one contender by round, in nanoseconds per unit of work.
pub struct Samples {
    pub name: &'static str,
    pub ns: Vec<f64>,
}

/// Amount of measuring.
#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    pub slice: Duration,
}

pub fn measure(effort: Effort, mut contenders: Vec<Contender<'_>>) -> Vec<Samples> {
    let counts: Vec<u64> = contenders.iter_mut().map(|contender| calibrate(contender, effort.slice)).collect();
    let mut samples: Vec<Samples> = contenders.iter().map(|c| Samples { name: c.name, ns: Vec::new() }).collect();
    for round in 0..effort.rounds {
        for place in 0..contenders.len() {
            let which = (place + round) % contenders.len();
            let spent = (contenders[which].run)(counts[which]);
            samples[which].ns.push(spent.as_secs_f64() * 1e9 / counts[which] as f64);
        }
    }
    samples
}

/// Repetitions of the work that fit into a time slice.
fn calibrate(contender: &mut Contender<'_>, slice: Duration) -> u64 {
    let mut n = 1;
    loop {
        let spent = (contender.run)(n);
        if spent * 4 >= slice || n > 1 << 30 {
            let fits = slice.as_secs_f64() / spent.as_secs_f64().max(1e-9) * n as f64;
            return (fits as u64).max(1);
        }
        n *= 2;
    }
}

/// Median with the 10th and 90th percentiles.
#[derive(Clone, Copy)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Spread {
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
        Self { low: at(0.1), median: at(0.5), high: at(0.9) }
    }
}

impl Samples {
    pub fn spread(&self) -> Spread {
        Spread::of(self.ns.clone())
    }
    /// Ratio of the time to that of `other`, round by round.
    pub fn over(&self, other: &Self) -> Spread {
        Spread::of(self.ns.iter().zip(&other.ns).map(|(a, b)| a / b).collect())
    }
}
