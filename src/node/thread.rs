//! The thread of PipeWire's main loop: connect, listen, clean up.

use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::c_void;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use pipewire::channel::{Receiver, Sender};
use pipewire::context::ContextRc;
use pipewire::main_loop::MainLoopRc;
use pipewire::registry::GlobalObject;
use pipewire::spa::param::ParamType;
use pipewire::spa::pod::Pod;
use pipewire::spa::utils::Direction;
use pipewire::spa::utils::dict::DictRef;
use pipewire::stream::{Stream, StreamListener, StreamRc, StreamState};
use pipewire::types::ObjectType;

use crate::engine::{Counters, Pace, RingWriter};

use super::clock::Areas;
use super::cycle::Cycle;
use super::data_loop::{DataCell, DataLoop};
use super::feedback::{Feedback, Object};
use super::params::{Param, Props, requested_profile};
use super::{Command, Event, NodeError, Request, sink};

/// How long PipeWire may take to create the node.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked whether the graph is processed on the watched loop.
const CHECK: Duration = Duration::from_secs(1);

/// Told once: the node's id, or why there is none.
pub(super) type Ready = mpsc::SyncSender<Result<u32, NodeError>>;

/// What the thread is given.
pub(super) struct Parts {
    pub request: Request,
    pub ring: RingWriter,
    pub pace: Arc<Pace>,
    pub counters: Arc<Counters>,
    pub events: mpsc::Sender<Event>,
    pub asked: Receiver<Command>,
    /// The other end of `asked`, for what this thread must not do at once.
    pub ask: Sender<Command>,
    pub ready: Ready,
}

/// Runs until told to quit or until PipeWire is gone. Gives the ring back, unless a reference to it was leaked.
pub(super) fn run(parts: Parts) -> Option<RingWriter> {
    let Parts { request, ring, pace, counters, events, asked, ask, ready } = parts;
    let cell = Rc::new(DataCell::new(Cycle::new(ring, Arc::clone(&pace), counters)));
    let outcome = serve(&request, &cell, &pace, events, (ask, asked), &ready);
    pace.set_streaming(false);
    pace.set_driving(false);
    if let Err(error) = outcome {
        // The receiver waits for exactly one answer; a second one (after success) has no reader.
        ready.try_send(Err(error)).ok();
    }
    Some(Rc::try_unwrap(cell).ok()?.into_inner().into_ring())
}

fn serve(
    request: &Request,
    cell: &Rc<DataCell<Cycle>>,
    pace: &Arc<Pace>,
    events: mpsc::Sender<Event>,
    (ask, asked): (Sender<Command>, Receiver<Command>),
    ready: &Ready,
) -> Result<(), NodeError> {
    let main_loop = MainLoopRc::new(None).map_err(setup("main loop"))?;
    let context =
        ContextRc::new(&main_loop, Some(sink::context_properties())).map_err(setup("context (client-rt.conf)"))?;
    let core = context
        .connect_rc(sink::core_properties(request))
        .map_err(|error| NodeError::unreachable(request.socket.as_deref(), last_os_error(&error)))?;
    let stream =
        StreamRc::new(core.clone(), &request.node_name, sink::node_properties(request)).map_err(setup("stream"))?;
    let front = Rc::new(Front {
        main_loop: main_loop.clone(),
        data_loop: OnceCell::new(),
        cell: Rc::clone(cell),
        pace: Arc::clone(pace),
        events,
        ask,
        ready: RefCell::new(Some(ready.clone())),
        node_name: request.node_name.clone(),
        rate_hz: request.rate_hz,
        latency_frames: Cell::new(request.published_latency_frames),
        props: RefCell::new(Props::new(&request.profile)),
        driving: Cell::new(false),
        negotiated: Cell::new(false),
        stopping: Cell::new(false),
        feedback: RefCell::new(Feedback::new(std::process::id())),
    });

    let core_listener = core
        .add_listener_local()
        .error({
            let front = Rc::clone(&front);
            move |id, _seq, res, message| front.core_error(id, res, message)
        })
        .register();
    let registry = core.get_registry_rc().map_err(setup("registry"))?;
    let registry_listener = registry
        .add_listener_local()
        .global({
            let (front, stream) = (Rc::clone(&front), stream.clone());
            move |global| front.appeared(&stream, global)
        })
        .global_remove({
            let front = Rc::clone(&front);
            move |id| front.feedback.borrow_mut().removed(id)
        })
        .register();
    let listener = listen(&stream, &front).map_err(setup("stream listener"))?;
    let commands = asked.attach(main_loop.loop_(), {
        let (front, stream) = (Rc::clone(&front), stream.clone());
        move |command| front.obey(&stream, command)
    });
    let timeout = main_loop.loop_().add_timer({
        let front = Rc::clone(&front);
        move |_| front.give_up()
    });
    timeout.update_timer(Some(PATIENCE), None);
    let format = Param::format(request.rate_hz);
    let latency = Param::latency(request.published_latency_frames, request.rate_hz);
    let props = Param::props(&front.props.borrow());
    let mut params: Vec<&Pod> = [&format, &latency, &props].into_iter().flatten().filter_map(Param::pod).collect();
    let connected = stream.connect(Direction::Input, None, sink::flags(), &mut params).map_err(setup("node"));
    let outcome = connected.and_then(|()| {
        let data_loop = DataLoop::of(&stream, &context)
            .ok_or_else(|| NodeError::Setup { what: "data loop", reason: "the stream has none".into() })?;
        // Cannot be set yet: this is the one place that sets it.
        let data_loop = front.data_loop.get_or_init(|| data_loop);
        // One cycle for each request of the writer. The closure runs on the data thread: it uses the references it
        // holds, but neither clones nor drops them there.
        let watch = data_loop.watch(pace.fd(), {
            let (cell, stream) = (Rc::clone(cell), stream.clone());
            move || {
                // SAFETY: a callback of the data loop; `prepare` does not call into PipeWire.
                if unsafe { cell.with(Cycle::prepare) } == Some(true) {
                    // It fails only when the node is being taken down; the writer asks again in a moment.
                    stream.trigger_process().ok();
                }
            }
        });
        let watch = watch.map_err(|error| NodeError::Setup { what: "watch", reason: error.desc().into() })?;
        let check = main_loop.loop_().add_timer({
            let front = Rc::clone(&front);
            move |_| front.check_threads()
        });
        check.update_timer(Some(CHECK), Some(CHECK));
        main_loop.run();
        // First nothing starts a cycle, then nothing calls back, then the objects go.
        drop(watch);
        Ok(())
    });

    front.stopping.set(true);
    if let Err(error) = stream.disconnect() {
        log::debug!("PipeWire: disconnecting the sink: {error}");
    }
    drop(listener);
    drop(registry_listener);
    drop(core_listener);
    drop(commands);
    outcome
}

/// Calls `front` for everything that happens to `stream`, and the data thread's cell for every cycle.
fn listen(stream: &StreamRc, front: &Rc<Front>) -> Result<StreamListener<()>, pipewire::Error> {
    let (states, areas, params) = (Rc::clone(front), Rc::clone(front), Rc::clone(front));
    let cell = Rc::clone(&front.cell);
    stream
        .add_local_listener_with_user_data(())
        .state_changed(move |stream, (), _old, new| states.state_changed(stream, new))
        .io_changed(move |_, (), id, area, size| areas.io_changed(id, area, size as usize))
        .param_changed(move |_, (), id, param| params.param_changed(id, param))
        .process(move |stream, ()| {
            // SAFETY: RT_PROCESS makes this a callback of the data loop; `process` only takes and returns buffers.
            unsafe { cell.with(|cycle| cycle.process(stream)) };
        })
        .register()
}

/// The main-loop thread's view of the sink.
struct Front {
    main_loop: MainLoopRc,
    /// The stream's loop; none before `connect` has returned.
    data_loop: OnceCell<DataLoop>,
    cell: Rc<DataCell<Cycle>>,
    pace: Arc<Pace>,
    events: mpsc::Sender<Event>,
    ask: Sender<Command>,
    ready: RefCell<Option<Ready>>,
    node_name: String,
    rate_hz: u32,
    latency_frames: Cell<usize>,
    props: RefCell<Props>,
    driving: Cell<bool>,
    negotiated: Cell<bool>,
    stopping: Cell<bool>,
    feedback: RefCell<Feedback>,
}

impl Front {
    fn tell(&self, event: Event) {
        // Nobody listening any more is no reason to stop: the daemon drops the node when it is done with it.
        self.events.send(event).ok();
    }

    /// Answers `Node::spawn`; false when it was answered before.
    fn answer(&self, outcome: Result<u32, NodeError>) -> bool {
        match self.ready.take() {
            // The receiver waits for this; if it is gone, so is the node.
            Some(ready) => ready.try_send(outcome).is_ok(),
            None => false,
        }
    }

    /// The connection or the node is lost.
    fn lost(&self, reason: &str) {
        if self.stopping.replace(true) {
            return;
        }
        self.pace.set_streaming(false);
        self.pace.set_driving(false);
        if self.ready.borrow().is_some() {
            self.answer(Err(NodeError::Refused { node: self.node_name.clone(), reason: reason.into() }));
        } else {
            self.tell(Event::Disconnected(reason.into()));
        }
        self.main_loop.quit();
    }

    fn give_up(&self) {
        if self.ready.borrow().is_some() {
            self.answer(Err(NodeError::Timeout { node: self.node_name.clone(), seconds: PATIENCE.as_secs() }));
            self.main_loop.quit();
        }
    }

    fn check_threads(&self) {
        if self.cell.is_contested() {
            self.lost(
                "it processes the sink on another thread than the one it named: set context.num-data-loops = 1 in \
                 context.properties of client.conf",
            );
        }
    }

    fn core_error(&self, id: u32, res: i32, message: &str) {
        if id == pipewire::core::PW_ID_CORE && res == -nix::libc::EPIPE {
            self.lost(&format!("PipeWire closed the connection ({message})"));
        } else {
            log::warn!("PipeWire: error {res} on object {id}: {message}");
        }
    }

    fn state_changed(&self, stream: &Stream, state: StreamState) {
        log::debug!("PipeWire: sink {} is {state:?}", self.node_name);
        if self.stopping.get() {
            return;
        }
        let streaming = state == StreamState::Streaming;
        if self.pace.is_streaming() != streaming {
            self.pace.set_streaming(streaming);
            self.tell(if streaming { Event::Streaming } else { Event::Paused });
        }
        if matches!(state, StreamState::Paused | StreamState::Streaming) {
            // PipeWire 1.4 loses the latency given to `connect`, and what is published before the links stand.
            self.publish(stream, Param::latency(self.latency_frames.get(), self.rate_hz));
        }
        match state {
            StreamState::Paused => {
                self.answer(Ok(stream.node_id()));
            }
            StreamState::Unconnected => self.lost("PipeWire removed the sink"),
            StreamState::Error(message) if self.ready.borrow().is_some() => self.lost(&message),
            StreamState::Error(message) => log::warn!("PipeWire: sink {}: {message}", self.node_name),
            StreamState::Connecting | StreamState::Streaming => {}
        }
    }

    /// Called on this thread; by PipeWire 1.x also from within `connect`, before the stream has a node: nothing may be
    /// asked of the stream here.
    fn io_changed(&self, id: u32, area: *mut c_void, size: usize) {
        if !Areas::knows(id) {
            return;
        }
        // An address, because a pointer is not `Send`.
        let address = area.expose_provenance();
        let set = move |cycle: &mut Cycle| {
            // SAFETY: these are `io_changed`'s own arguments, taken over by the data thread while we wait in it, or
            // before it runs.
            unsafe { cycle.set_area(id, std::ptr::with_exposed_provenance_mut(address), size) };
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
        if quantum_frames > 0 {
            self.pace.set_quantum_frames(quantum_frames);
        }
        if self.driving.replace(driving) != driving {
            self.pace.set_driving(driving);
            self.tell(if driving { Event::DriverWon } else { Event::DriverLost });
        }
    }

    fn param_changed(&self, id: u32, param: Option<&Pod>) {
        match (ParamType::from_raw(id), param) {
            (ParamType::Format, format) => self.negotiated(format.is_some()),
            (ParamType::Props, Some(props)) => {
                self.props.borrow_mut().follow(props);
                // The adapter of PipeWire 1.4 announces a new volume only once it has a format; until then everybody
                // reads, and stores, the old one. An announcement of ours makes them read again, but not before this
                // has returned: only then has the adapter taken the volume.
                self.ask.send(Command::ShowProps).ok();
                if let Some(profile) = requested_profile(props) {
                    self.tell(Event::ProfileRequested(profile));
                }
            }
            _ => {}
        }
    }

    fn appeared(&self, stream: &Stream, global: &GlobalObject<&DictRef>) {
        let Some(object) = object(global) else { return };
        if let Some(name) = self.feedback.borrow_mut().appeared(global.id, object, stream.node_id()) {
            self.tell(Event::Feedback(name.into()));
        }
    }

    fn negotiated(&self, now: bool) {
        if self.negotiated.replace(now) != now {
            self.tell(if now { Event::Resumed } else { Event::Suspended });
        }
    }

    fn obey(&self, stream: &Stream, command: Command) {
        match command {
            Command::PublishLatency(frames) => {
                self.latency_frames.set(frames);
                self.publish(stream, Param::latency(frames, self.rate_hz));
            }
            Command::ShowProfile(name) => {
                self.props.borrow_mut().profile = name;
                self.show_props(stream);
            }
            Command::ShowProps => self.show_props(stream),
            Command::Quit => {
                self.stopping.set(true);
                self.main_loop.quit();
            }
        }
    }

    fn show_props(&self, stream: &Stream) {
        self.publish(stream, Param::props(&self.props.borrow()));
    }

    fn publish(&self, stream: &Stream, param: Option<Param>) {
        let Some(pod) = param.as_ref().and_then(Param::pod) else { return };
        if let Err(error) = stream.update_params(&mut [pod]) {
            log::warn!("PipeWire: sink {}: cannot publish a parameter: {error}", self.node_name);
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

fn setup(what: &'static str) -> impl Fn(pipewire::Error) -> NodeError {
    move |error| NodeError::Setup { what, reason: last_os_error(&error) }
}

/// PipeWire's constructors leave the reason in `errno`; the crate's error only says that they failed.
fn last_os_error(error: &pipewire::Error) -> String {
    match error {
        pipewire::Error::CreationFailed => nix::errno::Errno::last().desc().to_string(),
        other => other.to_string(),
    }
}
