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
    /// Packages of npm beside a Node of their own, and the script that is the program.
    Npm(&'static [&'static str], &'static str),
    /// A package of Debian's newest suite, unpacked and never installed.
    Sid(&'static str),
}

/// What `cargo xtask peers` and CI install.
pub const DEFAULT: &[&str] = &[
    "chromium",
    "cosign",
    "cosign2",
    "crane",
    "distribution",
    "faketime",
    "gnupg",
    "mmdebstrap",
    "notation",
    "openssl",
    "postgresql",
    "rekor-cli",
    "sigstore-js",
    "sigstore-python",
    "skopeo",
    "softhsm2",
    "spdx-tools",
    "umoci",
    "versitygw",
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
    // For the login page, as a person sees it.
    peer("chromium", "apt", Source::Apt("chromium")),
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
    // A library that shifts the clock of whoever loads it.
    peer("faketime", "apt", Source::Apt("faketime")),
    // Only for `cargo xtask bench log`.
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
    // Not served as a Go module.
    peer("notation", "1.3.2", Source::Sid("notation")),
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
        peer("postgresql", "apt", Source::Apt("postgresql")),
        "postgres",
    ),
    peer(
        "rekor-cli",
        "1.5.3",
        Source::Go("github.com/sigstore/rekor/cmd/rekor-cli"),
    ),
    // Only for `cargo xtask bench log`.
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
    // Its command line, and the library for scripts of our own.
    peer(
        "sigstore-js",
        "5.0.1",
        Source::Npm(
            &["sigstore@5.0.1", "@sigstore/cli@0.10.3"],
            "@sigstore/cli/bin/run",
        ),
    ),
    // Its Python also is the one with python-tuf.
    named(
        peer(
            "sigstore-python",
            "4.5.1",
            Source::Pip("sigstore", &["tuf==7.0.1"]),
        ),
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
    // The S3 server.
    peer(
        "versitygw",
        "1.8.0",
        Source::Go("github.com/versity/versitygw/cmd/versitygw"),
    ),
];
