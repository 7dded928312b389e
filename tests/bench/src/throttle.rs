//! Gives a process the processor share of a Lambda function: memory / 1769 MB of a core, in periods of 20 ms. With a writable cgroup v2 the kernel does
//! it, otherwise the process is stopped by signals when it has used its share.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{Failed, process::processor_time};

/// Memory at which a function has one core, in MB.
const MB_PER_CORE: u32 = 1769;
/// Period in which the share is given.
pub(crate) const PERIOD: Duration = Duration::from_millis(20);
/// Time between two looks at the used processor time.
const POLL: Duration = Duration::from_micros(150);
const CGROUPS: &str = "/sys/fs/cgroup";

/// A limit that lasts until it is dropped.
pub(crate) enum Throttle {
    Cgroup(PathBuf),
    Signals(Arc<AtomicBool>, Option<JoinHandle<()>>),
}

impl Throttle {
    /// Limits the process `id` to the share of a function with `megabytes`.
    pub(crate) fn start(id: u32, megabytes: u32) -> Result<Self, Failed> {
        let quota = PERIOD * megabytes.min(MB_PER_CORE) / MB_PER_CORE;
        if let Ok(folder) = cgroup(id, quota) {
            return Ok(Self::Cgroup(folder));
        }
        let ended = Arc::new(AtomicBool::new(false));
        let process = Pid::from_raw(i32::try_from(id)?);
        let thread = {
            let ended = Arc::clone(&ended);
            thread::spawn(move || {
                // The process may have ended.
                let _ = pace(process, id, quota, &ended);
                let _ = kill(process, Signal::SIGCONT);
            })
        };
        Ok(Self::Signals(ended, Some(thread)))
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        match self {
            Self::Cgroup(folder) => {
                // Only an empty group can be removed; the next process uses it again.
                let _ = fs::remove_dir(folder);
            }
            Self::Signals(ended, thread) => {
                ended.store(true, Ordering::Relaxed);
                let _ = thread.take().map(JoinHandle::join);
            }
        }
    }
}

fn cgroup(id: u32, quota: Duration) -> Result<PathBuf, Failed> {
    let folder = PathBuf::from(CGROUPS).join("soa-link-bench");
    if !fs::read_to_string(format!("{CGROUPS}/cgroup.subtree_control"))?.contains("cpu") {
        return Err("no cgroup v2 with a cpu controller".into());
    }
    fs::create_dir_all(&folder)?;
    fs::write(
        folder.join("cpu.max"),
        format!("{} {}", quota.as_micros(), PERIOD.as_micros()),
    )?;
    fs::write(folder.join("cgroup.procs"), id.to_string())?;
    Ok(folder)
}

/// Stops the process whenever it has used `quota` in a period. As in the kernel, what it used beyond that is taken from the next period, and what it did not
/// use is lost.
fn pace(process: Pid, id: u32, quota: Duration, ended: &AtomicBool) -> Result<(), Failed> {
    let mut allowed = processor_time(id)? + quota;
    while !ended.load(Ordering::Relaxed) {
        let next = Instant::now() + PERIOD;
        while Instant::now() < next && !ended.load(Ordering::Relaxed) {
            if processor_time(id)? >= allowed {
                kill(process, Signal::SIGSTOP)?;
                thread::sleep(next.saturating_duration_since(Instant::now()));
                kill(process, Signal::SIGCONT)?;
                break;
            }
            thread::sleep(POLL);
        }
        allowed = (allowed + quota).min(processor_time(id)? + quota);
    }
    Ok(())
}
