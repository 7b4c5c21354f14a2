//! A timestamp authority behind TLS that asks for a certificate and is known by
//! another name than its address.

use super::{Pair, blobs::UNLOGGED, keyless, registries::certificates};
use bulla_testkit::{Outcome, World, require};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::WebPkiClientVerifier,
    },
};

/// The name that each client asked for, and the host that it named.
type Seen = Mutex<Vec<(Option<String>, String)>>;

/// TLS before a plain server of this machine.
struct Door {
    address: SocketAddr,
    seen: Arc<Seen>,
    _runtime: Runtime,
}

impl Door {
    fn before(world: &World, server: &str) -> Self {
        let file = |name: &str| std::fs::read(world.dir().join(name)).unwrap();
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(&file("ca.pem")).unwrap();
        roots.add(ca).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let own = CertificateDer::from_pem_slice(&file("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&file("server.key")).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(vec![own], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Seen> = Arc::default();
        let (server, noted) = (server.to_owned(), seen.clone());
        runtime.spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (acceptor, server, noted) = (acceptor.clone(), server.clone(), noted.clone());
                tokio::spawn(async move { serve(client, acceptor, &server, &noted).await });
            }
        });
        Self {
            address,
            seen,
            _runtime: runtime,
        }
    }
}

/// Hands one connection through; the server behind hears its own name as host.
async fn serve(
    client: TcpStream,
    acceptor: TlsAcceptor,
    server: &str,
    seen: &Seen,
) -> io::Result<()> {
    let mut client = acceptor.accept(client).await?;
    let name = client.get_ref().1.server_name().map(str::to_owned);
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let (mut host, mut sent) = (String::new(), String::new());
    for line in head.lines().take_while(|line| !line.is_empty()) {
        match line.to_ascii_lowercase().strip_prefix("host:") {
            Some(named) => host = named.trim().to_owned(),
            None => sent.push_str(&format!("{line}\r\n")),
        }
    }
    sent.push_str(&format!("host: {server}\r\nconnection: close\r\n\r\n"));
    seen.lock().unwrap().push((name, host));
    let mut behind = TcpStream::connect(server).await?;
    behind.write_all(sent.as_bytes()).await?;
    copy_bidirectional(&mut client, &mut behind).await?;
    Ok(())
}

#[test]
fn a_timestamp_authority_that_asks_for_a_certificate_gets_it() {
    let Some(cosign) = require("cosign") else {
        return;
    };
    let Some(pair) = Pair::new() else {
        return;
    };
    let world = &pair.world;
    if !certificates(world, "DNS:tsa.internal") {
        return;
    }
    let tsa = keyless::SHARED.instance().url("tsa");
    let (_, rest) = tsa.split_once("://").unwrap();
    let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
    let door = Door::before(world, server);
    let url = format!("https://{}/{path}", door.address);
    let root = keyless::path("trusted_root");
    world.write("notes.txt", "all there\n");
    let run = |ours: bool, args: &[&str]| -> Outcome {
        let binary = world.binary();
        let mut command = world.command(if ours { &binary } else { &cosign });
        command.args(ours.then_some("cosign")).args(args);
        command.env("COSIGN_PASSWORD", "hunter2");
        world.run(&mut command)
    };
    run(true, &["generate-key-pair"]).success();
    let met = [
        "--timestamp-client-cacert",
        "ca.pem",
        "--timestamp-client-cert",
        "client.pem",
        "--timestamp-client-key",
        "client.key",
        "--timestamp-server-name",
        "tsa.internal",
    ];
    let sign = |ours: bool, bundle: &str, met: &[&str]| {
        let own = ["sign-blob", "--key", "cosign.key", "--bundle", bundle];
        let stamped = ["--timestamp-server-url", &url, "notes.txt"];
        run(ours, &[&own[..], &stamped, &UNLOGGED, met].concat())
    };
    for signer in [true, false] {
        let bundle = format!("{signer}.json");
        sign(signer, &bundle, &met).success();
        for verifier in [true, false] {
            let own = ["verify-blob", "--key", "cosign.pub", "--bundle", &bundle];
            let proofs = ["--insecure-ignore-tlog", "--use-signed-timestamps"];
            let under = ["--trusted-root", &root, "notes.txt"];
            run(verifier, &[&own[..], &proofs, &under].concat()).success();
        }
    }
    let seen = door.seen.lock().unwrap().clone();
    let expected = (Some("tsa.internal".to_owned()), door.address.to_string());
    assert_eq!(seen, [expected.clone(), expected], "ours, then theirs");
    // Without a certificate, with a stranger's, under another name: nothing is stamped.
    let mut stranger = met;
    (stranger[3], stranger[5]) = ("stranger.pem", "stranger.key");
    let mut other = met;
    other[7] = "other.internal";
    let bare = [met[0], met[1], met[6], met[7]];
    for flags in [&stranger[..], &other, &bare, &met[..6], &[]] {
        for ours in [true, false] {
            let outcome = sign(ours, "refused.json", flags);
            assert_ne!(outcome.code, 0, "{}", outcome.account());
        }
    }
    assert_eq!(door.seen.lock().unwrap().len(), 2);
    sign(true, "refused.json", &met[..4])
        .exit(1)
        .says("CLI-0485");
    // A certificate is no use without TLS, and flags without an authority are told.
    let plain = ["--timestamp-server-url", tsa];
    let own = [
        "sign-blob",
        "--key",
        "cosign.key",
        "--bundle",
        "p.json",
        "notes.txt",
    ];
    run(true, &[&own[..], &UNLOGGED, &plain, &met].concat())
        .exit(1)
        .says("NET-0010");
    run(true, &[&own[..], &UNLOGGED, &met].concat())
        .success()
        .says("not used");
}
