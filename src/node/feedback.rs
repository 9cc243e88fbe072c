//! Notices when a stream of our own process is linked to our own sink: the device would play into itself.
//!
//! It happens when a device is opened through ALSA's `pipewire` plugin and the session manager moves that stream to
//! the default sink, ours (see [`alsa_plugin_guard`](super::alsa_plugin_guard), which prevents it).

use std::collections::{HashMap, HashSet};

/// What the registry tells that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Object {
    /// A client of the process with this id.
    Client { pid: Option<u32> },
    /// A node of this client.
    Node { client: Option<u32>, name: String },
    /// A link between two nodes.
    Link { output_node: Option<u32>, input_node: Option<u32> },
}

/// The objects of our own process.
#[derive(Debug)]
pub(super) struct Feedback {
    pid: u32,
    clients: HashSet<u32>,
    nodes: HashMap<u32, String>,
    /// Links from one of our nodes to the sink, each with that node.
    links: HashMap<u32, u32>,
}

impl Feedback {
    pub fn new(pid: u32) -> Self {
        Feedback { pid, clients: HashSet::new(), nodes: HashMap::new(), links: HashMap::new() }
    }

    /// An object appeared. The registry tells clients before their nodes and nodes before their links. Returns the
    /// name of the node that was linked to `sink`, if it is one of ours.
    pub fn appeared(&mut self, id: u32, object: Object, sink: u32) -> Option<&str> {
        match object {
            Object::Client { pid } if pid == Some(self.pid) => {
                self.clients.insert(id);
                None
            }
            Object::Node { client: Some(client), name } if self.clients.contains(&client) && id != sink => {
                self.nodes.insert(id, name);
                None
            }
            Object::Link { output_node: Some(output), input_node: Some(input) } if input == sink => {
                let name = self.nodes.get(&output)?;
                self.links.insert(id, output);
                Some(name)
            }
            _ => None,
        }
    }

    /// True while one of our nodes feeds the sink.
    pub fn is_there(&self) -> bool {
        !self.links.is_empty()
    }

    /// An object is gone; ids are used again. True when it was the last that fed the sink from our own process.
    pub fn removed(&mut self, id: u32) -> bool {
        self.clients.remove(&id);
        self.nodes.remove(&id);
        let had_links = !self.links.is_empty();
        self.links.retain(|&link, &mut node| link != id && node != id);
        had_links && self.links.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINK: u32 = 50;

    fn link(output: u32, input: u32) -> Object {
        Object::Link { output_node: Some(output), input_node: Some(input) }
    }

    #[test]
    fn only_our_own_streams_into_our_own_sink_count() {
        let mut feedback = Feedback::new(1234);
        for (id, pid) in [(40, Some(1234)), (41, Some(999)), (42, None)] {
            assert_eq!(feedback.appeared(id, Object::Client { pid }, SINK), None);
        }
        for (id, client) in [(SINK, 40), (51, 40), (52, 41)] {
            let node = Object::Node { client: Some(client), name: format!("node {id}") };
            assert_eq!(feedback.appeared(id, node, SINK), None);
        }
        assert_eq!(feedback.appeared(60, link(52, SINK), SINK), None, "somebody else's player");
        assert_eq!(feedback.appeared(61, link(51, 52), SINK), None, "our stream elsewhere");
        assert_eq!(feedback.appeared(62, link(SINK, SINK), SINK), None, "the sink is no player");
        assert_eq!(feedback.appeared(63, link(51, SINK), SINK), Some("node 51"));
        assert_eq!(feedback.appeared(65, link(51, SINK), SINK), Some("node 51"), "its second channel");
        assert!(!feedback.removed(63) && !feedback.removed(60) && feedback.removed(65));
        assert!(!feedback.removed(51));
        assert_eq!(feedback.appeared(64, link(51, SINK), SINK), None);
    }
}
