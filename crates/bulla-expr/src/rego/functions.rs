//! Built-in functions of our own: those of the time, which is the caller's, so
//! that a verdict can be given again for a past day; and those of the engine's
//! that make much of little, bounded.
//!
//! Times are in UTC, as nanoseconds since 1970; a time zone beside one is not
//! known, and the result undefined.

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use regorus::{Engine, Value};

/// Their names.
pub(super) const NAMES: [&str; 10] = [
    "bits.lsh",
    "numbers.range",
    "numbers.range_step",
    "time.add_date",
    "time.clock",
    "time.date",
    "time.now_ns",
    "time.parse_duration_ns",
    "time.parse_rfc3339_ns",
    "time.weekday",
];

/// Elements of a range.
const RANGE: i64 = 1 << 20;
/// Bits by which a number is moved.
const SHIFT: i64 = 1 << 12;

type Function = fn(&[Value], Timestamp) -> Option<Value>;

/// Adds them to an engine.
///
/// # Errors
/// If the engine knows one of them already.
pub(super) fn add(engine: &mut Engine, now: Timestamp) -> Result<(), impl std::fmt::Display> {
    let functions: [(&str, u8, Function); NAMES.len()] = [
        ("bits.lsh", 2, |args, _| shifted(args)),
        ("numbers.range", 2, |args, _| range(args, 1)),
        ("numbers.range_step", 3, |args, _| {
            range(args, args.get(2)?.as_i64().ok()?)
        }),
        ("time.add_date", 4, |args, _| later(args)),
        ("time.clock", 1, |args, _| {
            let time = civil(args)?;
            numbers(&[
                time.hour().into(),
                time.minute().into(),
                time.second().into(),
            ])
        }),
        ("time.date", 1, |args, _| {
            let time = civil(args)?;
            numbers(&[time.year().into(), time.month().into(), time.day().into()])
        }),
        ("time.now_ns", 0, |_, now| nanoseconds(now)),
        ("time.parse_duration_ns", 1, |args, _| {
            let text = args.first()?.as_string().ok()?;
            duration(text).map(Value::from)
        }),
        ("time.parse_rfc3339_ns", 1, |args, _| {
            let text = args.first()?.as_string().ok()?;
            nanoseconds(text.parse().ok()?)
        }),
        ("time.weekday", 1, |args, _| {
            Some(Value::from(weekday(civil(args)?.weekday())))
        }),
    ];
    functions
        .into_iter()
        .try_for_each(|(name, count, function)| {
            let call = move |args: Vec<Value>| Ok(function(&args, now).unwrap_or(Value::Undefined));
            engine.add_extension(name.to_owned(), count, Box::new(call))
        })
}

fn shifted(args: &[Value]) -> Option<Value> {
    let (number, by) = (args.first()?.as_i64().ok()?, args.get(1)?.as_i64().ok()?);
    if !(0..=SHIFT).contains(&by) {
        return None;
    }
    let factor = 1_i128.checked_shl(u32::try_from(by).ok()?)?;
    i128::from(number).checked_mul(factor).map(Value::from)
}

/// Both ends included, up or down.
fn range(args: &[Value], step: i64) -> Option<Value> {
    let (from, to) = (args.first()?.as_i64().ok()?, args.get(1)?.as_i64().ok()?);
    let distance = to.checked_sub(from)?.checked_abs()?;
    if step < 1 || distance / step >= RANGE {
        return None;
    }
    let step = if to < from { -step } else { step };
    let steps = 0..=distance / step.abs();
    let values: Vec<Value> = steps.map(|n| Value::from(from + n * step)).collect();
    Some(Value::from(values))
}

fn later(args: &[Value]) -> Option<Value> {
    let number = |at: usize| args.get(at)?.as_i64().ok();
    let (years, months, days) = (number(1)?, number(2)?, number(3)?);
    let time = civil(args)?;
    // As in Go: the month and the day overflow into the next.
    let month = i64::from(time.month()) - 1 + months;
    let year = i64::from(time.year()) + years + month.div_euclid(12);
    let first = civil::Date::new(
        year.try_into().ok()?,
        (month.rem_euclid(12) + 1).try_into().ok()?,
        1,
    );
    let first = first.ok()?.to_datetime(time.time());
    let days = i64::from(time.day()) - 1 + days;
    let moved = first
        .checked_add(SignedDuration::from_secs(days.checked_mul(86_400)?))
        .ok()?;
    nanoseconds(moved.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn nanoseconds(time: Timestamp) -> Option<Value> {
    i64::try_from(time.as_nanosecond()).ok().map(Value::from)
}

/// The time that is the first argument.
fn civil(args: &[Value]) -> Option<civil::DateTime> {
    let nanoseconds = args.first()?.as_i64().ok()?;
    let time = Timestamp::from_nanosecond(nanoseconds.into()).ok()?;
    Some(TimeZone::UTC.to_datetime(time))
}

fn numbers(values: &[i64]) -> Option<Value> {
    let values: Vec<Value> = values.iter().copied().map(Value::from).collect();
    Some(Value::from(values))
}

fn weekday(day: civil::Weekday) -> &'static str {
    match day {
        civil::Weekday::Monday => "Monday",
        civil::Weekday::Tuesday => "Tuesday",
        civil::Weekday::Wednesday => "Wednesday",
        civil::Weekday::Thursday => "Thursday",
        civil::Weekday::Friday => "Friday",
        civil::Weekday::Saturday => "Saturday",
        civil::Weekday::Sunday => "Sunday",
    }
}

/// A duration as Go writes it: `1h30m`, `-2.5s`, `100ms`.
fn duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut sum = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(end)?;
        sum += number.parse::<f64>().ok()? * scale(unit)?;
        rest = tail;
    }
    let whole = sign * sum;
    // Beyond 2^63 nanoseconds there is no such duration.
    (!text.is_empty() && whole.abs() < 9.2e18).then_some(whole as i64)
}

fn scale(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3600e9,
        _ => return None,
    })
}
