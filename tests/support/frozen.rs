//! A single thread of another process that stands still, as one does that hangs in a driver.

use std::process::Command;

use nix::libc;
use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::wait::wait_for;

/// A thread stopped by ptrace(2), while the others of its process run. Dropping it lets the thread go on. Belongs to the
/// thread of the test that made it: only that one may say more.
pub struct Frozen {
    thread: Pid,
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Frozen {
    /// Stops the thread called `name` of the process `pid`.
    pub fn thread_of(pid: Pid, name: &str) -> Frozen {
        let thread = threads(pid).into_iter().find(|(_, comm)| comm == name);
        let (thread, _) = thread.unwrap_or_else(|| panic!("no thread {name:?} among {:?}", threads(pid)));
        Frozen::stop(thread).expect("a thread that lives")
    }

    fn stop(thread: Pid) -> Option<Frozen> {
        ptrace::seize(thread, ptrace::Options::empty()).ok()?;
        let frozen = Frozen { thread, _not_send: std::marker::PhantomData };
        ptrace::interrupt(thread).ok()?;
        let status = waitpid(thread, Some(WaitPidFlag::__WALL)).ok()?;
        matches!(status, WaitStatus::PtraceEvent(..) | WaitStatus::Stopped(..)).then_some(frozen)
    }

    /// Takes note of the thread's end: until then its process, though ended, cannot be waited for.
    pub fn reap(&self) {
        // An error says that it was taken note of before.
        waitpid(self.thread, Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG)).ok();
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // It may have ended.
        ptrace::detach(self.thread, None).ok();
    }
}

/// The same command, which stops itself before it begins.
pub fn stopped(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "kill -STOP $$; exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// Stops each thread that another one starts, before it does anything. Dropping it lets later ones be. Belongs to the thread
/// of the test that made it, too.
pub struct Births {
    starter: Pid,
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Births {
    /// Of the threads that `starter` starts from now on.
    pub fn of(starter: Pid) -> Births {
        ptrace::seize(starter, ptrace::Options::PTRACE_O_TRACECLONE).expect("a thread that lives");
        Births { starter, _not_send: std::marker::PhantomData }
    }

    /// Waits for the next one.
    pub fn next(&self) -> Frozen {
        wait_for("a thread to be started", || self.try_next())
    }

    /// The next one, if there is one by now.
    pub fn try_next(&self) -> Option<Frozen> {
        let mut born = None;
        let signal = match waitpid(self.starter, Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG)).ok()? {
            WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_CLONE) => {
                born = ptrace::getevent(self.starter).ok().map(|thread| Pid::from_raw(thread as i32));
                None
            }
            WaitStatus::Stopped(_, signal) => Some(signal),
            WaitStatus::PtraceEvent(..) => None,
            _ => return None,
        };
        ptrace::cont(self.starter, signal).expect("it is stopped");
        let thread = born?;
        waitpid(thread, Some(WaitPidFlag::__WALL)).expect("it stops at its birth");
        Some(Frozen { thread, _not_send: std::marker::PhantomData })
    }
}

impl Drop for Births {
    fn drop(&mut self) {
        // It may have ended; only one that is stopped can be let go.
        if ptrace::interrupt(self.starter).is_ok() {
            waitpid(self.starter, Some(WaitPidFlag::__WALL)).ok();
            ptrace::detach(self.starter, None).ok();
        }
    }
}

/// The threads of a process, and their names.
pub fn threads(pid: Pid) -> Vec<(Pid, String)> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("a process that is there");
    let name = |task: std::fs::DirEntry| {
        let comm = std::fs::read_to_string(task.path().join("comm")).ok()?;
        Some((Pid::from_raw(task.file_name().to_str()?.parse().ok()?), comm.trim_end().to_owned()))
    };
    // One may end while it is looked at.
    tasks.filter_map(|task| name(task.ok()?)).collect()
}
