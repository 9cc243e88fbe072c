use super::*;

#[test]
fn the_guard_keeps_what_the_user_set() {
    assert_eq!(alsa_plugin_guard(None).as_deref(), Some("{ node.dont-reconnect=true }"));
    assert_eq!(alsa_plugin_guard(Some("")).as_deref(), Some("{ node.dont-reconnect=true }"));
    assert_eq!(
        alsa_plugin_guard(Some("{ node.latency=256/48000 }")).as_deref(),
        Some("{ node.latency=256/48000 node.dont-reconnect=true }")
    );
    assert_eq!(alsa_plugin_guard(Some("{ node.dont-reconnect=false }")), None);
}

#[test]
fn a_nul_is_refused() {
    let request = Request {
        node_name: "spatiald.te\0st".into(),
        description: "Test".into(),
        rate_hz: 48_000,
        latency_frames: 256,
        suspend_seconds: 0,
        socket: None,
    };
    let shown = Shown { profile: String::new(), latency_frames: 0 };
    let (ring, _reader) = crate::engine::ring(16);
    let pace = Pace::new(48_000).unwrap();
    let refused = Node::spawn(request, shown, ring, pace, Arc::default(), Box::new(|_| {})).err().unwrap();
    assert!(refused.to_string().contains("node name"), "{refused}");
}
