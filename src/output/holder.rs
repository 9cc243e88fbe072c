//! Who holds a busy card: the kernel tells, by procfs.

use std::fmt;
use std::fs;
use std::path::Path;

/// A process that has a playback device open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// Its command name, as `ps` shows it.
    pub name: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.name, self.pid)
    }
}

/// The process that has any playback device of card `card` open, if this process may see it.
pub fn holder_of_card(card: u32) -> Option<Holder> {
    holder_by_status(Path::new("/proc/asound"), card)
        .or_else(|| holder_by_descriptors(Path::new("/proc"), &format!("/dev/snd/pcmC{card}D")))
        .map(|pid| named(Path::new("/proc"), pid))
}

/// `owner_pid` of the first open substream under `card*/pcm*p/sub*/status`.
fn holder_by_status(asound: &Path, card: u32) -> Option<u32> {
    let devices = fs::read_dir(asound.join(format!("card{card}"))).ok()?;
    devices
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("pcm") && name.ends_with('p')
        })
        .flat_map(|device| fs::read_dir(device.path()).into_iter().flatten().flatten())
        .find_map(|sub| {
            let status = fs::read_to_string(sub.path().join("status")).ok()?;
            let line = status.lines().find(|line| line.starts_with("owner_pid"))?;
            line.split(':').nth(1)?.trim().parse().ok()
        })
}

/// The first process with a descriptor on a playback node that starts with `node`.
fn holder_by_descriptors(proc: &Path, node: &str) -> Option<u32> {
    fs::read_dir(proc).ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let mut descriptors = fs::read_dir(entry.path().join("fd")).ok()?.flatten();
        descriptors
            .any(|fd| {
                fs::read_link(fd.path()).is_ok_and(|target| {
                    let target = target.to_string_lossy();
                    target.starts_with(node) && target.ends_with('p')
                })
            })
            .then_some(pid)
    })
}

fn named(proc: &Path, pid: u32) -> Holder {
    let name = fs::read_to_string(proc.join(pid.to_string()).join("comm")).unwrap_or_default();
    let name = name.trim();
    Holder { pid, name: if name.is_empty() { "another process".into() } else { name.into() } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_status_file_names_the_owner() {
        let asound = tempfile::tempdir().unwrap();
        for (sub, status) in [("pcm0c/sub0", "owner_pid   : 1\n"), ("pcm0p/sub0", "closed\n")] {
            fs::create_dir_all(asound.path().join("card2").join(sub)).unwrap();
            fs::write(asound.path().join("card2").join(sub).join("status"), status).unwrap();
        }
        assert_eq!(holder_by_status(asound.path(), 2), None);
        fs::create_dir_all(asound.path().join("card2/pcm1p/sub0")).unwrap();
        fs::write(asound.path().join("card2/pcm1p/sub0/status"), "state: RUNNING\nowner_pid   : 4711\n").unwrap();
        assert_eq!(holder_by_status(asound.path(), 2), Some(4711));
        assert_eq!(holder_by_status(asound.path(), 3), None);
    }

    #[test]
    fn an_open_descriptor_names_the_owner() {
        let proc = tempfile::tempdir().unwrap();
        for (pid, target) in [("10", "/dev/snd/pcmC1D0c"), ("11", "/dev/snd/pcmC1D0p"), ("self", "/dev/snd/pcmC1D0p")] {
            fs::create_dir_all(proc.path().join(pid).join("fd")).unwrap();
            symlink(target, proc.path().join(pid).join("fd/5")).unwrap();
        }
        fs::write(proc.path().join("11/comm"), "jackd\n").unwrap();
        assert_eq!(holder_by_descriptors(proc.path(), "/dev/snd/pcmC1D"), Some(11));
        assert_eq!(holder_by_descriptors(proc.path(), "/dev/snd/pcmC0D"), None);
        assert_eq!(named(proc.path(), 11).to_string(), "jackd (pid 11)");
        assert_eq!(named(proc.path(), 12).name, "another process");
    }
}
