use super::{Exit, Step, read};

#[test]
fn console_blocks_are_run_and_others_are_not() {
    let page = read(
        "# Page\n<!-- test: up -->\n<!-- test: needs cosign -->\n<!-- $ cp a b -->\n\
         ```console\n$ bulla ship \\\n>   examples/hello\nALLOWED\n\n$ bulla up\n```\n\
         ```toml\n$ no\n```\n```console,no-run\n$ never\n```\n\
         ```console,exit=1\n$ bulla verify x\n```\n",
    );
    assert!(page.up);
    assert_eq!(page.needs, ["cosign"]);
    let commands: Vec<&str> = page.steps.iter().map(|s| s.command.as_str()).collect();
    assert_eq!(
        commands,
        [
            "cp a b",
            "bulla ship examples/hello",
            "bulla up",
            "bulla verify x"
        ]
    );
    assert_eq!(page.steps[1].expected, ["ALLOWED"]);
    assert_eq!(page.steps[3].exit, Exit::Code(1));
    assert!(
        read("```console,exit=fail\n$ no\n```").steps[0]
            .exit
            .accepts(7)
    );
    assert_eq!(
        page.steps[0],
        Step {
            line: 4,
            command: "cp a b".into(),
            ..Step::default()
        }
    );
}
