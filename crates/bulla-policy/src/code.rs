//! The stable codes of this crate, with one line each for the error-code list.
//!
//! Codes are never reused and never change their meaning; a code that fell out
//! of use stays in the list.

/// A rule is satisfied; the reason says by what.
pub const SATISFIED: &str = "POLICY-0009";
/// The image is not one that the policy speaks about.
pub const IMAGE: &str = "POLICY-0010";
/// The registry is not allowed.
pub const REGISTRY: &str = "POLICY-0011";
/// Nothing was found that the rule could be decided on.
pub const ABSENT: &str = "POLICY-0012";
/// Signed, by an identity that the rule does not accept.
pub const SIGNER: &str = "POLICY-0013";
/// Signed by the right name under another trust root.
pub const ROOT: &str = "POLICY-0014";
/// Signed by the right name as another issuer gave it.
pub const ISSUER: &str = "POLICY-0015";
/// Fewer distinct identities than asked for.
pub const THRESHOLD: &str = "POLICY-0016";
/// Evidence could not be had, so the rule is open.
pub const INCOMPLETE: &str = "POLICY-0018";
/// The predicate lacks a field, or holds something else there.
pub const PREDICATE: &str = "POLICY-0019";
/// The builder named in the provenance is not allowed for this signer.
pub const BUILDER: &str = "POLICY-0020";
/// The build type is not allowed.
pub const BUILD_TYPE: &str = "POLICY-0021";
/// The provenance names no commit.
pub const COMMIT: &str = "POLICY-0022";
/// The source had changes that no commit holds.
pub const DIRTY: &str = "POLICY-0023";
/// The source's signature is not as required.
pub const SOURCE_SIGNATURE: &str = "POLICY-0024";
/// The build was not isolated enough.
pub const ISOLATION: &str = "POLICY-0025";
/// A finding at or above the gate.
pub const FINDING: &str = "POLICY-0026";
/// The advisory data is too old, or dated in the future.
pub const DATABASE_AGE: &str = "POLICY-0027";
/// An ecosystem was not covered by the scan.
pub const COVERAGE: &str = "POLICY-0028";
/// The inventory is not a document of an accepted format.
pub const SBOM: &str = "POLICY-0029";
/// The source repository is not allowed.
pub const REPOSITORY: &str = "POLICY-0030";
/// `bulla.toml` asks for less than the policy.
pub const LOOSENS: &str = "POLICY-0031";

/// Each code with what it means; the list that documentation is made of.
pub const ALL: &[(&str, &str)] = &[
    ("POLICY-0001", "the policy document cannot be read"),
    ("POLICY-0002", "the policy document is too large"),
    ("POLICY-0003", "the policy is of an unknown version or kind"),
    ("POLICY-0004", "the policy contradicts itself"),
    (
        "POLICY-0005",
        "the policy names the local instance, and there is none",
    ),
    (SATISFIED, "the rule is satisfied"),
    (IMAGE, "the policy does not speak about this image"),
    (REGISTRY, "the registry is not allowed"),
    (ABSENT, "there is no evidence for the rule"),
    (
        SIGNER,
        "signed by an identity that the rule does not accept",
    ),
    (ROOT, "signed by the right name under another trust root"),
    (ISSUER, "signed by the right name of another issuer"),
    (THRESHOLD, "signed by too few distinct identities"),
    (INCOMPLETE, "evidence could not be had"),
    (
        PREDICATE,
        "the signed statement lacks what the rule compares",
    ),
    (BUILDER, "the named builder is not allowed for this signer"),
    (BUILD_TYPE, "the build type is not allowed"),
    (COMMIT, "the provenance names no commit"),
    (DIRTY, "the source was changed after its commit"),
    (
        SOURCE_SIGNATURE,
        "the source's signature is not as required",
    ),
    (ISOLATION, "the build was not isolated enough"),
    (FINDING, "a finding at or above the gate"),
    (DATABASE_AGE, "the advisory data is too old"),
    (COVERAGE, "an ecosystem was not covered by the scan"),
    (SBOM, "the inventory is not of an accepted format"),
    (REPOSITORY, "the source repository is not allowed"),
    (LOOSENS, "bulla.toml asks for less than the policy"),
    (
        "POLICY-0032",
        "bulla.toml has a policy key that does not exist",
    ),
    (
        "POLICY-0033",
        "a policy key of bulla.toml has a value of another kind",
    ),
    (
        "POLICY-0034",
        "the policy has no rule that the key could tighten",
    ),
];

#[cfg(test)]
mod tests {
    #[test]
    fn codes_are_unique_and_ordered() {
        let codes: Vec<_> = super::ALL.iter().map(|(code, _)| *code).collect();
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(codes, sorted);
    }
}
