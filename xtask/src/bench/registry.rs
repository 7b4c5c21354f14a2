//! A local instance for the length of a measurement, and images in its registry.
//!
//! Images are pushed with a few lines of HTTP: a client of anybody would be
//! measured along with the rest, or be one more thing to install.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::measure::{Running, Scratch};
use crate::Result;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str =
    r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
/// Of `CONFIG`: this task has no hash function.
const CONFIG_DIGEST: &str =
    "sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f";

/// A running instance.
pub(super) struct Local {
    running: Running,
    ready: String,
    auth: String,
}

impl Local {
    /// Starts one below the scratch folder.
    pub(super) fn start(binary: &Path, scratch: &Scratch) -> Result<Self> {
        let file = scratch.0.join("ready.json");
        let mut command = scratch.command(binary);
        command.arg("up").args(["--port", "0", "--data"]);
        command.arg(scratch.0.join("data"));
        let running = Running(command.arg("--ready-file").arg(&file).spawn()?);
        let started = Instant::now();
        while !file.exists() {
            if started.elapsed() > Duration::from_secs(60) {
                return Err("bulla up is not ready after a minute".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut local = Self {
            running,
            ready: fs::read_to_string(file)?,
            auth: String::new(),
        };
        let config = fs::read_to_string(local.text("docker_config")?)?;
        local.auth = text(&config, "auth")?;
        local.push_config()?;
        Ok(local)
    }

    /// A text of the ready file.
    pub(super) fn text(&self, name: &str) -> Result<String> {
        text(&self.ready, name)
    }

    /// The folder that clients look for their credential in.
    pub(super) fn docker_folder(&self) -> Result<PathBuf> {
        let file = PathBuf::from(self.text("docker_config")?);
        Ok(file.parent().map(Path::to_path_buf).unwrap_or_default())
    }

    /// Pushes another image, and answers it by digest.
    pub(super) fn image(&self, seed: &str) -> Result<String> {
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{CONFIG_DIGEST}","size":{}}},"layers":[],"annotations":{{"seed":"{seed}"}}}}"#,
            CONFIG.len()
        );
        let path = format!("/v2/bench/manifests/{seed}");
        let head = self.request("PUT", &path, MANIFEST, &manifest, 201)?;
        let digest = header(&head, "docker-content-digest")?;
        Ok(format!("{}/bench@{digest}", self.host()?))
    }

    /// Stops it.
    pub(super) fn stop(mut self) -> Result {
        self.running.stop()
    }

    fn host(&self) -> Result<String> {
        let url = self.text("registry")?;
        Ok(url.trim_start_matches("http://").to_owned())
    }

    fn push_config(&self) -> Result {
        let head = self.request("POST", "/v2/bench/blobs/uploads/", "text/plain", "", 202)?;
        let place = header(&head, "location")?;
        let place = place.trim_start_matches("http://");
        let path = place.strip_prefix(&self.host()?).unwrap_or(place);
        let sign = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{sign}digest={CONFIG_DIGEST}");
        self.request("PUT", &path, "application/octet-stream", CONFIG, 201)?;
        Ok(())
    }

    /// One request, and the head of its answer.
    fn request(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &str,
        status: u16,
    ) -> Result<String> {
        let host = self.host()?;
        let mut stream = TcpStream::connect(&host)?;
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Basic {}\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            self.auth,
            body.len()
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let head = answer.split("\r\n\r\n").next().unwrap_or_default();
        if head.split(' ').nth(1) == Some(&status.to_string()) {
            return Ok(head.to_owned());
        }
        Err(format!("{method} {path}: {answer}").into())
    }
}

fn header(head: &str, name: &str) -> Result<String> {
    let found = head.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then(|| value.to_owned())
    });
    found.ok_or_else(|| format!("the registry answered without {name}").into())
}

/// The text of a field in JSON that we wrote ourselves.
fn text(json: &str, name: &str) -> Result<String> {
    let found = json.split_once(&format!("\"{name}\": \""));
    let found = found.or_else(|| json.split_once(&format!("\"{name}\":\"")));
    let value = found.and_then(|(_, rest)| rest.split('"').next());
    value
        .map(str::to_owned)
        .ok_or_else(|| format!("no {name} in {json}").into())
}
