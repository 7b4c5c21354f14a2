//! A browser without a screen: curl with a jar of cookies.

use std::{path::PathBuf, process::Command};

use bulla_testkit::World;

/// Who logs in, and with what.
pub const DANA: &str = "dana@example.com";
pub const PASSWORD: &str = "correct horse battery";

/// Keeps cookies, follows nothing by itself.
pub struct Browser<'a> {
    world: &'a World,
    jar: PathBuf,
}

/// What came back.
pub struct Page {
    pub url: String,
    pub status: String,
    pub location: String,
    pub body: String,
}

impl<'a> Browser<'a> {
    /// One with an empty jar of that name.
    pub fn new(world: &'a World, name: &str) -> Self {
        let jar = world.root().join(format!("{name}.cookies"));
        Self { world, jar }
    }

    /// Opens a page.
    pub fn open(&self, url: &str) -> Page {
        self.ask(url, &[])
    }

    /// Fills the page's form in and sends it.
    pub fn submit(&self, page: &Page, typed: &[(&str, &str)]) -> Page {
        let action = between(&page.body, "<form method=\"post\" action=\"", "\"");
        let (folder, _) = page.url.split_once('?').unwrap_or((&page.url, ""));
        let folder = folder.rsplit_once('/').expect("a path").0;
        let hidden = page.body.split("<input type=\"hidden\" name=\"").skip(1);
        let mut fields: Vec<String> = Vec::new();
        for input in hidden {
            let (name, rest) = input.split_once("\" value=\"").expect("a field");
            let value = rest.split_once('"').expect("a value").0;
            let value = value.replace("&amp;", "&").replace("&#39;", "'");
            fields.push(format!("{name}={value}"));
        }
        fields.extend(typed.iter().map(|(name, value)| format!("{name}={value}")));
        self.ask(&format!("{folder}/{action}"), &fields)
    }

    /// Logs in on that page.
    pub fn log_in(&self, page: &Page) -> Page {
        let typed = [("action", "login"), ("email", DANA), ("password", PASSWORD)];
        self.submit(page, &typed)
    }

    fn ask(&self, url: &str, fields: &[String]) -> Page {
        let mut command: Command = self.world.command("curl");
        command
            .args([
                "--silent",
                "--show-error",
                "--noproxy",
                "*",
                "--max-time",
                "30",
            ])
            .arg("--cookie")
            .arg(&self.jar)
            .arg("--cookie-jar")
            .arg(&self.jar)
            .args(["--write-out", "\n%{http_code} %{redirect_url}"]);
        for field in fields {
            command.args(["--data-urlencode", field]);
        }
        let outcome = self.world.run(command.arg(url));
        outcome.success();
        let (body, last) = outcome.stdout.rsplit_once('\n').expect("a last line");
        let (status, location) = last.split_once(' ').expect("two words");
        Page {
            url: url.to_owned(),
            status: status.to_owned(),
            location: location.to_owned(),
            body: body.to_owned(),
        }
    }
}

/// What stands between two texts.
#[track_caller]
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let found = text
        .split_once(from)
        .and_then(|(_, rest)| rest.split_once(to));
    match found {
        Some((found, _)) => found,
        None => panic!("no {from:?} in {text}"),
    }
}
