//! The volume of a sink that is seen for the first time.
//!
//! A stream's adapter starts at full gain, and a session manager that remembers nothing of the sink leaves it there (up to
//! WirePlumber 0.4.17) or sets full gain itself (0.5, unless the node says otherwise). Neither is for a loudspeaker. So the
//! sink is created at [`FIRST`], before anybody can see it, and says the same to WirePlumber. What a session manager
//! remembers it sets when it sees the sink: later, so that is what counts.

use pipewire::spa::sys as spa_sys;
use pipewire::spa::utils::result::SpaResult;
use pipewire::stream::Stream;
use pipewire::sys as pw_sys;

use super::params::Param;

/// Gain of a sink that is seen for the first time: 40 % as desktops show it, what WirePlumber gives to a card's outputs.
pub(super) const FIRST: f32 = 0.4 * 0.4 * 0.4;

/// Where WirePlumber 0.5 looks for what a node without a remembered volume gets.
pub(super) const PROPERTY: &str = "state.default-volume";

/// Sets the volume of a stream that was connected just now, when PipeWire has not been told of it yet. `props` is what the
/// stream shows.
///
/// # Errors
/// The stream takes no parameters, or offers no volume.
pub(super) fn set_first(stream: &Stream, props: &Param) -> Result<(), pipewire::Error> {
    let Some(props) = props.pod() else { return Ok(()) };
    // A stream learns what its adapter offers when a parameter is announced; by itself only when the sink is visible.
    stream.update_params(&mut [props])?;
    set(stream, [FIRST; 2])?;
    // The adapter of PipeWire 1.4 does not announce a volume that it was given before it has a format.
    stream.update_params(&mut [props])
}

fn set(stream: &Stream, mut gains: [f32; 2]) -> Result<(), pipewire::Error> {
    let (stream, id) = (stream.as_raw_ptr(), spa_sys::SPA_PROP_channelVolumes);
    // SAFETY: the stream is alive; what is returned is only compared with null.
    let offered = !unsafe { pw_sys::pw_stream_get_control(stream, id) }.is_null();
    let result = if offered {
        // SAFETY: as many gains as stated, then the 0 that ends the list (which `Stream::set_control` leaves out).
        unsafe { pw_sys::pw_stream_set_control(stream, id, gains.len() as u32, gains.as_mut_ptr(), 0u32) }
    } else {
        -nix::libc::ENOENT
    };
    Ok(SpaResult::from_c(result).into_sync_result().map(|_| ())?)
}
