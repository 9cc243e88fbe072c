//! A player whose samples count: frame `i` is `i / 2^24` on the left and the negative on the right, exactly.

use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use pipewire as pw;
use pw::context::ContextRc;
use pw::main_loop::MainLoopRc;
use pw::properties::properties;
use pw::spa::param::ParamType;
use pw::spa::param::audio::{AudioFormat, AudioInfoRaw, MAX_CHANNELS};
use pw::spa::pod::{Object, Pod, Value, serialize::PodSerializer};
use pw::spa::utils::{Direction, SpaTypes};
use pw::stream::{Stream, StreamFlags, StreamRc};

/// The smallest step a sample of the counter can take.
pub const STEP: f32 = 1.0 / 16_777_216.0;

/// What `pw_stream_get_time` tells a player.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Time {
    pub ticks: u64,
    pub delay: i64,
    /// Of the graph; ticks and delay are counted in it.
    pub rate_hz: u32,
}

pub struct Player {
    quit: pw::channel::Sender<()>,
    time: Arc<Mutex<Time>>,
    thread: Option<JoinHandle<()>>,
}

impl Player {
    /// Plays frames `first`, `first + 1`, … into the node `target` until dropped.
    pub fn start(socket: &Path, target: &str, first: u32) -> Player {
        let (quit, receiver) = pw::channel::channel();
        let time = Arc::new(Mutex::new(Time::default()));
        let (socket, target, shared) = (socket.to_owned(), target.to_owned(), Arc::clone(&time));
        let (ready, started) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let main_loop = MainLoopRc::new(None).unwrap();
            let context = ContextRc::new(&main_loop, Some(properties! { "config.name" => "client-rt.conf" })).unwrap();
            let core = context.connect_rc(Some(properties! { "remote.name" => socket.to_str().unwrap() })).unwrap();
            let properties = properties! {
                "media.type" => "Audio", "media.category" => "Playback", "node.name" => "counter",
                "node.dont-reconnect" => "true", "target.object" => target.as_str(), "node.rate" => "1/48000",
            };
            let stream = StreamRc::new(core, "counter", properties).unwrap();
            let mut next = first;
            let listener = stream
                .add_local_listener_with_user_data(())
                .process(move |stream, ()| fill(stream, &mut next))
                .register()
                .unwrap();
            let format = format();
            let flags = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS | StreamFlags::RT_PROCESS;
            stream.connect(Direction::Output, None, flags, &mut [Pod::from_bytes(&format).unwrap()]).unwrap();
            let quit = receiver.attach(main_loop.loop_(), {
                let main_loop = main_loop.clone();
                move |()| main_loop.quit()
            });
            let clock = main_loop.loop_().add_timer({
                let stream = stream.clone();
                move |_| {
                    if let Ok(time) = stream.time() {
                        *shared.lock().unwrap() =
                            Time { ticks: time.ticks(), delay: time.delay(), rate_hz: time.rate().denom };
                    }
                }
            });
            let interval = Some(Duration::from_millis(10));
            clock.update_timer(interval, interval);
            ready.send(()).unwrap();
            main_loop.run();
            stream.disconnect().unwrap();
            drop((listener, quit));
        });
        started.recv().unwrap();
        Player { quit, time, thread: Some(thread) }
    }

    pub fn time(&self) -> Time {
        *self.time.lock().unwrap()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        // The thread may have panicked: then the join below tells.
        self.quit.send(()).ok();
        if self.thread.take().unwrap().join().is_err() && !std::thread::panicking() {
            panic!("the player failed");
        }
    }
}

fn fill(stream: &Stream, next: &mut u32) {
    let Some(mut buffer) = stream.dequeue_buffer() else { return };
    let requested = buffer.requested() as usize;
    let start = *next;
    for (channel, data) in buffer.datas_mut().iter_mut().enumerate() {
        let sign = if channel == 0 { STEP } else { -STEP };
        let Some(bytes) = data.data() else { return };
        let frames = requested.min(bytes.len() / 4);
        for (i, sample) in bytes.chunks_exact_mut(4).take(frames).enumerate() {
            sample.copy_from_slice(&((start + i as u32) as f32 * sign).to_ne_bytes());
        }
        *next = start + frames as u32;
        let chunk = data.chunk_mut();
        *chunk.offset_mut() = 0;
        *chunk.stride_mut() = 4;
        *chunk.size_mut() = frames as u32 * 4;
    }
}

fn format() -> Vec<u8> {
    let mut info = AudioInfoRaw::new();
    info.set_format(AudioFormat::F32P);
    info.set_rate(48_000);
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
