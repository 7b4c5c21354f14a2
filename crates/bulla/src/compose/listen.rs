//! Listening, in the clear or with TLS, until told to stop; then until every open
//! request has ended.

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    failure::{Exit, Failure},
    instance,
};

/// Connections served at once by one listener; more wait in the kernel's queue.
/// One that waits for the log costs some 22 KiB.
const CONNECTIONS: usize = 5000;
/// Connections that may wait for that; as many as Linux allows by default. Whose first
/// packet is dropped tries again only after a second.
const BACKLOG: u32 = 4096;
/// Files that the process may have open, if the machine allows it: three
/// listeners, and everything else.
const FILES: u64 = 20_000;
/// How long a TLS handshake may take.
const HANDSHAKE: std::time::Duration = std::time::Duration::from_secs(10);

/// Lets the process hold as many connections as it serves: many machines begin
/// with 1024 files although more are allowed.
pub fn allow_files() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < FILES) {
        limit.current = Some(limit.maximum.unwrap_or(FILES).min(FILES));
        if let Err(cause) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%cause, "the limit on open files stays");
        }
    }
}

/// Takes the port.
///
/// # Errors
/// A failure that names the port.
pub fn bind(port: u16) -> Result<TcpListener, Failure> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    listener(address).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::AddrInUse => instance::taken(port),
        _ => unusable(address, &cause),
    })
}

/// Takes an address that a configuration names.
///
/// # Errors
/// A failure that names the address.
pub fn bind_at(address: SocketAddr) -> Result<TcpListener, Failure> {
    listener(address).map_err(|cause| {
        let port = address.port();
        unusable(address, &cause).hint(format!(
            "see what listens there (ss -ltnp 'sport = :{port}'), or write another address into [listen]"
        ))
    })
}

fn listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Else the port stays taken for a minute after a process with connections ended.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn unusable(address: SocketAddr, cause: &std::io::Error) -> Failure {
    Failure::new(
        Exit::CouldNotRun,
        "CLI-0061",
        format!("cannot listen on {address}"),
    )
    .line(cause.to_string())
}

/// Serves `router` on `listener` until `stop` changes; the task then ends with its
/// last connection.
pub fn spawn(
    listener: TcpListener,
    tls: Option<Arc<tokio_rustls::rustls::ServerConfig>>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let acceptor = tls.map(TlsAcceptor::from);
    let slots = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS));
    tokio::spawn(async move {
        loop {
            let Ok(slot) = slots.clone().acquire_owned().await else {
                return;
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stop.changed() => break,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                continue;
            };
            let (router, acceptor, stop) = (router.clone(), acceptor.clone(), stop.clone());
            tokio::spawn(async move {
                connection(stream, acceptor, router, stop).await;
                drop(slot);
            });
        }
        drop(listener);
        let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
        let _ = slots.acquire_many_owned(all).await;
    })
}

async fn connection(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    stop: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let result = match acceptor {
        None => serve(stream, router, stop).await,
        // Boxed: else each connection in the clear would take the room of this one.
        Some(acceptor) => Box::pin(secured(stream, acceptor, router, stop)).await,
    };
    if let Err(cause) = result {
        tracing::debug!(%cause, "connection ended early");
    }
}

async fn secured(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    router: Router,
    stop: watch::Receiver<bool>,
) -> hyper::Result<()> {
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => serve(stream, router, stop).await,
        _ => Ok(()),
    }
}

/// HTTP/1.1, which every client speaks: one protocol less to be attacked by.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    mut stop: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let connection = Builder::new()
        .timer(TokioTimer::new())
        // Whoever stops sending still gets its answer. To see a client go while it
        // waits would take a second buffer, and a read, for each request.
        .half_close(true)
        .header_read_timeout(HANDSHAKE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => result,
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}
