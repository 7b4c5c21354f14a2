//! The document as TOML has it: names and types only, closed, with the place of
//! each value that is checked later.

use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) version: Spanned<i64>,
    pub(super) name: Spanned<String>,
    pub(super) fetch: Option<Fetch>,
    #[serde(default = "nothing")]
    pub(super) step: Spanned<Vec<Step>>,
    #[serde(default)]
    pub(super) limits: Limits,
    #[serde(default = "nothing")]
    pub(super) output: Spanned<Vec<Output>>,
    pub(super) image: Image,
    #[serde(default)]
    pub(super) policy: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fetch {
    pub(super) lock: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) name: Spanned<String>,
    pub(super) run: Spanned<Vec<String>>,
    #[serde(default = "nothing")]
    pub(super) env: Spanned<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) time: Option<Spanned<String>>,
    pub(super) memory: Option<Spanned<String>>,
    pub(super) processes: Option<Spanned<u64>>,
    pub(super) disk: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Output {
    pub(super) path: Spanned<String>,
    pub(super) to: Spanned<String>,
    pub(super) mode: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Image {
    pub(super) base: Option<Spanned<String>>,
    #[serde(default = "nothing")]
    pub(super) entrypoint: Spanned<Vec<String>>,
    pub(super) user: Option<Spanned<String>>,
    #[serde(default = "nothing")]
    pub(super) env: Spanned<BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}

fn nothing<T: Default>() -> Spanned<T> {
    Spanned::new(0..0, T::default())
}
