//! A real browser without a screen: Chromium, told what to do over its debugging pipe
//! (Chrome DevTools Protocol), typing as a person does.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use bulla_testkit::World;
use serde_json::{Value, json};

/// Opens the pipes as the file descriptors that it expects, and becomes the browser.
const START: &str = r#"exec "$@" 3<to 4>from"#;
/// How long a page may take on a busy machine; not a promise of ours.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page; killed when dropped.
pub struct Chromium {
    child: Child,
    to: File,
    from: BufReader<File>,
    sent: u64,
    page: Option<String>,
}

impl Chromium {
    /// Starts `program`, with a profile of its own, on an empty page.
    pub fn start(world: &World, program: &str) -> Self {
        let folder = world.root().join("chromium");
        std::fs::create_dir(&folder).expect("a folder");
        let pipes = Command::new("mkfifo")
            .args(["to", "from"])
            .current_dir(&folder)
            .status();
        assert!(pipes.expect("mkfifo").success());
        let mut command = world.command("sh");
        command
            .args(["-c", START, "sh", program])
            .args([
                "--headless=new",
                "--remote-debugging-pipe",
                "--no-first-run",
            ])
            // The tests run as root, and in containers with little shared memory.
            .args(["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
            .args([
                "--no-proxy-server",
                "--user-data-dir=profile",
                "about:blank",
            ])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.join("log")).expect("a log file"));
        let child = command.spawn().expect("a shell");
        let to = File::options().write(true).open(folder.join("to"));
        let from = File::open(folder.join("from"));
        let mut browser = Self {
            child,
            to: to.expect("a pipe"),
            from: BufReader::new(from.expect("a pipe")),
            sent: 0,
            page: None,
        };
        let target = browser.ask("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.ask("Target.attachToTarget", &attach);
        browser.page = session["sessionId"].as_str().map(str::to_owned);
        browser
    }

    /// Goes to `url`, fills in its form as a person does, and sends it.
    pub fn log_in(&mut self, url: &str, email: &str, password: &str) {
        self.ask("Page.navigate", &json!({"url": url}));
        self.until("document.activeElement.name == 'email'");
        self.type_text(email);
        self.press_tab();
        self.until("document.activeElement.name == 'password'");
        self.type_text(password);
        self.press("Enter", 13, "\r");
    }

    /// Waits until its page says aloud what went wrong.
    pub fn refused(&mut self) -> String {
        self.until("document.querySelector('[role=alert]') !== null");
        let alert = self.evaluate("document.querySelector('[role=alert]').innerText");
        alert.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until its page is below `start`; the page's address.
    pub fn arrived(&mut self, start: &str) -> String {
        self.until(&format!("location.href.startsWith({})", json!(start)));
        let address = self.evaluate("location.href");
        address.as_str().unwrap_or_default().to_owned()
    }

    fn type_text(&mut self, text: &str) {
        for character in text.chars() {
            let key = json!({"type": "char", "text": character.to_string()});
            self.ask("Input.dispatchKeyEvent", &key);
        }
    }

    fn press_tab(&mut self) {
        self.press("Tab", 9, "");
    }

    fn press(&mut self, key: &str, number: u8, text: &str) {
        for kind in ["keyDown", "keyUp"] {
            let mut event =
                json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": number});
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.ask("Input.dispatchKeyEvent", &event);
        }
    }

    /// Waits until an expression holds in its page.
    fn until(&mut self, expression: &str) {
        let began = Instant::now();
        while self.evaluate(expression) != json!(true) {
            if began.elapsed() > PATIENCE {
                let shown = self.evaluate("location.href + document.body.innerText");
                panic!("never: {expression}; it shows {shown}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The value of an expression; nothing while its page changes.
    fn evaluate(&mut self, expression: &str) -> Value {
        let ask = json!({"expression": expression, "returnByValue": true});
        self.ask("Runtime.evaluate", &ask)["result"]["value"].take()
    }

    /// The result of a method.
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": params});
        if let Some(page) = &self.page {
            message["sessionId"] = json!(page);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).expect("to write");
        loop {
            let mut answer = Vec::new();
            self.from.read_until(0, &mut answer).expect("an answer");
            assert_eq!(answer.pop(), Some(0), "the browser is gone");
            let mut answer: Value = serde_json::from_slice(&answer).expect("JSON");
            if answer["id"] == json!(self.sent) {
                return answer["result"].take();
            }
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
