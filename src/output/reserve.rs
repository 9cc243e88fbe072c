//! `org.freedesktop.ReserveDevice1`: an agreement on the session bus about who may open a card, kept by WirePlumber,
//! PulseAudio and JACK. Who holds the name `org.freedesktop.ReserveDevice1.Audio<card>` has the card.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::Duration;

use dbus::Message;
use dbus::arg::{PropMap, RefArg, Variant};
use dbus::blocking::Connection;
use dbus::blocking::stdintf::org_freedesktop_dbus::{Properties, RequestNameReply};
use dbus::channel::{MatchingReceiver, Sender};
use dbus::message::MatchRule;

const INTERFACE: &str = "org.freedesktop.ReserveDevice1";

/// Above session managers (−20 to 0) and JACK (10): a device that is a loudspeaker's only output is not given away to
/// them. A request with a higher priority is granted.
const PRIORITY: i32 = 20;

/// How often the bus is looked at, and so how long a release may take.
const TICK: Duration = Duration::from_millis(100);

/// Why a card could not be reserved.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The bus did not play along; the card may be opened nevertheless. A note for the log.
    Bus(String),
    /// Another program has the card and keeps it: who, as it calls itself.
    Held(Option<String>),
}

impl Refusal {
    fn bus(card: u32, error: &dyn std::fmt::Display) -> Refusal {
        Refusal::Bus(format!("card {card} could not be reserved on the bus: {error}"))
    }
}

/// A card held on the session bus; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    taken_over: bool,
    requested: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Reservation {
    /// Takes card `card`; asks its holder to release it if there is one. `device` is what others are told we use.
    ///
    /// `Ok(None)` where there is no session bus: then nobody keeps the agreement either.
    ///
    /// # Errors
    /// When the bus or the holder refused.
    pub(super) fn acquire(card: u32, device: &str) -> Result<Option<Reservation>, Refusal> {
        if !has_session_bus() {
            return Ok(None);
        }
        let bus = Connection::new_session().map_err(|error| Refusal::bus(card, &error))?;
        Self::on(bus, card, device).map(Some)
    }

    fn on(bus: Connection, card: u32, device: &str) -> Result<Reservation, Refusal> {
        let note = |error: dbus::Error| Refusal::bus(card, &error);
        let name = format!("{INTERFACE}.Audio{card}");
        let taken_over = !take(&bus, &name, false).map_err(note)?;
        if taken_over {
            let path = format!("/org/freedesktop/ReserveDevice1/Audio{card}");
            let holder = bus.with_proxy(name.clone(), path, Duration::from_secs(3));
            let asked: Result<(bool,), _> = holder.method_call(INTERFACE, "RequestRelease", (PRIORITY,));
            // A holder that does not answer has not agreed; one that has gone meanwhile has left the name.
            let has_agreed = matches!(asked, Ok((true,)));
            if !take(&bus, &name, has_agreed).map_err(note)? {
                // One that does not say is looked for elsewhere.
                let said: String = asked.and_then(|_| holder.get(INTERFACE, "ApplicationName")).unwrap_or_default();
                let name: String = said.chars().filter(|c| !c.is_control()).collect();
                return Err(Refusal::Held(Some(name).filter(|name| !name.trim().is_empty())));
            }
        }
        Self::serve(bus, card, name, device, taken_over)
    }

    fn serve(bus: Connection, card: u32, name: String, device: &str, taken_over: bool) -> Result<Reservation, Refusal> {
        let (requested, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let server = Server { name, device: device.into(), requested: Arc::clone(&requested), stop: Arc::clone(&stop) };
        let thread = std::thread::Builder::new()
            .name(format!("reserve-{card}"))
            .spawn(move || server.run(&bus))
            .map_err(|error| Refusal::bus(card, &error))?;
        Ok(Reservation { taken_over, requested, stop, thread: Some(thread) })
    }

    /// True where another program had the card and released it: it may take a moment to close it.
    pub(super) fn was_taken_over(&self) -> bool {
        self.taken_over
    }

    /// True once somebody with a higher priority asked for the card, or took its name: close the device, then drop this.
    pub(super) fn is_release_requested(&self) -> bool {
        self.requested.load(SeqCst)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed already, and the name is free in any case.
            thread.join().ok();
        }
    }
}

/// Answers the bus on its own thread.
struct Server {
    /// The name on the bus that stands for the card.
    name: String,
    device: String,
    requested: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
}

impl Server {
    fn run(self, bus: &Connection) {
        let (requested, device) = (Arc::clone(&self.requested), self.device);
        let mut has_refused = false;
        let waiting = Arc::new(std::sync::Mutex::new(Vec::<Message>::new()));
        let queue = Arc::clone(&waiting);
        bus.start_receive(
            MatchRule::new_method_call(),
            Box::new(move |message, bus| {
                if let Some(reply) = answer(&message, &device) {
                    // Once: some programs go on asking.
                    if !has_refused && is_refusal(&message, &reply) {
                        has_refused = true;
                        log::warn!(
                            "{device}: another program asked for the card and was refused, as its priority is not above ours, {PRIORITY}"
                        );
                    }
                    // A caller that has gone needs no answer.
                    bus.send(reply).ok();
                } else {
                    requested.store(true, SeqCst);
                    if let Ok(mut queue) = queue.lock() {
                        queue.push(message);
                    }
                }
                true
            }),
        );
        // The bus sends it to the loser alone, without being asked to.
        let (lost, name) = (self.requested, self.name);
        bus.start_receive(
            MatchRule::new_signal("org.freedesktop.DBus", "NameLost"),
            Box::new(move |message, _| {
                if message.read1::<&str>().is_ok_and(|lost| lost == name) {
                    lost.store(true, SeqCst);
                }
                true
            }),
        );
        while !self.stop.load(SeqCst) {
            if bus.process(TICK).is_err() {
                break;
            }
        }
        // The device is closed by now: those who asked for it may have it.
        let waiting = waiting.lock().map(|mut queue| std::mem::take(&mut *queue)).unwrap_or_default();
        for request in waiting {
            bus.send(request.method_return().append1(true)).ok();
        }
        bus.channel().flush();
    }
}

/// The answer to a method call; `None` for a request to release that will be granted once the device is closed.
fn answer(message: &Message, device: &str) -> Option<Message> {
    let member = message.member();
    let interface = message.interface();
    let property = |name: &str| -> Option<Variant<Box<dyn RefArg>>> {
        match name {
            "Priority" => Some(Variant(Box::new(PRIORITY))),
            "ApplicationName" => Some(Variant(Box::new("spatiald".to_string()))),
            "ApplicationDeviceName" => Some(Variant(Box::new(device.to_string()))),
            _ => None,
        }
    };
    let unknown = || message.error(&"org.freedesktop.DBus.Error.UnknownMethod".into(), c"no such method or property");
    match (interface.as_deref(), member.as_deref()) {
        (Some(INTERFACE) | None, Some("RequestRelease")) => match message.read1::<i32>() {
            Ok(priority) if priority > PRIORITY => None,
            Ok(_) => Some(message.method_return().append1(false)),
            Err(_) => Some(unknown()),
        },
        (Some("org.freedesktop.DBus.Properties"), Some("Get")) => {
            let value = message.read2::<&str, &str>().ok().and_then(|(_, name)| property(name));
            Some(value.map_or_else(unknown, |value| message.method_return().append1(value)))
        }
        (Some("org.freedesktop.DBus.Properties"), Some("GetAll")) => {
            let all: PropMap = ["Priority", "ApplicationName", "ApplicationDeviceName"]
                .into_iter()
                .filter_map(|name| Some((name.to_string(), property(name)?)))
                .collect();
            Some(message.method_return().append1(all))
        }
        _ => Some(unknown()),
    }
}

/// Whether `reply` to `message` keeps the card.
fn is_refusal(message: &Message, reply: &Message) -> bool {
    message.member().as_deref() == Some("RequestRelease") && reply.read1::<bool>() == Ok(false)
}

fn take(bus: &Connection, name: &str, replace: bool) -> Result<bool, dbus::Error> {
    let reply = bus.request_name(name, true, replace, true)?;
    Ok(matches!(reply, RequestNameReply::PrimaryOwner | RequestNameReply::AlreadyOwner))
}

/// libdbus would launch a bus of its own where there is none: look first.
fn has_session_bus() -> bool {
    std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some_and(|address| !address.is_empty())
        || std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|folder| Path::new(&folder).join("bus").exists())
}

#[cfg(test)]
mod tests;
