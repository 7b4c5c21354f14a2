use super::{Counts, Transcript};

fn read(text: &str) -> (Transcript, Vec<String>) {
    let mut transcript = Transcript::default();
    let shown = text.lines().filter_map(|l| transcript.line(l)).collect();
    transcript.end();
    (transcript, shown)
}

const RUN: &str = "\
     Running unittests src/lib.rs (target/debug/deps/bulla_core-12ab)

running 4 tests
test a ... ok
test b ... ok
test c ... FAILED
test d ... ignored, needs a moon

successes:

---- b stdout ----
SKIP b: no cosign
SKIP b: no crane

successes:
    a
    b

failures:

---- c stdout ----
thread 'c' panicked

failures:
    c

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s
";

#[test]
fn a_skip_counts_once_and_not_as_passed() {
    let (transcript, shown) = read(RUN);
    assert_eq!(
        transcript.counts(),
        Counts {
            passed: 1,
            failed: 1,
            skipped: 2
        }
    );
    let skips: Vec<String> = transcript.skips().collect();
    assert_eq!(
        skips,
        [
            "bulla-core src/lib.rs b: no cosign; no crane",
            "bulla-core src/lib.rs d: needs a moon"
        ]
    );
    assert!(shown.iter().any(|line| line.contains("panicked")));
}

#[test]
fn a_program_that_dies_has_failed() {
    let (transcript, _) = read(
        "     Running tests/it/main.rs (target/debug/deps/it-99)\nrunning 3 tests\ntest a ... ok\n\
         error: test failed, to rerun pass `--test it`\n     Running x (target/debug/deps/x-1)\n",
    );
    assert_eq!(transcript.counts().failed, 2);
}

#[test]
fn documentation_is_a_program_too() {
    let (transcript, _) = read(
        "   Doc-tests bulla_core\n\nrunning 1 test\ntest crates/a.rs - x (line 3) ... ok\n\n\
         test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s\n",
    );
    assert_eq!(transcript.counts().passed, 1);
}
