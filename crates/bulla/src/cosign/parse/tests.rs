use proptest::prelude::*;

use super::*;

fn read(args: &[&str], env: &[(&str, &str)]) -> Result<Given, String> {
    let env: Vec<(String, String)> = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let look = |name: &str| {
        env.iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.clone())
    };
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    match parse(args, &look) {
        Ok(Parsed::Run(given)) => Ok(given),
        Ok(Parsed::Help(command)) => Err(format!("help {}", command.path)),
        Err(failure) => Err(failure.text().to_owned()),
    }
}

#[test]
fn flags_are_read_as_pflag_reads_them() {
    for args in [
        &["verify-blob", "--bundle", "b", "x"] as &[&str],
        &["verify-blob", "--bundle=b", "x"],
        &["verify-blob", "x", "--bundle", "b"],
        &["verify-blob", "-bundle", "b", "x"],
        &["verify-blob", "-bundle=b", "--", "x"],
        &["-d", "--timeout", "5s", "verify-blob", "--bundle", "b", "x"],
    ] {
        let given = read(args, &[]).unwrap();
        assert_eq!(given.text("bundle"), Some("b"), "{args:?}");
        assert_eq!(given.args, ["x"], "{args:?}");
    }
    let given = read(
        &[
            "verify-blob",
            "--insecure-ignore-tlog=false",
            "--cert=c",
            "x",
        ],
        &[],
    )
    .unwrap();
    assert!(!given.on("insecure-ignore-tlog"));
    assert!(given.on("new-bundle-format"));
    assert_eq!(given.text("certificate"), Some("c"));
    assert_eq!(given.text("max-workers"), Some("10"));
}

#[test]
fn what_is_not_known_is_refused() {
    for (args, why) in [
        (
            &["verify-blob", "--nonsense", "x"] as &[&str],
            "unknown flag: --nonsense",
        ),
        (
            &["verify-blob", "-x", "y"],
            "unknown shorthand flag: 'x' in -x",
        ),
        (
            &["verify-blob", "--bundle"],
            "flag needs an argument: --bundle",
        ),
        (&["verify-blob"], "accepts 1 arg(s), received 0"),
        (&["verify-blob", "a", "b"], "accepts 1 arg(s), received 2"),
        (
            &["verify-blb", "a"],
            "unknown command \"verify-blb\" for \"cosign\"",
        ),
        (&["verify-blob", "--sk", "a"], "--sk is not supported"),
    ] {
        assert_eq!(read(args, &[]).err().as_deref(), Some(why), "{args:?}");
    }
    for args in [
        &["verify-blob", "--offline=maybe", "x"] as &[&str],
        &["verify-blob", "--timeout", "3x", "x"],
        &["verify-blob", "--max-workers", "-1", "x"],
    ] {
        let why = read(args, &[]).err().unwrap();
        assert!(why.starts_with("invalid argument"), "{why}");
    }
}

#[test]
fn the_environment_stands_in_for_flags() {
    let env = [
        ("COSIGN_CERTIFICATE_IDENTITY", "me"),
        ("COSIGN_BUNDLE", "there"),
    ];
    let given = read(&["verify-blob", "--bundle", "here", "x"], &env).unwrap();
    assert_eq!(given.text("bundle"), Some("here"));
    assert_eq!(given.text("certificate-identity"), Some("me"));
    let bad = [("COSIGN_INSECURE_IGNORE_TLOG", "perhaps")];
    assert!(read(&["verify-blob", "x"], &bad).is_err());
}

#[test]
fn help_is_found() {
    for (args, path) in [
        (&[] as &[&str], ""),
        (&["--help"], ""),
        (&["help", "verify-blob"], "verify-blob"),
        (&["verify-blob", "-h"], "verify-blob"),
        (
            &["verify-blob", "--nothing=", "--help"],
            "unknown flag: --nothing",
        ),
    ] {
        let said = read(args, &[]).err().unwrap();
        assert!(
            said == format!("help {path}") || said == path,
            "{args:?}: {said}"
        );
    }
}

#[test]
fn durations_are_gos() {
    assert_eq!(duration("3m0s"), Some(Duration::from_secs(180)));
    assert_eq!(duration("1h30m"), Some(Duration::from_secs(5400)));
    assert_eq!(duration("1.5s"), Some(Duration::from_millis(1500)));
    for bad in ["", "3", "s", "3x", "-1s", "1e3s"] {
        assert_eq!(duration(bad), None, "{bad}");
    }
}

#[test]
fn no_command_has_a_flag_twice() {
    for command in commands::COMMANDS {
        let mut names: Vec<&str> = command.all_flags().map(|flag| flag.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(all, names.len(), "{}", command.path);
        let mut letters: Vec<char> = command.all_flags().filter_map(|flag| flag.short).collect();
        letters.sort_unstable();
        let all = letters.len();
        letters.dedup();
        assert_eq!(all, letters.len(), "{}", command.path);
    }
}

proptest! {
    /// Whatever is typed ends in a command, a help or a failure; and what is
    /// given was declared.
    #[test]
    fn no_command_line_breaks_it(args in proptest::collection::vec(word(), 0..8)) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let env: Vec<(String, String)> = Vec::new();
        let look = |name: &str| env.iter().find(|(own, _)| own == name).map(|(_, v)| v.clone());
        let owned = args.iter().map(|arg| (*arg).to_owned()).collect();
        if let Ok(Parsed::Run(given)) = parse(owned, &look) {
            for (name, value) in &given.values {
                let flag = given.command.flag(name);
                prop_assert!(flag.is_some());
                let is_switch = flag.is_some_and(|flag| flag.kind == Kind::Switch);
                prop_assert!(!is_switch || value == "true" || value == "false");
            }
        }
    }

    /// A length of time that is written is read.
    #[test]
    fn every_duration_is_read(hours in 0u64..99, minutes in 0u64..60, seconds in 0u64..60) {
        let text = format!("{hours}h{minutes}m{seconds}s");
        let expected = Duration::from_secs(hours * 3600 + minutes * 60 + seconds);
        prop_assert_eq!(duration(&text), Some(expected));
    }
}

/// Words that look like parts of a command line, and some that do not.
fn word() -> impl Strategy<Value = String> {
    let known: Vec<String> = commands::COMMANDS
        .iter()
        .flat_map(|command| {
            let names = command.path.split(' ').map(str::to_owned);
            let flags = command.all_flags().map(|flag| format!("--{}", flag.name));
            names.chain(flags).collect::<Vec<_>>()
        })
        .collect();
    prop_oneof![
        4 => proptest::sample::select(known),
        1 => "-{0,3}[a-z=é-]{0,6}",
        1 => any::<String>(),
    ]
}
