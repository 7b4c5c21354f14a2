use std::{
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{ExitStatus, Output},
};

use super::{TARGETS, judge};
use crate::fuzz::targets;

fn said(code: i32, text: &str) -> Result<String, String> {
    let output = Output {
        status: ExitStatus::from_raw(code << 8),
        stdout: Vec::new(),
        stderr: text.as_bytes().to_vec(),
    };
    judge(&output, Path::new("artifacts/note")).map_err(|error| error.to_string())
}

const COVERAGE: &str = "INFO: Loaded 1 modules   (7 inline 8-bit counters): 7 [0x1, 0x8),\n";
const STATS: &str = "stat::number_of_executed_units: 1234\nstat::new_units_added:          56\n";

#[test]
fn a_run_says_how_far_it_came() {
    let whole = format!("{COVERAGE}{STATS}");
    assert_eq!(said(0, &whole).unwrap(), "1234 runs, 56 led further");
}

#[test]
fn a_run_that_proves_nothing_is_a_failure() {
    assert!(said(0, STATS).unwrap_err().contains("coverage"));
    assert!(said(0, COVERAGE).unwrap_err().contains("how far"));
    let whole = format!("{COVERAGE}{STATS}==7== ERROR: libFuzzer: deadly signal\n");
    let account = said(77, &whole).unwrap_err();
    assert!(account.contains("deadly signal") && account.contains("artifacts/note"));
}

#[test]
fn every_target_of_the_smoke_is_there() {
    let known = targets().unwrap();
    for name in TARGETS {
        assert!(known.iter().any(|target| target == name), "{name}");
    }
}
