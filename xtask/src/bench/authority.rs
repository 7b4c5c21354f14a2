//! Certificates beside Fulcio, and timestamps: what `bulla up` issues in a second.
//!
//! Both authorities take tokens of our issuer for the same identity. Fulcio runs
//! with a key in memory and without a CT log; ours logs each certificate before
//! it answers.

use std::{
    fs,
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
};

use super::{
    Figure,
    load::{Load, Ours, Press, free_port, wait_for},
    measure::{Running, Scratch},
};
use crate::{Result, peers, workspace::output};

const IN_FLIGHT: usize = 64;
/// Requests that are signed beforehand, for each second.
const RATE: f64 = 8_000.0;

pub(super) fn figures(
    binary: &Path,
    load: &Load,
    rounds: usize,
    seconds: f64,
) -> Result<Vec<Figure>> {
    let scratch = Scratch::new("authority")?;
    let ours = Ours::start(binary, &scratch, "data")?;
    let mut token = scratch.command(binary);
    token.args(["token", "--email", "bench@example.com", "--data"]);
    let token = output(token.arg(&ours.data).stdout(Stdio::piped()))?;
    let (_fulcio, fulcio) = fulcio(&scratch, &ours.address)?;
    let (mut each, mut theirs, mut stamps) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let press = |kind, address: &str, token| {
            let pressed = load.press(&Press {
                kind,
                address,
                in_flight: IN_FLIGHT,
                seconds,
                prepared: RATE,
                rate: None,
                token,
            })?;
            println!(
                "{kind:>12} from {address}: {:>6.0}/s p50 {:>5.1} ms p99 {:>5.1} ms",
                pressed.per_second, pressed.p50, pressed.p99
            );
            Ok::<_, Box<dyn std::error::Error>>(1e6 / pressed.per_second)
        };
        let token = Some(token.trim());
        each.push(press("certificate", &ours.address, token)?);
        theirs.push(press("certificate", &fulcio, token)?);
        stamps.push(press("timestamp", &ours.address, None)?);
    }
    Ok(vec![
        Figure::new("a certificate, 64 in flight: bulla", "µs", None, each),
        Figure::new("a certificate, 64 in flight: fulcio", "µs", None, theirs),
        Figure::new("a timestamp, 64 in flight: bulla", "µs", None, stamps),
    ])
}

/// Fulcio for the tokens of our issuer at `address`, and its own address.
fn fulcio(scratch: &Scratch, address: &str) -> Result<(Running, String)> {
    let program = peers::program("fulcio").ok_or("fulcio is missing: cargo xtask peers fulcio")?;
    let issuer = format!("http://{address}/oidc/asserted");
    let config = scratch.0.join("fulcio.json");
    let issuers = format!(
        r#"{{"OIDCIssuers":{{"{issuer}":{{"IssuerURL":"{issuer}","ClientID":"sigstore","Type":"email"}}}}}}"#
    );
    fs::write(&config, issuers)?;
    let [http, grpc, metrics] = [free_port()?, free_port()?, free_port()?];
    let mut command = Command::new(program);
    command
        .args(["serve", "--ca", "ephemeralca", "--ct-log-url="])
        .args(["--host", "127.0.0.1", "--port", &http])
        .args(["--grpc-host", "127.0.0.1", "--grpc-port", &grpc])
        .args(["--metrics-port", &metrics, "--log_type", "prod"])
        .arg(format!("--legacy-unix-domain-socket=@fulcio-bench-{http}"))
        .arg("--config-path")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let running = Running(command.spawn()?);
    let address = format!("127.0.0.1:{http}");
    wait_for("fulcio", || TcpStream::connect(&address).is_ok())?;
    Ok((running, address))
}
