//! A network of three machines that share this one's everything else: namespaces on a bridge.

use std::process::Command;

const MACHINES: [&str; 3] = ["sender", "one", "two"];

/// Gone when dropped.
pub struct Network {
    prefix: String,
}

impl Network {
    pub fn new() -> Network {
        let network = Network { prefix: format!("spatiald{:x}-", crate::support::wait::now_ns()) };
        let hub = network.name("hub");
        ip(&["netns", "add", &hub]);
        network.within("hub", &["link", "add", "bridge", "type", "bridge", "mcast_snooping", "0"]);
        network.within("hub", &["link", "set", "bridge", "up"]);
        for (number, machine) in MACHINES.into_iter().enumerate() {
            let name = network.name(machine);
            ip(&["netns", "add", &name]);
            let add = ["link", "add", machine, "type", "veth", "peer", "name", "eth0", "netns", &name];
            network.within("hub", &add);
            network.within("hub", &["link", "set", machine, "master", "bridge", "up"]);
            network.within(machine, &["link", "set", "lo", "up"]);
            let address = format!("10.77.0.{}/24", number + 1);
            network.within(machine, &["address", "add", &address, "dev", "eth0"]);
            network.within(machine, &["link", "set", "eth0", "up"]);
            network.within(machine, &["route", "add", "default", "dev", "eth0"]);
        }
        network
    }

    pub fn name(&self, machine: &str) -> String {
        format!("{}{machine}", self.prefix)
    }

    /// Puts a program on one of the machines.
    pub fn launcher(&self, machine: &str) -> [String; 2] {
        // `ip netns exec` would also mount, which it cannot in a root that is no mount.
        ["nsenter".to_owned(), format!("--net=/run/netns/{}", self.name(machine))]
    }

    /// Pulls a machine's plug, or puts it back.
    pub fn cut(&self, machine: &str, gone: bool) {
        self.within("hub", &["link", "set", machine, if gone { "down" } else { "up" }]);
    }

    fn within(&self, machine: &str, arguments: &[&str]) {
        let [program, namespace] = self.launcher(machine);
        run(Command::new(program).args([&namespace, "ip"]).args(arguments));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for machine in MACHINES.into_iter().chain(["hub"]) {
            // It may not be there when setting up failed half-way.
            Command::new("ip").args(["netns", "delete", &self.name(machine)]).status().ok();
        }
    }
}

fn ip(arguments: &[&str]) {
    run(Command::new("ip").args(arguments));
}

fn run(command: &mut Command) {
    let output = command.output().expect("packages iproute2 and util-linux");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
