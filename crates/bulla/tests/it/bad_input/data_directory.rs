//! A data directory that cannot be used: read-only, damaged, of a newer version.

use std::{fs, path::Path};

use bulla_testkit::{Outcome, skip};

use super::{Bench, names, recipe};

/// Fails with 7 and this code, changes nothing that a repair would need, and
/// works again after `repair`.
#[track_caller]
fn refused(break_it: impl Fn(&Path), code: &str, words: &[&str], repair: impl Fn(&Path)) {
    let bench = Bench::new();
    let Some(repository) = bench.repository("tiny", &recipe("echo > out", "")) else {
        return;
    };
    let data = bench.world.data();
    break_it(&data);
    // SQLite may leave its own log beside a file that is no database of its.
    let names = |data: &Path| -> Vec<String> {
        let mut names = names(data);
        names.retain(|name| code != "STORE-0010" || !name.starts_with("state.sqlite-"));
        names
    };
    let before = names(&data);
    for args in [
        &["ship", "."] as &[&str],
        &["up", "--port", "0"],
        &["token", "--email", "dana@example.com"],
    ] {
        let outcome = bench.bulla(repository.dir(), args);
        outcome.exit(7).says(code);
        assert_eq!(outcome.stdout, "", "{}", outcome.account());
        for words in words {
            outcome.says(words);
        }
        bench.is_clean(repository.dir());
        assert_eq!(names(&data), before, "{}", outcome.account());
    }
    repair(&data);
    bench.next_run_works(&repository);
}

#[test]
fn a_database_of_other_bytes_is_damaged() {
    refused(
        |data| {
            fs::rename(data.join("state.sqlite"), data.join("saved")).unwrap();
            fs::write(data.join("state.sqlite"), b"something else ".repeat(4096)).unwrap();
        },
        "STORE-0010",
        &["state.sqlite is damaged", "--data DIR"],
        |data| fs::rename(data.join("saved"), data.join("state.sqlite")).unwrap(),
    );
}

#[test]
fn a_database_cut_short_is_damaged() {
    refused(
        |data| {
            fs::copy(data.join("state.sqlite"), data.join("saved")).unwrap();
            let file = fs::OpenOptions::new()
                .write(true)
                .open(data.join("state.sqlite"));
            file.unwrap().set_len(6000).unwrap();
        },
        "STORE-0010",
        &["state.sqlite is damaged"],
        |data| fs::rename(data.join("saved"), data.join("state.sqlite")).unwrap(),
    );
}

#[test]
fn a_directory_of_a_newer_version_is_left_alone() {
    let edit = |from: &'static str, to: &'static str| {
        move |data: &Path| {
            let file = data.join("instance.json");
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.contains(from), "{text}");
            fs::write(file, text.replace(from, to)).unwrap();
        }
    };
    refused(
        edit("\"format\": 1", "\"format\": 99"),
        "CLI-0012",
        &["made by a newer bulla (format 99; this one knows 1)"],
        edit("\"format\": 99", "\"format\": 1"),
    );
}

#[test]
fn a_damaged_description_of_the_instance_is_told() {
    refused(
        |data| {
            fs::rename(data.join("instance.json"), data.join("saved")).unwrap();
            fs::write(data.join("instance.json"), "{\"format\": 1,").unwrap();
        },
        "CORE-0011",
        &["instance.json is damaged", "restore the file from a backup"],
        |data| fs::rename(data.join("saved"), data.join("instance.json")).unwrap(),
    );
}

#[test]
fn a_database_with_newer_tables_is_left_alone() {
    static STEPS: [&str; 99] = ["SELECT 1"; 99];
    refused(
        |data| {
            fs::copy(data.join("state.sqlite"), data.join("saved")).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let store = bulla_store::Store::open(data).await.unwrap();
                let newer = bulla_store::Schema {
                    component: "registry",
                    steps: &STEPS,
                };
                store.state().migrate(&[newer]).await.unwrap();
                store.close().await;
            });
        },
        "STORE-0012",
        &["written by a newer bulla: registry has schema 99"],
        |data| fs::rename(data.join("saved"), data.join("state.sqlite")).unwrap(),
    );
}

#[test]
fn a_read_only_directory_is_named_with_another_way() {
    let bench = Bench::new();
    let Some(repository) = bench.repository("tiny", &recipe("echo > out", "")) else {
        return;
    };
    let data = bench.world.data();
    let read_only = |folder: &Path, args: &[&str]| -> Outcome {
        let mount = "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && exec \"$@\"";
        let mut command = bench.world.command("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", mount]);
        command.arg(folder).args(args);
        bench.refine(&mut command, repository.dir());
        bench.world.run(&mut command)
    };
    if read_only(&data, &["true"]).code != 0 {
        skip("a read-only mount cannot be made here");
        return;
    }
    let binary = bench.world.binary();
    let binary = binary.to_str().unwrap();
    let before = names(&data);
    for command in ["ship", "up"] {
        let outcome = read_only(&data, &[binary, command]);
        outcome
            .exit(7)
            .says("CLI-0001")
            .says(data.to_str().unwrap())
            .says("Read-only file system")
            .says("--data DIR");
    }
    assert_eq!(names(&data), before);
    // One that does not exist yet, below a folder that cannot be written.
    let home = bench.world.home();
    let fresh = home.join("fresh");
    let fresh = fresh.to_str().unwrap();
    let outcome = read_only(&home, &[binary, "ship", "--data", fresh]);
    outcome.exit(7).says("CLI-0001").says(fresh);
    assert!(!Path::new(fresh).exists());
    bench.is_clean(repository.dir());
    bench.next_run_works(&repository);
}
