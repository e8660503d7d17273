//! Comparison of nanogram with other implementations, in interleaved rounds on one machine; only ratios count.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml [-- --quick]
//! ```
//!
//! With `NANOGRAM_WRITE=1` it writes docs/speed.json and docs/speed.md; `benches/report.py` draws them. `--quick` gives
//! rough numbers that should not be quoted.

extern crate alloc; // needed by nanogram's file that numbers.rs includes

mod arrival;
mod counting;
mod cpu;
mod curves;
mod exchange;
mod ige;
mod load;
mod measure;
mod numbers;
mod other;
mod report;
mod row;
mod seal;
mod values;

use measure::Effort;
use std::error::Error;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

fn main() -> Result<(), Box<dyn Error>> {
    let write = std::env::var_os("NANOGRAM_WRITE").is_some();
    let mut effort = Effort { rounds: 31, slice: Duration::from_millis(4) };
    for arg in std::env::args().skip(1) {
        match &*arg {
            "--quick" => effort = Effort { rounds: 7, slice: Duration::from_millis(1) },
            other => return Err(format!("{other}: not --quick").into()),
        }
    }
    let machine = report::Machine::see();
    let alone = other::Alone::start()?;
    report::head(&machine);
    let mut rows = Vec::new();
    let mut take = |some: Vec<row::Row>| {
        some.iter().for_each(report::line);
        rows.extend(some);
    };
    take(ige::rows(effort, &alone));
    take(seal::rows(effort, &alone));
    take(numbers::rows(effort));
    take(exchange::rows(effort));
    take(values::rows(effort));
    take(arrival::rows(effort, &alone));
    let curves = curves::curves(effort, &alone);
    report::curves(&curves);
    let load = load::load(effort);
    println!("\n{}", load.page());
    if write {
        report::write(&machine, &effort, &rows, &curves, &load)?;
    }
    Ok(())
}
