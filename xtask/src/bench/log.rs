//! The Rekor v2 log beside rekor-tiles, in one run: entries a second and the time
//! to the inclusion proof, durable on both sides.
//!
//! Both servers run side by side and are pressed in turn by the same generator
//! (`bulla-authority`'s example `log_load`), which shares their machine. What
//! bounds any log here is measured too: signature checks of one core, synced
//! writes of the disk. Rates are written as time for an entry, so that less is
//! better in every line. `--fill` grows the log first, to show that its cost is flat.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    Figure, authority,
    load::{Load, Ours, Press, Pressed, free_port, stored, wait_for},
    measure::{Running, Scratch, peak_mib, resident_mib},
};
use crate::{Result, peers, workspace::output};

const DEFAULT_SECONDS: f64 = 5.0;
const DEFAULT_ROUNDS: usize = 3;
/// Requests that are signed beforehand, for each second.
const PREPARED: f64 = 16_000.0;
/// How many times the throughput of rekor-tiles is promised.
const TIMES: f64 = 5.0;
/// Sizes of `--fill`.
const SIZES: [(&str, u64); 3] = [("1 k", 1_000), ("1 M", 1_000_000), ("10 M", 10_000_000)];

/// What is promised with so many requests in flight.
struct Level {
    in_flight: usize,
    /// Microseconds for an entry at the most: the promised rate, turned round.
    each: Option<f64>,
    /// Milliseconds that all but one of a hundred requests take at the most.
    p99: Option<f64>,
    /// Whether throughput and latency are promised beside rekor-tiles.
    beside: bool,
}

const LEVELS: [Level; 3] = [
    Level {
        in_flight: 64,
        each: Some(200.0),
        p99: Some(30.0),
        beside: false,
    },
    Level {
        in_flight: 1024,
        each: Some(125.0),
        p99: None,
        beside: false,
    },
    Level {
        in_flight: 4000,
        each: None,
        p99: None,
        beside: true,
    },
];

struct Bench {
    load: Load,
    seconds: f64,
    rounds: usize,
    fill: bool,
}

/// `bench log`, with its own options taken from `args`.
pub(super) fn figures(binary: &Path, args: &[String]) -> Result<Vec<Figure>> {
    let mut bench = Bench {
        load: Load::build()?,
        seconds: DEFAULT_SECONDS,
        rounds: DEFAULT_ROUNDS,
        fill: false,
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut number = || {
            let number = args.next().and_then(|number| number.parse::<f64>().ok());
            number.ok_or_else(|| format!("{arg} needs a number"))
        };
        match arg.as_str() {
            "--seconds" => bench.seconds = number()?,
            "--rounds" => bench.rounds = number()? as usize,
            "--fill" => bench.fill = true,
            other => return Err(format!("bench log does not know {other}").into()),
        }
    }
    let mut figures = bench.limits()?;
    figures.extend(bench.beside(binary)?);
    figures.extend(authority::figures(
        binary,
        &bench.load,
        bench.rounds,
        bench.seconds,
    )?);
    if bench.fill {
        figures.extend(bench.filled(binary)?);
    }
    Ok(figures)
}

impl Bench {
    fn press(&self, address: &str, in_flight: usize, rate: Option<f64>) -> Result<Pressed> {
        self.load.press(&Press {
            kind: "entry",
            address,
            in_flight,
            seconds: self.seconds,
            prepared: PREPARED,
            rate,
            token: None,
        })
    }

    /// What nothing on this machine can beat.
    fn limits(&self) -> Result<Vec<Figure>> {
        let scratch = Scratch::new("log-limits")?;
        let file = scratch.0.join("file").display().to_string();
        let (mut checks, mut syncs) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            checks.push(1e6 / self.load.rate(&["verify", "1"])?);
            syncs.push(1e3 / self.load.rate(&["sync", &file, "1"])?);
        }
        Ok(vec![
            Figure::new("limit: a P-256 check, one core", "µs", None, checks),
            Figure::new("limit: a synced write of 32 KiB", "ms", None, syncs),
        ])
    }

    fn beside(&self, binary: &Path) -> Result<Vec<Figure>> {
        let scratch = Scratch::new("log")?;
        let ours = Ours::start(binary, &scratch, "data")?;
        let theirs = Theirs::start(&scratch)?;
        let mut figures = Vec::new();
        let (mut entries, mut their_entries) = (0.0, 0.0);
        let (before, their_before) = (ours.stored(), theirs.stored());
        let mut paced = Vec::new();
        for level in &LEVELS {
            let mut pairs = Vec::new();
            for _ in 0..self.rounds {
                let pair = (
                    self.press(&ours.address, level.in_flight, None)?,
                    self.press(&theirs.address, level.in_flight, None)?,
                );
                entries += pair.0.entries;
                their_entries += pair.1.entries;
                println!(
                    "{:>5} in flight: bulla {:>7.0}/s p50 {:>6.1} ms p99 {:>6.1} ms   rekor-tiles {:>6.0}/s p50 {:>6.0} ms p99 {:>6.0} ms",
                    level.in_flight,
                    pair.0.per_second,
                    pair.0.p50,
                    pair.0.p99,
                    pair.1.per_second,
                    pair.1.p50,
                    pair.1.p99
                );
                if level.beside {
                    let rate = Some(TIMES * pair.1.per_second);
                    let asked = self.press(&ours.address, level.in_flight, rate)?;
                    entries += asked.entries;
                    println!(
                        "{:>5} clients that ask {TIMES} times what rekor-tiles gave: {:>7.0}/s p50 {:>6.1} ms p99 {:>6.1} ms",
                        level.in_flight, asked.per_second, asked.p50, asked.p99
                    );
                    paced.push((asked, pair.1.p50));
                }
                pairs.push(pair);
            }
            figures.extend(level.figures(&pairs));
        }
        figures.extend(beside_theirs(&paced));
        // The promise is of the worst moment, and what is free is given back after it.
        let memory = peak_mib(ours.running.0.id())?;
        let their_memory = peak_mib(theirs.running.0.id())?;
        let per_entry = |now: f64, before: f64, entries: f64| vec![(now - before) / entries];
        // Stopped, so that the write-ahead log is in the file.
        let (stored, their_stored) = (ours.stop()?, theirs.stored());
        figures.extend([
            Figure::new(
                "log: resident at most, bulla",
                "MiB",
                Some(150.0),
                vec![memory],
            ),
            Figure::new(
                "log: resident at most, rekor-tiles",
                "MiB",
                None,
                vec![their_memory],
            ),
            Figure::new(
                "log: stored for an entry, bulla",
                "B",
                None,
                per_entry(stored, before, entries),
            ),
            Figure::new(
                "log: stored for an entry, rekor-tiles",
                "B",
                None,
                per_entry(their_stored, their_before, their_entries),
            ),
        ]);
        Ok(figures)
    }

    /// The same at sizes a thousand and ten thousand times apart.
    fn filled(&self, binary: &Path) -> Result<Vec<Figure>> {
        let scratch = Scratch::new("log-fill")?;
        // Creates the instance.
        let before = Ours::start(binary, &scratch, "data")?.stop()?;
        let mut figures = Vec::new();
        for (name, size) in SIZES {
            let data = scratch.0.join("data").display().to_string();
            self.load.run(&["fill", &data, &size.to_string()])?;
            let ours = Ours::start(binary, &scratch, "data")?;
            let (mut each, mut p99, mut memory) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..self.rounds {
                let pressed = self.press(&ours.address, 64, None)?;
                println!(
                    "{name:>5} entries: {:>7.0}/s p50 {:>6.1} ms p99 {:>6.1} ms",
                    pressed.per_second, pressed.p50, pressed.p99
                );
                each.push(1e6 / pressed.per_second);
                p99.push(pressed.p99);
                memory.push(resident_mib(ours.running.0.id())?);
            }
            let stored = (ours.stop()? - before) / size as f64;
            let named = |what: &str| format!("log of {name}: {what}");
            figures.extend([
                Figure::new(named("an entry, 64 in flight"), "µs", Some(200.0), each),
                Figure::new(named("p99, 64 in flight"), "ms", Some(30.0), p99),
                Figure::new(named("resident"), "MiB", Some(150.0), memory),
            ]);
            // The smallest one is hardly larger than what each instance has.
            if size > 1_000 {
                figures.push(Figure::new(
                    named("stored for an entry"),
                    "B",
                    None,
                    vec![stored],
                ));
            }
        }
        Ok(figures)
    }
}

impl Level {
    fn figures(&self, pairs: &[(Pressed, Pressed)]) -> Vec<Figure> {
        let of = |pick: &dyn Fn(&(Pressed, Pressed)) -> f64| pairs.iter().map(pick).collect();
        let named = |what: &str| format!("log, {} in flight: {what}", self.in_flight);
        let promised = |limit: f64| self.beside.then_some(limit);
        vec![
            Figure::new(
                named("an entry"),
                "µs",
                self.each,
                of(&|(ours, _)| 1e6 / ours.per_second),
            ),
            Figure::new(named("p50"), "ms", None, of(&|(ours, _)| ours.p50)),
            Figure::new(named("p99"), "ms", self.p99, of(&|(ours, _)| ours.p99)),
            Figure::new(
                named("of rekor-tiles' time an entry"),
                "%",
                promised(20.0),
                of(&|(ours, theirs)| 100.0 * theirs.per_second / ours.per_second),
            ),
            Figure::new(
                named("of rekor-tiles' p50"),
                "%",
                None,
                of(&|(ours, theirs)| 100.0 * ours.p50 / theirs.p50),
            ),
        ]
    }
}

/// Latency at a rate that both could be asked for. With all connections always in
/// flight it would say nothing: then it is their number over the throughput.
fn beside_theirs(paced: &[(Pressed, f64)]) -> Vec<Figure> {
    let p50 = paced.iter().map(|(ours, _)| ours.p50).collect();
    let share = paced.iter().map(|(ours, theirs)| 100.0 * ours.p50 / theirs);
    vec![
        Figure::new(
            "log, 4000 clients, 5 x its throughput: p50",
            "ms",
            None,
            p50,
        ),
        Figure::new(
            "log, 4000 clients, 5 x its throughput: of rekor-tiles' p50",
            "%",
            Some(10.0),
            share.collect(),
        ),
    ]
}

/// rekor-tiles with the settings that the promise names.
struct Theirs {
    running: Running,
    address: String,
    data: PathBuf,
}

impl Theirs {
    fn start(scratch: &Scratch) -> Result<Self> {
        let program = peers::program("rekor-tiles")
            .ok_or("rekor-tiles is missing: cargo xtask peers rekor-tiles")?;
        let data = scratch.0.join("rekor-tiles");
        fs::create_dir_all(&data)?;
        let key = scratch.0.join("ed25519.pem");
        output(
            Command::new("openssl")
                .args(["genpkey", "-algorithm", "ed25519", "-out"])
                .arg(&key),
        )?;
        let [http, grpc, metrics] = [free_port()?, free_port()?, free_port()?];
        let mut command = Command::new(program);
        command
            .args([
                "serve",
                "--hostname",
                "rekor.example",
                "--log-level",
                "error",
            ])
            .args(["--checkpoint-interval", "1s", "--batch-max-age", "100ms"])
            .args(["--http-port", &http, "--grpc-port", &grpc])
            .args(["--http-metrics-port", &metrics])
            .arg("--signer-filepath")
            .arg(&key)
            .arg("--storage-dir")
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let running = Running(command.spawn()?);
        let address = format!("127.0.0.1:{http}");
        wait_for("rekor-tiles", || TcpStream::connect(&address).is_ok())?;
        Ok(Self {
            running,
            address,
            data,
        })
    }

    fn stored(&self) -> f64 {
        stored(&self.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(per_second: f64, p50: f64, p99: f64) -> Pressed {
        let entries = per_second;
        Pressed {
            per_second,
            p50,
            p99,
            entries,
        }
    }

    fn kept(level: &Level, ours: (f64, f64, f64), theirs: (f64, f64, f64)) -> bool {
        let (a, b, c) = ours;
        let (d, e, f) = theirs;
        let figures = level.figures(&[(pressed(a, b, c), pressed(d, e, f))]);
        figures.iter().all(Figure::keeps_limit)
    }

    #[test]
    fn rates_and_times_are_held_against_the_promise() {
        let [few, _, many] = &LEVELS;
        let theirs = (48.0, 1000.0, 1100.0);
        assert!(kept(few, (5001.0, 12.0, 29.0), theirs));
        assert!(!kept(few, (4999.0, 12.0, 29.0), theirs));
        assert!(!kept(few, (5001.0, 12.0, 31.0), theirs));
        let theirs = (1500.0, 2500.0, 3600.0);
        assert!(kept(many, (7501.0, 530.0, 900.0), theirs));
        assert!(!kept(many, (7499.0, 530.0, 900.0), theirs));
        let kept = |p50| {
            let paced = [(pressed(7500.0, p50, 900.0), 2500.0)];
            beside_theirs(&paced).iter().all(Figure::keeps_limit)
        };
        assert!(kept(249.0) && !kept(251.0));
    }
}
