//! People who log in: `bulla user`, and the clients that send them to our issuer.
//!
//! cosign 3 and 2 by device and by browser, sigstore-python by browser, our own
//! client; the browser is curl, and once Chromium. Whatever they sign is verified for the login
//! issuer, and for nobody else.

mod browser;
mod chromium;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

use bulla_testkit::{Outcome, Shared, World, require};
use serde_json::Value;

use browser::{Browser, DANA, PASSWORD};
use chromium::Chromium;

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let shared = Shared::start();
    with_stdin(
        shared.world(),
        &["user", "add", DANA, "--password-stdin"],
        PASSWORD,
    )
    .success();
    shared
});

/// A `bulla` with something on its standard input.
fn with_stdin(world: &World, args: &[&str], text: &str) -> Outcome {
    let file = world.write("stdin.txt", text);
    let mut command = world.command(world.binary());
    command
        .args(args)
        .stdin(Stdio::from(File::open(&file).expect("it")));
    world.run(&mut command)
}

fn issuer() -> String {
    SHARED.instance().url("login").to_owned()
}

fn trust_file(name: &str) -> PathBuf {
    SHARED.instance().path(name)
}

/// A client that waits for a person, and what it says meanwhile.
struct Waiting {
    child: Child,
    log: PathBuf,
}

impl Waiting {
    fn start(command: &mut Command, name: &str) -> Self {
        let log = SHARED.world().root().join(format!("{name}.log"));
        let file = File::create(&log).expect("a log file");
        let child = command
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The first word that begins with `start`, once it is there whole.
    fn word(&mut self, file: &Path, start: &str) -> String {
        let began = Instant::now();
        loop {
            let text = fs::read_to_string(file).unwrap_or_default();
            let word = text
                .split_inclusive(char::is_whitespace)
                .find(|word| word.starts_with(start) && word.ends_with(char::is_whitespace));
            if let Some(word) = word {
                return word.trim().to_owned();
            }
            let ended = self.child.try_wait().expect("its state");
            let late = began.elapsed() > Duration::from_secs(60);
            assert!(ended.is_none() && !late, "{ended:?}:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn end(mut self) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                break status;
            }
            if began.elapsed() > Duration::from_secs(90) {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "{status}:\n{}", self.said());
    }
}

/// A folder on `PATH` whose `xdg-open` writes the address into a file.
fn fake_browser(name: &str) -> (PathBuf, PathBuf) {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = SHARED.folder(&format!("{name}-browser"));
    let (program, seen) = (folder.join("xdg-open"), folder.join("address"));
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$1\" > '{}'\n", seen.display());
    fs::write(&program, script).expect("a script");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
    (program, seen)
}

/// Enters the code as a person would.
fn allow_device(name: &str, code: &str) {
    let browser = Browser::new(SHARED.world(), name);
    let page = browser.open(&format!("{}/device", issuer()));
    let typed = [
        ("user_code", code),
        ("email", DANA),
        ("password", PASSWORD),
        ("action", "allow"),
    ];
    let page = browser.submit(&page, &typed);
    let (status, body) = (&page.status, &page.body);
    assert!(body.contains("You are logged in"), "{status} {body}");
}

/// The same command, at a terminal of its own.
fn at_a_terminal(command: &Command) -> Option<Command> {
    let script = require("script")?;
    let quoted = |word: &std::ffi::OsStr| {
        let word = word.to_str().expect("plain words");
        format!("'{}'", word.replace('\'', r"'\''"))
    };
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<_> = words.map(quoted).collect();
    let mut terminal = SHARED.world().command(script);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => terminal.env(name, value),
            None => terminal.env_remove(name),
        };
    }
    terminal.args(["-qec", &line.join(" "), "/dev/null"]);
    Some(terminal)
}

/// Logs in where the address leads, and goes where that leads.
fn log_in_at(name: &str, url: &str) {
    let browser = Browser::new(SHARED.world(), name);
    let page = browser.open(url);
    let answer = browser.log_in(&page);
    assert_eq!(answer.status, "303", "{}", answer.body);
    assert!(
        answer.location.starts_with("http://localhost:"),
        "{}",
        answer.location
    );
    browser.open(&answer.location);
}

struct Cosign {
    program: &'static str,
    folder: PathBuf,
}

impl Cosign {
    #[track_caller]
    fn new(program: &'static str, name: &str) -> Option<Self> {
        require(program)?;
        require("curl")?;
        let folder = SHARED.folder(name);
        fs::write(folder.join("notes.txt"), name).expect("a file");
        let cosign = Self { program, folder };
        if program == "cosign2" {
            let mut command = cosign.command("initialize");
            command
                .args(["--mirror", SHARED.instance().url("tuf"), "--root"])
                .arg(trust_file("tuf_root"));
            SHARED.world().run(&mut command).success();
        }
        Some(cosign)
    }

    fn command(&self, verb: &str) -> Command {
        let program = require(self.program).expect("it was there");
        let mut command = SHARED.instance().client(SHARED.world(), program);
        command.arg(verb).env("TUF_ROOT", self.folder.join("tuf"));
        command
    }

    fn sign(&self, more: &[&str]) -> Command {
        let mut command = self.command("sign-blob");
        command.arg("-y").args(more);
        if self.program == "cosign" {
            command
                .arg("--signing-config")
                .arg(trust_file("signing_config"))
                .arg("--trusted-root")
                .arg(trust_file("trusted_root"));
        } else {
            command
                .arg("--new-bundle-format")
                .args(["--fulcio-url", SHARED.instance().url("ca")])
                .args(["--rekor-url", SHARED.instance().url("log_v1")])
                .args(["--oidc-issuer", &issuer()]);
        }
        command.arg("--bundle").arg(self.folder.join("bundle.json"));
        command.arg(self.folder.join("notes.txt"));
        command
    }

    /// By the one who logged in, at the issuer where people log in.
    fn verify(&self) {
        let verify = |identity: &str, issuer: &str| {
            let mut command = SHARED.world().command(SHARED.world().binary());
            command
                .args(["verify-blob", "--certificate-identity", identity])
                .args(["--certificate-oidc-issuer", issuer, "--bundle"])
                .arg(self.folder.join("bundle.json"))
                .arg(self.folder.join("notes.txt"));
            SHARED.world().run(&mut command)
        };
        verify(DANA, &issuer()).success();
        // Who logged in is another than who only says so.
        verify(DANA, SHARED.instance().url("oidc")).exit(1);
        verify("erin@example.com", &issuer()).exit(1);
    }
}

fn by_device(program: &'static str, name: &str) {
    let Some(cosign) = Cosign::new(program, name) else {
        return;
    };
    let mut waiting = Waiting::start(&mut cosign.sign(&[]), name);
    let log = waiting.log.clone();
    let url = waiting.word(&log, &format!("{}/device?", issuer()));
    allow_device(name, url.split_once("user_code=").expect("a code").1);
    waiting.end();
    cosign.verify();
}

#[test]
fn cosign_3_without_a_terminal() {
    by_device("cosign", "device-cosign3");
}

#[test]
fn cosign_2_without_a_terminal() {
    by_device("cosign2", "device-cosign2");
}

/// `log_in` goes where an address leads, as the person whose login it is.
fn by_browser(program: &'static str, name: &str, log_in: impl FnOnce(&str)) {
    let Some(cosign) = Cosign::new(program, name) else {
        return;
    };
    let (opener, seen) = fake_browser(name);
    let Some(mut command) = at_a_terminal(&cosign.sign(&[])) else {
        return;
    };
    let path = std::env::var("PATH").unwrap_or_default();
    let folder = opener.parent().expect("a folder").display();
    command.env("PATH", format!("{folder}:{path}"));
    let mut waiting = Waiting::start(&mut command, name);
    let url = waiting.word(&seen, &format!("{}/auth?", issuer()));
    log_in(&url);
    waiting.end();
    cosign.verify();
}

#[test]
fn cosign_3_with_a_browser() {
    let name = "browser-cosign3";
    by_browser("cosign", name, |url| log_in_at(name, url));
}

#[test]
fn cosign_2_with_a_browser() {
    let name = "browser-cosign2";
    by_browser("cosign2", name, |url| log_in_at(name, url));
}

#[test]
fn cosign_3_with_chromium() {
    let Some(chromium) = require("chromium") else {
        return;
    };
    let world = World::new();
    by_browser("cosign", "chromium-cosign3", |url| {
        let mut browser = Chromium::start(&world, &chromium.display().to_string());
        browser.log_in(url, DANA, "not the password");
        let refused = browser.refused();
        assert!(refused.contains("password"), "{refused}");
        browser.log_in(url, DANA, PASSWORD);
        // The page's policy lets the form go on to whoever waits for the code.
        let arrived = browser.arrived("http://localhost:");
        assert!(arrived.contains("code="), "{arrived}");
    });
}

#[test]
fn cosign_3_as_a_machine() {
    let Some(cosign) = Cosign::new("cosign", "machine-cosign3") else {
        return;
    };
    let world = SHARED.world();
    let add = ["client", "add", "ci", "--grant", "client-credentials"];
    let added = world.bulla(add.iter().chain(&["--audience", "sigstore", "-o", "json"]));
    let added: Value = serde_json::from_str(&added.success().stdout).expect("JSON");
    let secret = world.write("ci-secret", added["secret"].as_str().expect("a secret"));
    let secret = secret.display().to_string();
    let mut command = cosign.sign(&[
        "--fulcio-auth-flow",
        "client_credentials",
        "--oidc-client-id",
        "ci",
        "--oidc-client-secret-file",
        &secret,
    ]);
    world.run(&mut command).success();
    let mut verify = world.command(world.binary());
    verify
        .arg("verify-blob")
        .args(["--certificate-identity", &format!("{}/client/ci", issuer())])
        .args(["--certificate-oidc-issuer", &issuer(), "--bundle"])
        .arg(cosign.folder.join("bundle.json"))
        .arg(cosign.folder.join("notes.txt"));
    world.run(&mut verify).success();
}

#[test]
fn sigstore_python_with_a_browser() {
    if require("sigstore").is_none() || require("curl").is_none() {
        return;
    }
    let name = "browser-python";
    let folder = SHARED.folder(name);
    let (file, bundle) = (folder.join("notes.txt"), folder.join("bundle.json"));
    fs::write(&file, name).expect("a file");
    let (opener, seen) = fake_browser(name);
    let program = require("sigstore").expect("it was there");
    let mut command = SHARED.instance().client(SHARED.world(), program);
    command
        .arg("--trust-config")
        .arg(trust_file("client_trust_config"))
        .args(["sign", "--bundle"])
        .arg(&bundle)
        .arg(&file)
        .env("BROWSER", format!("{} %s", opener.display()));
    let mut waiting = Waiting::start(&mut command, name);
    // It opens a page of its own, which sends the browser on.
    let own = waiting.word(&seen, "http://localhost:");
    let first = Browser::new(SHARED.world(), "browser-python-first").open(&own);
    log_in_at(name, &first.location);
    waiting.end();
    let mut verify = SHARED.world().command(SHARED.world().binary());
    verify
        .args(["verify-blob", "--certificate-identity", DANA])
        .args(["--certificate-oidc-issuer", &issuer(), "--bundle"])
        .arg(&bundle)
        .arg(&file);
    SHARED.world().run(&mut verify).success();
}

#[test]
fn users_are_managed_without_secrets_on_the_command_line() {
    let world = SHARED.world();
    let add = [
        "user",
        "add",
        "erin@example.com",
        "--group",
        "dev",
        "--password-stdin",
    ];
    with_stdin(world, &add, "short\n").exit(7).says("AUTH-0505");
    with_stdin(world, &add, "long enough, this one\n")
        .success()
        .says("erin@example.com  enabled");
    with_stdin(world, &add, "long enough, this one\n")
        .exit(7)
        .says("AUTH-0502");
    let begun = world.bulla(["user", "totp", "begin", "erin@example.com", "-o", "json"]);
    let begun: Value = serde_json::from_str(&begun.success().stdout).expect("JSON");
    assert!(
        begun["uri"]
            .as_str()
            .expect("a uri")
            .starts_with("otpauth://totp/bulla%20127.0.0.1:")
    );
    let confirm = [
        "user",
        "totp",
        "confirm",
        "erin@example.com",
        "--code-stdin",
    ];
    with_stdin(world, &confirm, "000000")
        .exit(7)
        .says("AUTH-0509");
    world
        .bulla(["user", "disable", "erin@example.com"])
        .success()
        .says("disabled");
    let list = world.bulla(["user", "list", "-o", "json"]);
    let list: Value = serde_json::from_str(&list.success().stdout).expect("JSON");
    let erin = &list["users"][1];
    assert_eq!(erin["enabled"], false);
    assert!(!list.to_string().contains("argon2"));
    world
        .bulla(["user", "disable", "nobody@example.com"])
        .exit(7)
        .says("AUTH-0527");
    // Nobody at the terminal, and nothing piped in.
    world
        .bulla(["user", "add", "eve@example.com"])
        .exit(2)
        .says("--password-stdin");
    let bad = [
        "client",
        "add",
        "x",
        "--grant",
        "authorization-code",
        "--redirect",
        "http://evil.example/",
    ];
    world.bulla(bad).exit(7).says("AUTH-0506");
    world
        .bulla(["client", "list"])
        .success()
        .says("sigstore  public");
}

#[test]
fn bulla_itself_logs_in_at_the_issuer() {
    if require("curl").is_none() {
        return;
    }
    let name = "device-bulla";
    let folder = SHARED.folder(name);
    let (file, bundle) = (folder.join("notes.txt"), folder.join("bundle.json"));
    fs::write(&file, name).expect("a file");
    let world = SHARED.world();
    let mut command = world.command(world.binary());
    command
        .args([
            "cosign",
            "sign-blob",
            "-y",
            "--fulcio-auth-flow",
            "device",
            "--signing-config",
        ])
        .arg(trust_file("signing_config"))
        .arg("--trusted-root")
        .arg(trust_file("trusted_root"))
        .arg("--bundle")
        .arg(&bundle)
        .arg(&file);
    let mut waiting = Waiting::start(&mut command, name);
    let log = waiting.log.clone();
    waiting.word(&log, &format!("{}/device", issuer()));
    let said = waiting.said();
    let code = said.split_once("code ").expect("a code").1;
    allow_device(name, code.split_whitespace().next().expect("a code"));
    waiting.end();
}
