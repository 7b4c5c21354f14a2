//! What a step gives up just before it starts: resources beyond the limits,
//! capabilities, new privileges, system calls that no compiler needs, and at level
//! `landlock` every file but the declared ones.

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, Scope as LandlockScope,
};
use rustix::{
    io::Errno,
    process::{Resource, Rlimit, setrlimit},
    thread::{
        CapabilitiesSecureBits, CapabilitySet, CapabilitySets, clear_ambient_capability_set,
        remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits,
        set_no_new_privs,
    },
};
use seccompiler::{
    SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::{collections::BTreeMap, io};

use super::{
    Isolation, Spec,
    root::{DEVICES, Doing, ETC, ETC_NETWORK, Refusal, SYSTEM},
};

/// System calls that fail with EPERM.
const FORBIDDEN: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];

/// Bounds that the kernel keeps for each process; the supervisor keeps the sums.
pub(super) fn limit_resources(spec: &Spec) -> Result<(), Refusal> {
    let limits = &spec.limits;
    let mut bounds = vec![
        (Resource::Core, 0),
        (Resource::Fsize, limits.disk),
        (Resource::Data, limits.memory.saturating_mul(2)),
        (Resource::Memlock, 8 << 20),
        (Resource::Nofile, 4096),
        (Resource::Msgqueue, 1 << 20),
    ];
    if spec.level == Isolation::Namespaces {
        // Counted in the sandbox's own user namespace, where pid 1 is one more.
        bounds.push((Resource::Nproc, limits.processes + 1));
    }
    for (resource, bound) in bounds {
        let most = rustix::process::getrlimit(resource)
            .maximum
            .unwrap_or(u64::MAX)
            .min(bound);
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit).doing("setting resource limits")?;
    }
    Ok(())
}

/// Gives up every capability, for good.
pub(super) fn drop_capabilities() -> Result<(), Refusal> {
    for capability in CapabilitySet::all().iter() {
        match remove_capability_from_bounding_set(capability) {
            // A kernel does not know all of them, and without CAP_SETPCAP they are
            // unreachable anyway once no_new_privs is set.
            Ok(()) | Err(Errno::INVAL | Errno::PERM) => {}
            Err(error) => return Err(error).doing("dropping capabilities"),
        }
    }
    let _ = set_capabilities_secure_bits(
        CapabilitiesSecureBits::NO_ROOT | CapabilitiesSecureBits::NO_ROOT_LOCKED,
    );
    let _ = clear_ambient_capability_set();
    let nothing = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, nothing).doing("dropping capabilities")?;
    set_no_new_privs(true).doing("setting no_new_privs")
}

/// Installs the system-call filters.
pub(super) fn filter_system_calls(spec: &Spec) -> Result<(), Refusal> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = FORBIDDEN
        .iter()
        .map(|number| (*number, Vec::new()))
        .collect();
    #[cfg(target_arch = "x86_64")]
    for number in [
        libc::SYS_iopl,
        libc::SYS_ioperm,
        libc::SYS_uselib,
        libc::SYS_kexec_file_load,
    ] {
        rules.insert(number, Vec::new());
    }
    // clone: no new namespaces, whichever bit asks.
    let new_namespaces = [
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWUTS,
    ];
    let mut clone = Vec::new();
    for bit in new_namespaces {
        let bit = u64::from(bit.unsigned_abs());
        clone.push(rule(vec![condition(0, Op::MaskedEq(bit), bit)?])?);
    }
    rules.insert(libc::SYS_clone, clone);
    // ioctl: no typing into a terminal.
    let mut ioctl = Vec::new();
    // TIOCSTI and TIOCLINUX, whose type differs between C libraries.
    for request in [0x5412, 0x541c] {
        ioctl.push(rule(vec![condition(1, Op::Eq, request)?])?);
    }
    rules.insert(libc::SYS_ioctl, ioctl);
    install(rules, libc::EPERM)?;

    // clone3 hides its flags in memory: programs fall back to clone.
    install(
        BTreeMap::from([(libc::SYS_clone3, Vec::new())]),
        libc::ENOSYS,
    )?;

    let families: &[libc::c_int] = match (spec.network, spec.level) {
        (true, _) => &[
            libc::AF_UNIX,
            libc::AF_INET,
            libc::AF_INET6,
            libc::AF_NETLINK,
        ],
        (false, Isolation::Landlock) => &[libc::AF_UNIX],
        (false, _) => &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6],
    };
    let mut others = Vec::new();
    for family in families {
        others.push(condition(0, Op::Ne, u64::from(family.unsigned_abs()))?);
    }
    let other = vec![rule(others)?];
    let sockets = BTreeMap::from([
        (libc::SYS_socket, other.clone()),
        (libc::SYS_socketpair, other),
    ]);
    install(sockets, libc::EAFNOSUPPORT)
}

fn unusable(error: impl std::error::Error) -> Refusal {
    Refusal {
        what: format!("a system-call filter ({error})"),
        errno: libc::EINVAL,
    }
}

fn condition(argument: u8, operator: Op, value: u64) -> Result<SeccompCondition, Refusal> {
    SeccompCondition::new(argument, Len::Dword, operator, value).map_err(unusable)
}

fn rule(conditions: Vec<SeccompCondition>) -> Result<SeccompRule, Refusal> {
    SeccompRule::new(conditions).map_err(unusable)
}

fn install(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32) -> Result<(), Refusal> {
    let arch = std::env::consts::ARCH.try_into().map_err(unusable)?;
    let action = SeccompAction::Errno(errno.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch).map_err(unusable)?;
    let program: seccompiler::BpfProgram = filter.try_into().map_err(unusable)?;
    seccompiler::apply_filter(&program).map_err(unusable)
}

/// Whether this kernel has Landlock, in force.
pub(super) fn has_landlock() -> Result<(), Refusal> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .and_then(Ruleset::create)
        .map(drop)
        .map_err(|error| refused(&error))
}

fn refused(error: &dyn std::error::Error) -> Refusal {
    Refusal {
        what: format!("Landlock ({error})"),
        errno: libc::EOPNOTSUPP,
    }
}

/// Closes the file system but for the declared inputs and the scratch space.
pub(super) fn close_files(spec: &Spec) -> Result<(), Refusal> {
    let abi = ABI::V6;
    let (read, all) = (AccessFs::from_read(abi), AccessFs::from_all(abi));
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    let mut rules = Vec::new();
    let system = SYSTEM.iter().chain(&ETC);
    let etc = ["/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/proc"];
    for path in system
        .chain(&etc)
        .chain(ETC_NETWORK.iter().filter(|_| spec.network))
    {
        rules.extend(PathFd::new(path).map(|fd| (fd, read)));
    }
    for bind in &spec.binds {
        rules.extend(PathFd::new(&bind.source).map(|fd| (fd, read)));
    }
    for name in DEVICES {
        rules.extend(PathFd::new(format!("/dev/{name}")).map(|fd| (fd, device)));
    }
    let data = spec.scratch.path().join("data");
    rules.push((PathFd::new(data).map_err(|error| refused(&error))?, all));

    let close = || {
        let mut ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(ABI::V1))?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(all)?
            .scope(LandlockScope::from_all(abi))?
            .create()?;
        for (fd, access) in rules {
            ruleset = ruleset.add_rule(PathBeneath::new(fd, access))?;
        }
        ruleset.restrict_self()
    };
    close()
        .map(drop)
        .map_err(|error: landlock::RulesetError| refused(&error))
}

/// A refusal as text for the step's own stderr.
pub(super) fn describe(refusal: &Refusal) -> String {
    let error = io::Error::from_raw_os_error(refusal.errno);
    format!("bulla: {}: {error}\n", refusal.what)
}
