//! The socket that mints tokens, manages users and clients, replaces the online keys
//! of TUF and shows what the monitor found: one JSON line in, one JSON line out.
//!
//! Mode 0600, and the peer's user id is checked as well: only the instance's
//! owner (and root) can ask. A service's token is a request of its own, which
//! `bulla token` has no way to make.

use bulla_core::{Clock, Diagnose};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
};

use super::{
    Issuer, Login, OidcError, Service,
    manage::{Done, Order},
};
use crate::monitor::{Forgotten, Monitor, MonitorError, Report};
use crate::tuf::Publisher;

/// Bytes of one request.
const REQUEST_BYTES: u64 = 64 << 10;
/// How long a peer may take to write its request.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the socket can mint, manage and show.
pub struct Mint {
    /// The issuer of asserted identities.
    pub asserted: Arc<Issuer>,
    /// The issuer of the instance's own services.
    pub service: Arc<Issuer>,
    /// The login issuer, whose users and clients are managed.
    pub login: Arc<Login>,
    /// The TUF repository.
    pub tuf: Publisher,
    /// The monitor, if any log is watched.
    pub monitor: Option<Arc<Monitor>>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
enum Request {
    AcceptPosition { log: String },
    Acknowledge { through: String },
    Findings {},
    Manage { order: Order },
    RotateTuf {},
    Token { email: String, audience: String },
    ServiceToken { service: Service },
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    // For the asker all of these are something that was done.
    #[serde(rename = "done")]
    Accepted(Forgotten),
    #[serde(rename = "done")]
    Acknowledged {
        acknowledged: usize,
    },
    Done(Done),
    #[serde(rename = "done")]
    Findings(Report),
    Token(String),
    Error {
        code: &'static str,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
}

/// A listening socket, owned by the caller; [`Socket::serve`] answers on it.
pub struct Socket {
    listener: UnixListener,
    owner: u32,
}

impl Socket {
    /// Binds `path`, replacing a socket that a process left behind. The caller
    /// holds the instance's lock, so no other process can be serving it.
    ///
    /// # Errors
    /// If something that is not a socket is in the way, or on I/O failure.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(found) if std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()) => {
                fs::remove_file(path)?;
            }
            Ok(_) => return Err(io::Error::from(io::ErrorKind::AlreadyExists)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        let owner = fs::symlink_metadata(path)?.uid();
        Ok(Self { listener, owner })
    }

    /// Answers until the task is dropped.
    pub async fn serve(self, mint: Mint) {
        let mint = Arc::new(mint);
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let allowed = stream
                .peer_cred()
                .is_ok_and(|peer| peer.uid() == self.owner || peer.uid() == 0);
            if !allowed {
                continue;
            }
            let mint = mint.clone();
            tokio::spawn(async move {
                let _ = tokio::time::timeout(PATIENCE, answer(stream, &mint)).await;
            });
        }
    }
}

async fn answer(stream: UnixStream, mint: &Mint) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    // There may be a password in it.
    let mut line = zeroize::Zeroizing::new(Vec::new());
    BufReader::new(reader.take(REQUEST_BYTES))
        .read_until(b'\n', &mut line)
        .await?;
    let answer = match serde_json::from_slice::<Request>(&line) {
        Ok(Request::AcceptPosition { log }) => match mint.accept_position(&log).await {
            Ok(forgotten) => Answer::Accepted(forgotten),
            Err(error) => Answer::refusing(&error),
        },
        Ok(Request::Acknowledge { through }) => match mint.acknowledge(&through).await {
            Ok(acknowledged) => Answer::Acknowledged { acknowledged },
            Err(error) => Answer::refusing(&error),
        },
        Ok(Request::Findings {}) => match mint.findings().await {
            Ok(report) => Answer::Findings(report),
            Err(error) => Answer::refusing(&error),
        },
        Ok(Request::Manage { order }) => match mint.login.manage(order).await {
            Ok(done) => Answer::Done(done),
            Err(error) => Answer::refusing(&error),
        },
        Ok(Request::RotateTuf {}) => match mint.tuf.rotate().await {
            Ok(installed) => Answer::Done(Done::Rotated {
                root_version: installed.root_version,
            }),
            Err(error) => Answer::refusing(&error),
        },
        Ok(Request::Token { email, audience }) => {
            mint.token(|mint, now| mint.asserted.mint_person(&email, &audience, now))
        }
        Ok(Request::ServiceToken { service }) => {
            mint.token(|mint, now| mint.service.mint_service(service, now))
        }
        Err(error) => Answer::Error {
            code: OidcError::Malformed.code().0,
            message: format!("the request is not understood: {error}"),
            hint: None,
        },
    };
    let mut bytes = serde_json::to_vec(&answer)?;
    bytes.push(b'\n');
    writer.write_all(&bytes).await?;
    writer.shutdown().await
}

impl Mint {
    fn monitor(&self) -> Result<&Monitor, MonitorError> {
        self.monitor.as_deref().ok_or(MonitorError::Nothing)
    }

    async fn findings(&self) -> Result<Report, MonitorError> {
        self.monitor()?.report().await
    }

    async fn acknowledge(&self, through: &str) -> Result<usize, MonitorError> {
        self.monitor()?.acknowledge(through).await
    }

    async fn accept_position(&self, log: &str) -> Result<Forgotten, MonitorError> {
        self.monitor()?.accept_position(log).await
    }

    fn token(&self, mint: impl FnOnce(&Self, Timestamp) -> Result<String, OidcError>) -> Answer {
        match mint(self, self.clock.now()) {
            Ok(token) => Answer::Token(token),
            Err(error) => Answer::refusing(&error),
        }
    }
}

impl Answer {
    fn refusing(error: &dyn Diagnose) -> Self {
        Self::Error {
            code: error.code().0,
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}
