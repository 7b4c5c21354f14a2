//! The words around the journey: its first and last lines, and how a failing
//! stage tells why.

use bulla_core::Decision;

use super::Shipped;
use crate::{
    compose::Instance,
    context::Context,
    failure::Failure,
    journey::{chain::Stage, chain_text},
    output::talk::StageLine,
};

pub(super) fn greet(context: &Context, instance: &Instance) {
    let created = if instance.was_created() {
        "created, "
    } else {
        ""
    };
    let root = instance.ready().root.get(..12).unwrap_or_default();
    let how = if instance.is_served_here() {
        ""
    } else {
        ", through the running bulla up"
    };
    context.talk.say(&format!(
        "bulla {} · local instance {} ({created}root {root}{how})\n",
        env!("CARGO_PKG_VERSION"),
        instance.home().path().display()
    ));
}

pub(super) fn farewell(context: &Context, shipped: &Shipped) {
    let talk = &context.talk;
    talk.say(&format!("\n{}\n", chain_text::picture(&shipped.chain)));
    let build = shipped.chain.link(Stage::Build);
    if build.is_none_or(|link| link.evidence.is_none()) {
        talk.warn(
            "provenance is missing: nobody says which commit this image came from, or who built it",
        );
    }
    talk.say(&format!(
        " next: bulla explain {} · bulla up · bulla init  (in your project)",
        shipped.reference
    ));
}

/// Puts a failure into the line of its stage, so that it is not told twice.
pub(super) fn told(line: &StageLine, failure: Failure) -> Failure {
    line.fail(&failure.to_string());
    failure.silenced()
}

pub(super) fn policy_name(decision: &Decision) -> String {
    bulla_policy::deny_text::policy_name(decision)
}

#[allow(clippy::cast_precision_loss)]
pub(super) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// `41–44`, or each index where they do not follow one another.
pub(super) fn ranges(indexes: &[u64]) -> String {
    let mut sorted = indexes.to_vec();
    sorted.sort_unstable();
    match (sorted.first(), sorted.last()) {
        (Some(first), Some(last)) if last - first + 1 == sorted.len() as u64 && first != last => {
            format!("{first}–{last}")
        }
        _ => sorted
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    }
}
