//! Controls and seat: asked for by a client or through the sink's properties, and shown as they are.

use std::collections::BTreeMap;

use super::control::status::SeatStatus;
use super::control::{Answer, Reply};
use super::reload::Wish;
use super::state::Daemon;
use super::switch::Waiter;
use crate::config::controls::{self, BadSetting, DEFAULT_WORD, SEAT_KEY};
use crate::config::{Change, Settings};

impl Daemon {
    /// A client sets something; the control thread has looked at it already.
    pub(super) fn set(&mut self, changes: &[String], reply: Answer) {
        match parse(changes) {
            Ok(changes) => self.ask(Wish { choice: None, changes }, Waiter::Client(reply)),
            Err(error) => reply.send(Reply::refused(&error)),
        }
    }

    /// Somebody sets something through the sink's properties. Tools write back all that they have read: what is so
    /// already, or is about to be, asks for nothing.
    pub(super) fn on_settings_requested(&mut self, settings: &[String]) {
        let changes = match parse(settings) {
            Ok(changes) => changes,
            Err(error) => {
                self.log.warn(&format!("a client of PipeWire: {error}"));
                return self.show_settings();
            }
        };
        let mut goal = self.plan.kept.clone();
        self.reloads.changes().for_each(|change| goal.change(change));
        let shown = |settings: &Settings| {
            let seat = settings.seat.as_ref().or(self.plan.config.settings.seat.as_ref()).map(ToString::to_string);
            (settings.controls_over(&self.plan.config.settings), seat)
        };
        let is_new = |change: &Change| {
            let mut with = goal.clone();
            with.change(change);
            shown(&with) != shown(&goal)
        };
        let changes: Vec<Change> = changes.into_iter().filter(is_new).collect();
        if !changes.is_empty() {
            self.ask(Wish { choice: None, changes }, Waiter::Log);
        }
    }

    /// Shows what is set as the sink's properties.
    pub(super) fn show_settings(&self) {
        let Some(pipeline) = &self.pipeline else { return };
        let controls = self.plan.controls();
        let seat = self.plan.seat().map_or_else(|| DEFAULT_WORD.to_owned(), ToString::to_string);
        let shown = controls.shown().map(|(entry, value)| (entry.name.to_owned(), value));
        pipeline.show_settings(shown.chain([(SEAT_KEY.to_owned(), seat)]).collect());
    }

    /// Every control as the status has it.
    pub(super) fn controls_status(&self) -> BTreeMap<String, controls::Shown> {
        let controls = self.plan.controls();
        controls.shown().map(|(entry, value)| (entry.name.to_owned(), controls::Shown::new(entry, value))).collect()
    }

    /// The seat as the status has it; `None` while the profile plays to where it was designed for.
    pub(super) fn seat_status(&self) -> Option<SeatStatus> {
        let (choice, place) = (self.plan.seat()?, self.plan.place()?);
        Some(SeatStatus { set: choice.to_string(), azimuth_deg: place.azimuth_deg, distance_m: place.distance_m })
    }
}

fn parse(changes: &[String]) -> Result<Vec<Change>, BadSetting> {
    changes.iter().map(|change| change.parse()).collect()
}
