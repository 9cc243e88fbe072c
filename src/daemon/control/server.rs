//! The daemon's end of the control socket: one thread that polls all clients, and waits for none of them.
//!
//! The main loop is asked over `deliver` and answers over an [`Answer`], which wakes this thread. So
//! neither waits for the other, nor for a client. What clients may take is bounded, whatever they do: connections,
//! requests that wait in the main loop (with places of their own for status and reload), bytes a request and an answer,
//! bytes held for clients that do not read, time in each phase, connections a second, and lines in the log.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Uid;

use super::answer::{Answer, Asked, Outbox, Place, Sent, Wake};
use super::claim::{Claim, ListenError};
use super::connection::{Connection, Lapse};
use super::protocol::{Reply, Request};
use crate::daemon::Instance;
use crate::daemon::throttled_log::ThrottledLog;

/// Clients that are connected at once.
const MAX_CLIENTS: usize = 128;
/// Reloads that the main loop has not answered yet; the rest of the places is for status.
const MAX_RELOADS: usize = 96;
/// Status requests that the main loop has not answered yet; more than these are queued.
const MAX_STATUSES: usize = 4;
/// Bytes held for clients that do not read their answers, all together.
const MAX_HELD_BYTES: usize = 2 * 1024 * 1024;
/// When all places are taken, a client that has idled this long gives its place to the next.
const GRACE: Duration = Duration::from_millis(100);
/// Connections accepted in a row …
const ACCEPTED_AT_ONCE: usize = 16;
/// … before a pause: 8000 a second are enough for everybody, and leave the processor to the sound.
const PAUSE: Duration = Duration::from_millis(2);
/// How often it is looked whether the socket's file is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The open control socket. Dropping it answers those who wait, ends the thread and removes the socket.
#[derive(Debug)]
pub struct Server {
    stop: Arc<AtomicBool>,
    wake: Arc<Wake>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Opens the instance's socket and hands each request to `deliver`, which must not wait.
    ///
    /// A lock beside the socket decides who is first of an instance. A socket left behind by a daemon that died is
    /// replaced; one that answers is not. When somebody removes the socket's file, it is made anew within a second.
    ///
    /// # Errors
    /// [`ListenError`]: the instance runs already, the folder is not ours alone, or the socket cannot be made.
    pub fn open(instance: &Instance, deliver: impl Fn(Asked) + Send + 'static) -> Result<Server, ListenError> {
        let claim = Claim::take(instance)?;
        let failed = |source| ListenError::Io { socket: claim.socket(), source };
        let wake = Arc::new(Wake::new().map_err(|error| failed(error.into()))?);
        let spare = File::open("/dev/null").map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (outbox, replies) = Outbox::new(wake.clone());
        let socket = claim.socket();
        let polling = Polling {
            claim,
            spare: Some(spare),
            outbox,
            replies,
            clients: Vec::new(),
            next_id: 0,
            reloads: Arc::new(()),
            statuses: Arc::new(()),
            sound: Weak::new(),
            log: ThrottledLog::default(),
            deliver,
        };
        let thread = std::thread::Builder::new()
            .name("control".into())
            .spawn({
                let (stop, wake) = (stop.clone(), wake.clone());
                move || polling.run(&stop, &wake)
            })
            .map_err(|source| ListenError::Io { socket, source })?;
        Ok(Server { stop, wake, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.wake.ring();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::warn!("the control thread had panicked");
        }
    }
}

/// What the control thread owns.
struct Polling<D> {
    claim: Claim,
    /// A file descriptor to spend where there are no more: enough to accept a client and tell it so.
    spare: Option<File>,
    outbox: Outbox,
    replies: mpsc::Receiver<Sent>,
    clients: Vec<Connection>,
    next_id: u64,
    /// Held once by each reload that waits in the main loop.
    reloads: Place,
    /// The same for status.
    statuses: Place,
    /// Held by the one client that has, or will have, a sound.
    sound: Weak<()>,
    log: ThrottledLog,
    deliver: D,
}

impl<D: Fn(Asked)> Polling<D> {
    fn run(mut self, stop: &AtomicBool, wake: &Wake) {
        let mut look_at = Instant::now() + LOOK_EVERY;
        loop {
            let news = self.poll(wake, look_at);
            let now = Instant::now();
            if stop.load(Ordering::Acquire) {
                return self.farewell(now);
            }
            if news.woken {
                wake.clear();
                self.take_answers(now);
            }
            for (index, flags) in news.clients {
                self.attend(index, flags, now);
            }
            for index in 0..self.clients.len() {
                if self.clients[index].deadline() <= now {
                    self.lapse(index, now);
                }
            }
            self.clients.retain(|client| !client.is_over());
            if news.listener {
                self.accept(now);
            }
            self.pass_on_queued(now);
            if look_at <= now {
                look_at = now + LOOK_EVERY;
                self.look();
            }
        }
    }

    /// Waits for whatever comes first: news, a deadline, or the time to look after the socket.
    fn poll(&mut self, wake: &Wake, look_at: Instant) -> News {
        let now = Instant::now();
        let accepts = self.clients.len() < MAX_CLIENTS || self.longest_idle(now).is_some();
        // While all places are taken, the next may become free by its grace's end.
        let graces = self.clients.iter().filter(|_| !accepts).filter_map(|c| Some(c.idle_since()? + GRACE));
        let until = self.clients.iter().map(Connection::deadline).chain(graces).fold(look_at, Instant::min);
        let mut fds = vec![
            PollFd::new(wake.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.claim.listener().as_fd(), if accepts { PollFlags::POLLIN } else { PollFlags::empty() }),
        ];
        fds.extend(self.clients.iter().map(|client| PollFd::new(client.as_fd(), client.interest())));
        // Rounded up: a moment too early would be no moment to wait.
        let wait = until.saturating_duration_since(now) + Duration::from_millis(1);
        let timeout = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
        match nix::poll::poll(&mut fds, timeout) {
            Ok(_) => {}
            Err(Errno::EINTR) => return News::default(),
            Err(error) => {
                // Out of memory, for all that is known. It must not spin.
                self.log.warn(&format!("control socket: poll: {error}"));
                std::thread::sleep(GRACE);
                return News::default();
            }
        }
        let happened = |fd: &PollFd| fd.revents().unwrap_or(PollFlags::empty());
        News {
            woken: !happened(&fds[0]).is_empty(),
            listener: !happened(&fds[1]).is_empty(),
            clients: fds[2..].iter().map(happened).enumerate().filter(|(_, flags)| !flags.is_empty()).collect(),
        }
    }

    fn attend(&mut self, index: usize, flags: PollFlags, now: Instant) {
        if flags.contains(PollFlags::POLLIN) {
            self.read(index, now);
        }
        let client = &mut self.clients[index];
        if flags.contains(PollFlags::POLLOUT) {
            client.write();
        }
        // A client that shut down its writing half only is still there.
        if flags.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL) {
            client.left();
        }
    }

    /// Reads on; a whole request goes to the main loop, or waits for its turn.
    fn read(&mut self, index: usize, now: Instant) {
        let client = &mut self.clients[index];
        let request = match client.read() {
            None => return,
            Some(Err(refusal)) => return client.answer(&refusal, now),
            Some(Ok(request)) => request,
        };
        match request {
            Request::Reload(_) | Request::Set { .. } if Arc::strong_count(&self.reloads) > MAX_RELOADS => {
                let reason = format!("{MAX_RELOADS} reloads wait for their end already: try again later");
                client.answer(&Reply::because(reason), now);
            }
            Request::Reload(_) | Request::Set { .. } => self.pass_on(index, request, now),
            Request::Identify(_) if self.sound.strong_count() > 0 => {
                let reason = "another spatiald identify is under way: end it, or wait until it has ended";
                client.answer(&Reply::because(reason), now);
            }
            Request::Identify(_) => self.pass_on(index, request, now),
            Request::Status => client.queue(now),
        }
    }

    /// Asks the main loop for as many statuses as it can be asked for now; who came first is first.
    fn pass_on_queued(&mut self, now: Instant) {
        while Arc::strong_count(&self.statuses) <= MAX_STATUSES {
            let queued = self.clients.iter().enumerate().filter_map(|(i, client)| Some((client.queued_since()?, i)));
            let Some((_, index)) = queued.min() else { return };
            self.pass_on(index, Request::Status, now);
        }
    }

    fn pass_on(&mut self, index: usize, request: Request, now: Instant) {
        let place = match request {
            Request::Reload(_) | Request::Set { .. } => self.reloads.clone(),
            Request::Status => self.statuses.clone(),
            Request::Identify(_) => {
                let place = Place::new(());
                self.sound = Arc::downgrade(&place);
                place
            }
        };
        let client = &mut self.clients[index];
        client.wait(&request, now);
        let reply = Answer::new(client.id, self.outbox.clone(), place);
        (self.deliver)(Asked { request, reply });
    }

    fn take_answers(&mut self, now: Instant) {
        while let Ok((id, reply, place)) = self.replies.try_recv() {
            // A client that has left, or was told that there is no answer, needs none.
            if let Some(client) = self.clients.iter_mut().find(|client| client.id == id && client.is_waiting()) {
                if matches!(reply, Reply::Sounding { .. }) {
                    client.keep(place);
                }
                client.answer(&reply, now);
                self.bound_held_bytes(now);
            }
        }
    }

    /// Clients that do not read cannot make the daemon grow: the one that has not read for longest goes first.
    fn bound_held_bytes(&mut self, now: Instant) {
        while self.clients.iter().map(Connection::held_bytes).sum::<usize>() > MAX_HELD_BYTES {
            let holders = self.clients.iter().enumerate().filter(|(_, client)| client.held_bytes() > 0);
            let Some((index, _)) = holders.min_by_key(|(_, client)| client.deadline()) else { return };
            self.lapse(index, now);
        }
    }

    fn lapse(&mut self, index: usize, now: Instant) {
        let what = match self.clients[index].lapse(now) {
            Some(Lapse::Silent) => "a client sent no whole request in time",
            Some(Lapse::Unanswered) => "a request got no answer in time",
            Some(Lapse::Unread) => "a client did not read its answer",
            None => return,
        };
        self.note(what);
    }

    fn accept(&mut self, now: Instant) {
        for _ in 0..ACCEPTED_AT_ONCE {
            if self.clients.len() >= MAX_CLIENTS && !self.make_room(now) {
                return;
            }
            match self.claim.listener().accept() {
                Ok((stream, _)) => self.admit(stream, now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // The next one, then.
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                Err(error) => return self.cannot_accept(&error, now),
            }
        }
        std::thread::sleep(PAUSE);
    }

    fn admit(&mut self, stream: UnixStream, now: Instant) {
        let id = self.next_id;
        self.next_id += 1;
        let allowed = stream.set_nonblocking(true).and_then(|()| refusal(&stream));
        let mut client = Connection::new(id, stream, now);
        match allowed {
            Ok(None) => {
                self.clients.push(client);
                // Most have sent their request before they are accepted.
                self.read(self.clients.len() - 1, now);
                self.clients.pop_if(|client| client.is_over());
            }
            Ok(Some(refusal)) => {
                client.dismiss(&Reply::because(refusal), now);
                self.note("a stranger was refused");
            }
            Err(error) => self.note(format_args!("a client could not be looked at: {error}")),
        }
    }

    /// The client that stands in the way for longest, and for long enough.
    fn longest_idle(&self, now: Instant) -> Option<usize> {
        let idle = self.clients.iter().enumerate().filter_map(|(index, client)| Some((client.idle_since()?, index)));
        idle.min().filter(|(since, _)| now.saturating_duration_since(*since) >= GRACE).map(|(_, index)| index)
    }

    fn make_room(&mut self, now: Instant) -> bool {
        let Some(index) = self.longest_idle(now) else { return false };
        let reason = format!("more than {MAX_CLIENTS} clients are connected: try again");
        self.clients[index].dismiss(&Reply::because(reason), now);
        self.clients.swap_remove(index);
        self.note("all places were taken: a client that idled was sent away");
        true
    }

    /// Out of file descriptors, most likely: the client is told with the spare one, and nothing spins.
    fn cannot_accept(&mut self, error: &io::Error, now: Instant) {
        self.note(format_args!("a client could not be accepted: {error}"));
        if self.spare.take().is_some()
            && let Ok((stream, _)) = self.claim.listener().accept()
            && stream.set_nonblocking(true).is_ok()
        {
            let reason = format!("spatiald can take no client ({error}): raise its LimitNOFILE");
            Connection::new(self.next_id, stream, now).dismiss(&Reply::because(reason), now);
        } else {
            std::thread::sleep(GRACE);
        }
        self.spare = File::open("/dev/null").ok();
    }

    /// What has to be looked at now and then: the socket's file, and what the log still owes.
    fn look(&mut self) {
        match self.claim.renew() {
            Ok(false) => {}
            Ok(true) => self.note("its file was removed, and is there again"),
            Err(error) => self.note(format_args!("its file was removed, and cannot be made anew: {error}")),
        }
        self.log.tell();
    }

    fn note(&mut self, what: impl Display) {
        self.log.warn(&format!("control socket: {what}"));
    }

    /// The daemon ends: nobody is left without a word.
    fn farewell(mut self, now: Instant) {
        self.take_answers(now);
        for client in &mut self.clients {
            client.dismiss(&Reply::stopping(), now);
        }
    }
}

/// What poll(2) found.
#[derive(Default)]
struct News {
    woken: bool,
    listener: bool,
    clients: Vec<(usize, PollFlags)>,
}

/// Why this client is not served: only the daemon's own user and root are. The socket's mode says the same; this does
/// not hang on a file's mode alone.
fn refusal(stream: &UnixStream) -> io::Result<Option<String>> {
    let peer = getsockopt(stream, PeerCredentials)?.uid();
    let own = Uid::effective().as_raw();
    Ok((peer != own && peer != 0).then(|| format!("this spatiald is of user {own}; it serves nobody else but root")))
}
