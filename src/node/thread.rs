//! The node's thread: PipeWire's main loop, and one connection after the other on it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pipewire::channel::{Receiver, Sender};
use pipewire::main_loop::MainLoopRc;

use crate::engine::{Counters, Pace, RingWriter};

use super::callbacks::Callbacks;
use super::connection::{self, Present};
use super::cycle::Cycle;
use super::data_loop::DataCell;
use super::error::last_os_error;
use super::persistent::Persistent;
use super::{Command, Event, NodeError, Request, Shown, Tell};

/// First and longest pause between two attempts to connect: where nobody listens, one costs nothing, and who has started
/// PipeWire again waits for sound.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(500));
/// A sink that has been there for so long was no failure.
const LASTING: Duration = Duration::from_secs(1);

/// What the thread is given.
pub(super) struct Parts {
    pub request: Request,
    pub shown: Shown,
    pub ring: RingWriter,
    pub pace: Arc<Pace>,
    pub counters: Arc<Counters>,
    pub tell: Tell,
    /// The other end of `asked`, for what must not be done within a callback.
    pub ask: Sender<Command>,
    pub asked: Receiver<Command>,
}

/// Runs until told to quit.
pub(super) fn run(parts: Parts) {
    let main_loop = match MainLoopRc::new(None) {
        Ok(main_loop) => main_loop,
        Err(error) => {
            let error = NodeError::Setup { what: "main loop", reason: last_os_error(&error) };
            // Without a loop there is no second attempt; whoever watches the thread sees that it has ended.
            return (parts.tell)(Event::Down(error.to_string()));
        }
    };
    let Parts { request, shown, ring, pace, counters, tell, ask, asked } = parts;
    let cell = Rc::new(DataCell::new(Cycle::new(ring, Arc::clone(&pace), counters)));
    let persistent = Rc::new(Persistent::new(main_loop.clone(), pace, request, &shown, tell, ask));
    let present = Rc::new(Present::default());
    let _asked = asked.attach(main_loop.loop_(), {
        let (persistent, present) = (Rc::clone(&persistent), Rc::clone(&present));
        move |command| obey(command, &persistent, present.borrow().clone())
    });
    let alarm = main_loop.loop_().add_timer({
        let main_loop = main_loop.clone();
        move |_| main_loop.quit()
    });
    let mut pause = BACKOFF.0;
    while !persistent.quits.get() {
        let begun = Instant::now();
        match connection::serve(&persistent, &cell, &present) {
            // To be made anew.
            Ok(()) => pause = BACKOFF.0,
            Err(error) => {
                if matches!(error, NodeError::Lost { .. }) && begun.elapsed() >= LASTING {
                    pause = BACKOFF.0;
                }
                persistent.down(&error.to_string());
            }
        }
        // SAFETY: the connection is gone with its callbacks and its data thread.
        unsafe {
            cell.change_here(Cycle::forget_areas);
            cell.release();
        }
        persistent.pace.set_streaming(false);
        persistent.pace.set_driving(false);
        if !persistent.quits.get() {
            alarm.update_timer(Some(pause), None);
            main_loop.run();
            alarm.update_timer(Some(Duration::ZERO), None);
            pause = (2 * pause).min(BACKOFF.1);
        }
    }
}

fn obey(command: Command, persistent: &Persistent, sink: Option<Rc<Callbacks>>) {
    match command {
        Command::PublishLatency(frames) => {
            persistent.latency_frames.set(frames);
            if let Some(sink) = sink {
                sink.publish_latency();
            }
        }
        Command::ShowProfile(name) => {
            persistent.props.borrow_mut().profile = name;
            if let Some(sink) = sink {
                sink.show_props();
            }
        }
        Command::ShowSettings(settings) => {
            persistent.props.borrow_mut().settings = settings;
            if let Some(sink) = sink {
                sink.show_props();
            }
        }
        Command::ShowProps => {
            if let Some(sink) = sink {
                sink.show_props();
            }
        }
        Command::Present(request) => {
            persistent.request.replace(*request);
            persistent.main_loop.quit();
        }
        Command::Quit => {
            persistent.quits.set(true);
            persistent.main_loop.quit();
        }
    }
}
