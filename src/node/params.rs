//! The parameters (SPA pods) exchanged with the graph: format, latency, properties.

use std::io::Cursor;

use pipewire::spa::param::ParamType;
use pipewire::spa::param::audio::{AudioFormat, AudioInfoRaw, MAX_CHANNELS};
use pipewire::spa::pod::{Object, Pod, Property, Value, serialize::PodSerializer};
use pipewire::spa::sys as spa_sys;
use pipewire::spa::utils::{Id, SpaTypes};

/// Key in the `params` struct of `Props` under which the profile in use is shown, and another can be asked for:
/// `pw-cli s ID Props '{ params = [ "spatiald:profile" "NAME" ] }'`.
pub const PROFILE_KEY: &str = "spatiald:profile";

/// What the keys of all settings begin with, in the same struct: `spatiald:center_db`. Values are shown as text; set, they
/// may be text, numbers or booleans.
pub const KEY_PREFIX: &str = "spatiald:";
/// Of text that is taken over.
const MAX_TEXT_BYTES: usize = 256;

/// A serialized parameter.
pub(super) struct Param(Vec<u8>);

impl Param {
    fn object(type_: SpaTypes, id: ParamType, properties: Vec<Property>) -> Option<Param> {
        let value = Value::Object(Object { type_: type_.as_raw(), id: id.as_raw(), properties });
        let (cursor, _) = PodSerializer::serialize(Cursor::new(Vec::new()), &value).ok()?;
        Some(Param(cursor.into_inner()))
    }

    /// The pod, as PipeWire's functions take it.
    pub fn pod(&self) -> Option<&Pod> {
        Pod::from_bytes(&self.0)
    }

    /// The one format of the sink: stereo planes of 32-bit floats at `rate_hz`. The adapter converts the rest.
    pub fn format(rate_hz: u32) -> Option<Param> {
        let mut info = AudioInfoRaw::new();
        info.set_format(AudioFormat::F32P);
        info.set_rate(rate_hz);
        info.set_channels(2);
        let mut position = [0; MAX_CHANNELS];
        position[0] = spa_sys::SPA_AUDIO_CHANNEL_FL;
        position[1] = spa_sys::SPA_AUDIO_CHANNEL_FR;
        info.set_position(position);
        Self::object(SpaTypes::ObjectParamFormat, ParamType::EnumFormat, info.into())
    }

    /// Latency behind the sink's ports, which players add to their own. Stated in nanoseconds: a count of frames
    /// would be read at the graph's rate, which need not be ours.
    pub fn latency(frames: usize, rate_hz: u32) -> Option<Param> {
        let ns = Value::Long(latency_ns(frames, rate_hz));
        let none = Value::Int(0);
        Self::object(
            SpaTypes::ObjectParamLatency,
            ParamType::Latency,
            vec![
                Property::new(spa_sys::SPA_PARAM_LATENCY_direction, Value::Id(Id(spa_sys::SPA_DIRECTION_INPUT))),
                Property::new(spa_sys::SPA_PARAM_LATENCY_minQuantum, Value::Float(0.0)),
                Property::new(spa_sys::SPA_PARAM_LATENCY_maxQuantum, Value::Float(0.0)),
                Property::new(spa_sys::SPA_PARAM_LATENCY_minRate, none.clone()),
                Property::new(spa_sys::SPA_PARAM_LATENCY_maxRate, none),
                Property::new(spa_sys::SPA_PARAM_LATENCY_minNs, ns.clone()),
                Property::new(spa_sys::SPA_PARAM_LATENCY_maxNs, ns),
            ],
        )
    }

    /// What `props` says, for other tools to see.
    pub fn props(props: &Props) -> Option<Param> {
        let mut params = vec![Value::String(PROFILE_KEY.into()), Value::String(props.profile.clone())];
        for (key, value) in &props.settings {
            params.extend([Value::String(format!("{KEY_PREFIX}{key}")), Value::String(value.clone())]);
        }
        Self::object(
            SpaTypes::ObjectParamProps,
            ParamType::Props,
            vec![
                Property::new(spa_sys::SPA_PROP_volume, Value::Float(props.volume)),
                Property::new(spa_sys::SPA_PROP_mute, Value::Bool(props.mute)),
                Property::new(spa_sys::SPA_PROP_params, Value::Struct(params)),
            ],
        )
    }
}

/// The properties that the stream adds to those of its adapter.
///
/// The adapter applies volume and mute, and shows them in a `Props` object of its own. Ours stands behind it, and
/// repeats both: WirePlumber 0.5 stores what the last object says, and what that one leaves out it forgets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Props {
    pub profile: String,
    /// Values by key, without the prefix.
    pub settings: Vec<(String, String)>,
    pub volume: f32,
    pub mute: bool,
}

impl Props {
    /// Those of a sink that nobody has set yet.
    pub fn new(profile: &str) -> Props {
        Props { profile: profile.into(), settings: Vec::new(), volume: 1.0, mute: false }
    }

    /// Takes over what `set`, a `Props` parameter on its way to the adapter, says of them; not the profile, which is
    /// only asked for by it.
    pub fn follow(&mut self, set: &Pod) {
        let Ok(object) = set.as_object() else { return };
        let value = |key| object.find_prop(Id(key)).map(|property| property.value());
        if let Some(volume) = value(spa_sys::SPA_PROP_volume).and_then(|pod| pod.get_float().ok()) {
            self.volume = volume;
        }
        if let Some(mute) = value(spa_sys::SPA_PROP_mute).and_then(|pod| pod.get_bool().ok()) {
            self.mute = mute;
        }
    }
}

/// Rounded up to the next nanosecond, so that a reader who converts back with truncation finds `frames` again.
fn latency_ns(frames: usize, rate_hz: u32) -> i64 {
    let ns = (frames as u128 * 1_000_000_000).div_ceil(u128::from(rate_hz.max(1)));
    i64::try_from(ns).unwrap_or(i64::MAX)
}

/// The profile asked for in a `Props` parameter, if any. Anything else in it (volume, mute) is the adapter's.
pub(super) fn requested_profile(props: &Pod) -> Option<String> {
    pairs(props).into_iter().find(|(key, _)| *key == PROFILE_KEY).and_then(|(_, value)| text(value).map(str::to_owned))
}

/// What is set in a `Props` parameter, each as `KEY=VALUE`.
pub(super) fn requested_settings(props: &Pod) -> Vec<String> {
    let setting = |(key, value): (&str, &Pod)| {
        let key = key.strip_prefix(KEY_PREFIX).filter(|_| key != PROFILE_KEY)?;
        let short = key.len() <= MAX_TEXT_BYTES;
        Some(format!("{key}={}", scalar(value).filter(|value| short && value.len() <= MAX_TEXT_BYTES)?))
    };
    pairs(props).into_iter().filter_map(setting).collect()
}

/// Keys and values of the `params` struct.
fn pairs(props: &Pod) -> Vec<(&str, &Pod)> {
    let params = props.as_object().ok().and_then(|object| object.find_prop(Id(spa_sys::SPA_PROP_params)));
    let Some(Ok(params)) = params.map(|property| property.value().as_struct()) else { return Vec::new() };
    let (mut fields, mut found) = (params.fields(), Vec::new());
    while let (Some(key), Some(value)) = (fields.next(), fields.next()) {
        found.extend(text(key).map(|key| (key, value)));
    }
    found
}

/// A value as it would be written.
fn scalar(pod: &Pod) -> Option<String> {
    let number = |number: Option<f64>| number.map(|number| number.to_string());
    text(pod)
        .map(str::to_owned)
        .or_else(|| pod.get_bool().ok().map(|on| on.to_string()))
        .or_else(|| number(pod.get_int().ok().map(f64::from)))
        .or_else(|| pod.get_long().ok().map(|number| number.to_string()))
        .or_else(|| pod.get_float().ok().map(|number| number.to_string()))
        .or_else(|| number(pod.get_double().ok()))
}

fn text(pod: &Pod) -> Option<&str> {
    if !pod.is_string() {
        return None;
    }
    pod.get_string_raw().ok().flatten()?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_read_back_from_what_is_shown() {
        let param = Param::props(&Props::new("cylinder-wide")).unwrap();
        assert_eq!(requested_profile(param.pod().unwrap()).as_deref(), Some("cylinder-wide"));
    }

    #[test]
    fn settings_are_read_back_from_what_is_shown_and_from_any_kind_of_value() {
        let settings = vec![("center_db".to_owned(), "-3".to_owned()), ("mono".to_owned(), "on".to_owned())];
        let shown = Param::props(&Props { settings, ..Props::new("wide") }).unwrap();
        assert_eq!(requested_settings(shown.pod().unwrap()), ["center_db=-3", "mono=on"]);
        assert_eq!(requested_profile(shown.pod().unwrap()).as_deref(), Some("wide"));
        let set = |value: Value| {
            let fields =
                vec![Value::String("spatiald:x".into()), value, Value::String("other:x".into()), Value::Int(1)];
            let property = Property::new(spa_sys::SPA_PROP_params, Value::Struct(fields));
            let param = Param::object(SpaTypes::ObjectParamProps, ParamType::Props, vec![property]).unwrap();
            requested_settings(param.pod().unwrap())
        };
        for (value, expected) in [
            (Value::Float(0.1), "x=0.1"),
            (Value::Double(-2.5), "x=-2.5"),
            (Value::Int(3), "x=3"),
            (Value::Long(3), "x=3"),
            (Value::Bool(true), "x=true"),
            (Value::String("default".into()), "x=default"),
        ] {
            assert_eq!(set(value), [expected]);
        }
        assert!(set(Value::String("x".repeat(300))).is_empty());
        assert!(set(Value::Struct(vec![])).is_empty());
    }

    #[test]
    fn foreign_properties_ask_for_nothing() {
        let object = |value| {
            let property = Property::new(spa_sys::SPA_PROP_params, value);
            Param::object(SpaTypes::ObjectParamProps, ParamType::Props, vec![property]).unwrap()
        };
        for value in [
            Value::Float(0.5),
            Value::Struct(vec![]),
            Value::Struct(vec![Value::String(PROFILE_KEY.into())]),
            Value::Struct(vec![Value::String(PROFILE_KEY.into()), Value::Int(3)]),
            Value::Struct(vec![Value::String("another".into()), Value::String("wide".into())]),
            Value::Struct(vec![Value::Int(1), Value::Int(2)]),
        ] {
            assert_eq!(requested_profile(object(value).pod().unwrap()), None);
        }
        let volume = Property::new(spa_sys::SPA_PROP_volume, Value::Float(0.5));
        let volume = Param::object(SpaTypes::ObjectParamProps, ParamType::Props, vec![volume]).unwrap();
        assert_eq!(requested_profile(volume.pod().unwrap()), None);
        assert_eq!(requested_profile(Param::format(48_000).unwrap().pod().unwrap()), None);
    }

    #[test]
    fn volume_and_mute_are_repeated_as_they_were_set() {
        let set = Param::props(&Props { volume: 0.25, mute: true, ..Props::new("wide") }).unwrap();
        let mut props = Props::new("cylinder");
        props.follow(set.pod().unwrap());
        assert_eq!(props, Props { volume: 0.25, mute: true, ..Props::new("cylinder") });
        let only_mute = vec![Property::new(spa_sys::SPA_PROP_mute, Value::Bool(false))];
        let only_mute = Param::object(SpaTypes::ObjectParamProps, ParamType::Props, only_mute).unwrap();
        props.follow(only_mute.pod().unwrap());
        assert_eq!((props.volume, props.mute), (0.25, false));
    }

    #[test]
    fn latency_survives_the_way_to_a_player_and_back() {
        for rate_hz in [44_100u32, 48_000, 96_000] {
            for frames in [0usize, 1, 255, 1544, 100_000] {
                // As pw_stream_get_time converts it.
                let read = latency_ns(frames, rate_hz) * i64::from(rate_hz) / 1_000_000_000;
                assert_eq!(read as usize, frames);
            }
        }
    }
}
