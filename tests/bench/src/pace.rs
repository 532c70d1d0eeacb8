//! How many requests the polls of a run take, and how late they see its end: `bench pace FILE` draws both for several poll
//! intervals, and prints them.
//!
//! Time is virtual and the lengths of the runs are drawn from a seed, so the figures are the same on every machine.

use std::{f64::consts::TAU, fs, time::Duration};

use industrydata_core::policy::{PastDurations, PollingPolicy};

use crate::{
    Failure,
    drawing::{Align, Drawing, Frame},
};

/// How many tenants have runs, and how many runs of each are measured. As many runs come before, from which to learn.
const TENANTS: u32 = 100;
const RUNS: usize = 8;

/// The lengths of runs.
struct Regime {
    name: &'static str,
    /// The median of the tenants' medians in seconds, and the deviation of their logarithm.
    median: f64,
    spread: f64,
    longest: f64,
    /// The factor by which all measured runs of every other tenant differ from those before; the rest differ by its inverse.
    change: f64,
}

/// The deviation of the logarithm within a tenant.
const WITHIN: f64 = 0.25;
const MINUTE: f64 = 60.0;

/// With [`WITHIN`], the deviation among all runs of the first and the last is 1.
const REGIMES: [Regime; 4] = [
    Regime {
        name: "about half an hour",
        median: 30.0 * MINUTE,
        spread: 0.968,
        longest: f64::MAX,
        change: 1.0,
    },
    Regime {
        name: "shorter than ten minutes",
        median: 3.0 * MINUTE,
        spread: 0.6,
        longest: 10.0 * MINUTE,
        change: 1.0,
    },
    Regime {
        name: "about six hours",
        median: 360.0 * MINUTE,
        spread: 0.3,
        longest: f64::MAX,
        change: 1.0,
    },
    Regime {
        name: "suddenly three times longer or shorter",
        median: 30.0 * MINUTE,
        spread: 0.968,
        longest: f64::MAX,
        change: 3.0,
    },
];

type Interval = fn(&PastDurations, Duration) -> Duration;

const LEARNED: &str = "learned";

/// The policies: the name, and the interval after some time.
const POLICIES: [(&str, Interval); 5] = [
    (LEARNED, |past, since| {
        PollingPolicy::learned().interval_with(past, since)
    }),
    ("growing to 45 s", |_, since| {
        PollingPolicy::learned().interval(since)
    }),
    ("a tenth of the time", |_, since| {
        (since / 10).clamp(Duration::from_secs(5), Duration::from_secs(60))
    }),
    ("every 30 s", |_, _| Duration::from_secs(30)),
    ("every 38 s", |_, _| Duration::from_secs(38)),
];

/// The cost of a policy for runs of one regime.
#[derive(Clone, Copy, Debug)]
struct Cost {
    requests: f64,
    late: f64,
    /// The lateness that 95 of 100 runs do not exceed.
    late_p95: f64,
}

/// Uniform and normal numbers of a seed.
struct Dice(u64);

impl Dice {
    /// Between 0 and 1, without either (SplitMix64).
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        let bits = u32::try_from(bits >> 32).unwrap_or_default();
        (f64::from(bits) + 0.5) / (f64::from(u32::MAX) + 1.0)
    }

    fn log_normal(&mut self, median: f64, deviation: f64) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        let normal = radius * (TAU * self.uniform()).cos();
        median * (deviation * normal).exp()
    }
}

impl Regime {
    fn cost(&self, interval: Interval) -> Cost {
        let mut dice = Dice(7);
        let (mut requests, mut late) = (0.0, Vec::new());
        for tenant in 0..TENANTS {
            let median = dice.log_normal(self.median, self.spread);
            let mut run = |change: f64| {
                let seconds = change * dice.log_normal(median, WITHIN).min(self.longest);
                Duration::from_secs_f64(seconds.max(1.0))
            };
            let mut took: Vec<Duration> = (0..RUNS).map(|_| run(1.0)).collect();
            let change = if tenant % 2 == 0 {
                self.change
            } else {
                1.0 / self.change
            };
            for _ in 0..RUNS {
                let (past, end) = (PastDurations::new(took.iter().copied()), run(change));
                let mut now = Duration::ZERO;
                while now < end {
                    now += interval(&past, now);
                    requests += 1.0;
                }
                late.push((now - end).as_secs_f64());
                took.push(now);
            }
        }
        late.sort_by(f64::total_cmp);
        let runs = f64::from(u32::try_from(late.len()).unwrap_or(u32::MAX));
        Cost {
            requests: requests / runs,
            late: late.iter().sum::<f64>() / runs,
            late_p95: late.get(late.len() * 95 / 100).copied().unwrap_or_default(),
        }
    }

    fn costs(&self) -> Vec<(&'static str, Cost)> {
        let costs = POLICIES.iter();
        costs
            .map(|(name, interval)| (*name, self.cost(*interval)))
            .collect()
    }
}

/// Draws the picture into a file and prints the table.
pub(crate) fn run(file: &str) -> Result<(), Failure> {
    let costs = REGIMES.each_ref().map(Regime::costs);
    fs::write(file, picture(&costs))?;
    println!("{}", table(&costs));
    Ok(())
}

type Costs = [Vec<(&'static str, Cost)>; REGIMES.len()];

/// The rows of the table in `docs/performance.md`: requests a run, mean seconds late, and the 95th percentile of these.
fn table(costs: &Costs) -> String {
    let mut rows = String::from("| poll interval |");
    for regime in &REGIMES {
        rows += &format!(" {} |", regime.name);
    }
    rows += "\n| --- | --- | --- | --- | --- |";
    for (at, (name, _)) in POLICIES.iter().enumerate() {
        rows += &format!("\n| {name} |");
        for (_, cost) in costs.iter().filter_map(|regime| regime.get(at)) {
            let Cost {
                requests,
                late,
                late_p95,
            } = cost;
            rows += &format!(" {requests:.0} · {late:.1} s · {late_p95:.0} s |");
        }
    }
    rows
}

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 290.0;
/// The latest mean at the upper end of an axis, in seconds.
const LATEST: f64 = 35.0;

/// One plane for each regime: to the right more requests, upwards later.
fn picture(costs: &Costs) -> String {
    let title = "Requests a run, and how late its end is seen";
    let mut drawing = Drawing::new(2.0 * WIDTH + 20.0, 2.0 * HEIGHT + 80.0, title);
    drawing.text(20.0, 28.0, Align::Start, "head", title);
    let explained =
        "Each dot is a poll interval, and the line is every fixed interval. Lower left is better.";
    drawing.text(20.0, 48.0, Align::Start, "small", explained);
    for (at, (regime, costs)) in (0_u8..).zip(REGIMES.iter().zip(costs)) {
        let x = 10.0 + WIDTH * f64::from(at % 2);
        let y = 60.0 + HEIGHT * f64::from(at / 2);
        plane(&mut drawing, (x, y), regime.name, costs);
    }
    drawing.finish()
}

fn plane(drawing: &mut Drawing, (x, y): (f64, f64), name: &str, costs: &[(&str, Cost)]) {
    let (left, top, right, bottom) = (x + 50.0, y + 40.0, x + WIDTH - 15.0, y + HEIGHT - 45.0);
    let requests = costs.iter().map(|(_, cost)| cost.requests);
    let most = requests.fold(0.0, f64::max) * 1.25;
    let place = |requests: f64, late: f64| {
        let across = left + (right - left) * requests / most;
        let down = bottom - (bottom - top) * late / LATEST;
        (across.round(), down.round())
    };
    drawing.text(
        left,
        y + 24.0,
        Align::Start,
        "title",
        &format!("Runs {name}"),
    );
    drawing.line(
        &[(left, top), (left, bottom), (right, bottom)],
        "line",
        false,
    );
    let middle = f64::midpoint(left, right);
    drawing.text(
        middle,
        bottom + 34.0,
        Align::Middle,
        "small",
        "requests a run",
    );
    for seconds in [10.0, 20.0, 30.0] {
        let (_, down) = place(0.0, seconds);
        let label = format!("{seconds} s");
        drawing.text(left - 8.0, down + 4.0, Align::End, "small", &label);
    }
    for share in [0.25, 0.5, 0.75, 1.0] {
        let count = (most * share).round();
        let (across, _) = place(count, 0.0);
        drawing.text(
            across,
            bottom + 17.0,
            Align::Middle,
            "small",
            &count.to_string(),
        );
    }
    // A fixed interval takes the mean length divided by it, and half a poll more; it is late by half of it.
    let every = |interval: &str| costs.iter().find(|(name, _)| *name == interval);
    if let Some((_, cost)) = every("every 30 s") {
        let length = (cost.requests - 0.5) * 30.0;
        let fixed = (20..=66).step_by(2).map(|seconds| {
            let seconds = f64::from(seconds);
            (length / seconds + 0.5, seconds / 2.0)
        });
        let seen: Vec<_> = fixed
            .filter(|it| it.0 < most)
            .map(|it| place(it.0, it.1))
            .collect();
        drawing.line(&seen, "life", false);
    }
    for (name, cost) in costs {
        let (across, down) = place(cost.requests, cost.late);
        let is_learned = *name == LEARNED;
        let class = if is_learned { "good" } else { "step" };
        let dot = Frame::new(across - 5.0, down - 5.0, 10.0, 10.0);
        drawing.frame(dot, class, "", &[]);
        let class = if is_learned { "title" } else { "small" };
        // Near the right end, the text is on the other side.
        if is_learned || across > right - 75.0 {
            drawing.text(across - 9.0, down + 4.0, Align::End, class, name);
        } else {
            drawing.text(across + 9.0, down + 4.0, Align::Start, class, name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No policy takes fewer requests and sees ends earlier than the learned one.
    #[test]
    fn the_learned_interval_is_on_the_front_in_every_regime() {
        for regime in &REGIMES {
            let costs = regime.costs();
            let (_, learned) = costs[0];
            for (name, other) in &costs[1..] {
                let is_better = other.requests <= learned.requests && other.late <= learned.late;
                assert!(
                    !is_better,
                    "{}: {name} {other:?}, learned {learned:?}",
                    regime.name
                );
            }
        }
    }

    #[test]
    fn the_picture_and_the_table_are_current() {
        let costs = REGIMES.each_ref().map(Regime::costs);
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/");
        let read = |name: &str| fs::read_to_string(format!("{docs}{name}")).unwrap();
        let advice = "cargo run -p bench -- pace docs/pace.svg";
        assert!(read("pace.svg") == picture(&costs), "draw it: {advice}");
        let page = read("performance.md");
        for row in table(&costs).lines() {
            assert!(
                page.contains(row),
                "docs/performance.md lacks {row}: {advice}"
            );
        }
    }
}
