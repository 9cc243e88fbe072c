//! A player that never stumbles: its samples are computed in PipeWire's real-time thread. What breaks in the recording
//! was not broken by it, which can't be said of `pw-cat` on a busy machine.

use std::path::Path;
use std::thread::JoinHandle;

use pipewire as pw;
use pw::context::ContextRc;
use pw::main_loop::MainLoopRc;
use pw::properties::properties;
use pw::spa::param::ParamType;
use pw::spa::param::audio::{AudioFormat, AudioInfoRaw, MAX_CHANNELS};
use pw::spa::pod::{Object, Pod, Value, serialize::PodSerializer};
use pw::spa::utils::{Direction, SpaTypes};
use pw::stream::{Stream, StreamFlags, StreamRc};

const RATE_HZ: u32 = 48_000;
const MAX_FRAMES: usize = 8192;

/// What `pw_stream_get_time` tells a player.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Time {
    /// `CLOCK_MONOTONIC` of the telling.
    pub now_ns: i64,
    pub ticks: u64,
    pub delay: i64,
    /// Of the graph; ticks and delay are counted in it.
    pub rate_hz: u32,
}

impl Time {
    /// When PipeWire promises that this cycle's first frame will sound (`CLOCK_MONOTONIC`).
    pub fn sounds_at_ns(&self) -> i64 {
        self.now_ns + self.delay * 1_000_000_000 / i64::from(self.rate_hz)
    }
}

/// Plays until dropped.
pub struct Source {
    quit: pw::channel::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Source {
    /// Plays into the node `target` (empty: the default sink) of the PipeWire at `socket`, at a quantum of `quantum_frames`.
    ///
    /// `fill(left, right, time)` computes a cycle; the time is `None` before the graph has a clock.
    pub fn start(
        socket: &Path,
        target: &str,
        quantum_frames: u32,
        mut fill: impl FnMut(&mut [f32], &mut [f32], Option<Time>) + Send + 'static,
    ) -> Source {
        let (quit, receiver) = pw::channel::channel();
        let (socket, target) = (socket.to_owned(), target.to_owned());
        let thread = std::thread::spawn(move || {
            let main_loop = MainLoopRc::new(None).unwrap();
            let context = ContextRc::new(&main_loop, Some(properties! { "config.name" => client_conf() })).unwrap();
            let core = context.connect_rc(Some(properties! { "remote.name" => socket.to_str().unwrap() })).unwrap();
            let mut properties = properties! {
                "media.type" => "Audio", "media.category" => "Playback", "node.name" => "source",
                "node.rate" => "1/48000", "node.latency" => format!("{quantum_frames}/48000"),
            };
            if !target.is_empty() {
                properties.insert("target.object", target.as_str());
            }
            let stream = StreamRc::new(core, "source", properties).unwrap();
            let (mut left, mut right) = (vec![0.0; MAX_FRAMES], vec![0.0; MAX_FRAMES]);
            let listener = stream
                .add_local_listener_with_user_data(())
                .process(move |stream, ()| cycle(stream, &mut left, &mut right, &mut fill))
                .register()
                .unwrap();
            let format = format();
            let flags = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS | StreamFlags::RT_PROCESS;
            stream.connect(Direction::Output, None, flags, &mut [Pod::from_bytes(&format).unwrap()]).unwrap();
            let attached = receiver.attach(main_loop.loop_(), {
                let main_loop = main_loop.clone();
                move |()| main_loop.quit()
            });
            main_loop.run();
            stream.disconnect().unwrap();
            drop((listener, attached));
        });
        Source { quit, thread: Some(thread) }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // The thread may have panicked: then its message has been printed, and the recording tells the rest.
        self.quit.send(()).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// The stock configuration of clients whose data thread is real-time: any client's since 1.0.
fn client_conf() -> &'static str {
    // SAFETY: a string of the library's own, there for good.
    let version = unsafe { std::ffi::CStr::from_ptr(pw::sys::pw_get_library_version()) };
    if version.to_bytes().starts_with(b"0.") { "client-rt.conf" } else { "client.conf" }
}

fn cycle(
    stream: &Stream,
    left: &mut [f32],
    right: &mut [f32],
    fill: &mut impl FnMut(&mut [f32], &mut [f32], Option<Time>),
) {
    let Some(mut buffer) = stream.dequeue_buffer() else { return };
    let mut frames = (buffer.requested() as usize).min(MAX_FRAMES);
    for data in buffer.datas_mut() {
        frames = frames.min(data.data().map_or(0, |bytes| bytes.len() / 4));
    }
    fill(&mut left[..frames], &mut right[..frames], time_of(stream));
    for (data, plane) in buffer.datas_mut().iter_mut().zip([left, right]) {
        let Some(bytes) = data.data() else { return };
        for (bytes, sample) in bytes.chunks_exact_mut(4).zip(&plane[..frames]) {
            bytes.copy_from_slice(&sample.to_ne_bytes());
        }
        let chunk = data.chunk_mut();
        *chunk.offset_mut() = 0;
        *chunk.stride_mut() = 4;
        *chunk.size_mut() = frames as u32 * 4;
    }
}

fn time_of(stream: &Stream) -> Option<Time> {
    let time = stream.time().ok()?;
    let rate_hz = time.rate().denom.checked_div(time.rate().num).filter(|&rate_hz| rate_hz > 0)?;
    Some(Time { now_ns: time.now(), ticks: time.ticks(), delay: time.delay(), rate_hz })
}

fn format() -> Vec<u8> {
    let mut info = AudioInfoRaw::new();
    info.set_format(AudioFormat::F32P);
    info.set_rate(RATE_HZ);
    info.set_channels(2);
    let mut position = [0; MAX_CHANNELS];
    position[0] = pw::spa::sys::SPA_AUDIO_CHANNEL_FL;
    position[1] = pw::spa::sys::SPA_AUDIO_CHANNEL_FR;
    info.set_position(position);
    let object = Object {
        type_: SpaTypes::ObjectParamFormat.as_raw(),
        id: ParamType::EnumFormat.as_raw(),
        properties: info.into(),
    };
    let (cursor, _) = PodSerializer::serialize(std::io::Cursor::new(Vec::new()), &Value::Object(object)).unwrap();
    cursor.into_inner()
}
