//! The writer's states and how it gets from one to the next: a pure function of state and event, so that every fault
//! can be tried in every state.
//!
//! ```text
//!            Opened                Started              Stop              Silent
//!   Lost ──────────────▶ Filling ──────────▶ Running ─────────▶ Stopping ─────────▶ Stopped
//!    ▲ ▲                  ▲   ▲                │  │
//!    │ │ too many faults  │   └── xrun, resume ┘  │ no progress
//!    │ └──────────────────┴──────── Stalled ◀─────┘
//!    └── device gone, release requested ── from any of them
//!   Running ── idle ──▶ Standby ── wanted ──▶ Lost (which opens it again)
//!   Running ── leave ──▶ Leaving ── silent ──▶ Lost (another device is opened)
//! ```

use nix::libc;

/// Restarts without a buffer's worth of progress in between after which the device is closed and opened anew.
const MAX_RESTARTS: u32 = 8;

/// What the writer is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The device's buffer is to be filled with silence and started.
    Filling,
    /// Period after period.
    Running,
    /// The device took nothing for too long and was restarted; once more and it is closed.
    Stalled,
    /// The system was suspended and the card is not awake yet.
    Suspended,
    /// No device; it is being opened. The graph runs from a timer and what it gives is played to nobody.
    Lost,
    /// The device was closed because nothing played; the next sound opens it.
    Standby,
    /// Fading out for another device.
    Leaving,
    /// Fading out.
    Stopping,
    /// Done.
    Stopped,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The buffer is filled and the device runs.
    Started,
    /// The device took a whole buffer since the last restart.
    Progress,
    /// A call failed.
    Fault(Fault),
    /// The device took nothing for longer than its buffer lasts, twice over.
    NoProgress,
    /// The card is wanted by a program with a higher claim.
    ReleaseRequested,
    /// The device is open and configured.
    Opened,
    /// A suspended card is awake again.
    Awake,
    /// Nothing has played for the time after which the device is to be closed.
    Idle,
    /// The graph streams again.
    Wanted,
    /// Another device is to be played on.
    Leave,
    /// The writer shall end.
    Stop,
    /// Everything audible has left the device.
    Silent,
}

/// What an error code means for the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: try again.
    Again,
    /// The buffer ran empty.
    Xrun,
    /// The system slept.
    Suspended,
    /// The device is not there any more.
    Gone,
    /// The PCM is in a state it should not be in, or the driver failed.
    Broken,
}

impl Fault {
    /// The meaning of a positive `errno` from any PCM call.
    pub fn from_errno(errno: i32) -> Fault {
        match errno {
            libc::EAGAIN | libc::EINTR => Fault::Again,
            libc::EPIPE => Fault::Xrun,
            libc::ESTRPIPE => Fault::Suspended,
            // ENOENT: PipeWire's plugin when its node is gone. EBADF, ESHUTDOWN: USB cards on their way out.
            libc::ENODEV | libc::ENOENT | libc::ENXIO | libc::ESHUTDOWN | libc::EBADF => Fault::Gone,
            _ => Fault::Broken,
        }
    }
}

/// What is to be done on a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Go on.
    None,
    /// Stop and prepare the PCM: the buffer is filled and started from silence.
    Restart,
    /// Ask the card to wake; it answers by success, by `Again`, or by another fault.
    Resume,
    /// Close the device and have it opened again.
    Reopen,
    /// Close the device.
    Close,
    /// Have the device opened.
    Open,
    /// Begin the fade-out.
    FadeOut,
    /// Give the device, if there is one, to whoever opens the other.
    Yield,
    /// Leave the loop.
    Finish,
}

/// The state and what it remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    state: State,
    restarts: u32,
}

impl Default for Machine {
    /// Waiting for a device.
    fn default() -> Machine {
        Machine { state: State::Lost, restarts: 0 }
    }
}

impl Machine {
    /// The present state.
    pub fn state(self) -> State {
        self.state
    }

    /// True in the states that hold a device.
    pub fn has_device(self) -> bool {
        !matches!(self.state, State::Lost | State::Standby | State::Stopped)
    }

    /// Moves on and says what is to be done.
    pub fn on(&mut self, event: Event) -> Action {
        use State::{Filling, Leaving, Lost, Running, Stalled, Standby, Stopped, Stopping, Suspended};
        let (next, action) = match (self.state, event) {
            (Stopped, _) => (Stopped, Action::None),

            // The end comes first: whatever fails while stopping, or with no device to fade, ends it.
            (Lost | Standby, Event::Stop) => (Stopped, Action::Finish),
            (Filling | Suspended | Stalled, Event::Stop) => (Stopped, Action::Finish),
            (Running, Event::Stop) => (Stopping, Action::FadeOut),
            // It fades out already.
            (Leaving, Event::Stop) => (Stopping, Action::None),
            (Stopping, Event::Silent | Event::NoProgress | Event::ReleaseRequested) => (Stopped, Action::Finish),
            (Stopping, Event::Fault(fault)) if fault != Fault::Again => (Stopped, Action::Finish),
            (Stopping, _) => (Stopping, Action::None),

            (Running, Event::Leave) => (Leaving, Action::FadeOut),
            (Leaving, Event::Silent | Event::NoProgress | Event::ReleaseRequested) => (Lost, Action::Yield),
            (Leaving, Event::Fault(fault)) if fault != Fault::Again => (Lost, Action::Yield),
            (Leaving, _) => (Leaving, Action::None),
            (_, Event::Leave) => (Lost, Action::Yield),

            // Without a device, only these matter.
            (Lost, Event::Opened) => (Filling, Action::None),
            (Standby, Event::Wanted) => (Lost, Action::Open),
            (Lost | Standby, _) => (self.state, Action::None),

            (Filling, Event::Started) => (Running, Action::None),
            (Running | Stalled, Event::Progress) => {
                self.restarts = 0;
                (Running, Action::None)
            }
            (Running, Event::Idle) => (Standby, Action::Close),

            (_, Event::Fault(Fault::Again)) => (self.state, Action::None),
            (_, Event::Fault(Fault::Gone) | Event::ReleaseRequested) => (Lost, Action::Reopen),
            (_, Event::Fault(Fault::Suspended)) => (Suspended, Action::Resume),
            (_, Event::Fault(Fault::Xrun | Fault::Broken)) | (Suspended, Event::Awake) => self.restart(Filling),
            (Stalled | Filling | Suspended, Event::NoProgress) => (Lost, Action::Reopen),
            (_, Event::NoProgress) => self.restart(Stalled),

            (
                _,
                Event::Opened
                | Event::Started
                | Event::Idle
                | Event::Wanted
                | Event::Awake
                | Event::Silent
                | Event::Progress,
            ) => (self.state, Action::None),
        };
        if next == Lost || next == Standby {
            self.restarts = 0;
        }
        self.state = next;
        action
    }

    fn restart(&mut self, next: State) -> (State, Action) {
        self.restarts += 1;
        if self.restarts > MAX_RESTARTS { (State::Lost, Action::Reopen) } else { (next, Action::Restart) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action as A;
    use State as S;

    const STATES: [State; 9] =
        [S::Filling, S::Running, S::Stalled, S::Suspended, S::Lost, S::Standby, S::Leaving, S::Stopping, S::Stopped];
    const EVENTS: [Event; 16] = [
        Event::Started,
        Event::Progress,
        Event::Fault(Fault::Again),
        Event::Fault(Fault::Xrun),
        Event::Fault(Fault::Suspended),
        Event::Fault(Fault::Gone),
        Event::Fault(Fault::Broken),
        Event::NoProgress,
        Event::ReleaseRequested,
        Event::Opened,
        Event::Awake,
        Event::Idle,
        Event::Wanted,
        Event::Leave,
        Event::Stop,
        Event::Silent,
    ];

    fn at(state: State) -> Machine {
        Machine { state, restarts: 0 }
    }

    fn after(state: State, event: Event) -> (State, Action) {
        let mut machine = at(state);
        let action = machine.on(event);
        (machine.state(), action)
    }

    /// Every error code a PCM call is known to give, in every state that holds a device.
    #[test]
    fn fault_table() {
        use libc::*;
        #[rustfmt::skip]
        let table = [
            //            Filling                      Running                      Stalled                      Suspended                    Stopping
            (EAGAIN,   [(S::Filling, A::None),       (S::Running, A::None),       (S::Stalled, A::None),       (S::Suspended, A::None),     (S::Stopping, A::None)]),
            (EINTR,    [(S::Filling, A::None),       (S::Running, A::None),       (S::Stalled, A::None),       (S::Suspended, A::None),     (S::Stopping, A::None)]),
            (EPIPE,    [(S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Stopped, A::Finish)]),
            (ESTRPIPE, [(S::Suspended, A::Resume),   (S::Suspended, A::Resume),   (S::Suspended, A::Resume),   (S::Suspended, A::Resume),   (S::Stopped, A::Finish)]),
            (ENODEV,   [(S::Lost, A::Reopen),        (S::Lost, A::Reopen),        (S::Lost, A::Reopen),        (S::Lost, A::Reopen),        (S::Stopped, A::Finish)]),
            (ENOENT,   [(S::Lost, A::Reopen),        (S::Lost, A::Reopen),        (S::Lost, A::Reopen),        (S::Lost, A::Reopen),        (S::Stopped, A::Finish)]),
            (EBADFD,   [(S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Stopped, A::Finish)]),
            (EIO,      [(S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Stopped, A::Finish)]),
            (EBUSY,    [(S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Stopped, A::Finish)]),
            (ENOSYS,   [(S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Stopped, A::Finish)]),
            (ETIMEDOUT,[(S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Filling, A::Restart),    (S::Stopped, A::Finish)]),
        ];
        for (errno, expected) in table {
            let states = [S::Filling, S::Running, S::Stalled, S::Suspended, S::Stopping];
            for (state, expected) in states.into_iter().zip(expected) {
                assert_eq!(after(state, Event::Fault(Fault::from_errno(errno))), expected, "{errno} in {state:?}");
            }
        }
    }

    /// What must hold for every event in every state.
    #[test]
    fn invariants() {
        for state in STATES {
            for event in EVENTS {
                let had_device = at(state).has_device();
                let (next, action) = after(state, event);
                let has_device = at(next).has_device();
                let case = format!("{event:?} in {state:?} gives {next:?}, {action:?}");
                if had_device && !has_device {
                    assert!(matches!(action, A::Reopen | A::Close | A::Yield | A::Finish), "device leaked: {case}");
                }
                if !had_device {
                    assert!(!matches!(action, A::Restart | A::Resume | A::Reopen | A::Close), "no device: {case}");
                    assert!(!has_device || event == Event::Opened, "device from nowhere: {case}");
                }
                if next == S::Lost && state != S::Lost {
                    assert!(matches!(action, A::Reopen | A::Open | A::Yield), "nobody opens it: {case}");
                }
                if event == Event::Leave && !matches!(state, S::Running | S::Leaving | S::Stopping | S::Stopped) {
                    assert_eq!((next, action), (S::Lost, A::Yield), "whoever asked waits for ever: {case}");
                }
                if event == Event::Stop && state != S::Stopping {
                    assert!(matches!(next, S::Stopping | S::Stopped), "did not stop: {case}");
                }
                assert!(action != A::Finish || next == S::Stopped, "{case}");
            }
        }
    }

    #[test]
    fn a_device_is_left_in_silence_whatever_it_does_meanwhile() {
        for end in [Event::Silent, Event::NoProgress, Event::ReleaseRequested, Event::Fault(Fault::Gone)] {
            let mut machine = at(S::Running);
            assert_eq!(machine.on(Event::Leave), A::FadeOut);
            assert_eq!(machine.on(Event::Leave), A::None);
            assert_eq!(machine.on(end), A::Yield, "{end:?}");
            assert_eq!(machine.state(), S::Lost);
        }
    }

    #[test]
    fn xruns_without_progress_end_in_reopening() {
        let mut machine = at(S::Running);
        for _ in 0..MAX_RESTARTS {
            assert_eq!(machine.on(Event::Fault(Fault::Xrun)), A::Restart);
            assert_eq!(machine.on(Event::Started), A::None);
        }
        assert_eq!(machine.on(Event::Fault(Fault::Xrun)), A::Reopen);
        assert_eq!(machine.state(), S::Lost);
    }

    #[test]
    fn xruns_with_progress_in_between_go_on_for_ever() {
        let mut machine = at(S::Running);
        for _ in 0..10 * MAX_RESTARTS {
            assert_eq!(machine.on(Event::Fault(Fault::Xrun)), A::Restart);
            machine.on(Event::Started);
            machine.on(Event::Progress);
            assert_eq!(machine.state(), S::Running);
        }
    }

    #[test]
    fn a_stall_is_restarted_once_and_then_reopened() {
        let mut machine = at(S::Running);
        assert_eq!(machine.on(Event::NoProgress), A::Restart);
        assert_eq!(machine.on(Event::NoProgress), A::Reopen);
        let mut machine = at(S::Running);
        machine.on(Event::NoProgress);
        machine.on(Event::Progress);
        assert_eq!(machine.state(), S::Running);
    }
}
