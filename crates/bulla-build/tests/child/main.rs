//! Stands in for the `bulla` binary: the helper that the sandbox starts.

fn main() {
    #[cfg(target_os = "linux")]
    bulla_build::sandbox::child_main();
}
