//! How the daemon fares, as `--status` says it.

use super::control::status::{DeviceStatus, GraphStatus, LatencyStatus, Load, ProfileStatus, Realtime, Status};
use super::pipeline::Pipeline;
use super::prepare::Chosen;
use super::state::Daemon;
use crate::engine::{Scheduling, resample};

impl Daemon {
    /// How things stand.
    pub(super) fn status(&self) -> Status {
        let counted = self.pipeline.as_ref().map(|pipeline| pipeline.counters().snapshot());
        let scheduling = |thread: Option<Scheduling>| scheduling_name(thread.unwrap_or_default());
        let profile = self.plan.profile.as_ref();
        let drivers: Vec<String> =
            profile.map_or(Vec::new(), |chosen| chosen.profile.drivers.iter().map(|d| d.name.clone()).collect());
        let reductions = counted.as_ref().map_or(&[][..], |counted| &counted.gain_reduction_db);
        Status {
            schema: 1,
            version: env!("CARGO_PKG_VERSION").into(),
            instance: self.instance().into(),
            state: self.state(),
            profile: profile.map(|Chosen { profile, chosen_by, .. }| ProfileStatus {
                name: profile.name.clone(),
                folder: profile.folder.display().to_string(),
                chosen_by: chosen_by.clone(),
                drivers: drivers.clone(),
                matrix: self.pipeline.as_ref().map_or(String::new(), |pipeline| pipeline.form().to_string()),
            }),
            problems: self.problems(),
            rate_hz: self.pipeline.as_ref().map_or(0, Pipeline::rate_hz),
            quantum_frames: counted.as_ref().map_or(0, |counted| counted.quantum_frames),
            graph: GraphStatus {
                driving: self.pipeline.as_ref().is_some_and(Pipeline::is_driving),
                correction_ppm: counted.as_ref().map_or(0.0, |counted| counted.correction_ppm.into()),
            },
            latency: self.latency(),
            dsp_load: counted.as_ref().map_or(Load { mean: 0.0, max: 0.0 }, |counted| Load {
                mean: counted.load_mean.into(),
                max: counted.load_max.into(),
            }),
            xruns: counted.as_ref().map_or(0, |counted| counted.xruns),
            underruns: counted.as_ref().map_or(0, |counted| counted.underruns),
            overruns: counted.as_ref().map_or(0, |counted| counted.overruns),
            reopens: counted.as_ref().map_or(0, |counted| counted.reopens),
            cycles: counted.as_ref().map_or(0, |counted| counted.cycles),
            frames: counted.as_ref().map_or(0, |counted| counted.frames_out),
            drift_ppm: self.pipeline.as_ref().and_then(Pipeline::drift_ppm),
            gain_reduction_db: drivers.into_iter().zip(reductions.iter().copied()).collect(),
            realtime: Realtime {
                data_thread: scheduling(counted.as_ref().map(|counted| counted.data_thread)),
                writer_thread: scheduling(counted.as_ref().map(|counted| counted.writer_thread)),
                memory_locked: self.memory_locked,
            },
            device: self.pipeline.as_ref().filter(|_| self.device.is_open).and_then(Pipeline::params).map(|params| {
                DeviceStatus {
                    sample_format: params.format.to_string(),
                    channels: params.channels as u32,
                    period_frames: params.period_frames as u32,
                    buffer_frames: params.buffer_frames as u32,
                }
            }),
            pcm: self.plan.config.device.clone(),
            controls: self.controls_status(),
            seat: self.seat_status(),
        }
    }

    fn latency(&self) -> LatencyStatus {
        let Some(pipeline) = &self.pipeline else { return LatencyStatus::default() };
        let chain = pipeline.chain_latency();
        let total_frames = pipeline.published_frames();
        LatencyStatus {
            total_frames,
            total_ms: total_frames as f64 * 1e3 / f64::from(pipeline.rate_hz()),
            block_frames: chain.block_frames,
            upmix_frames: chain.upmix_frames,
            filter_frames: chain.filter_frames,
            limiter_frames: chain.limiter_frames,
            resampler_frames: resample::LATENCY_FRAMES,
            ring_frames: pipeline.ring_frames(),
            device_frames: pipeline.device_frames(),
        }
    }
}

fn scheduling_name(scheduling: Scheduling) -> String {
    match scheduling {
        Scheduling::Unknown => "not known yet".into(),
        Scheduling::Other => "not real time".into(),
        Scheduling::Fifo(priority) => format!("FIFO {priority}"),
        Scheduling::RoundRobin(priority) => format!("round robin {priority}"),
    }
}
