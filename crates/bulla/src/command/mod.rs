//! One file per command: its arguments, and what it does with them.

pub mod admit;
pub mod args;
pub mod attest;
pub mod attest_blob;
pub mod build;
pub mod bundle;
pub mod clean;
pub mod client;
pub mod completion;
pub mod copy;
pub mod download;
pub mod explain;
pub mod generate_key_pair;
pub mod import_key_pair;
pub mod init;
pub mod load;
pub mod log;
pub mod public_key;
pub mod revoke;
pub mod save;
pub mod sbom;
pub mod scan;
pub mod serve;
pub mod ship;
pub mod sign;
pub mod sign_blob;
pub mod token;
pub mod tree;
pub mod trust;
pub mod up;
pub mod user;
pub mod verify;
pub mod verify_attestation;
pub mod verify_blob;
pub mod verify_blob_attestation;
pub mod version;

/// Waits until the process is told to end: Ctrl-C, or what service managers send.
/// Heard from the call on, not from the first wait: whoever sees that everything
/// is ready may end us in the same moment.
fn told_to_end() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    async move {
        let [Ok(mut interrupt), Ok(mut terminate)] = signals else {
            let _ = tokio::signal::ctrl_c().await;
            return;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}
