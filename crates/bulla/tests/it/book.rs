//! Every page of the book that shows commands: they are run, and print what it says.
//!
//! One test for each page, so that they run side by side; a page without a test
//! is itself a failure.

use bulla_testkit::document;

macro_rules! pages {
    ($($name:ident: $page:literal,)*) => {
        $(
            #[test]
            fn $name() {
                document::run($page);
            }
        )*

        #[test]
        fn every_page_with_commands_is_run() {
            assert_eq!(document::pages(), [$($page),*]);
        }
    };
}

pages! {
    ceremony: "docs/src/guide/ceremony.md",
    first_ship: "docs/src/guide/first-ship.md",
    from_cosign: "docs/src/guide/from-cosign.md",
    login: "docs/src/guide/login.md",
    other_tools: "docs/src/guide/other-tools.md",
    own_project: "docs/src/guide/own-project.md",
    revoke: "docs/src/guide/revoke.md",
    sign_and_verify: "docs/src/guide/sign-and-verify.md",
    tampering: "docs/src/guide/tampering.md",
}
