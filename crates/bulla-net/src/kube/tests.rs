//! Access files of every kind, and a server that demands a client certificate
//! (openssl's, with certificates of its making).

use bulla_testkit::require;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use super::{config::Access, *};

fn write(folder: &Path, cluster: &str, user: &str) -> Environment {
    let path = folder.join("config");
    let text = format!(
        "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
         clusters: [{{name: k, cluster: {{{cluster}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
    );
    fs::write(&path, text).unwrap();
    Environment::of([("KUBECONFIG", path)])
}

fn find(environment: &Environment) -> Result<Access, KubeError> {
    Access::find(environment, Path::new("/nowhere"))
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let server = "server: \"https://k:6443\"";
    for (cluster, user, named) in [
        (server, "exec: {command: aws}", "exec"),
        (server, "auth-provider: {name: gcp}", "auth-provider"),
        (server, "username: me, password: x", "username"),
        (server, "as: somebody, token: x", "as"),
        (
            "server: \"https://k\", insecure-skip-tls-verify: true",
            "",
            "insecure-skip-tls-verify",
        ),
        (
            "server: \"https://k\", proxy-url: \"http://p\"",
            "",
            "proxy-url",
        ),
        (
            "server: \"https://k\", tls-server-name: x",
            "",
            "tls-server-name",
        ),
        (
            server,
            "client-certificate-data: eA==",
            "a client certificate without key, or the reverse,",
        ),
    ] {
        let error = find(&write(folder.path(), cluster, user)).err().unwrap();
        assert!(
            matches!(&error, KubeError::Unsupported { what } if *what == named),
            "{named}: {error:?}"
        );
    }
    for (cluster, user) in [
        ("server: \"ftp://k\"", ""),
        ("server: k", ""),
        (server, "tokenFile: not-there"),
        (
            "server: \"https://k\", certificate-authority-data: \"?\"",
            "",
        ),
        (
            "server: \"https://k\", certificate-authority: not-there",
            "",
        ),
    ] {
        assert!(
            find(&write(folder.path(), cluster, user)).is_err(),
            "{cluster} {user}"
        );
    }
}

#[test]
fn the_first_file_that_says_something_holds() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let first = file(
        "first",
        "current-context: two\nusers: [{name: u, user: {token: t}}]",
    );
    let second = file(
        "second",
        "current-context: one\ncontexts: [{name: two, context: {cluster: k, user: u}}]\n\
         clusters: [{name: k, cluster: {server: \"https://k:6443/prefix/\"}}]\n\
         users: [{name: u, user: {token: other}}]",
    );
    let gone = folder.path().join("gone");
    let list = std::env::join_paths([&first, &gone, &second]).unwrap();
    let access = find(&Environment::of([("KUBECONFIG", list)])).unwrap();
    assert_eq!(access.server.as_str(), "https://k:6443/prefix/");
    assert_eq!(access.token.unwrap().as_str(), "t");
    let lone = find(&Environment::of([("KUBECONFIG", &second)]))
        .err()
        .unwrap();
    assert!(matches!(
        lone,
        KubeError::Missing {
            kind: "context",
            ..
        }
    ));
}

#[test]
fn a_pod_finds_its_cluster() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("token"), "abc\n").unwrap();
    fs::write(folder.path().join("ca.crt"), "pem").unwrap();
    let pod = Environment::of([
        ("KUBERNETES_SERVICE_HOST", "fd00::1"),
        ("KUBERNETES_SERVICE_PORT", "443"),
    ]);
    let access = Access::find(&pod, folder.path()).unwrap();
    assert_eq!(access.server.as_str(), "https://[fd00::1]/");
    assert_eq!(access.token.unwrap().as_str(), "abc");
    let nothing = Environment::default();
    assert!(matches!(
        find(&nothing).err().unwrap(),
        KubeError::NoCluster
    ));
}

/// `openssl s_server`, which gives files to who shows a certificate of the CA.
struct Demanding {
    folder: tempfile::TempDir,
    server: Child,
    port: String,
}

impl Demanding {
    fn start() -> Option<Self> {
        let openssl = require("openssl")?;
        let folder = tempfile::tempdir().unwrap();
        let run = |args: &str| {
            let made = Command::new(&openssl)
                .args(args.split(' '))
                .current_dir(folder.path())
                .output()
                .unwrap();
            assert!(made.status.success(), "{args}: {made:?}");
        };
        let key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
        run(&format!(
            "{key} -subj /CN=authority -keyout ca.key -out ca.pem"
        ));
        let made = "-CA ca.pem -CAkey ca.key -addext basicConstraints=CA:FALSE";
        run(&format!(
            "{key} -subj /CN=server {made} -addext subjectAltName=IP:127.0.0.1 -keyout server.key -out server.pem"
        ));
        run(&format!(
            "{key} -subj /CN=client {made} -keyout client.key -out client.pem"
        ));
        let secret: PathBuf = folder.path().join("api/v1/namespaces/signing/secrets");
        fs::create_dir_all(&secret).unwrap();
        let body = r#"{"metadata":{"name":"pair","namespace":"signing"},"data":{"x":"aGk="}}"#;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        fs::write(secret.join("pair"), answer).unwrap();
        let mut server = Command::new(&openssl)
            .args("s_server -HTTP -accept 127.0.0.1:0 -cert server.pem -key server.key".split(' '))
            .args("-CAfile ca.pem -Verify 1 -verify_return_error".split(' '))
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.ok()?;
            Some(line.strip_prefix("ACCEPT 127.0.0.1:")?.trim().to_owned())
        });
        // What it says further must go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self {
            folder,
            server,
            port: port.expect("a port"),
        })
    }

    fn ask(&self, cluster: &str, user: &str) -> Result<Option<Values>, KubeError> {
        let cluster = format!("server: \"https://127.0.0.1:{}\", {cluster}", self.port);
        let environment = write(self.folder.path(), &cluster, user);
        let cluster = Cluster::from_environment(&environment)?;
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(cluster.secret("signing", "pair"))
    }
}

impl Drop for Demanding {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_client_certificate_is_shown_and_the_server_is_checked() {
    let Some(server) = Demanding::start() else {
        return;
    };
    let ours = "certificate-authority: ca.pem";
    let me = "client-certificate: client.pem, client-key: client.key";
    let found = server.ask(ours, me).unwrap().unwrap();
    assert_eq!(found["x"].as_slice(), b"hi");
    let file = |name: &str| STANDARD.encode(fs::read(server.folder.path().join(name)).unwrap());
    let inline = format!(
        "client-certificate-data: {}, client-key-data: {}",
        file("client.pem"),
        file("client.key")
    );
    assert!(server.ask(ours, &inline).unwrap().is_some());
    // Without a certificate, and with a server that is not of this authority.
    assert!(matches!(server.ask(ours, ""), Err(KubeError::Http(_))));
    let other = "certificate-authority: client.pem";
    assert!(matches!(server.ask(other, me), Err(KubeError::Http(_))));
}
