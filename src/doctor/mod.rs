//! What keeps sound away, and the remedy: `spatiald doctor`.
//!
//! [`examine`] observes; each check is a function from what was observed to a [`Finding`], so that it needs no system to
//! be tried. Nothing is changed, nothing plays, and nothing is waited for longer than 2 s.
//!
//! | file | what it asks |
//! |---|---|
//! | `configuration` | can `spatiald.toml` be read |
//! | `pipewire` | does PipeWire answer |
//! | `session_manager` | does somebody link players with sinks |
//! | `profile` | is a profile named, and can it be loaded |
//! | `card` | is the card there, free, and has it the channels |
//! | `mixer` | can the mixer controls be set |
//! | `daemon` | does the daemon run, and how does it fare |
//! | `sink` | is the sink there and selected |
//! | `volume` | is it turned up |
//! | `realtime` | may its threads go before all others |
//! | [`journal`] | what did the service complain of last |
//! | [`finding`], [`report`] | what was found, worst first |

use std::path::Path;

use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::gettid;

use crate::config::{Config, Places};
use crate::daemon::control::{AskError, Reply, Request, ask};
use crate::daemon::{Instance, Options};
use crate::engine::Scheduling;
use crate::engine::realtime::{WRITER_PRIORITY, promote, rtkit};
use crate::inventory;
use crate::inventory::within::{Begun, PATIENCE, begin};
use crate::node::{NodeError, Survey, survey};
use crate::output::{MixerError, check_mixer};
use crate::source::Complaint;

mod card;
mod configuration;
mod daemon;
pub mod finding;
pub mod journal;
mod mixer;
mod pipewire;
mod profile;
mod realtime;
pub mod report;
mod session_manager;
mod sink;
mod volume;

#[cfg(test)]
mod tests;

pub use daemon::start_command;
pub use finding::{Finding, Level, Remedy};
pub use report::Report;

/// Everything the checks are about, as it was observed.
#[derive(Debug)]
struct Facts {
    config: Result<Config, Complaint>,
    graph: Option<Result<Survey, NodeError>>,
    profile: profile::Found,
    pcm: String,
    card: card::Found,
    mixer: Option<Vec<MixerError>>,
    daemon: daemon::Found,
    instance: Instance,
    /// ` --config FILE` and ` --profile P`, as far as they are given.
    config_option: String,
    profile_option: String,
    has_service: bool,
    tried: Option<Scheduling>,
    limit: u64,
    grant: realtime::Grant,
    journal: Vec<journal::Entry>,
}

/// Observes this system, and says what keeps the daemon that was, or would be, started with `options` from being heard.
pub fn examine(options: &Options) -> Report {
    observe(options).report()
}

impl Facts {
    /// Every check; causes before their consequences.
    fn report(&self) -> Report {
        let survey = self.graph.as_ref().and_then(|graph| graph.as_ref().ok());
        let status = self.daemon.status();
        let profile = match &self.profile {
            profile::Found::Loaded(profile) => Some(profile),
            _ => None,
        };
        let wanted = self.config.as_ref().map_or(0, |config| config.mixer.len());
        let start = format!("{}{}", self.config_option, self.profile_option);
        let mut findings = vec![
            configuration::check(&self.config),
            pipewire::check(self.graph.as_ref()),
            session_manager::check(survey),
            profile::check(&self.profile),
            card::check(&self.pcm, &self.card, profile, status.is_some()),
            mixer::check(wanted, self.mixer.as_deref()),
            daemon::check(&self.daemon, &self.instance, self.has_service, &start),
            sink::check(&node_name(&self.config, &self.instance), survey, status),
            volume::check(survey),
            realtime::check(self.tried, self.limit, self.grant, status),
        ];
        // What is to be typed is about the same configuration.
        for command in findings.iter_mut().filter_map(|finding| finding.remedy.as_mut()?.command.as_mut()) {
            if ["spatiald --check", "spatiald list", "spatiald setup"].contains(&command.as_str()) {
                command.push_str(&self.config_option);
            }
        }
        Report::new(findings, self.journal.clone())
    }
}

fn node_name(config: &Result<Config, Complaint>, instance: &Instance) -> String {
    let configured = config.as_ref().ok().and_then(|config| config.node_name.clone());
    configured.unwrap_or_else(|| instance.node_name())
}

fn observe(options: &Options) -> Facts {
    let instance = options.instance.clone();
    let asked = ask_status(&instance);
    // The services run the default instance.
    let journal = (instance == Instance::default()).then(|| journal::ask(Path::new(journal::READER))).flatten();
    let config = Config::find(options.config.as_deref(), &Places::from_environment());
    let sink = node_name(&config, &instance);
    // Half of the patience for each of its two answers.
    let graph = begin(move || survey(&sink, PATIENCE.mul_f64(0.45)));
    let tried = begin(|| match promote(WRITER_PRIORITY) {
        granted if granted.is_realtime() => granted,
        _ => rtkit::promote(gettid(), WRITER_PRIORITY),
    });
    let daemon = match asked.wait() {
        Some(Ok(Reply::Status(status))) => daemon::Found::Running(status),
        Some(Ok(_)) => daemon::Found::Other,
        Some(Err(error)) => daemon::Found::Unasked(error),
        None => daemon::Found::Stuck,
    };
    let status = daemon.status();
    // The one it plays on, or waits for; it may have been started with another configuration.
    let configured = config.as_ref().ok().map(|config| config.device.clone());
    let pcm = status.map(|status| status.pcm.clone()).or(configured);
    let opened = status.and_then(|status| status.device.as_ref()).map(|device| card::Found::Played(device.channels));
    let probe = pcm.clone().filter(|_| opened.is_none()).map(|pcm| inventory::ask(&pcm));
    let mixer = config.as_ref().ok().map(|config| {
        let (pcm, controls) = (pcm.clone().unwrap_or_default(), config.mixer.clone());
        begin(move || check_mixer(&pcm, &controls))
    });
    let profile = profile::look(options, status);
    let card = opened.unwrap_or_else(|| match probe.map(Begun::wait) {
        None => card::Found::Unknown,
        Some(None) => card::Found::Stuck,
        Some(Some(Ok(offer))) => card::Found::Free(offer.channels.1),
        Some(Some(Err(error))) => card::Found::Closed(error),
    });
    Facts {
        graph: graph.wait(),
        profile,
        pcm: pcm.unwrap_or_default(),
        card,
        mixer: mixer.and_then(Begun::wait),
        daemon,
        config_option: options.config.as_ref().map(|file| config_option(file)).unwrap_or_default(),
        profile_option: options.profile.as_ref().map(|name| format!(" --profile {name}")).unwrap_or_default(),
        has_service: has_service(Path::new("/")),
        tried: tried.wait(),
        limit: getrlimit(Resource::RLIMIT_RTPRIO).map_or(0, |(soft, _)| soft),
        grant: realtime::Grant::look(Path::new("/")),
        journal: journal.map(journal::Asked::wait).unwrap_or_default(),
        config,
        instance,
    }
}

/// What names `file` to a command, with a space before it.
pub fn config_option(file: &Path) -> String {
    format!(" --config {}", file.display())
}

/// Begins to ask the daemon how it fares.
pub(crate) fn ask_status(instance: &Instance) -> Begun<Result<Reply, AskError>> {
    let instance = instance.clone();
    begin(move || ask(&instance, &Request::Status))
}

/// Whether systemd runs below `root`, and has our user service.
pub fn has_service(root: &Path) -> bool {
    let folders = ["etc/systemd/user", "usr/local/lib/systemd/user", "usr/lib/systemd/user"];
    root.join("run/systemd/system").exists()
        && folders.iter().any(|folder| root.join(folder).join("spatiald.service").exists())
}
