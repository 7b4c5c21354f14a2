//! `instance.json`: the names that went into certificates and checkpoints.
//!
//! Written once. A later start uses the same ports or fails and names the one
//! that is taken; nothing here ever changes silently.

use bulla_core::limits;
use serde::{Deserialize, Serialize};
use std::{fs, net::TcpListener};

use super::{Home, write_whole};
use crate::failure::{Exit, Failure, OnPath, OrFail};

/// The newest form of `instance.json` that this binary understands.
const FORMAT: u32 = 1;
/// Where a first instance likes to live: registry, authority, admission.
const PREFERRED: Ports = Ports {
    registry: 5610,
    authority: 5620,
    admission: 5630,
};

/// Ports below those of outgoing connections (Linux: 32768 and up).
const QUIET: std::ops::Range<u16> = 10_000..32_000;

/// The names of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Names {
    /// The form of this file.
    pub format: u32,
    /// A random id, 16 hex digits.
    pub id: String,
    /// The host that URLs and checkpoints name.
    pub host: String,
    /// One port per service.
    pub ports: Ports,
    /// The issuer of asserted identities (`bulla token`).
    pub asserted_issuer: String,
    /// The issuer of the services' own identities.
    pub service_issuer: String,
    /// When it was created.
    pub created: jiff::Timestamp,
}

/// The TCP ports, all on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// OCI registry, http.
    pub registry: u16,
    /// CA, logs, timestamps, tokens, trust documents, http.
    pub authority: u16,
    /// Kubernetes webhook, https.
    pub admission: u16,
}

impl Names {
    /// The names of the instance in `home`, made now if there is none.
    /// The flag says whether it was.
    ///
    /// # Errors
    /// If the file is damaged or of a newer version, or no port is free.
    pub fn open_or_create(home: &Home, port: Option<u16>) -> Result<(Self, bool), Failure> {
        if home.exists() {
            let names = Self::read(home)?;
            let asked = port.filter(|port| *port != 0 && *port != names.ports.registry);
            if let Some(port) = asked {
                let what = format!(
                    "--port {port}: this instance lives on port {}",
                    names.ports.registry
                );
                return Err(Failure::new(Exit::Usage, "CLI-0011", what)
                    .line("its certificates and checkpoints carry its names, so they never change")
                    .hint("leave --port away, or create another instance: bulla up --data DIR --port N"));
            }
            return Ok((names, false));
        }
        let names = Self::create(port)?;
        let bytes = serde_json::to_vec_pretty(&names).unwrap_or_default();
        write_whole(&home.join("instance.json"), &bytes)?;
        Ok((names, true))
    }

    /// Reads the names of an existing instance.
    ///
    /// # Errors
    /// If the file is missing, damaged or of a newer version.
    pub fn read(home: &Home) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Peek {
            format: u32,
        }
        let path = home.join("instance.json");
        let bytes = fs::read(&path).on_path("read", &path)?;
        let peek: Peek = limits::parse_json(&bytes, limits::CONFIG_BYTES, "instance.json")
            .or_could_not_run()
            .map_err(|failure| damaged(failure, home))?;
        if peek.format > FORMAT {
            let what = format!(
                "{} was made by a newer bulla (format {}; this one knows {FORMAT})",
                home.path().display(),
                peek.format
            );
            return Err(Failure::new(Exit::CouldNotRun, "CLI-0012", what)
                .hint("use the newer bulla, or another directory: bulla --data DIR …"));
        }
        limits::parse_json(&bytes, limits::CONFIG_BYTES, "instance.json")
            .or_could_not_run()
            .map_err(|failure| damaged(failure, home))
    }

    fn create(port: Option<u16>) -> Result<Self, Failure> {
        let ports = match port {
            None if PREFERRED.all().iter().all(|port| is_free(*port)) => PREFERRED,
            None | Some(0) => Ports::any()?,
            Some(port) => Ports::from_first(port)?,
        };
        let base = format!("http://127.0.0.1:{}", ports.authority);
        let id: [u8; 8] = bulla_crypto::random::bytes().or_could_not_run()?;
        Ok(Self {
            format: FORMAT,
            id: id.iter().map(|byte| format!("{byte:02x}")).collect(),
            host: "127.0.0.1".into(),
            ports,
            asserted_issuer: format!("{base}/oidc/asserted"),
            service_issuer: format!("{base}/oidc/service"),
            created: jiff::Timestamp::now(),
        })
    }

    /// `HOST:PORT` of the registry, as it stands in references.
    pub fn registry(&self) -> String {
        format!("{}:{}", self.host, self.ports.registry)
    }

    /// The base URL of the authority.
    pub fn authority_url(&self) -> String {
        format!("http://{}:{}", self.host, self.ports.authority)
    }

    /// The identity of one of the instance's own services.
    pub fn service(&self, name: &str) -> String {
        format!("{}/{name}", self.service_issuer)
    }
}

impl Ports {
    fn all(self) -> [u16; 3] {
        [self.registry, self.authority, self.admission]
    }

    /// Any three free ones. Not from the range that the system gives to outgoing
    /// connections: one of those could sit on a port of ours at the next start.
    fn any() -> Result<Self, Failure> {
        for _ in 0..64 {
            let raw: [u8; 6] = bulla_crypto::random::bytes().or_could_not_run()?;
            let [a, b, c] = [[raw[0], raw[1]], [raw[2], raw[3]], [raw[4], raw[5]]]
                .map(|pair| QUIET.start + u16::from_le_bytes(pair) % (QUIET.end - QUIET.start));
            if a != b && b != c && a != c && [a, b, c].iter().all(|port| is_free(*port)) {
                return Ok(Self {
                    registry: a,
                    authority: b,
                    admission: c,
                });
            }
        }
        Self::any_at_all()
    }

    fn any_at_all() -> Result<Self, Failure> {
        let bind = || TcpListener::bind(("127.0.0.1", 0));
        let found = (|| {
            let (a, b, c) = (bind()?, bind()?, bind()?);
            Ok((
                a.local_addr()?.port(),
                b.local_addr()?.port(),
                c.local_addr()?.port(),
            ))
        })();
        let (registry, authority, admission) = found.map_err(|cause: std::io::Error| {
            Failure::new(Exit::CouldNotRun, "CLI-0013", "no free port on 127.0.0.1")
                .line(cause.to_string())
        })?;
        Ok(Self {
            registry,
            authority,
            admission,
        })
    }

    fn from_first(first: u16) -> Result<Self, Failure> {
        let ports =
            first
                .checked_add(10)
                .zip(first.checked_add(20))
                .map(|(authority, admission)| Self {
                    registry: first,
                    authority,
                    admission,
                });
        let ports = ports.ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "CLI-0014",
                format!("--port {first} leaves no room for three services"),
            )
            .hint("choose one below 65500, or 0 for any free ones")
        })?;
        match ports.all().into_iter().find(|port| !is_free(*port)) {
            Some(port) => Err(taken_at_first(port, first)),
            None => Ok(ports),
        }
    }
}

/// The failure of a port that somebody else holds.
pub fn taken(port: u16) -> Failure {
    Failure::new(Exit::CouldNotRun, "CLI-0015", format!("port {port} on 127.0.0.1 is taken"))
        .line("this instance's names carry its ports, so it cannot use another")
        .hint(format!("stop what listens there (ss -ltnp 'sport = :{port}'), or use --data DIR for a second instance"))
}

/// The same before there is an instance, where another choice is still free.
fn taken_at_first(port: u16, first: u16) -> Failure {
    Failure::new(
        Exit::CouldNotRun,
        "CLI-0015",
        format!("port {port} on 127.0.0.1 is taken"),
    )
    .line(format!(
        "--port {first} asks for {first}, {} and {}",
        first.saturating_add(10),
        first.saturating_add(20)
    ))
    .hint("choose another: bulla up --port N, or any free ones: bulla up --port 0")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

fn damaged(failure: Failure, home: &Home) -> Failure {
    failure
        .on(format!(
            "{} is damaged",
            home.join("instance.json").display()
        ))
        .hint(format!(
            "restore the file from a backup, or set the whole directory aside: mv {0} {0}.damaged",
            home.path().display()
        ))
}
