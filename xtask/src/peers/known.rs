//! The peers by name, version and origin. Versions are pinned; nothing is "latest".

/// A foreign tool.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// What it is called here.
    pub name: &'static str,
    /// The pinned version (`apt`: whatever the distribution has).
    pub version: &'static str,
    /// The program below `bin/`.
    pub program: &'static str,
    /// Where it comes from.
    pub source: Source,
}

/// Where a peer comes from.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// A package of the distribution.
    Apt(&'static str),
    /// A Go package (its module's version is `v` and the peer's version).
    Go(&'static str),
    /// A Go package that needs a newer toolchain than the machine's.
    GoWith(&'static str, &'static str),
    /// A PyPI project, and what else its virtual environment holds.
    Pip(&'static str, &'static [&'static str]),
}

/// What `cargo xtask peers` and CI install.
pub const DEFAULT: &[&str] = &[
    "cosign",
    "cosign2",
    "crane",
    "distribution",
    "sigstore-python",
    "spdx-tools",
    "skopeo",
    "umoci",
    "mmdebstrap",
    "openssl",
    "gnupg",
    "softhsm2",
];

const fn peer(name: &'static str, version: &'static str, source: Source) -> Peer {
    Peer {
        name,
        version,
        program: name,
        source,
    }
}

const fn named(peer: Peer, program: &'static str) -> Peer {
    Peer { program, ..peer }
}

/// Every peer that can be installed, by name.
pub const KNOWN: &[Peer] = &[
    peer(
        "cosign",
        "3.1.3",
        Source::Go("github.com/sigstore/cosign/v3/cmd/cosign"),
    ),
    named(
        peer(
            "cosign2",
            "2.6.5",
            Source::Go("github.com/sigstore/cosign/v2/cmd/cosign"),
        ),
        "cosign",
    ),
    peer(
        "crane",
        "0.22.1",
        Source::Go("github.com/google/go-containerregistry/cmd/crane"),
    ),
    named(
        peer(
            "distribution",
            "3.1.2",
            Source::Go("github.com/distribution/distribution/v3/cmd/registry"),
        ),
        "registry",
    ),
    peer("fulcio", "1.8.8", Source::Go("github.com/sigstore/fulcio")),
    peer(
        "gitleaks",
        "8.30.1",
        Source::Go("github.com/zricethezav/gitleaks/v8"),
    ),
    named(peer("gnupg", "apt", Source::Apt("gnupg")), "gpg"),
    peer(
        "grype",
        "0.110.0",
        Source::Go("github.com/anchore/grype/cmd/grype"),
    ),
    peer("mmdebstrap", "apt", Source::Apt("mmdebstrap")),
    peer("openssl", "apt", Source::Apt("openssl")),
    peer(
        "osv-scanner",
        "2.6.0",
        Source::GoWith(
            "github.com/google/osv-scanner/v2/cmd/osv-scanner",
            "go1.27.4",
        ),
    ),
    named(
        peer(
            "rekor-tiles",
            "2.3.0",
            Source::GoWith(
                "github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix",
                "go1.27.4",
            ),
        ),
        "posix",
    ),
    named(
        peer("sigstore-python", "4.5.1", Source::Pip("sigstore", &[])),
        "sigstore",
    ),
    peer("skopeo", "apt", Source::Apt("skopeo")),
    named(
        peer("softhsm2", "apt", Source::Apt("softhsm2")),
        "softhsm2-util",
    ),
    named(
        peer(
            "spdx-tools",
            "0.8.5",
            Source::Pip("spdx-tools", &["jsonschema==4.26.0"]),
        ),
        "pyspdxtools",
    ),
    named(
        peer("softhsm2", "apt", Source::Apt("softhsm2")),
        "softhsm2-util",
    ),
    peer(
        "syft",
        "1.52.0",
        Source::Go("github.com/anchore/syft/cmd/syft"),
    ),
    // GNU time, for `cargo xtask bench verify`.
    peer("time", "apt", Source::Apt("time")),
    peer(
        "timestamp-server",
        "2.1.5",
        Source::Go("github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server"),
    ),
    peer("umoci", "apt", Source::Apt("umoci")),
    // For `cargo xtask order`.
    peer("valgrind", "apt", Source::Apt("valgrind")),
];
