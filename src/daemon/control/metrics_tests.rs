//! The text, read by a parser of the format.

use std::collections::BTreeMap;

use super::*;

/// Samples by name and labels, and the unit of each family.
type Parsed = (BTreeMap<String, f64>, BTreeMap<String, String>);

/// Reads OpenMetrics text strictly, as far as counters and gauges go.
fn parse(text: &str) -> Result<Parsed, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("no # EOF at the end")?;
    let (mut samples, mut units) = (BTreeMap::new(), BTreeMap::new());
    let (mut family, mut kind, mut seen) = (String::new(), String::new(), Vec::new());
    for line in body.lines() {
        let wrong = |what: &str| Err(format!("{what}: {line}"));
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.splitn(3, ' ');
            let (Some(key), Some(name), Some(value)) = (words.next(), words.next(), words.next()) else {
                return wrong("a word is missing");
            };
            match key {
                "TYPE" if !matches!(value, "gauge" | "counter") => return wrong("type"),
                "TYPE" if seen.contains(&name.to_owned()) => return wrong("a family twice"),
                "TYPE" => {
                    (family, kind) = (name.to_owned(), value.to_owned());
                    seen.push(family.clone());
                }
                _ if name != family => return wrong("of another family"),
                "UNIT" if !name.ends_with(&format!("_{value}")) => return wrong("the name lacks its unit"),
                "UNIT" => drop(units.insert(family.clone(), value.to_owned())),
                "HELP" => {}
                _ => return wrong("EOF or unknown"),
            }
            continue;
        }
        let (name, rest) = line.split_once('{').ok_or(format!("no labels: {line}"))?;
        if name != family.clone() + if kind == "counter" { "_total" } else { "" } {
            return wrong("a sample of no family");
        }
        let value = labels(rest).ok_or(format!("labels: {line}"))?.strip_prefix(' ').ok_or(format!("value: {line}"))?;
        let number = value.parse().map_err(|_| format!("value: {line}"))?;
        if samples.insert(line[..line.len() - value.len() - 1].to_owned(), number).is_some() {
            return wrong("a sample twice");
        }
    }
    Ok((samples, units))
}

/// Eats `name="value",…}` and gives what follows.
fn labels(mut rest: &str) -> Option<&str> {
    loop {
        let (name, after) = rest.split_once("=\"")?;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            return None;
        }
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next()? {
                (_, '\\') if !matches!(letters.next()?.1, '\\' | '"' | 'n') => return None,
                (at, '"') => break at,
                _ => {}
            }
        };
        rest = &after[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return rest.strip_prefix('}'),
        }
    }
}

fn status(changes: serde_json::Value) -> Status {
    let mut value = serde_json::json!({
        "schema": 1, "version": "0.1.0", "instance": "default", "state": "playing", "problems": [],
        "profile": { "name": "bar", "folder": "/p/bar", "chosen_by": "--profile", "drivers": ["left"] },
        "rate_hz": 48000, "quantum_frames": 256, "graph": { "driving": true, "correction_ppm": 0.0 },
        "latency": { "total_frames": 1512, "total_ms": 31.5, "block_frames": 256, "upmix_frames": 256,
            "filter_frames": 128, "limiter_frames": 77, "resampler_frames": 32, "ring_frames": 0, "device_frames": 763 },
        "dsp_load": { "mean": 0.25, "max": 0.5 }, "xruns": 3, "underruns": 0, "cycles": 12, "frames": 815616,
        "drift_ppm": -20.0, "gain_reduction_db": { "left": 1.5 },
        "realtime": { "data_thread": "FIFO 83", "writer_thread": "not real time", "memory_locked": true },
        "device": null, "pcm": "hw:0",
    });
    for (key, changed) in changes.as_object().unwrap() {
        value[key] = changed.clone();
    }
    serde_json::from_value(value).unwrap()
}

#[test]
fn figures_are_read_back_in_base_units() {
    let (samples, units) = parse(&open_metrics(&status(serde_json::json!({})))).unwrap();
    for (sample, value) in [
        (r#"spatiald_xruns_total{daemon="default"}"#, 3.0),
        (r#"spatiald_device_frames_total{daemon="default"}"#, 815_616.0),
        (r#"spatiald_latency_seconds{daemon="default"}"#, 0.0315),
        (r#"spatiald_stage_latency_seconds{daemon="default",stage="ring"}"#, 0.0),
        (r#"spatiald_dsp_load_max_ratio{daemon="default"}"#, 0.5),
        (r#"spatiald_state{daemon="default",state="playing"}"#, 1.0),
        (r#"spatiald_state{daemon="default",state="no-device"}"#, 0.0),
        (r#"spatiald_gain_reduction_decibels{daemon="default",driver="left"}"#, 1.5),
        (r#"spatiald_realtime{daemon="default",thread="graph"}"#, 1.0),
        (r#"spatiald_realtime{daemon="default",thread="device"}"#, 0.0),
        (r#"spatiald_memory_locked{daemon="default"}"#, 1.0),
        (r#"spatiald_device_open{daemon="default"}"#, 0.0),
        (r#"spatiald_build_info{daemon="default",version="0.1.0",profile="bar",folder="/p/bar",pcm="hw:0"}"#, 1.0),
    ] {
        assert_eq!(samples.get(sample), Some(&value), "{sample} in {samples:?}");
    }
    assert!((samples[r#"spatiald_drift_ratio{daemon="default"}"#] + 20e-6).abs() < 1e-12);
    assert_eq!(units["spatiald_device_frames"], "frames");
    assert_eq!(units["spatiald_quantum_frames"], "frames");
}

#[test]
fn names_of_others_stay_in_their_label() {
    let evil = "a\"} 7\n# EOF\n\\\u{1b}]0;x\u{7}\u{202e}";
    let changes = serde_json::json!({
        "instance": evil, "pcm": evil, "gain_reduction_db": { evil: 1.0 }, "rate_hz": 0, "drift_ppm": null, "profile": null,
    });
    let text = open_metrics(&status(changes));
    let (samples, _) = parse(&text).unwrap();
    assert!(samples.keys().any(|sample| sample.contains("driver=")));
    assert!(text.lines().all(|line| printable(line).to_string() == line), "{text:?}");
}

#[test]
fn states_are_those_of_the_json() {
    for state in STATES {
        assert_eq!(serde_json::to_value(state).unwrap(), word(state));
    }
}

#[test]
fn the_form_is_called_schema_and_an_older_one_is_read() {
    let json = serde_json::to_value(status(serde_json::json!({}))).unwrap();
    assert_eq!(json["schema"], 1);
    let mut older = json.clone();
    older.as_object_mut().unwrap().remove("schema");
    older["format"] = 1.into();
    assert_eq!(serde_json::from_value::<Status>(older).unwrap().schema, 1);
}
