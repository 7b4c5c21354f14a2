use std::path::Path;

use super::execute;
use crate::instance::tests::stand_in;

fn run(text: &str) {
    execute(Path::new("page.md"), text, &stand_in());
}

#[test]
fn a_page_is_one_session_in_a_repository() {
    run(
        "<!-- test: up -->\n<!-- test: needs sh -->\n<!-- $ word=all -->\n```console\n\
         $ bulla ship examples/hello; echo $word\nran ship examples/hello\nall\n\
         $ git log --oneline --format=%s\nSay hello\n\
         $ echo \"$REGISTRY\"\n127.0.0.1:9999\n```\n\
         ```console,exit=1\n$ bulla fail\n...\n```\n",
    );
}

/// The page must fail with `reason`; a page skips where there is no ssh-keygen.
fn refuses(text: &str, reason: &str) {
    if crate::require("ssh-keygen").is_none() {
        return;
    }
    let failure = std::panic::catch_unwind(|| run(text)).expect_err("the page passed");
    let said = failure.downcast_ref::<String>().expect("a text");
    assert!(said.contains(reason), "{said}");
}

#[test]
fn other_output_than_the_page_shows_is_an_error() {
    refuses(
        "```console\n$ bulla x\nsomething else\n```\n",
        "not found: something else",
    );
}

#[test]
fn another_exit_code_is_an_error() {
    refuses("```console\n$ bulla fail\n```\n", "ended with 1");
}
