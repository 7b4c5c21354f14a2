//! Python programs: one zip application (PEP 441) with its dependencies.

use super::{Draft, Folder};

pub(super) fn draft(folder: &Folder<'_>) -> Option<Draft> {
    let manifest = folder.read("pyproject.toml");
    let requirements = folder.read("requirements.txt");
    if manifest.is_none() && requirements.is_none() && !folder.has("setup.py") {
        return None;
    }
    let manifest: Option<toml::Table> = manifest.and_then(|text| toml::from_str(&text).ok());
    let name = manifest
        .as_ref()
        .and_then(|manifest| manifest.get("project")?.get("name")?.as_str())
        .map(str::to_owned);
    let hashed = requirements
        .as_ref()
        .is_some_and(|text| text.contains("--hash=sha256:"));
    let main = ["__main__.py", "main.py", "app.py"]
        .into_iter()
        .find(|main| folder.has(main));
    let mut notes = vec![
        "the image needs Python: set [image] base to an image that has it, by digest".to_owned(),
    ];
    if requirements.is_some() && !hashed {
        notes.push("give requirements.txt hashes (`pip-compile --generate-hashes`)".into());
    }
    let install = match hashed {
        true => {
            "python3 -m pip install --no-index --no-compile --no-deps --require-hashes \
                 -r requirements.txt --target .app && "
        }
        false => "mkdir -p .app && ",
    };
    let copy = "for f in *.py */__init__.py; do [ -e $f ] && cp --parents -r $(dirname $f | grep -vx . || echo $f) .app; done; ";
    let start = match main {
        Some("__main__.py") | None => String::new(),
        Some(main) => format!("cp {main} .app/__main__.py && "),
    };
    Some(Draft {
        kind: "Python",
        name,
        lock: hashed.then_some("requirements.txt"),
        steps: format!(
            "[[step]]\nname = \"pack\"\n\
             # One zip application; files sorted, with a fixed time, so that it is the same each time.\n\
             run = [\"sh\", \"-c\", '''{install}{copy}{start}find .app -exec touch -d @$SOURCE_DATE_EPOCH {{}} + && \
             cd .app && find . -type f | LC_ALL=C sort | python3 -c \"import sys, zipfile; z = zipfile.ZipFile('../app.pyz', 'w'); [z.write(line.strip()) for line in sys.stdin]\"''']\n"
        ),
        outputs: vec![("app.pyz".into(), "/app/app.pyz".into(), "0644")],
        base: "scratch",
        entrypoint: vec!["/usr/bin/python3".into(), "/app/app.pyz".into()],
        notes,
    })
}
