//! The supervisor's life: announce that the sandbox stands, run the steps one by
//! one, leave nothing alive between them or after them.

use rustix::fd::{AsFd, OwnedFd};
use std::{
    net::UdpSocket,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    Isolation, Spec, confine,
    control::{Event, send},
    root::{self, Refusal},
    step,
    supervise::{End, Supervisor},
    tasks::Scope,
};

/// Runs all steps; answers the exit code of this process.
pub(super) fn run(
    spec: &Spec,
    control: &OwnedFd,
    scope: Scope,
    work: &Path,
    resolver: Option<UdpSocket>,
) -> i32 {
    match run_steps(spec, control, scope, work, resolver) {
        Ok(()) => 0,
        Err(Refusal { what, errno }) => {
            let _ = send(control, &Event::Refused { what, errno }, None);
            1
        }
    }
}

/// Levels `landlock` and `none`: the same life without namespaces.
pub(super) fn run_plain(spec: &Spec, control: &OwnedFd) -> Result<i32, Refusal> {
    use root::Doing;
    if spec.level == Isolation::Landlock {
        confine::has_landlock()?;
    }
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .doing("becoming the reaper")?;
    let data = root::fill_scratch(spec, None)?;
    Ok(run(
        spec,
        control,
        Scope::Descendants,
        &data.join("work"),
        None,
    ))
}

fn run_steps(
    spec: &Spec,
    control: &OwnedFd,
    scope: Scope,
    work: &Path,
    resolver: Option<UdpSocket>,
) -> Result<(), Refusal> {
    use root::Doing;
    let held = root::open_work(work)?;
    let scratch = match scope {
        Scope::Namespace => ["/work", "/home/builder", "/tmp", "/dev/shm"]
            .map(PathBuf::from)
            .into(),
        Scope::Descendants => vec![spec.scratch.path().join("data")],
    };
    send(control, &Event::Ready, Some(held.as_fd())).doing("reporting")?;
    let supervisor = Supervisor {
        spec,
        scope,
        control,
        work: &held,
        scratch,
        resolver,
        deadline: Instant::now() + Duration::from_secs(spec.limits.time),
    };
    for (index, command) in spec.steps.iter().enumerate() {
        send(control, &Event::Started { step: index }, None).doing("reporting")?;
        let event = match supervisor.watch(step::start(spec, command, work)?) {
            End::Ended(status, attempts) => Event::Ended {
                step: index,
                status,
                attempts,
            },
            End::Limited(limit) => Event::Limited { step: index, limit },
            End::Orphaned => return Ok(()),
        };
        let goes_on = matches!(
            &event,
            Event::Ended {
                status: super::Status::Exit(0),
                ..
            }
        );
        send(control, &event, None).doing("reporting")?;
        if !goes_on {
            break;
        }
    }
    send(control, &Event::Done, None).doing("reporting")
}
