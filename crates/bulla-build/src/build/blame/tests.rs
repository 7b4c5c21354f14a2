use super::*;
use proptest::prelude::*;

#[test]
fn finds_the_file_a_step_complained_about() {
    let known = |path: &Path| path.starts_with("/root");
    for (text, expected) in [
        (
            "cat: /root/secret: No such file or directory",
            Some("/root/secret"),
        ),
        (
            "cat: ../../secret: No such file or directory",
            Some("../../secret"),
        ),
        ("sh: 1: cannot open /root/a: No such file", Some("/root/a")),
        (
            "Error: ENOENT: no such file or directory, open '/root/x.json'",
            Some("/root/x.json"),
        ),
        (
            "error: couldn't read `/root/a.rs`: No such file or directory (os error 2)",
            Some("/root/a.rs"),
        ),
        ("cat: /nowhere/else: No such file or directory", None),
        ("wrote /root/fine", None),
        ("cat: local.txt: No such file or directory", None),
    ] {
        assert_eq!(file_outside(text, known).as_deref(), expected, "{text}");
    }
}

#[test]
fn finds_the_host_a_step_complained_about() {
    for (text, expected) in [
        (
            "curl: (6) Could not resolve host: example.com",
            Some("example.com"),
        ),
        (
            "fatal: unable to access 'https://git.example.org/a.git/': Could not resolve host: git.example.org",
            Some("git.example.org"),
        ),
        (
            "npm ERR! getaddrinfo EAI_AGAIN registry.example.net",
            Some("registry.example.net"),
        ),
        (
            "dial tcp 10.1.2.3:443: connect: network is unreachable",
            Some("10.1.2.3:443"),
        ),
        (
            "curl: (7) Failed to connect to 192.0.2.1 port 80 after 0 ms: Couldn't connect",
            Some("192.0.2.1:80"),
        ),
        (
            "curl: (7) Failed to connect to 127.0.0.1 port 80 after 0 ms: Couldn't connect",
            None,
        ),
        ("error in main.rs:3", None),
    ] {
        assert_eq!(host_outside(text).as_deref(), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,300}") {
        let _ = host_outside(&format!("name resolution {text}"));
        let _ = file_outside(&format!("not found {text}"), |_| true);
    }
}
