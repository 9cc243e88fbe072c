//! rtkit, which grants real time on desktops to whom the limits grant none.

use std::path::Path;
use std::time::Duration;

use dbus::blocking::Connection;
use dbus::blocking::stdintf::org_freedesktop_dbus::Properties;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Pid;

use super::{Scheduling, scheduling_of};

const NAME: &str = "org.freedesktop.RealtimeKit1";
const PATH: &str = "/org/freedesktop/RealtimeKit1";
/// The system may have to start rtkit first.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks rtkit on the system bus for real time for `thread` of this process, at this priority or the highest below it that
/// it grants. Returns what the thread has afterwards. Blocks, for half a minute at most.
pub fn promote(thread: Pid, priority: u8) -> Scheduling {
    // No bus, no rtkit, or a refusal: what is read back says so.
    connect().and_then(|bus| make_realtime(&bus, thread, priority)).ok();
    scheduling_of(thread)
}

fn connect() -> Result<Connection, dbus::Error> {
    let has_bus = std::env::var_os("DBUS_SYSTEM_BUS_ADDRESS").is_some()
        || ["/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket"]
            .iter()
            .any(|path| Path::new(path).exists());
    if !has_bus {
        return Err(dbus::Error::new_failed("no system bus"));
    }
    Connection::new_system()
}

/// `MakeThreadRealtime`, which wants a bounded `RLIMIT_RTTIME` first.
fn make_realtime(bus: &Connection, thread: Pid, priority: u8) -> Result<(), dbus::Error> {
    let rtkit = bus.with_proxy(NAME, PATH, TIMEOUT);
    let max_priority: i32 = rtkit.get(NAME, "MaxRealtimePriority")?;
    let max_time_us: i64 = rtkit.get(NAME, "RTTimeUSecMax")?;
    if let (Ok((_, hard)), Ok(wanted)) = (getrlimit(Resource::RLIMIT_RTTIME), u64::try_from(max_time_us)) {
        let limit = wanted.min(hard);
        setrlimit(Resource::RLIMIT_RTTIME, limit, limit).map_err(|e| dbus::Error::new_failed(e.desc()))?;
    }
    let thread = u64::try_from(thread.as_raw()).unwrap_or(0);
    let priority = u32::from(priority).min(u32::try_from(max_priority).unwrap_or(1));
    rtkit.method_call(NAME, "MakeThreadRealtime", (thread, priority))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use dbus::arg::Variant;
    use dbus::channel::{MatchingReceiver, Sender};
    use dbus::message::MatchRule;

    use super::*;
    use crate::test_bus::Bus;

    /// Long enough that no other test of this process is ended by it.
    const MAX_TIME_US: i64 = 60_000_000;

    /// An rtkit that grants 20 at most, and says what it was asked for.
    fn fake(bus: &Bus) -> mpsc::Receiver<(u64, u32)> {
        let bus = bus.connect();
        bus.request_name(NAME, false, false, true).unwrap();
        let (asked, requests) = mpsc::channel();
        std::thread::spawn(move || {
            let grant = move |message: dbus::Message, bus: &Connection| {
                let reply = message.method_return();
                let reply = match message.read2::<&str, &str>() {
                    Ok((_, "MaxRealtimePriority")) => reply.append1(Variant(20i32)),
                    Ok((_, "RTTimeUSecMax")) => reply.append1(Variant(MAX_TIME_US)),
                    _ => {
                        asked.send(message.read2().unwrap()).unwrap();
                        reply
                    }
                };
                bus.send(reply).unwrap();
                true
            };
            bus.start_receive(MatchRule::new_method_call(), Box::new(grant));
            while bus.process(TIMEOUT).is_ok() {}
        });
        requests
    }

    #[test]
    fn the_thread_is_named_and_no_more_is_asked_for_than_is_granted() {
        let bus = Bus::start();
        let (_, most) = getrlimit(Resource::RLIMIT_RTTIME).unwrap();
        let client = bus.connect();
        assert!(make_realtime(&client, Pid::from_raw(4711), 80).is_err());
        let requests = fake(&bus);
        for (wanted, asked_for) in [(80, 20), (5, 5)] {
            make_realtime(&client, Pid::from_raw(4711), wanted).unwrap();
            assert_eq!(requests.recv().unwrap(), (4711, asked_for));
        }
        assert_eq!(getrlimit(Resource::RLIMIT_RTTIME).unwrap().0, most.min(MAX_TIME_US as u64));
    }
}
