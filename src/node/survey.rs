//! A look at PipeWire by one who plays nothing: which version answers, who manages the session, how a sink is set.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use pipewire::context::ContextRc;
use pipewire::core::CoreRc;
use pipewire::main_loop::MainLoopRc;
use pipewire::metadata::Metadata;
use pipewire::node::Node;
use pipewire::properties::PropertiesBox;
use pipewire::registry::GlobalObject;
use pipewire::spa::param::ParamType;
use pipewire::spa::pod::deserialize::PodDeserializer;
use pipewire::spa::pod::{Pod, Value, ValueArray};
use pipewire::spa::sys as spa_sys;
use pipewire::spa::utils::Id;
use pipewire::types::ObjectType;

use super::NodeError;
use super::error::last_os_error;

/// What PipeWire told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Survey {
    /// Its version.
    pub version: String,
    /// Who keeps the session's defaults: the session manager, as it calls itself.
    pub session_manager: Option<String>,
    /// `node.name` of the default sink.
    pub default_sink: Option<String>,
    /// The sink that was asked for, where it is in the graph.
    pub sink: Option<SinkState>,
}

/// How a sink is set.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SinkState {
    /// Its id, as `wpctl` takes it.
    pub id: u32,
    /// Volume of the loudest channel, as a factor of the samples; `None` where the node does not say.
    pub volume: Option<f32>,
    /// Whether it is muted.
    pub mute: bool,
}

type Object = GlobalObject<PropertiesBox>;

/// Asks PipeWire about itself and the sink whose `node.name` is `sink`; waits at most `patience` for each of two answers.
///
/// # Errors
/// Nobody listens, nobody answers, or PipeWire's library cannot be set up.
pub fn survey(sink: &str, patience: Duration) -> Result<Survey, NodeError> {
    let setup =
        |what: &'static str| move |error: pipewire::Error| NodeError::Setup { what, reason: last_os_error(&error) };
    let main_loop = MainLoopRc::new(None).map_err(setup("main loop"))?;
    let context = ContextRc::new(&main_loop, None).map_err(setup("context"))?;
    let core = context.connect_rc(None).map_err(|error| NodeError::unreachable(None, last_os_error(&error)))?;
    let version = Rc::new(RefCell::new(String::new()));
    let _version = core
        .add_listener_local()
        .info({
            let version = Rc::clone(&version);
            move |info| *version.borrow_mut() = info.version().to_owned()
        })
        .register();
    let registry = core.get_registry_rc().map_err(setup("registry"))?;
    let objects = Rc::new(RefCell::new(Vec::new()));
    let _objects = registry
        .add_listener_local()
        .global({
            let objects = Rc::clone(&objects);
            move |global| objects.borrow_mut().push(global.to_owned())
        })
        .register();
    if !round_trip(&main_loop, &core, patience) {
        return Err(NodeError::silent(patience));
    }

    // No more come in while they are looked at: that happens within round trips only.
    let objects: Vec<Object> = objects.take();
    let metadata = objects
        .iter()
        .find(|object| object.type_ == ObjectType::Metadata && property(object, "metadata.name") == Some("default"));
    let node =
        objects.iter().find(|object| object.type_ == ObjectType::Node && property(object, "node.name") == Some(sink));
    let default_sink = Rc::new(RefCell::new(None));
    let metadata_proxy: Option<Metadata> = metadata.and_then(|object| registry.bind(object).ok());
    let _default = metadata_proxy.as_ref().map(|proxy| {
        let default_sink = Rc::clone(&default_sink);
        let listener = proxy.add_listener_local().property(move |_, key, _, value| {
            if key == Some("default.audio.sink") {
                *default_sink.borrow_mut() = value.and_then(named);
            }
            0
        });
        listener.register()
    });
    let state = Rc::new(Cell::new(SinkState { id: node.map_or(0, |object| object.id), ..SinkState::default() }));
    let node_proxy: Option<Node> = node.and_then(|object| registry.bind(object).ok());
    let _params = node_proxy.as_ref().map(|proxy| {
        let state = Rc::clone(&state);
        let listener = proxy.add_listener_local().param(move |_, _, _, _, param| {
            state.set(with_props(state.get(), param));
        });
        let listener = listener.register();
        proxy.enum_params(0, Some(ParamType::Props), 0, u32::MAX);
        listener
    });
    // Where a session manager hangs, what PipeWire itself has told is still worth knowing.
    round_trip(&main_loop, &core, patience);
    Ok(Survey {
        version: version.take(),
        session_manager: metadata.and_then(|object| owner(object, &objects)),
        default_sink: default_sink.take(),
        sink: node.map(|_| state.get()),
    })
}

/// Runs the loop until PipeWire has answered everything asked so far; whether it has, in time.
fn round_trip(main_loop: &MainLoopRc, core: &CoreRc, patience: Duration) -> bool {
    let Ok(asked) = core.sync(0) else { return false };
    let answered = Rc::new(Cell::new(false));
    let _listener = core
        .add_listener_local()
        .done({
            let (main_loop, answered) = (main_loop.clone(), Rc::clone(&answered));
            move |id, seq| {
                if id == pipewire::core::PW_ID_CORE && seq == asked {
                    answered.set(true);
                    main_loop.quit();
                }
            }
        })
        .error({
            let main_loop = main_loop.clone();
            move |id, _, _, _| {
                if id == pipewire::core::PW_ID_CORE {
                    main_loop.quit();
                }
            }
        })
        .register();
    let alarm = main_loop.loop_().add_timer({
        let main_loop = main_loop.clone();
        move |_| main_loop.quit()
    });
    alarm.update_timer(Some(patience), None);
    main_loop.run();
    answered.get()
}

fn property<'o>(object: &'o Object, key: &str) -> Option<&'o str> {
    object.props.as_ref()?.get(key)
}

/// The name of the client that brought `object`.
fn owner(object: &Object, objects: &[Object]) -> Option<String> {
    let client: u32 = property(object, "client.id")?.parse().ok()?;
    let client = objects.iter().find(|other| other.id == client)?;
    Some(property(client, "application.name").unwrap_or("a client without a name").to_owned())
}

/// `{ "name": "NODE" }`
fn named(json: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    Some(value.get("name")?.as_str()?.to_owned())
}

/// `state` with what a `Props` parameter says of it. The adapter's has volumes by channel; ours, behind it, has not.
fn with_props(state: SinkState, param: Option<&Pod>) -> SinkState {
    let Some(Ok(object)) = param.map(Pod::as_object) else { return state };
    let value = |key| object.find_prop(Id(key)).map(|property| property.value());
    let volumes = value(spa_sys::SPA_PROP_channelVolumes)
        .and_then(|pod| PodDeserializer::deserialize_from::<Value>(pod.as_bytes()).ok());
    let Some((_, Value::ValueArray(ValueArray::Float(volumes)))) = volumes else { return state };
    SinkState {
        volume: volumes.into_iter().reduce(f32::max),
        mute: value(spa_sys::SPA_PROP_mute).and_then(|pod| pod.get_bool().ok()).unwrap_or(false),
        ..state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_named_in_json_or_not_at_all() {
        assert_eq!(named(r#"{ "name": "spatiald.default" }"#).as_deref(), Some("spatiald.default"));
        for other in ["", "{}", "[1]", r#"{ "name": 7 }"#] {
            assert_eq!(named(other), None, "{other}");
        }
    }
}
