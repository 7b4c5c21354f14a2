//! The stable codes that reasons of a decision carry.
//!
//! Codes are never reused and never change their meaning. What stands here is
//! the page that `bulla explain CODE` prints: what it means, how it comes about.

/// A rule is satisfied; the reason says by what.
pub const SATISFIED: &str = "POLICY-0009";
/// The policy does not speak about this image: none of the patterns under
/// `spec.images` matches its registry and repository. Usual causes: another
/// registry, a repository below a sub-folder (`*` does not cross a slash, `**`
/// does), or a policy that was written for something else.
pub const IMAGE: &str = "POLICY-0010";
/// The image comes from a registry that the rule does not list. Host and port are
/// compared exactly; nothing was fetched from there.
pub const REGISTRY: &str = "POLICY-0011";
/// There is nothing that the rule could be decided on: no statement of the type
/// that it asks for refers to this digest. Often the image was pushed by another
/// tool than `bulla ship`, or its bundles were left behind when it was copied.
pub const ABSENT: &str = "POLICY-0012";
/// The statement is signed, and its signature holds, but whoever signed is not
/// one of those who may say so. A person cannot vouch for a build or a scan, nor
/// a service for a release.
pub const SIGNER: &str = "POLICY-0013";
/// Signed by the right name of the right issuer, under another trust root. Any
/// authority can write any name into a certificate, so a name counts only under
/// the root that the policy names.
pub const ROOT: &str = "POLICY-0014";
/// Signed by the right name, as another issuer authenticated it. An asserted
/// identity and one that logged in have different issuers on purpose.
pub const ISSUER: &str = "POLICY-0015";
/// Fewer distinct identities signed than the rule asks for. Several signatures by
/// one identity count once, however its address is spelled.
pub const THRESHOLD: &str = "POLICY-0016";
/// Evidence could not be had, so the rule is open; what is open is not allowed.
/// The code in brackets at the end of the text says what failed.
pub const INCOMPLETE: &str = "POLICY-0018";
/// The signed statement lacks a field that the rule compares, or holds something
/// else there. It was written by another tool, or for another version.
pub const PREDICATE: &str = "POLICY-0019";
/// The provenance names a builder for which its signer may not speak: the policy
/// lists the builder ids of each signer.
pub const BUILDER: &str = "POLICY-0020";
/// The provenance is of a build type that the rule does not list.
pub const BUILD_TYPE: &str = "POLICY-0021";
/// The provenance names no commit for its source, or something that is not the
/// full id of one.
pub const COMMIT: &str = "POLICY-0022";
/// The source held changes that no commit holds: it was built with
/// `--allow-dirty`. Nobody else can build the same again.
pub const DIRTY: &str = "POLICY-0023";
/// The commit's own signature is invalid, or is not there although the policy
/// requires one by an allowed signer.
pub const SOURCE_SIGNATURE: &str = "POLICY-0024";
/// The build ran in a weaker isolation level than the policy asks for; levels are,
/// weakest first, none, landlock, namespaces.
pub const ISOLATION: &str = "POLICY-0025";
/// A finding at or above the gate. A newer version of the package mends it, or a
/// VEX statement (`not_affected`, with a justification) by somebody whom the
/// policy names explains why it does not matter.
pub const FINDING: &str = "POLICY-0026";
/// The advisory data of the scan is older than the policy allows, dated in the
/// future, or not dated at all.
pub const DATABASE_AGE: &str = "POLICY-0027";
/// The scan had no advisory data for an ecosystem of which the image holds
/// components. That is not the same as "no findings": nobody looked.
pub const COVERAGE: &str = "POLICY-0028";
/// The attested inventory is not a document of a format that the rule accepts.
pub const SBOM: &str = "POLICY-0029";
/// The source comes from a repository that the rule does not list.
pub const REPOSITORY: &str = "POLICY-0030";
/// `bulla.toml` asks for less than the instance's policy. The tree under judgement
/// may make its judge stricter, never milder.
pub const LOOSENS: &str = "POLICY-0031";
