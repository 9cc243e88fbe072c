//! The sink as the graph sees it: its properties and its flags.

use std::os::unix::ffi::OsStrExt;

use pipewire::properties::{PropertiesBox, properties};
use pipewire::stream::StreamFlags;

use super::{Request, volume};

/// Above every card's driver (1000…3000), so that our device sets the pace of whoever is linked with us; below
/// PipeWire's "Dummy-Driver" (20000 in 0.3, 200000 in 1.x), which must stay the clock of all that is linked with nobody:
/// a suspended sink would let them hang. Bridges to foreign clocks (JACK, FireWire: 30000 and more) go first.
const PRIORITY_DRIVER: &str = "15000";

/// Above ALSA sinks (WirePlumber gives them around 1000): the default while it is there and nothing else was chosen.
const PRIORITY_SESSION: &str = "1200";

/// The stream's flags. `DRIVER`: our device's clock may drive the graph. `RT_PROCESS`: `process` runs on the data
/// thread.
pub(super) fn flags() -> StreamFlags {
    StreamFlags::DRIVER | StreamFlags::RT_PROCESS | StreamFlags::MAP_BUFFERS
}

/// Properties of the context: the configuration in which PipeWire's own module makes the data thread real-time (by
/// limits, rtkit or portal, whichever is granted). Up to 1.2 that is one of its own; from 1.4 on every client's, and the
/// old name is warned about.
pub(super) fn context_properties() -> PropertiesBox {
    let name = if library_version() < (1, 3) { "client-rt.conf" } else { "client.conf" };
    properties! { "config.name" => name }
}

/// Major and minor version of the PipeWire library this process runs with.
fn library_version() -> (u32, u32) {
    // SAFETY: a static string of the library.
    let version = unsafe { std::ffi::CStr::from_ptr(pipewire::sys::pw_get_library_version()) };
    let version = version.to_string_lossy();
    let mut numbers = version.split('.').map_while(|part| part.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Properties of the connection.
pub(super) fn core_properties(request: &Request) -> Option<PropertiesBox> {
    let socket = request.socket.as_ref()?;
    let mut properties = PropertiesBox::new();
    properties.insert("remote.name", socket.as_os_str().as_bytes());
    Some(properties)
}

/// Properties of the node.
pub(super) fn node_properties(request: &Request) -> PropertiesBox {
    let rate_hz = request.rate_hz;
    let mut properties = properties! {
        "media.type" => "Audio",
        "media.category" => "Playback",
        "media.class" => "Audio/Sink",
        "audio.channels" => "2",
        "audio.position" => "FL,FR",
        "node.driver" => "true",
        "priority.driver" => PRIORITY_DRIVER,
        "priority.session" => PRIORITY_SESSION,
        // A speaker, not one of the virtual sinks that desktops hide.
        "node.virtual" => "false",
        "device.api" => "spatiald",
        "device.class" => "sound",
        "device.form-factor" => "speaker",
        "device.icon-name" => "audio-speakers",
    };
    properties.insert("node.name", request.node_name.as_str());
    properties.insert("node.nick", request.description.as_str());
    properties.insert("node.description", request.description.as_str());
    properties.insert(volume::PROPERTY, volume::FIRST.to_string());
    // WirePlumber remembers volume and mute under this name: it must never change.
    properties.insert("media.name", request.node_name.as_str());
    properties.insert("node.rate", format!("1/{rate_hz}"));
    properties.insert("audio.rate", rate_hz.to_string());
    properties.insert("node.latency", format!("{}/{rate_hz}", request.latency_frames));
    properties.insert("session.suspend-timeout-seconds", request.suspend_seconds.to_string());
    properties
}
