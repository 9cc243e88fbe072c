//! What PipeWire tells about the sink, and what is made of it. All of it is called on the node's thread.

use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::c_void;
use std::rc::Rc;
use std::time::{Duration, Instant};

use pipewire::registry::GlobalObject;
use pipewire::spa::param::ParamType;
use pipewire::spa::pod::Pod;
use pipewire::spa::utils::dict::DictRef;
use pipewire::stream::{Stream, StreamRc, StreamState};
use pipewire::types::ObjectType;

use super::clock::Areas;
use super::cycle::Cycle;
use super::data_loop::{DataCell, DataLoop, SendPtr};
use super::feedback::{Feedback, Object};
use super::manager::Manager;
use super::params::{Param, requested_profile, requested_settings};
use super::persistent::Persistent;
use super::{Command, Event, NodeError};

/// How long PipeWire may take to create the node.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The sink of one connection.
pub(super) struct Callbacks {
    persistent: Rc<Persistent>,
    cell: Rc<DataCell<Cycle>>,
    stream: StreamRc,
    /// The stream's loop; none before `connect` has returned.
    data_loop: OnceCell<DataLoop>,
    driving: Cell<bool>,
    negotiated: Cell<bool>,
    is_up: Cell<bool>,
    ended: Cell<bool>,
    error: RefCell<Option<NodeError>>,
    feedback: RefCell<Feedback>,
    manager: Manager,
}

impl Callbacks {
    pub fn new(persistent: Rc<Persistent>, cell: Rc<DataCell<Cycle>>, stream: StreamRc) -> Callbacks {
        Callbacks {
            persistent,
            cell,
            stream,
            data_loop: OnceCell::new(),
            driving: Cell::new(false),
            negotiated: Cell::new(false),
            is_up: Cell::new(false),
            ended: Cell::new(false),
            error: RefCell::default(),
            feedback: RefCell::new(Feedback::new(std::process::id())),
            manager: Manager::default(),
        }
    }

    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    pub fn cell(&self) -> Rc<DataCell<Cycle>> {
        Rc::clone(&self.cell)
    }

    /// From now on the data thread knows the cell.
    pub fn use_loop(&self, data_loop: DataLoop) {
        self.data_loop.get_or_init(|| data_loop);
    }

    /// From now on nothing that PipeWire tells counts. Whoever listens learns that nobody plays any more.
    pub fn end(&self) {
        if !self.ended.replace(true) && self.persistent.pace.is_streaming() {
            self.persistent.tell(Event::Paused);
        }
        if self.feedback.borrow().is_there() {
            self.persistent.tell(Event::FeedbackEnded);
        }
    }

    pub fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Why the connection has ended; `Ok` when it was we who ended it.
    pub fn outcome(&self) -> Result<(), NodeError> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// The connection or the node is lost.
    fn lost(&self, reason: &str) {
        let node = self.persistent.request.borrow().node_name.clone();
        self.fail(match self.is_up.get() {
            true => NodeError::Lost { node, reason: reason.into() },
            false => NodeError::Refused { node, reason: reason.into() },
        });
    }

    fn fail(&self, error: NodeError) {
        if self.ended.replace(true) {
            return;
        }
        self.persistent.pace.set_streaming(false);
        self.persistent.pace.set_driving(false);
        self.error.replace(Some(error));
        self.persistent.main_loop.quit();
    }

    /// Once the session manager has gone, and with it the links it made: the next one is given a sink that nobody has
    /// configured (see [`Manager`]).
    fn start_anew_if_orphaned(&self) {
        if self.manager.is_lost() && !self.persistent.pace.is_streaming() && !self.ended.replace(true) {
            log::info!("PipeWire: the session manager has gone; the sink is made anew for the next one");
            self.persistent.orphan.begin();
            self.persistent.main_loop.quit();
        }
    }

    /// Where the next manager does not link the players, the sink is made anew once more.
    pub fn check_manager(&self) {
        if !self.ended.get() && self.persistent.orphan.tries_again(&self.manager, Instant::now()) {
            self.ended.set(true);
            log::info!("PipeWire: players wait and are not linked; the sink is made anew");
            self.persistent.main_loop.quit();
        }
    }

    pub fn lose_patience(&self) {
        if !self.is_up.get() {
            let node = self.persistent.request.borrow().node_name.clone();
            self.fail(NodeError::Timeout { node, seconds: PATIENCE.as_secs() });
        }
    }

    pub fn check_threads(&self) {
        if self.cell.is_contested() {
            self.lost(
                "it processes the sink on another thread than the one it named: set context.num-data-loops = 1 in \
                 context.properties of client.conf",
            );
        }
    }

    pub fn core_error(&self, id: u32, res: i32, message: &str) {
        // After a "connection error" of whatever number nothing is read from it any more.
        let is_over = res == -nix::libc::EPIPE || message.starts_with("connection error");
        if id == pipewire::core::PW_ID_CORE && is_over {
            self.lost(&format!("PipeWire closed the connection ({message})"));
        } else {
            let warning = format!("PipeWire: error {res} on object {id}: {}", message.escape_debug());
            self.persistent.tell(Event::Warning(warning));
        }
    }

    pub fn state_changed(&self, state: StreamState) {
        log::debug!("PipeWire: the sink is {state:?}");
        if self.ended.get() {
            return;
        }
        let streaming = state == StreamState::Streaming;
        if self.persistent.pace.is_streaming() != streaming {
            self.persistent.pace.set_streaming(streaming);
            self.persistent.tell(if streaming { Event::Streaming } else { Event::Paused });
        }
        match state {
            StreamState::Paused | StreamState::Streaming => {
                // PipeWire 1.4 loses the latency given to `connect`, and what is published before the links stand.
                self.publish_latency();
                if !self.is_up.replace(true) {
                    self.persistent.up(self.stream.node_id());
                }
            }
            StreamState::Unconnected => self.lost("PipeWire removed the sink"),
            StreamState::Error(message) => self.lost(&message),
            StreamState::Connecting => {}
        }
        self.start_anew_if_orphaned();
    }

    /// Called by PipeWire 1.x also from within `connect`, before the stream has a node: nothing may be asked of the
    /// stream here.
    pub fn io_changed(&self, id: u32, area: *mut c_void, size: usize) {
        if !Areas::knows(id) {
            return;
        }
        let area = SendPtr(area);
        let set = move |cycle: &mut Cycle| {
            // SAFETY: these are `io_changed`'s own arguments, taken over by the data thread while we wait in it, or
            // before it runs.
            unsafe { cycle.set_area(id, area.get(), size) };
            (cycle.quantum_frames(), cycle.is_driving())
        };
        let changed = match self.data_loop.get() {
            Some(data_loop) => self.cell.change(data_loop, set),
            // SAFETY: `connect` has not returned, and nothing is watched yet.
            None => Ok(unsafe { self.cell.change_here(set) }),
        };
        let (quantum_frames, driving) = match changed {
            Ok(changed) => changed,
            // The data thread may now hold an area that is unmapped when we return.
            Err(error) => return self.lost(&format!("the data loop takes no commands: {}", error.desc())),
        };
        if self.ended.get() {
            return;
        }
        if quantum_frames > 0 {
            self.persistent.pace.set_quantum_frames(quantum_frames);
        }
        if self.driving.replace(driving) != driving {
            self.persistent.pace.set_driving(driving);
            self.persistent.tell(if driving { Event::DriverWon } else { Event::DriverLost });
        }
    }

    pub fn param_changed(&self, id: u32, param: Option<&Pod>) {
        match (ParamType::from_raw(id), param) {
            (ParamType::Format, format) => {
                let now = format.is_some();
                if self.negotiated.replace(now) != now {
                    self.persistent.tell(if now { Event::Resumed } else { Event::Suspended });
                }
            }
            (ParamType::Props, Some(props)) => {
                self.persistent.props.borrow_mut().follow(props);
                // The adapter of PipeWire 1.4 announces a new volume only once it has a format; until then everybody
                // reads, and stores, the old one. An announcement of ours makes them read again, but not before this
                // has returned: only then has the adapter taken the volume.
                self.persistent.ask.send(Command::ShowProps).ok();
                if let Some(profile) = requested_profile(props) {
                    self.persistent.tell(Event::ProfileRequested(profile));
                }
                let settings = requested_settings(props);
                if !settings.is_empty() {
                    self.persistent.tell(Event::SettingsRequested(settings));
                }
            }
            _ => {}
        }
    }

    pub fn appeared(&self, global: &GlobalObject<&DictRef>) {
        self.tell_manager(global);
        let Some(object) = object(global) else { return };
        if let Some(name) = self.feedback.borrow_mut().appeared(global.id, object, self.stream.node_id()) {
            self.persistent.tell(Event::Feedback(name.into()));
        }
    }

    fn tell_manager(&self, global: &GlobalObject<&DictRef>) {
        let property = |key| global.props.and_then(|properties| properties.get(key));
        let names_sink = |key| property(key).and_then(|id| id.parse().ok()) == Some(self.stream.node_id());
        match global.type_ {
            ObjectType::Metadata => self.manager.metadata(global.id, property("metadata.name")),
            ObjectType::Node if property("media.class") == Some("Stream/Output/Audio") => {
                self.manager.player(global.id)
            }
            ObjectType::Port if names_sink("node.id") => self.manager.port(Instant::now()),
            ObjectType::Link if names_sink("link.input.node") => self.manager.link(global.id),
            _ => {}
        }
    }

    pub fn disappeared(&self, id: u32) {
        if self.feedback.borrow_mut().removed(id) {
            self.persistent.tell(Event::FeedbackEnded);
        }
        self.manager.removed(id);
        self.start_anew_if_orphaned();
    }

    pub fn publish_latency(&self) {
        let rate_hz = self.persistent.request.borrow().rate_hz;
        self.publish(Param::latency(self.persistent.latency_frames.get(), rate_hz));
    }

    pub fn show_props(&self) {
        // Made before it is published: PipeWire may call back at once.
        let props = Param::props(&self.persistent.props.borrow());
        self.publish(props);
    }

    fn publish(&self, param: Option<Param>) {
        let Some(pod) = param.as_ref().and_then(Param::pod) else { return };
        if let Err(error) = self.stream.update_params(&mut [pod]) {
            let warning = format!("PipeWire: the sink cannot publish a parameter: {error}");
            self.persistent.tell(Event::Warning(warning));
        }
    }
}

fn object(global: &GlobalObject<&DictRef>) -> Option<Object> {
    let properties = global.props?;
    let number = |key| properties.get(key)?.parse().ok();
    match global.type_ {
        ObjectType::Client => Some(Object::Client { pid: number("pipewire.sec.pid") }),
        ObjectType::Node => {
            let name = properties.get("node.name").unwrap_or("?").into();
            Some(Object::Node { client: number("client.id"), name })
        }
        ObjectType::Link => {
            Some(Object::Link { output_node: number("link.output.node"), input_node: number("link.input.node") })
        }
        _ => None,
    }
}
