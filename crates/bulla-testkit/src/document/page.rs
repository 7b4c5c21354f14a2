//! Reads the commands, the expected lines and the preparations of a page.

/// What a page asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// Keep `bulla up` running.
    pub(super) up: bool,
    /// Programs it needs.
    pub(super) needs: Vec<String>,
    /// Commands in order.
    pub(super) steps: Vec<Step>,
}

/// One command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// Its line in the page, from 1.
    pub(super) line: usize,
    /// The command.
    pub(super) command: String,
    /// What the page shows below it.
    pub(super) expected: Vec<String>,
    /// How it must end.
    pub(super) exit: Exit,
}

/// How a command must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// With this code.
    Code(i32),
    /// With any but 0.
    Failure,
}

impl Default for Exit {
    fn default() -> Self {
        Self::Code(0)
    }
}

impl Exit {
    /// Whether `code` is such an end.
    pub(super) fn accepts(self, code: i32) -> bool {
        match self {
            Self::Code(expected) => code == expected,
            Self::Failure => code != 0,
        }
    }
}

/// Reads a page.
pub(super) fn read(text: &str) -> Page {
    let mut page = Page::default();
    // The exit code that commands of the open block must have.
    let mut block: Option<Option<Exit>> = None;
    for (number, line) in text.lines().enumerate() {
        if let Some(fence) = line.trim_start().strip_prefix("```") {
            block = match block {
                Some(_) => None,
                None => Some(exit(fence)),
            };
            continue;
        }
        match block {
            Some(Some(exit)) => inside(&mut page, line, number + 1, exit),
            Some(None) => {}
            None => comment(&mut page, line, number + 1),
        }
    }
    for step in &mut page.steps {
        while step
            .expected
            .last()
            .is_some_and(|line| line.trim().is_empty())
        {
            step.expected.pop();
        }
    }
    page
}

/// How the commands of a block must end; `None`: it is not run.
fn exit(fence: &str) -> Option<Exit> {
    let mut words = fence.split(',').map(str::trim);
    if words.next() != Some("console") {
        return None;
    }
    let mut exit = Exit::default();
    for word in words {
        if word == "no-run" {
            return None;
        }
        if let Some(code) = word.strip_prefix("exit=") {
            exit = match code {
                "fail" => Exit::Failure,
                code => Exit::Code(code.parse().ok()?),
            };
        }
    }
    Some(exit)
}

fn inside(page: &mut Page, line: &str, number: usize, exit: Exit) {
    if let Some(command) = line.strip_prefix("$ ") {
        page.steps.push(Step {
            line: number,
            command: command.to_owned(),
            expected: Vec::new(),
            exit,
        });
    } else if let Some(step) = page.steps.last_mut() {
        if step.expected.is_empty() && step.command.ends_with('\\') {
            step.command.pop();
            step.command
                .push_str(line.trim_start_matches("> ").trim_start());
        } else {
            step.expected.push(line.to_owned());
        }
    }
}

fn comment(page: &mut Page, line: &str, number: usize) {
    let inner = line
        .trim()
        .strip_prefix("<!--")
        .and_then(|l| l.strip_suffix("-->"));
    let Some(inner) = inner.map(str::trim) else {
        return;
    };
    if let Some(command) = inner.strip_prefix("$ ") {
        let step = Step {
            line: number,
            command: command.to_owned(),
            ..Step::default()
        };
        page.steps.push(step);
    } else if let Some(asked) = inner.strip_prefix("test:") {
        match asked.trim().split_once(' ') {
            Some(("needs", program)) => page.needs.push(program.trim().to_owned()),
            None if asked.trim() == "up" => page.up = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
