//! Executes the commands of a document and compares what they print.
//!
//! Every ```` ```console ```` block is a session of one shell: lines that begin
//! with `$ ` are run, the lines after them are what they print, standard output
//! and error together. Digests, times, ports and sizes may differ; a line `...`
//! stands for any lines, `...` within a line for any text. A command must end
//! with 0 unless its block says `console,exit=N` or `exit=fail`; `console,no-run` is not run,
//! and a command without printed lines is run, but not compared.
//!
//! Comments prepare the page: `<!-- test: up -->` keeps an instance running,
//! `<!-- test: needs PROGRAM -->` skips without it, `<!-- $ COMMAND -->` runs
//! something the reader need not see.

mod compare;
mod page;

use std::{
    fs,
    io::{BufRead, BufReader, PipeReader, Write},
    path::Path,
    process::{Child, ChildStdin},
};

use page::Step;

use crate::{Instance, Repository, SshKey, World, require, scrub, workspace};

const MARK: &str = "::end-of-command::";

/// Runs a page in a world of its own, in a repository that holds `examples/hello`.
///
/// # Panics
/// With the command, what was printed and what was expected, at the first that
/// differs.
pub fn run(path: impl AsRef<Path>) {
    let path = workspace().join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    execute(&path, &text, &World::new());
}

fn execute(path: &Path, text: &str, world: &World) {
    let page = page::read(text);
    let bin = world.root().join("bin");
    fs::create_dir_all(&bin).expect("a folder");
    link(&world.binary(), &bin.join("bulla"));
    for program in &page.needs {
        match require(program) {
            Some(file) => link(&file, &bin.join(program)),
            None => return,
        }
    }
    let Some(repository) = prepare(world) else {
        return;
    };
    let instance = page.up.then(|| Instance::start(world));
    if instance.is_none() {
        Instance::create(world);
    }
    let mut shell = Shell::start(world, repository.dir(), instance.as_ref());
    for step in &page.steps {
        let (printed, code) = shell.run(&step.command);
        judge(path, step, &printed, code, world.root());
    }
}

/// Pages of the book below `docs/src` that hold commands.
pub fn pages() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![workspace().join("docs/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::read_to_string(&path)
                .is_ok_and(|text| !page::read(&text).steps.is_empty())
            {
                let inside = path.strip_prefix(workspace()).unwrap_or(&path);
                found.push(inside.display().to_string());
            }
        }
    }
    found.sort();
    found
}

fn prepare(world: &World) -> Option<Repository<'_>> {
    let repository = Repository::new(world, "bulla")?;
    repository.copy(&workspace().join("examples/hello"), "examples/hello");
    let key = match require("ssh-keygen") {
        Some(_) => SshKey::generate(world, "dana@example.com"),
        None => None,
    }?;
    repository.commit_signed("Say hello", &key);
    Some(repository)
}

fn link(file: &Path, name: &Path) {
    #[cfg(unix)]
    std::os::unix::fs::symlink(file, name).expect("a link to a program");
    #[cfg(not(unix))]
    fs::copy(file, name).map(drop).expect("a copy of a program");
}

#[track_caller]
fn judge(path: &Path, step: &Step, printed: &str, code: i32, root: &Path) {
    let place = format!("{}:{}", path.display(), step.line);
    assert!(
        step.exit.accepts(code),
        "{place}: $ {}\nended with {code}, not {:?}\n{printed}",
        step.command,
        step.exit
    );
    if step.expected.is_empty() {
        return;
    }
    let expected = scrub(&step.expected.join("\n"), root);
    let actual = scrub(printed, root);
    if let Err(line) = compare::compare(&expected, &actual) {
        panic!(
            "{place}: $ {}\nprinted\n\n{printed}\n\nbut the page says\n\n{}\n\nnot found: {line}",
            step.command,
            step.expected.join("\n")
        );
    }
}

/// One `sh` that runs command after command.
struct Shell {
    child: Child,
    input: ChildStdin,
    output: BufReader<PipeReader>,
}

impl Shell {
    fn start(world: &World, dir: &Path, instance: Option<&Instance>) -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let mut command = world.command("sh");
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = world.root().join("bin");
        command
            .current_dir(dir)
            .env("PATH", format!("{}:{path}", bin.display()))
            .stdin(std::process::Stdio::piped())
            .stdout(writer.try_clone().expect("a second handle"))
            .stderr(writer);
        if let Some(instance) = instance {
            command.env("REGISTRY", instance.registry());
        }
        let mut child = command.spawn().expect("a shell");
        drop(command);
        let input = child.stdin.take().expect("the shell's input");
        Self {
            child,
            input,
            output: BufReader::new(reader),
        }
    }

    /// What the command printed, and its exit code.
    fn run(&mut self, command: &str) -> (String, i32) {
        // The command may not read the rest of the script.
        let script = format!("{{ {command}\n}} </dev/null\necho \"{MARK} $?\"\n");
        self.input
            .write_all(script.as_bytes())
            .expect("a running shell");
        let mut printed = String::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = self
                .output
                .read_until(b'\n', &mut line)
                .expect("the shell's output");
            assert!(read > 0, "the shell ended during: {command}\n{printed}");
            let text = String::from_utf8_lossy(&line);
            if let Some((before, code)) = text.split_once(MARK) {
                printed.push_str(before);
                return (printed, code.trim().parse().unwrap_or(-1));
            }
            printed.push_str(&text);
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.input.write_all(b"exit\n");
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(all(test, unix))]
mod tests;
