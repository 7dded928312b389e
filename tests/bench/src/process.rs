//! A function as a process: starting and ending it, its processor time, and its memory.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::Failed;

/// A running function. Dropping it ends the process.
pub(crate) struct Process {
    child: Child,
    /// Time just before the process was started.
    pub(crate) started: Instant,
}

impl Process {
    /// Starts a program with exactly these variables.
    pub(crate) fn start(
        program: &Path,
        arguments: &[String],
        variables: &[(String, String)],
        with_output: bool,
    ) -> Result<Self, Failed> {
        let mut command = Command::new(program);
        command.args(arguments);
        command.env_clear().envs(variables.iter().cloned()).stdin(Stdio::null());
        command.stdout(if with_output { Stdio::inherit() } else { Stdio::null() });
        let started = Instant::now();
        let child = command
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        Ok(Self { child, started })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Fails if the process has exited.
    pub(crate) fn require_running(&mut self) -> Result<(), Failed> {
        match self.child.try_wait()? {
            Some(status) => Err(format!("the function has exited: {status}. --verbose shows its log").into()),
            None => Ok(()),
        }
    }

    /// The resident memory in KiB: `VmRSS` is the present one, `VmHWM` its peak.
    pub(crate) fn memory_kib(&self, name: &str) -> Result<f64, Failed> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let memory = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().strip_suffix(" kB"));
        Ok(memory.ok_or_else(|| format!("no {name}"))?.parse()?)
    }

    /// Asks the process to end, and waits for its end.
    pub(crate) fn terminate(&mut self) -> Result<(), Failed> {
        kill(Pid::from_raw(i32::try_from(self.id())?), Signal::SIGTERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Errors are expected if the process has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of the threads of a process, user and system. `/proc/<pid>/stat` counts in hundredths of a second only.
pub(crate) fn processor_time(id: u32) -> Result<Duration, Failed> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        // A thread may have ended since.
        let Ok(line) = fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        nanoseconds += line.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn processor_time_grows_while_a_process_computes() {
        let before = processor_time(std::process::id()).unwrap();
        let mut sum = 0_u64;
        while processor_time(std::process::id()).unwrap() < before + Duration::from_millis(5) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
    }
}
