//! The daemon's end of the control socket: a thread that accepts, one short-lived thread a connection.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::protocol::{Reply, Request};

/// A request is a short line; more than this is not one of ours.
const MAX_REQUEST_BYTES: u64 = 64 * 1024;
/// A client that connects and says nothing is dropped.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Each waiting client holds a thread.
const MAX_CLIENTS: usize = 128;

/// A request on its way to the main loop, with where its answer goes.
#[derive(Debug)]
pub struct Asked {
    /// What was asked.
    pub request: Request,
    /// Where the answer goes; a client that left meanwhile is no error.
    pub reply: mpsc::Sender<Reply>,
}

/// Why the control socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another daemon answers there.
    #[error("another spatiald already runs as instance {instance:?} ({}): stop it, or start this one with --instance NAME", socket.display())]
    Running {
        /// The instance.
        instance: String,
        /// Its socket.
        socket: PathBuf,
    },
    /// The socket or its folder cannot be made.
    #[error("the control socket {} cannot be made: set XDG_RUNTIME_DIR to a folder of yours", socket.display())]
    Io {
        /// Where.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The open control socket. Dropping it stops the listener and removes the socket.
#[derive(Debug)]
pub struct Server {
    socket: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Opens the instance's socket (mode 600) and hands each request to `deliver`.
    ///
    /// A socket left behind by a daemon that died is replaced; one that answers is not.
    ///
    /// # Errors
    /// [`ListenError`]: the instance runs already, or the socket cannot be made.
    pub fn open(
        instance: &crate::daemon::Instance,
        deliver: impl Fn(Asked) + Send + Clone + 'static,
    ) -> Result<Server, ListenError> {
        let socket = instance.socket_path();
        if UnixStream::connect(&socket).is_ok() {
            return Err(ListenError::Running { instance: instance.name().to_owned(), socket });
        }
        let listener = bind(&socket).map_err(|source| ListenError::Io { socket: socket.clone(), source })?;
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new()
            .name("control".into())
            .spawn({
                let stop = stop.clone();
                move || accept(&listener, &stop, &deliver)
            })
            .map_err(|source| ListenError::Io { socket: socket.clone(), source })?;
        Ok(Server { socket, stop, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Accept wakes on a connection; if none can be made, the thread ends with the process.
        if UnixStream::connect(&self.socket).is_ok()
            && let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::warn!("the control thread had panicked");
        }
        if let Err(error) = fs::remove_file(&self.socket) {
            log::debug!("{} stays behind: {error}", self.socket.display());
        }
    }
}

fn bind(socket: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = socket.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn accept(listener: &UnixListener, stop: &AtomicBool, deliver: &(impl Fn(Asked) + Send + Clone + 'static)) {
    let clients = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if stop.load(Ordering::Acquire) {
            return;
        }
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: do not spin on it.
                log::warn!("control socket: {error}");
                std::thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        if clients.fetch_add(1, Ordering::AcqRel) >= MAX_CLIENTS {
            clients.fetch_sub(1, Ordering::AcqRel);
            log::warn!("control socket: more than {MAX_CLIENTS} clients wait; one was turned away");
            continue;
        }
        let (deliver, clients_there) = (deliver.clone(), clients.clone());
        let spawned = std::thread::Builder::new().name("control-client".into()).spawn(move || {
            if let Err(error) = serve(stream, &deliver) {
                log::debug!("control client: {error}");
            }
            clients_there.fetch_sub(1, Ordering::AcqRel);
        });
        if let Err(error) = spawned {
            clients.fetch_sub(1, Ordering::AcqRel);
            log::warn!("control socket: no thread for a client: {error}");
        }
    }
}

fn serve(stream: UnixStream, deliver: &impl Fn(Asked)) -> io::Result<()> {
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    let mut line = String::new();
    BufReader::new(&stream).take(MAX_REQUEST_BYTES).read_line(&mut line)?;
    let reply = match serde_json::from_str(&line) {
        Ok(request) => {
            let (reply, answered) = mpsc::channel();
            deliver(Asked { request, reply });
            match answered.recv() {
                Ok(reply) => reply,
                Err(_) => Reply::Refused { reason: "spatiald is stopping".into(), causes: Vec::new() },
            }
        }
        Err(error) => Reply::Refused { reason: format!("not a request of this version: {error}"), causes: Vec::new() },
    };
    let mut answer = serde_json::to_string(&reply)?;
    answer.push('\n');
    (&stream).write_all(answer.as_bytes())
}
