//! Rego, version 0: the language of Open Policy Agent before 1.0, which cosign's
//! policies are written in; `import rego.v1` switches a module to the newer one.
//!
//! As in OPA, a built-in function that fails is undefined, a function that nobody
//! defines is an error of the policy, and so is recursion. There is no `http.send`
//! and nothing else that reaches out; the time is the caller's. The engine works on
//! a thread of its own, with stack enough to recurse over policy and input; one that
//! is late is left behind, and ends with the process. That is for policies that the
//! user of a command wrote: a service needs more than this.

mod error;
mod functions;
mod names;

use jiff::Timestamp;
use regorus::{
    Engine, PolicyLengthConfig,
    utils::limits::{ExecutionTimerConfig, TimeSource, set_time_source},
};
use serde_json::Value;
use std::{
    num::{NonZeroU32, NonZeroUsize},
    sync::{LazyLock, mpsc},
    thread,
    time::{Duration, Instant},
};

pub use error::RegoError;

use crate::Budget;

/// Bytes of the stack that parses and evaluates.
const STACK: usize = 64 << 20;
/// Brackets within brackets: the parser's work doubles with each.
const NESTING: usize = 16;
/// Columns of a line: generated policies have long ones.
const COLUMNS: NonZeroU32 = NonZeroU32::MIN.saturating_add(1 << 16);
/// After so many steps the clock is read.
const STEPS: NonZeroU32 = NonZeroU32::MIN.saturating_add(63);

/// The source text of one module, and what it is called in messages.
#[derive(Clone, Copy, Debug)]
pub struct Module<'a> {
    /// Its name, such as that of its file.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// Modules that were read and found sound.
pub struct Policy {
    engine: Engine,
    budget: Budget,
}

/// What a query gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Nothing: no such rule, or none that applies.
    Undefined,
    /// A value.
    Value(Value),
}

impl Policy {
    /// Reads modules.
    ///
    /// # Errors
    /// [`RegoError`] if they are too long, no Rego, or call what is not there.
    pub fn parse(modules: &[Module<'_>], budget: Budget) -> Result<Self, RegoError> {
        let bytes = modules.iter().map(|module| module.text.len()).sum();
        within("policy", bytes, budget.source_bytes)?;
        let owned = |module: &Module<'_>| (module.name.to_owned(), module.text.to_owned());
        let modules: Vec<_> = modules.iter().map(owned).collect();
        if modules.iter().any(|(_, text)| nesting(text) > NESTING) {
            return Err(RegoError::TooDeep(NESTING));
        }
        let engine = in_time(budget.time, move || {
            let mut engine = engine(&budget);
            for (name, text) in modules {
                engine
                    .add_policy(name, text)
                    .map_err(|error| RegoError::Syntax(error.to_string()))?;
            }
            names::check(&engine)?;
            Ok(engine)
        })?;
        Ok(Self { engine, budget })
    }

    /// What the rule at `path`, such as `data.signature.allow`, says of `input`.
    ///
    /// # Errors
    /// [`RegoError`] if it cannot be said, or not within the budget.
    pub fn ask(&self, path: &str, input: &Value, now: Timestamp) -> Result<Answer, RegoError> {
        let text = input.to_string();
        within("input", text.len(), self.budget.input_bytes)?;
        let (engine, path) = (self.engine.clone(), path.to_owned());
        in_time(self.budget.time, move || evaluate(engine, path, &text, now))
    }
}

fn evaluate(
    mut engine: Engine,
    path: String,
    input: &str,
    now: Timestamp,
) -> Result<Answer, RegoError> {
    let failed = |error: &dyn std::fmt::Display| RegoError::Evaluation(error.to_string());
    functions::add(&mut engine, now).map_err(|error| failed(&error))?;
    engine
        .set_input_json(input)
        .map_err(|error| failed(&error))?;
    let found = engine
        .eval_query(path, false)
        .map_err(|error| failed(&error))?;
    let value = match found.result.as_slice() {
        [] => return Ok(Answer::Undefined),
        [one] => match one.expressions.as_slice() {
            [expression] => &expression.value,
            _ => return Err(failed(&"the query is of several parts")),
        },
        _ => return Err(failed(&"the query has several answers")),
    };
    if *value == regorus::Value::Undefined {
        return Ok(Answer::Undefined);
    }
    let json = value.to_json_str().map_err(|error| failed(&error))?;
    serde_json::from_str(&json)
        .map(Answer::Value)
        .map_err(|error| failed(&error))
}

impl Answer {
    /// Whether it is the value `true`, which alone allows.
    pub fn is_true(&self) -> bool {
        *self == Self::Value(Value::Bool(true))
    }
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy")
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

/// What the engine reads for its time limit; without `std` it has no clock.
struct Clock;

impl TimeSource for Clock {
    fn now(&self) -> Option<Duration> {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        Some(START.elapsed())
    }
}

fn engine(budget: &Budget) -> Engine {
    // The first one stays; it is this one.
    let _ = set_time_source(&Clock);
    let mut engine = Engine::new();
    engine.set_rego_v0(true);
    engine.set_strict_builtin_errors(false);
    // What a policy prints is gathered, and dropped: stdout is data.
    engine.set_gather_prints(true);
    engine.set_execution_timer_config(ExecutionTimerConfig {
        limit: budget.time,
        check_interval: STEPS,
    });
    let bytes = NonZeroUsize::MIN.saturating_add(budget.source_bytes);
    engine.set_policy_length_config(PolicyLengthConfig {
        max_col: COLUMNS,
        max_file_bytes: bytes,
        max_lines: bytes,
    });
    engine
}

fn within(what: &'static str, bytes: usize, limit: usize) -> Result<(), RegoError> {
    if bytes <= limit {
        Ok(())
    } else {
        Err(RegoError::TooLong { what, bytes, limit })
    }
}

/// How deep brackets stand within brackets, outside of strings and comments.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'(' | b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'#' => drop(bytes.find(|byte| *byte == b'\n')),
            b'`' => drop(bytes.find(|byte| *byte == b'`')),
            b'"' => {
                let mut escaped = false;
                let _ = bytes.find(|byte| {
                    let ends = *byte == b'"' && !escaped;
                    escaped = *byte == b'\\' && !escaped;
                    ends
                });
            }
            _ => {}
        }
    }
    deepest
}

/// Runs `work` on a thread with stack enough. A panic in it is an error, and so is
/// an answer that comes late: the engine's own alarm is an error that some rules
/// survive, and its parser has none.
fn in_time<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, RegoError> + Send + 'static,
) -> Result<T, RegoError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("rego".into())
        .stack_size(STACK)
        .spawn(move || drop(sender.send(work())))
        .map_err(RegoError::Thread)?;
    receiver.recv_timeout(limit).unwrap_or_else(|error| {
        Err(match error {
            mpsc::RecvTimeoutError::Timeout => RegoError::Time(limit),
            mpsc::RecvTimeoutError::Disconnected => RegoError::Crashed,
        })
    })
}

#[cfg(test)]
mod tests;
