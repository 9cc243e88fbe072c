//! What device and sink tell, and what is made of it.

use std::time::Duration;

use super::control::Choice;
use super::error::DaemonError;
use super::state::Daemon;
use super::switch::{InFlight, Step, Waiter};
use crate::output::OutputError;
use crate::profile::is_path;
use crate::{node, output};

impl Daemon {
    pub(super) fn on_node(&mut self, event: node::Event) -> Result<(), DaemonError> {
        log::debug!("sink: {event:?}");
        match event {
            node::Event::Up(id) => {
                self.log.info(&format!("the sink is there: node {id}"));
                self.sink.problem = None;
                self.sink.is_up = true;
                self.was_up = true;
                self.manager.ready();
            }
            node::Event::Down(reason) => {
                if self.options.no_wait && !self.was_up {
                    return Err(DaemonError::Sink(reason));
                }
                self.log.warn(&format!("{reason} (it is tried again)"));
                self.sink.is_up = false;
                self.sink.playing = false;
                self.sink.feedback = None;
                self.sink.problem = Some(reason);
                self.manager.ready();
            }
            node::Event::Streaming => self.sink.playing = true,
            node::Event::Paused | node::Event::Suspended => self.sink.playing = false,
            node::Event::Resumed => {}
            node::Event::DriverWon => self.log.info("the device's clock drives the graph"),
            node::Event::DriverLost => {
                self.log.warn("another device drives the graph: its rate is followed");
            }
            node::Event::Feedback(stream) => {
                self.sink.feedback = Some(stream);
                for problem in self.problems() {
                    self.log.warn(&problem);
                }
            }
            node::Event::FeedbackEnded => self.sink.feedback = None,
            node::Event::Warning(warning) => self.log.warn(&warning),
            node::Event::ProfileRequested(name) => self.on_profile_requested(name),
            node::Event::SettingsRequested(settings) => self.on_settings_requested(&settings),
        }
        Ok(())
    }

    /// Any client of PipeWire may ask: for a profile that is installed, by its name, and for no file of its own choice.
    fn on_profile_requested(&mut self, name: String) {
        let plays = self.plan.profile.as_ref().map(|chosen| chosen.profile.name.clone());
        if is_path(&name) {
            self.log.warn(&format!("a client of PipeWire asked for {name:?}: only names of profiles are taken there"));
            if let (Some(pipeline), Some(plays)) = (&mut self.pipeline, plays) {
                pipeline.show_profile(&plays);
            }
            return;
        }
        let wanted = Choice::Named(name);
        let plays = plays.map(Choice::Named);
        if self.reloads.goal().or(plays.as_ref()) != Some(&wanted) {
            self.ask(wanted, Waiter::Log);
        }
    }

    pub(super) fn on_output(&mut self, event: output::Event) -> Result<(), DaemonError> {
        let Some(pipeline) = &mut self.pipeline else { return Ok(()) };
        let pcm = pipeline.pcm().to_owned();
        match event {
            output::Event::Scheduled(scheduling) if scheduling.is_realtime() => {
                log::info!("device thread: {scheduling:?}");
            }
            output::Event::Scheduled(scheduling) => log::warn!(
                "device thread: {scheduling:?}, not real time: allow it (limits.d: @audio - rtprio 95) or expect dropouts"
            ),
            output::Event::Xrun => self.log.warn(&format!("{pcm}: xrun, restarted")),
            output::Event::Stalled => self.log.warn(&format!("{pcm}: took nothing for too long, restarted")),
            output::Event::Suspended => self.log.info(&format!("{pcm}: suspended with the system")),
            output::Event::Lost(reason) => {
                self.log.warn(&format!("{pcm}: {reason}; it is opened again"));
                self.device.problem = Some(format!("{pcm}: {reason}; it is opened again as soon as it is there"));
                self.device.is_open = false;
            }
            output::Event::Waiting(error) => return self.on_waiting(error),
            output::Event::Refused(error) => self.on_refused(error),
            output::Event::Opened { params, is_another } => self.on_opened(params, is_another),
            output::Event::Running => self.on_running(),
            output::Event::Note(note) => self.log.warn(&note),
            output::Event::Standby => {
                self.log.info(&format!("{pcm}: closed until something plays"));
                self.device.standby = true;
                self.device.is_open = false;
            }
        }
        Ok(())
    }

    /// The device cannot be opened now.
    fn on_waiting(&mut self, error: OutputError) -> Result<(), DaemonError> {
        let step = self.in_flight.as_ref().map(|switch| switch.step);
        // An attempt that was under way when another device was asked for, or when all began to be built anew; or what is
        // to be built anew is late, and has been told of.
        let is_late = step.is_none() && self.preparing.is_late();
        let is_before = step == Some(Step::Device) && !self.in_flight.as_ref().is_some_and(InFlight::is_untried);
        if is_before || self.preparing.is_busy() || is_late {
            return Ok(());
        }
        self.device.problem = Some(self.rates.explain(&error));
        (self.device.is_open, self.device.standby) = (false, false);
        if self.takes_another_rate(&error) {
            match self.in_flight.take() {
                Some(switch) => {
                    // The pipeline, or its device, is that of the switch already.
                    self.is_displaced = true;
                    self.prepare_again(switch.wish);
                }
                None => self.restore(),
            }
            return Ok(());
        }
        if matches!(step, Some(Step::Device | Step::Anew)) {
            self.give_up_switch(&error.into());
            return Ok(());
        }
        if self.options.no_wait && !self.was_open {
            return Err(error.into());
        }
        self.log.warn(&format!("{error} (it is tried again)"));
        self.manager.ready();
        Ok(())
    }

    /// The other device cannot be had; the one before is opened again, with the old chain.
    fn on_refused(&mut self, error: OutputError) {
        let Some(switch) = self.in_flight.take() else { return };
        if let Some(pipeline) = &mut self.pipeline {
            pipeline.withdraw();
        }
        if self.takes_another_rate_on(&switch.plan, &error) {
            return self.prepare_again(switch.wish);
        }
        self.refuse(&error.into());
    }

    fn on_opened(&mut self, params: output::Params, is_another: bool) {
        let plan = match &mut self.in_flight {
            // Also where it opens once more, before it has ever played.
            Some(switch) if is_another || switch.is_untried() || switch.step == Step::Anew => {
                let buffer_s = params.buffer_frames as f64 / f64::from(params.rate_hz.max(1));
                switch.note_open(Duration::from_secs_f64(buffer_s));
                switch.plan.clone()
            }
            _ => self.plan.clone(),
        };
        let (Some(pipeline), Some(chosen)) = (&mut self.pipeline, &plan.profile) else { return };
        // Counted too: a device may open again and again, and never run.
        self.log.info(&format!(
            "{}: open at {} Hz, {} channels of {}, periods of {} in {} frames",
            params.pcm, params.rate_hz, params.channels, params.format, params.period_frames, params.buffer_frames
        ));
        pipeline.opened(&plan.config, chosen.profile.channels_needed(), params);
        self.rates.forget_refusals();
        self.was_open = true;
        self.device.is_open = true;
        self.device.standby = false;
    }

    /// The open device plays: what it was opened for has come about.
    fn on_running(&mut self) {
        self.device.problem = None;
        if let Some(switch) = self.in_flight.as_mut().filter(|switch| switch.plays_by.is_some()) {
            switch.has_run = true;
            self.end_switch();
        } else if self.in_flight.is_none() && !self.is_displaced {
            // It needs no other rate any more.
            self.preparing.forget_late();
        }
    }

    fn takes_another_rate(&mut self, error: &OutputError) -> bool {
        let plan = self.in_flight.as_ref().map_or_else(|| self.plan.clone(), |switch| switch.plan.clone());
        self.takes_another_rate_on(&plan, error)
    }

    /// True where the card refused the profile's rate and offers one that it can be resampled to.
    fn takes_another_rate_on(&mut self, plan: &super::prepare::Plan, error: &OutputError) -> bool {
        let (OutputError::Rate { pcm, rate_hz, offered_hz }, Some(chosen)) = (error, &plan.profile) else {
            return false;
        };
        let own_hz = chosen.profile.sample_rate_hz;
        let Some(other_hz) = self.rates.refused(pcm, own_hz, *rate_hz, offered_hz) else { return false };
        self.log.warn(&format!(
            "{pcm} does not run at {rate_hz} Hz: the profile, of {own_hz} Hz, is played at {other_hz} Hz"
        ));
        true
    }
}
