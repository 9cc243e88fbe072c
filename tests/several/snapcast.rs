//! The two speakers on snapcast: a server that reads a pipe, and a client in each speaker's session.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::net::Network;
use crate::support::rtp::speaker;
use crate::support::step::Noise;
use crate::support::{Bed, Process, Session, Setup};
use crate::{CLOCKS_PPM, Pair, await_return, lose_network_and_card, lose_the_daemon, measure, number, options, wanted};

const SERVER: &str = "10.77.0.1";
/// 20 ms of it at a time.
const CHUNK_FRAMES: usize = 960;

/// What a player writes into the server's pipe: 16 bit, 48 kHz, stereo, as fast as it is taken.
struct Feed {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    fn start(pipe: PathBuf) -> Feed {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut noise = Noise::new(7);
            while !stopped.load(Ordering::Relaxed) {
                // Read and write: opening does not wait for a reader.
                let Ok(mut file) = File::options().read(true).write(true).open(&pipe) else {
                    std::thread::sleep(Duration::from_millis(20));
                    continue;
                };
                write(&mut file, &mut noise, &stopped);
            }
        });
        Feed { stop, thread: Some(thread) }
    }
}

fn write(file: &mut File, noise: &mut Noise, stopped: &AtomicBool) {
    while !stopped.load(Ordering::Relaxed) {
        let samples = noise.take(CHUNK_FRAMES).flat_map(|sample| {
            let step = ((sample * 32_768.0) as i16).to_le_bytes();
            [step[0], step[1], step[0], step[1]]
        });
        let bytes: Vec<u8> = samples.collect();
        if file.write_all(&bytes).is_err() {
            return;
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The server, which still reads, wakes it; its only panic would have been printed.
            thread.join().ok();
        }
    }
}

/// Fields are dropped in order: the network last.
struct Rig {
    _feed: Feed,
    clients: Vec<Process>,
    server: Process,
    speakers: [Bed; 2],
    folder: tempfile::TempDir,
    network: Network,
}

impl Pair for Rig {
    fn speakers(&self) -> &[Bed; 2] {
        &self.speakers
    }

    fn second(&mut self) -> (&mut Bed, &Network) {
        (&mut self.speakers[1], &self.network)
    }
}

fn on_machine(network: &Network, machine: &str, program: &str, session: Option<&Session>) -> std::process::Command {
    let launcher = network.launcher(machine);
    let mut command = match session {
        Some(session) => session.command(&launcher[0]),
        None => std::process::Command::new(&launcher[0]),
    };
    command.args(&launcher[1..]).arg(program);
    command
}

impl Rig {
    fn start() -> Rig {
        let network = Network::new();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = serve(&network, folder.path());
        let feed = Feed::start(folder.path().join("pipe"));
        let setup = Setup { pulse: true, ..Setup::default() };
        let bed = |name, ppm| speaker(Session::configured(setup, &[], &network.launcher(name)), &options(name), ppm);
        let speakers = [bed("one", CLOCKS_PPM[0]), bed("two", CLOCKS_PPM[1])];
        let clients =
            ["one", "two"].into_iter().zip(&speakers).map(|(name, bed)| listen(&network, name, bed)).collect();
        Rig { _feed: feed, clients, server, speakers, folder, network }
    }

    /// Kills the second speaker's.
    fn restart_client(&mut self) {
        self.clients[1].signal(Signal::SIGKILL);
        self.clients[1].wait();
        self.clients[1] = listen(&self.network, "two", &self.speakers[1]);
    }
}

fn serve(network: &Network, folder: &Path) -> Process {
    let codec = std::env::var("SEVERAL_CODEC").unwrap_or_else(|_| "flac".to_owned());
    let source = format!("pipe://{}/pipe?name=default&sampleformat=48000:16:2&codec={codec}", folder.display());
    let configuration = folder.join("snapserver.conf");
    std::fs::write(&configuration, format!("[stream]\nsource = {source}\n[http]\nenabled = false\n")).expect("a file");
    let mut command = on_machine(network, "sender", "snapserver", None);
    command.arg("--config").arg(configuration).arg("--server.datadir").arg(folder).env("HOME", folder);
    Process::start("snapserver", &mut command, folder)
}

fn listen(network: &Network, name: &str, bed: &Bed) -> Process {
    let player = std::env::var("SEVERAL_PLAYER").unwrap_or_else(|_| "pulse".to_owned());
    let mut command = on_machine(network, name, "snapclient", Some(&bed.session));
    command.args(["--host", SERVER, "--hostID", name, "--player", &player, "--logsink", "stdout"]);
    bed.session.spawn("snapclient", &mut command)
}

#[test]
#[ignore = "takes minutes, root, snapserver and snapclient: tests/several.sh snapcast"]
fn snapcast() {
    let mut rig = Rig::start();
    await_return(&rig, "start");
    measure(&rig, 60 * number("SEVERAL_MINUTES", 5));
    for round in 0..number("SEVERAL_ROUNDS", 1) {
        println!("round {round}");
        if wanted("delay") {
            assert!(rig.speakers[1].daemon.ask(&["--set", "delay_ms=50"]).status.success());
            await_return(&rig, "a delay of 50 ms in one of the daemons");
            assert!(rig.speakers[1].daemon.ask(&["--set", "delay_ms=0"]).status.success());
            await_return(&rig, "and without it");
        }
        lose_the_daemon(&mut rig);
        if wanted("pipewire") {
            rig.speakers[1].session.kill_pipewire();
            rig.speakers[1].session.start_pipewire();
            rig.speakers[1].session.start_pulse();
            // Of itself it does not come back: 0.26 waits for ever for a PulseAudio server that has gone.
            rig.restart_client();
            await_return(&rig, "speaker's PipeWire killed, all started at once");
        }
        lose_network_and_card(&mut rig);
        if wanted("client") {
            rig.restart_client();
            await_return(&rig, "snapclient killed, started at once");
        }
        if wanted("server") {
            rig.server.signal(Signal::SIGKILL);
            rig.server.wait();
            rig.server = serve(&rig.network, rig.folder.path());
            await_return(&rig, "snapserver killed, started at once");
        }
    }
    measure(&rig, 10);
}
