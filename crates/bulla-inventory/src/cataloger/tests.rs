use super::*;
use crate::{
    binary::tests::{elf, go_build},
    inventory::SourcePackage,
    tree::tests::{Put, archive, tree_of},
};
use std::io::Write as _;

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// A small image with something of everything.
pub(crate) fn image() -> FileTree {
    let list = br#"{"packages":[
        {"name":"hello","version":"0.1.0","source":"local","root":true},
        {"name":"itoa","version":"1.0.1","source":"crates.io"},
        {"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"}]}"#;
    let modules = "path\tx\nmod\tx\t(devel)\t\ndep\tgithub.com/A/b\tv1.2.3\th1:x=\n\
                   dep\told.example/c\tv1.0.0\n=>\tnew.example/c\tv1.0.1\th1:y=\n";
    let crates = elf(&[(".dep-v0", &zlib(list))]);
    let go = elf(&[(".go.buildinfo", &go_build("go1.22.3", modules))]);
    let status = b"Package: libx1\nStatus: install ok installed\nArchitecture: amd64\n\
        Source: x (2.0-1)\nVersion: 2.0-1+b2\nDescription: words\n more: words\n\n\
        Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\
        Package: python3-six\nStatus: install ok installed\nArchitecture: all\nVersion: 1.16.0-4\n";
    tree_of(&[archive(&[
        Put::File(
            "etc/os-release",
            b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n",
        ),
        Put::File("var/lib/dpkg/status", status),
        Put::File(
            "var/lib/dpkg/info/libx1:amd64.list",
            b"/.\n/lib\n/lib/x.so\n/usr/share/doc/libx1/copyright\n/missing\n",
        ),
        Put::File(
            "var/lib/dpkg/info/python3-six.list",
            b"/usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA\n",
        ),
        Put::File(
            "usr/share/doc/libx1/copyright",
            b"Format: dep5\n\nFiles: *\nLicense: MIT\n",
        ),
        Put::Folder("usr/lib"),
        Put::Soft("lib", "usr/lib"),
        Put::File("usr/lib/x.so", &elf(&[])),
        Put::File(
            "usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA",
            b"Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\nLicense: MIT\n\nName: not this\n",
        ),
        Put::File(
            "opt/venv/lib/flask-3.0.0.dist-info/METADATA",
            b"Name: Flask\nVersion: 3.0.0\nClassifier: License :: OSI Approved :: BSD License\n",
        ),
        Put::File(
            "opt/venv/lib/flask-3.0.0.dist-info/RECORD",
            b"flask/app.py,sha256=x,1\n\"flask/a,b.py\",,\n../bin/flask,,\nmissing.py,,\n",
        ),
        Put::File("opt/venv/lib/flask/app.py", b"app"),
        Put::File("opt/venv/lib/flask/a,b.py", b"ab"),
        Put::File("opt/venv/bin/flask", b"#!"),
        Put::File(
            "app/node_modules/@s/p/package.json",
            br#"{"name":"@s/p","version":"1.0.0","license":"ISC"}"#,
        ),
        Put::File("app/node_modules/@s/p/lib/index.js", b"js"),
        Put::File(
            "app/node_modules/@s/p/node_modules/q/package.json",
            br#"{"name":"q","version":"2.0.0"}"#,
        ),
        Put::File("app/node_modules/@s/p/node_modules/q/q.js", b"q"),
        Put::File("app/node_modules/bad/package.json", b"{"),
        Put::File("app/node_modules/@s/p/fixtures/package.json", b"{"),
        Put::File("usr/bin/hello", &crates),
        Put::File("usr/bin/gotool", &go),
        Put::File("etc/hostname", b"box"),
    ])])
    .unwrap()
}

fn keys(inventory: &Inventory) -> Vec<String> {
    inventory.components.iter().map(Component::key).collect()
}

#[test]
fn everything_that_is_installed_is_found() {
    let inventory = catalog(&image());
    let expected = [
        "cargo:hello@0.1.0",
        "pkg:cargo/itoa@1.0.1",
        "pkg:deb/debian/libx1@2.0-1%2Bb2?arch=amd64&distro=debian-12&upstream=x%402.0-1",
        "pkg:deb/debian/python3-six@1.16.0-4?arch=all&distro=debian-12",
        "pkg:golang/github.com/a/b@v1.2.3",
        "pkg:golang/new.example/c@v1.0.1",
        "pkg:golang/stdlib@1.22.3",
        "pkg:npm/%40s/p@1.0.0",
        "pkg:npm/q@2.0.0",
        "pkg:pypi/flask@3.0.0",
        "pkg:pypi/six@1.16.0",
    ];
    assert_eq!(keys(&inventory), expected);
    let find = |name: &str| {
        inventory
            .components
            .iter()
            .find(|c| c.name == name)
            .unwrap()
    };
    let source = SourcePackage {
        name: "x".into(),
        version: "2.0-1".into(),
    };
    assert_eq!(find("libx1").source, Some(source));
    assert_eq!(find("libx1").licenses, ["MIT"]);
    assert_eq!(find("libx1").release.as_deref(), Some("debian-12"));
    assert_eq!(find("github.com/A/b").found_in, ["usr/bin/gotool"]);
    assert_eq!(find("Flask").licenses, ["BSD License"]);
    // Debian's copy is Debian's business; the one in the venv is Python's.
    assert_eq!(find("six").part_of.as_ref().unwrap().name(), "python3-six");
    assert_eq!(find("Flask").part_of, None);
}

#[test]
fn every_file_is_accounted_for() {
    let tree = image();
    let inventory = catalog(&tree);
    assert_eq!(inventory.files.len(), tree.files().count());
    let owner = |path: &str| {
        let file = inventory.files.iter().find(|f| f.path == path).unwrap();
        file.owner.map(|at| inventory.components[at].name.as_str())
    };
    assert_eq!(owner("usr/lib/x.so"), Some("libx1"));
    assert_eq!(owner("var/lib/dpkg/info/libx1:amd64.list"), Some("libx1"));
    assert_eq!(owner("opt/venv/bin/flask"), Some("Flask"));
    assert_eq!(owner("opt/venv/lib/flask/a,b.py"), Some("Flask"));
    assert_eq!(owner("app/node_modules/@s/p/lib/index.js"), Some("@s/p"));
    assert_eq!(
        owner("app/node_modules/@s/p/node_modules/q/q.js"),
        Some("q")
    );
    assert_eq!(owner("usr/bin/hello"), None);
    assert_eq!(owner("etc/hostname"), None);
    let accounting = inventory.accounting();
    assert_eq!(accounting.files, accounting.owned + accounting.listed);
    assert_eq!(accounting.listed, inventory.own_files().count());
}

#[test]
fn what_cannot_be_read_is_said() {
    let inventory = catalog(&image());
    let paths: Vec<&str> = inventory.problems.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["app/node_modules/bad/package.json"]);
    let bad = elf(&[(".dep-v0", b"not zlib")]);
    let tree = tree_of(&[archive(&[Put::File("x", &bad)])]).unwrap();
    assert_eq!(catalog(&tree).problems.len(), 1);
}

#[test]
fn a_program_that_is_too_large_to_look_into_is_said() {
    use crate::{LayerStack, TreeLimits};
    let limits = TreeLimits {
        program_bytes: 1000,
        ..TreeLimits::default()
    };
    let mut stack = LayerStack::new(limits);
    let large = [elf(&[]), vec![0; 1000]].concat();
    stack
        .push(archive(&[Put::File("x", &large)]).as_slice())
        .unwrap();
    let inventory = catalog(&stack.finish());
    assert_eq!(
        inventory.files[0].digest,
        bulla_core::Digest::sha256(&large)
    );
    assert_eq!(inventory.problems.len(), 1);
}

/// A crate list that decompresses to far more than any program has.
#[test]
fn a_compression_bomb_in_a_program_is_stopped() {
    let section = zlib(&vec![b' '; 9 << 20]);
    assert!(cargo::parse_crate_list(&section).is_err());
}

#[test]
fn alpine_packages_own_their_files() {
    let installed = b"C:Q1x=\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld-musl.so\n\n\
        P:libssl3\nV:3.1.4-r5\nA:x86_64\nL:Apache-2.0\no:openssl\nF:lib\nR:libssl.so.3\n";
    let tree = tree_of(&[archive(&[
        Put::File("etc/os-release", b"ID=alpine\nVERSION_ID=3.19.1\n"),
        Put::File("lib/apk/db/installed", installed),
        Put::File("lib/ld-musl.so", b"x"),
        Put::File("lib/libssl.so.3", b"y"),
    ])])
    .unwrap();
    let inventory = catalog(&tree);
    let expected = [
        "pkg:apk/alpine/libssl3@3.1.4-r5?arch=x86_64&distro=alpine-3.19&upstream=openssl",
        "pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.19",
    ];
    assert_eq!(keys(&inventory), expected);
    let own: Vec<&str> = inventory.own_files().map(|f| f.path.as_str()).collect();
    assert_eq!(own, ["etc/os-release", "lib/apk/db/installed"]);
}

#[test]
fn cargo_lock_names_what_was_published() {
    let sum = "0123456789abcdef".repeat(4);
    let lock = format!(
        "version = 4\n[[package]]\nname = \"mine\"\nversion = \"0.1.0\"\n\
         [[package]]\nname = \"itoa\"\nversion = \"1.0.1\"\n\
         source = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"{sum}\"\n\
         [[package]]\nname = \"fork\"\nversion = \"2.0.0\"\nsource = \"git+https://example.com/f#abc\"\n"
    );
    let inventory = catalog_lock_file("Cargo.lock", lock.as_bytes()).unwrap();
    let expected = [
        "cargo:mine@0.1.0",
        "pkg:cargo/fork@2.0.0?vcs_url=git%2Bhttps:%2F%2Fexample.com%2Ff%23abc",
        "pkg:cargo/itoa@1.0.1",
    ];
    assert_eq!(keys(&inventory), expected);
    assert_eq!(inventory.components[2].digests[0].hex(), sum);
    assert!(
        inventory
            .components
            .iter()
            .all(|c| c.origin == Origin::Build)
    );
}

#[test]
fn go_mod_replacements_are_followed() {
    let text = b"module example.com/x // ours\n\ngo 1.22\n\nrequire (\n\tgithub.com/a/b v1.0.0\n\
        \tgithub.com/c/d v1.1.0 // indirect\n\te.example/f v0.1.0\n)\n\
        replace github.com/c/d => github.com/c/fork v1.1.1\nreplace e.example/f => ../f\n";
    let inventory = catalog_lock_file("sub/go.mod", text).unwrap();
    let expected = [
        "golang:e.example/f@",
        "pkg:golang/github.com/a/b@v1.0.0",
        "pkg:golang/github.com/c/fork@v1.1.1",
    ];
    assert_eq!(keys(&inventory), expected);
}

#[test]
fn npm_locks_of_all_versions() {
    let third = br#"{"lockfileVersion":3,"packages":{"":{"name":"app"},
        "node_modules/@s/p":{"version":"1.0.0","integrity":"sha512-AAAA","license":"MIT"},
        "node_modules/@s/p/node_modules/q":{"version":"2.0.0"},
        "node_modules/alias":{"name":"real","version":"3.0.0"},
        "node_modules/ours":{"link":true,"resolved":"packages/ours"},"packages/ours":{"version":"0.0.1"}}}"#;
    let expected = [
        "pkg:npm/%40s/p@1.0.0",
        "pkg:npm/q@2.0.0",
        "pkg:npm/real@3.0.0",
    ];
    assert_eq!(
        keys(&catalog_lock_file("package-lock.json", third).unwrap()),
        expected
    );
    let first = br#"{"lockfileVersion":1,"dependencies":{"@s/p":{"version":"1.0.0",
        "dependencies":{"q":{"version":"2.0.0"}}},"alias":{"version":"npm:real@3.0.0"}}}"#;
    assert_eq!(
        keys(&catalog_lock_file("package-lock.json", first).unwrap()),
        expected
    );
}

#[test]
fn python_locks() {
    let sum = "ab".repeat(32);
    let requirements = format!(
        "# pinned\n--index-url https://example.com\nFlask[async]==3.0.0 ; python_version > '3' \\\n  \
         --hash=sha256:{sum}\nrequests>=2\nsix == 1.16.0\n"
    );
    let inventory = catalog_lock_file("requirements-dev.txt", requirements.as_bytes()).unwrap();
    assert_eq!(
        keys(&inventory),
        ["pkg:pypi/flask@3.0.0", "pkg:pypi/six@1.16.0"]
    );
    assert_eq!(inventory.components[0].digests[0].hex(), sum);
    assert_eq!(inventory.problems.len(), 1, "an unpinned line is said");
    let uv = b"version = 1\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\nsource = { virtual = \".\" }\n\
        [[package]]\nname = \"idna\"\nversion = \"3.6\"\nsource = { registry = \"https://example.com\" }\n";
    let inventory = catalog_lock_file("uv.lock", uv).unwrap();
    assert_eq!(keys(&inventory), ["pkg:pypi/idna@3.6", "pypi:app@0.1.0"]);
}

#[test]
fn malformed_and_unknown_lock_files_are_errors() {
    for (path, content) in [
        ("Cargo.lock", "[[package]]\nname = 1\n"),
        ("go.mod", "require (\n"),
        ("package-lock.json", "{}"),
        ("package-lock.json", "["),
        ("poetry.lock", "package = 1"),
    ] {
        let error = catalog_lock_file(path, content.as_bytes()).unwrap_err();
        assert!(
            matches!(error, CatalogError::Malformed { .. }),
            "{path}: {error}"
        );
    }
    let error = catalog_lock_file("Gemfile.lock", b"").unwrap_err();
    assert_eq!(error.code().0, "INVENTORY-0031");
}

#[test]
fn locks_in_a_tree_are_input_of_a_build() {
    let lock = b"[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n";
    let tree = tree_of(&[archive(&[
        Put::File("x/Cargo.lock", lock),
        Put::File("y/go.mod", b"broken ("),
    ])])
    .unwrap();
    let inventory = catalog_locks(&tree);
    assert_eq!(inventory.components[0].found_in, ["x/Cargo.lock"]);
    assert_eq!(inventory.problems[0].path, "y/go.mod");
    assert!(
        catalog(&tree).components.is_empty(),
        "a lock file installs nothing"
    );
}

proptest::proptest! {
    #[test]
    fn parsers_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), text in "[ -~\n]{0,200}") {
        for input in [&bytes[..], text.as_bytes()] {
            dpkg::parse_status(input);
            dpkg::parse_copyright(input);
            apk::parse_installed(input);
            python::parse_metadata(input);
            os_release::parse(input);
            let _ = cargo::parse_crate_list(input);
            for name in ["Cargo.lock", "go.mod", "package-lock.json", "uv.lock", "requirements.txt"] {
                let _ = catalog_lock_file(name, input);
            }
            crate::binary::parse_go_build(input);
        }
        python::parse_requirements(&text);
        go::parse_modules(&text);
        let _ = go::parse_mod(&text);
    }
}
