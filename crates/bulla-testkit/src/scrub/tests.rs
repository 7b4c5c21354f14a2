use std::path::Path;

use super::scrub;

#[test]
fn what_differs_is_replaced_and_nothing_else() {
    let root = Path::new("/tmp/bulla-test-x");
    let text = " registry  ✓ 127.0.0.1:5610/hello:git-4be1d2a90c11  4 referrers     0.1 s  \n\
                in /tmp/bulla-test-x/home/.local, at 2026-11-21T10:00:00Z, data of 2026-11-20\n\
                sha256:71c0aa12be55 default@3d9f0c (6 rules) [TRUST-0031]";
    assert_eq!(
        scrub(text, root),
        " registry  ✓ 127.0.0.1:[PORT]/hello:git-[COMMIT]  4 referrers [DURATION]\n\
         in [HOME]/.local, at [TIME], data of [DATE]\n\
         sha256:[DIGEST] default@[HEX] (6 rules) [TRUST-0031]"
    );
}
