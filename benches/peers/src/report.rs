//! Output: the table on the terminal, docs/speed.json and docs/speed.md.

use crate::curves::Curve;
use crate::load::Load;
use crate::measure::{Effort, Spread};
use crate::row::{Row, round};
use serde_json::{Value, json};
use std::error::Error;
use std::fmt::Write as _;
use std::process::Command;

/// Machine and versions of a measurement.
pub struct Machine {
    cpu: String,
    cpus: usize,
    load: String,
    rustc: String,
    date: String,
    versions: Vec<(String, String)>,
}

const NAMED: [&str; 7] =
    ["nanogram", "grammers-crypto", "grammers-mtproto", "grammers-tl-types", "aes", "num-bigint", "crypto-bigint"];

impl Machine {
    pub fn see() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let said = |program: &str, args: &[&str]| {
            let out = Command::new(program).args(args).output().map(|out| out.stdout).unwrap_or_default();
            String::from_utf8_lossy(&out).trim().to_owned()
        };
        let cpu = read("/proc/cpuinfo")
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned());
        let lock = include_str!("../Cargo.lock");
        let version = |name: &str| {
            let rest = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?.1;
            Some((name.to_owned(), rest.split_once('"')?.0.to_owned()))
        };
        Self {
            cpu,
            cpus: std::thread::available_parallelism().map_or(1, Into::into),
            load: read("/proc/loadavg").split(' ').next().unwrap_or("unknown").to_owned(),
            rustc: said("rustc", &["--version"]),
            date: said("date", &["-u", "+%Y-%m-%d"]),
            versions: NAMED.iter().filter_map(|name| version(name)).collect(),
        }
    }

    fn versions(&self) -> String {
        self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join(", ")
    }
}

fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e5 => format!("{:.2} us", ns / 1e3),
        ns if ns < 1e6 => format!("{:.0} us", ns / 1e3),
        ns => format!("{:.2} ms", ns / 1e6),
    }
}

fn ratio(s: Spread) -> String {
    format!("{:.2} ({:.2}-{:.2})", s.median, s.low, s.high)
}

fn goal(row: &Row) -> String {
    match row.verdict() {
        Some((goal, reached, true)) => format!("{:.2}, reached {:.2}", goal.ratio, reached.median),
        Some((goal, reached, false)) => format!("{:.2}, NOT met: {:.2}", goal.ratio, reached.median),
        None => String::new(),
    }
}

pub fn head(machine: &Machine) {
    println!("{}, {} CPUs, load {} at the start; {}", machine.cpu, machine.cpus, machine.load, machine.rustc);
    println!("{}", machine.versions());
    println!("Processor time relative to nanogram: median of the rounds (10th to 90th percentile).\n");
}

pub fn line(row: &Row) {
    let name = format!("{}: {}", row.group, row.work);
    println!("{name:<58}{:>10}  {}", time(row.samples[0].spread().median), goal(row));
    for (rival, times) in row.rivals() {
        println!("    {:<54}{:>10}  {}", rival.name, time(rival.spread().median), ratio(times));
    }
    for (name, a) in &row.allocations {
        println!("    {name}: {} allocations, {} bytes", a.calls, a.bytes);
    }
}

pub fn curves(curves: &[Curve]) {
    for curve in curves {
        println!("\n{}, ns", curve.work);
        let names = curve.points[0].1.iter().map(|s| format!("{:>26}", s.name)).collect::<String>();
        println!("{:>12}{names}", "bytes");
        for (bytes, samples) in &curve.points {
            let times = samples.iter().map(|s| format!("{:>26.0}", s.spread().median)).collect::<String>();
            println!("{bytes:>12}{times}");
        }
    }
}

fn curve_json(curve: &Curve) -> Value {
    let names: Vec<&str> = curve.points[0].1.iter().map(|s| s.name).collect();
    let lines = names.iter().enumerate().map(|(i, name)| {
        let ns: Vec<f64> = curve.points.iter().map(|(_, samples)| round(samples[i].spread().median)).collect();
        json!({ "name": name, "ns": ns })
    });
    let bytes: Vec<usize> = curve.points.iter().map(|(bytes, _)| *bytes).collect();
    json!({ "work": curve.work, "bytes": bytes, "lines": lines.collect::<Vec<_>>() })
}

pub fn write(
    machine: &Machine,
    effort: &Effort,
    rows: &[Row],
    curves: &[Curve],
    load: &Load,
) -> Result<(), Box<dyn Error>> {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/");
    let versions: serde_json::Map<String, Value> =
        machine.versions.iter().map(|(name, version)| (name.clone(), json!(version))).collect();
    let data = json!({
        "date": machine.date,
        "machine": { "cpu": machine.cpu, "cpus": machine.cpus, "load": machine.load, "rustc": machine.rustc },
        "versions": versions,
        "rounds": effort.rounds,
        "rows": rows.iter().map(Row::to_json).collect::<Vec<_>>(),
        "curves": curves.iter().map(curve_json).collect::<Vec<_>>(),
        "load": load.to_json(),
    });
    std::fs::write(format!("{docs}speed.json"), serde_json::to_string_pretty(&data)? + "\n")?;
    std::fs::write(format!("{docs}speed.md"), page(machine, effort, rows, load)?)?;
    Ok(())
}

fn page(machine: &Machine, effort: &Effort, rows: &[Row], load: &Load) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    out.push_str(include_str!("speed-head.md"));
    writeln!(
        out,
        "\nMeasured {} on {}, {} CPUs, load {} at the start (other work ran as well); {}; {}. {} rounds.\n",
        machine.date,
        machine.cpu,
        machine.cpus,
        machine.load,
        machine.rustc,
        machine.versions(),
        effort.rounds
    )?;
    out.push_str(
        "## Comparison\n\nTime relative to nanogram: median of the rounds (10th to 90th percentile).\n\n",
    );
    out.push_str("| work | nanogram | others | goal |\n| --- | ---: | --- | --- |\n");
    for row in rows {
        let rivals: Vec<String> =
            row.rivals().map(|(rival, times)| format!("{} {}", rival.name, ratio(times))).collect();
        let (ours, rivals) = (time(row.samples[0].spread().median), rivals.join("<br>"));
        writeln!(out, "| {}: {} | {ours} | {rivals} | {} |", row.group, row.work, goal(row))?;
    }
    out.push_str(
        "\n## Goals\n\nA goal is the ratio that the peer's time should reach: a ratio measured earlier on another machine (AMD Zen 5), a\n\
         requirement of this crate, or 1. The goal for 1 MiB is that for 16 KiB.\n\n",
    );
    out.push_str("| work | peer | goal | reached | | basis of the goal |\n| --- | --- | ---: | ---: | --- | --- |\n");
    for row in rows {
        if let Some((goal, reached, met)) = row.verdict() {
            let verdict = if met { "met" } else { "**not met**" };
            let (name, reached) = (format!("{}: {}", row.group, row.work), reached.median);
            writeln!(out, "| {name} | {} | {:.2} | {reached:.2} | {verdict} | {} |", goal.rival, goal.ratio, goal.why)?;
        }
    }
    out.push_str("\n## Memory\n\n| work | library | allocations | bytes |\n| --- | --- | ---: | ---: |\n");
    for row in rows {
        for (name, a) in &row.allocations {
            writeln!(out, "| {}: {} | {name} | {} | {} |", row.group, row.work, a.calls, a.bytes)?;
        }
    }
    out.push_str(
        "\n## Load\n\nnanogram's client and its test data centre in one process, without sockets.\n\n",
    );
    out.push_str(&load.page());
    out.push_str("\n## Notes\n\n");
    let mut notes: Vec<(&str, &str)> = rows.iter().filter(|r| !r.note.is_empty()).map(|r| (r.group, r.note)).collect();
    notes.dedup();
    for (group, note) in notes {
        writeln!(out, "- {group}: {note}.")?;
    }
    out.push_str(include_str!("speed-foot.md"));
    Ok(out)
}
