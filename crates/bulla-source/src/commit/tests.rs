use super::*;
use proptest::prelude::*;

const TREE: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n";
const PARENT: &str = "parent 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n";
const AUTHOR: &str = "author A <a@x> 1700000000 +0100\n";
const COMMITTER: &str = "committer C D <c@x> 1700000001 -0000\n";

fn parse(parts: &[&str]) -> Result<CommitHeader, CommitError> {
    CommitHeader::parse(parts.concat().as_bytes())
}

#[test]
fn reads_every_part() {
    let signature = "gpgsig -----BEGIN X-----\n \n AAAA\n -----END X-----\n";
    let other = "gpgsig-sha256 -----BEGIN Y-----\n BBBB\n";
    let rest = "encoding utf-8\n";
    let header = parse(&[
        TREE,
        PARENT,
        PARENT,
        AUTHOR,
        COMMITTER,
        signature,
        other,
        rest,
        "\nhi\n\ngpgsig no\n",
    ])
    .unwrap();
    assert_eq!(header.parents.len(), 2);
    assert_eq!(header.committer.name, "C D");
    assert_eq!(header.committer.email, "c@x");
    assert_eq!(header.committed_at.as_second(), 1_700_000_001);
    assert_eq!(header.message, b"hi\n\ngpgsig no\n");
    let armour = "-----BEGIN X-----\n\nAAAA\n-----END X-----\n";
    assert_eq!(header.signature.as_deref(), Some(armour.as_bytes()));
    let without = [
        TREE,
        PARENT,
        PARENT,
        AUTHOR,
        COMMITTER,
        rest,
        "\nhi\n\ngpgsig no\n",
    ]
    .concat();
    assert_eq!(header.payload, without.as_bytes());
}

#[test]
fn a_signature_inside_another_header_is_not_the_commits() {
    let tag = "mergetag object 1\n gpgsig not mine\n -----BEGIN PGP SIGNATURE-----\n";
    let header = parse(&[TREE, AUTHOR, COMMITTER, tag, "\nm"]).unwrap();
    assert_eq!(header.signature, None);
}

/// gitsign checked a commit as its library wrote it anew. Here the bytes that are
/// checked are those of the object, and a second tree, of which git would take
/// one and a library the other, is refused wherever it stands.
#[test]
fn cve_2026_44309_a_commit_has_one_tree_and_is_not_written_anew() {
    let other = "tree 0000000000000000000000000000000000000001\n";
    for parts in [
        [TREE, other, AUTHOR, COMMITTER],
        [TREE, AUTHOR, other, COMMITTER],
        [TREE, AUTHOR, COMMITTER, other],
    ] {
        assert!(parse(&parts).is_err(), "{parts:?}");
    }
    // An odd spelling stays what it was.
    let odd = "x-odd  two  spaces \n";
    let header = parse(&[TREE, AUTHOR, COMMITTER, odd, "gpgsig a\n", "\nm"]).unwrap();
    let signed = [TREE, AUTHOR, COMMITTER, odd, "\nm"].concat();
    assert_eq!(header.payload, signed.as_bytes());
}

#[test]
fn refuses_what_git_would_not_write() {
    let refused = |parts: &[&str]| parse(parts).expect_err("refused");
    assert_eq!(refused(&[]), CommitError::Field { name: "tree" });
    assert_eq!(refused(&["tree 12\n"]), CommitError::Field { name: "tree" });
    assert_eq!(
        refused(&[TREE, COMMITTER]),
        CommitError::Field { name: "author" }
    );
    assert_eq!(
        refused(&[TREE, AUTHOR, PARENT]),
        CommitError::Field { name: "committer" }
    );
    let far = "committer C <c@x> 99999999999999 +0000\n";
    assert_eq!(
        refused(&[TREE, AUTHOR, far]),
        CommitError::Field { name: "committer" }
    );
    assert_eq!(
        refused(&[TREE, AUTHOR, COMMITTER, TREE]),
        CommitError::Twice { name: "tree" }
    );
    assert_eq!(
        refused(&[TREE, AUTHOR, COMMITTER, COMMITTER]),
        CommitError::Twice { name: "committer" }
    );
    let twice = "gpgsig a\nx y\ngpgsig b\n";
    assert_eq!(
        refused(&[TREE, AUTHOR, COMMITTER, twice]),
        CommitError::Twice { name: "gpgsig" }
    );
    assert_eq!(
        refused(&[TREE, AUTHOR, COMMITTER, "x a\0b\n"]),
        CommitError::Nul
    );
    let long = format!("gpgsig {}\n", "a".repeat(SIGNATURE_BYTES + 1));
    assert_eq!(
        refused(&[TREE, AUTHOR, COMMITTER, &long]),
        CommitError::SignatureSize
    );
}

proptest! {
    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = CommitHeader::parse(&bytes);
        let _ = CommitHeader::parse(&[TREE.as_bytes(), AUTHOR.as_bytes(), &bytes].concat());
    }

    /// Cutting a signature out gives back the commit as it was before signing.
    #[test]
    fn signing_and_cutting_are_inverse(
        lines in prop::collection::vec("[ -~]{0,30}", 1..6),
        message in "[ -~\n]{0,60}",
    ) {
        let unsigned = [TREE, AUTHOR, COMMITTER, "\n", &message].concat();
        let header = format!("gpgsig {}\n", lines.join("\n "));
        let signed = [TREE, AUTHOR, COMMITTER, &header, "\n", &message].concat();
        let parsed = CommitHeader::parse(signed.as_bytes()).unwrap();
        prop_assert_eq!(parsed.payload, unsigned.into_bytes());
        prop_assert_eq!(parsed.signature.unwrap(), format!("{}\n", lines.join("\n")).into_bytes());
    }
}
