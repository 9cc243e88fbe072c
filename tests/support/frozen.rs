//! A single thread of another process that stands still, as one does that hangs in a driver.

use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

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

    /// The same of one that may end meanwhile, and is none of `others`.
    pub fn another_of(pid: Pid, name: &str, others: &[Frozen]) -> Option<Frozen> {
        let is_new = |thread: Pid| others.iter().all(|other| other.thread != thread);
        let (thread, _) = threads(pid).into_iter().find(|(thread, comm)| comm == name && is_new(*thread))?;
        Frozen::stop(thread)
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
