//! A world and its instance for every test of a module, ended with the process.
//!
//! A `static` is never dropped, so a watcher outside this process waits for the
//! end of a pipe that only this process holds, then stops the instance and
//! removes the world's folder.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use crate::{Instance, World};

/// Stops process `$1`, and removes folder `$2`, once standard input ends.
const WATCH: &str = r#"cat >/dev/null
kill -INT "$1"
for try in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" 2>/dev/null || break; sleep 0.2; done
kill -KILL "$1" 2>/dev/null
rm -rf "$2""#;

/// A world and a running instance that live as long as this process.
#[derive(Debug)]
pub struct Shared {
    instance: Instance,
    world: World,
    /// Its standard input ends with this process.
    _watcher: Child,
}

impl Shared {
    /// Starts an instance on free ports in a new world; keep it in a `static`.
    ///
    /// # Panics
    /// If it does not become ready, or there is no `sh`.
    pub fn start() -> Self {
        let world = World::new();
        let instance = Instance::start(&world);
        // Processes that outlive this one may hold no pipe of the test harness.
        let watcher = Command::new("sh")
            .args(["-c", WATCH, "sh", &instance.pid().to_string()])
            .arg(world.root())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh");
        Self {
            _watcher: watcher,
            instance,
            world,
        }
    }

    /// The running instance.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// The world that they share.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// A new, empty folder below the world's working folder.
    ///
    /// # Panics
    /// If it is there already: each test takes a name of its own.
    pub fn folder(&self, name: &str) -> std::path::PathBuf {
        let folder = self.world.dir().join(name);
        fs::create_dir(&folder).expect("a folder of its own");
        folder
    }
}
