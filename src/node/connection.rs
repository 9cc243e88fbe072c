//! One connection to PipeWire: set up, listened to until it ends, taken down.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use pipewire::context::ContextRc;
use pipewire::spa::pod::Pod;
use pipewire::spa::utils::Direction;
use pipewire::stream::{StreamListener, StreamRc};

use super::callbacks::{Callbacks, PATIENCE};
use super::cycle::Cycle;
use super::data_loop::{DataCell, DataLoop};
use super::error::last_os_error;
use super::params::Param;
use super::persistent::Persistent;
use super::{NodeError, sink, volume};

/// The sink of the present connection, for whoever has something to show on it.
pub(super) type Present = RefCell<Option<Rc<Callbacks>>>;

/// How often it is looked whether the graph is processed on the watched loop.
const CHECK: Duration = Duration::from_secs(1);
/// And whether a new session manager links the players.
const CHECK_ORPHAN: Duration = Duration::from_millis(200);

/// Connects and creates the sink, and returns when it is there no more: when PipeWire or the thread's loop ended it.
///
/// # Errors
/// Why the sink did not come up, or why it is gone.
pub(super) fn serve(
    persistent: &Rc<Persistent>,
    cell: &Rc<DataCell<Cycle>>,
    present: &Present,
) -> Result<(), NodeError> {
    let request = persistent.request.borrow().clone();
    let main_loop = &persistent.main_loop;
    let context = ContextRc::new(main_loop, Some(sink::context_properties())).map_err(setup("context"))?;
    let core = context
        .connect_rc(sink::core_properties(&request))
        .map_err(|error| NodeError::unreachable(request.socket.as_deref(), last_os_error(&error)))?;
    let stream =
        StreamRc::new(core.clone(), &request.node_name, sink::node_properties(&request)).map_err(setup("stream"))?;
    let callbacks = Rc::new(Callbacks::new(Rc::clone(persistent), Rc::clone(cell), stream.clone()));

    let core_listener = core
        .add_listener_local()
        .error({
            let callbacks = Rc::clone(&callbacks);
            move |id, _seq, res, message| callbacks.core_error(id, res, message)
        })
        .register();
    let registry = core.get_registry_rc().map_err(setup("registry"))?;
    let registry_listener = registry
        .add_listener_local()
        .global({
            let callbacks = Rc::clone(&callbacks);
            move |global| callbacks.appeared(global)
        })
        .global_remove({
            let callbacks = Rc::clone(&callbacks);
            move |id| callbacks.disappeared(id)
        })
        .register();
    let listener = listen(&stream, &callbacks).map_err(setup("stream listener"))?;
    let patience = main_loop.loop_().add_timer({
        let callbacks = Rc::clone(&callbacks);
        move |_| callbacks.lose_patience()
    });
    patience.update_timer(Some(PATIENCE), None);

    let format = Param::format(request.rate_hz);
    let latency = Param::latency(persistent.latency_frames.get(), request.rate_hz);
    let props = Param::props(&persistent.props.borrow());
    let mut params: Vec<&Pod> = [&format, &latency, &props].into_iter().flatten().filter_map(Param::pod).collect();
    let connected = stream.connect(Direction::Input, None, sink::flags(), &mut params).map_err(setup("node"));
    if let (Ok(()), Some(props)) = (&connected, &props)
        && let Err(error) = volume::set_first(&stream, props)
    {
        log::warn!("PipeWire: the sink starts at full volume: {error}");
    }
    let outcome = connected.and_then(|()| run(persistent, cell, &callbacks, present, &context));

    // Nothing starts a cycle any more. Now nothing calls back, then the objects go.
    callbacks.end();
    present.take();
    if let Err(error) = stream.disconnect() {
        log::debug!("PipeWire: disconnecting the sink: {error}");
    }
    drop((listener, registry_listener, core_listener, patience));
    outcome
}

/// Watches for the writer's requests while the main loop runs.
fn run(
    persistent: &Rc<Persistent>,
    cell: &Rc<DataCell<Cycle>>,
    callbacks: &Rc<Callbacks>,
    present: &Present,
    context: &ContextRc,
) -> Result<(), NodeError> {
    let data_loop = DataLoop::of(callbacks.stream(), context)
        .ok_or_else(|| NodeError::Setup { what: "data loop", reason: "the stream has none".into() })?;
    // One cycle for each request of the writer. The closure runs on the data thread: it uses the references it holds,
    // but neither clones nor drops them there.
    let watch = data_loop.watch(persistent.pace.fd(), {
        let (cell, callbacks) = (Rc::clone(cell), Rc::clone(callbacks));
        move || {
            // SAFETY: a callback of the data loop; `prepare` does not call into PipeWire.
            if unsafe { cell.with(Cycle::prepare) } == Some(true) {
                // It fails only when the node is being taken down; the writer asks again in a moment.
                callbacks.stream().trigger_process().ok();
            }
        }
    });
    let watch = watch.map_err(|error| NodeError::Setup { what: "watch", reason: error.desc().into() })?;
    callbacks.use_loop(data_loop.clone());
    present.replace(Some(Rc::clone(callbacks)));
    let check = persistent.main_loop.loop_().add_timer({
        let callbacks = Rc::clone(callbacks);
        move |_| {
            callbacks.check_threads();
            callbacks.check_manager();
        }
    });
    let pause = if persistent.orphan.is_one() { CHECK_ORPHAN } else { CHECK };
    check.update_timer(Some(pause), Some(pause));
    // What failed within `connect` has asked the loop to end before it ran.
    if !callbacks.has_ended() {
        persistent.main_loop.run();
    }
    drop(watch);
    callbacks.outcome()
}

/// Calls `callbacks` for everything that happens to `stream`, and the data thread's cell for every cycle.
fn listen(stream: &StreamRc, callbacks: &Rc<Callbacks>) -> Result<StreamListener<()>, pipewire::Error> {
    let (states, areas, params) = (Rc::clone(callbacks), Rc::clone(callbacks), Rc::clone(callbacks));
    let cell = callbacks.cell();
    stream
        .add_local_listener_with_user_data(())
        .state_changed(move |_, (), _old, new| states.state_changed(new))
        .io_changed(move |_, (), id, area, size| areas.io_changed(id, area, size as usize))
        .param_changed(move |_, (), id, param| params.param_changed(id, param))
        .process(move |stream, ()| {
            // SAFETY: RT_PROCESS makes this a callback of the data loop; `process` only takes and returns buffers.
            unsafe { cell.with(|cycle| cycle.process(stream)) };
        })
        .register()
}

fn setup(what: &'static str) -> impl Fn(pipewire::Error) -> NodeError {
    move |error| NodeError::Setup { what, reason: last_os_error(&error) }
}
