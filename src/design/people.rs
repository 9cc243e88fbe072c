//! What other heads than the model's hear: a coefficient set over all heads of a folder.
//!
//! Each head is taken as it was measured, and once more with the filters that are turned to its best seat: people do not
//! sit as models do, and where a head is matters more than whose head it is. A simulated figure says how filters act on a
//! measured head; it makes no claim about what people hear.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::acoustics::measured_head::MeasuredHead;
use crate::acoustics::{Head, MeasurementError};

use super::device::Device;
use super::evaluate::PerOctave;
use super::evaluate::azimuth::{Azimuth, AzimuthMap};
use super::evaluate::bands::OCTAVES_HZ;
use super::filter_set::FilterSet;

mod angle;
mod heard;
mod table;

use heard::{Grid, Heard};

pub use table::PeopleTable;

/// Octaves whose cancellation a seat is chosen by: 1 to 4 kHz, where most of it is and a small step takes it away.
const SEAT_OCTAVES: std::ops::Range<usize> = 2..5;

/// Seats that are tried, degrees about the device.
const SEAT_RANGE_DEG: f64 = 6.0;
const SEAT_STEP_DEG: f64 = 0.5;

/// Filters for a listener at the design's distance.
#[derive(Debug, Clone)]
pub struct Seated {
    /// Where the listener is said to sit, degrees about the device, positive to the listener's left.
    pub azimuth_deg: f64,
    /// The filters turned there.
    pub filters: FilterSet,
}

/// All seats that are tried for a head, degrees.
pub fn seats_deg() -> impl Iterator<Item = f64> {
    let steps = (SEAT_RANGE_DEG / SEAT_STEP_DEG).round() as i32;
    (-steps..=steps).map(|step| f64::from(step) * SEAT_STEP_DEG)
}

/// A head and where it comes from.
#[derive(Debug, Clone)]
pub struct Person {
    /// The file's name without its ending.
    pub name: String,
    /// The head.
    pub head: Head,
}

/// Why a folder's heads cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The folder cannot be listed.
    #[error("{path}: cannot be listed: {reason}; name a folder of SOFA files")]
    Unlisted {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// There is none.
    #[error("{path}: holds no .sofa file; put one SimpleFreeFieldHRIR file a person there")]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// One of them is no head.
    #[error(transparent)]
    Head(#[from] MeasurementError),
}

/// Figures over all heads.
#[derive(Debug, Clone, Serialize)]
pub struct PeopleFigures {
    /// Octave centers of all figures by octave, Hz.
    pub octaves_hz: PerOctave,
    /// The model head at the design point: the device's own.
    pub model: Hears,
    /// All heads as they were measured.
    pub as_they_sit: Spread,
    /// Each head with the filters turned to its best seat.
    pub best_seat: Spread,
    /// Every head by itself, in order of names.
    pub heads: Vec<PersonFigures>,
}

/// What one head hears.
#[derive(Debug, Clone, Serialize)]
pub struct Hears {
    /// Cancellation of both programs, dB.
    pub xtc_db: PerOctave,
    /// ILD of the hard-left program and of the hard-right one, dB, positive towards the program's own side.
    pub interaural_level_db: [PerOctave; 2],
    /// Where the hard-left and the hard-right program seem to come from, positive towards their own side.
    pub angles: [Azimuth; 2],
}

/// One head with the filters as they were designed, and turned to its best seat.
#[derive(Debug, Clone, Serialize)]
pub struct PersonFigures {
    /// The file's name without its ending.
    pub name: String,
    /// The best seat, degrees about the device, positive to the listener's left.
    pub seat_deg: f64,
    /// What it hears as it sits.
    pub as_it_sits: Hears,
    /// What it hears with the filters turned to it.
    pub best_seat: Hears,
}

/// The middle of all heads, and what nine of ten exceed.
#[derive(Debug, Clone, Serialize)]
pub struct Spread {
    /// Half of the heads have more.
    pub median: Statistic,
    /// One head in ten has less.
    pub worst_tenth: Statistic,
}

/// A statistic over heads; level differences and angles over the two sides of each.
#[derive(Debug, Clone, Serialize)]
pub struct Statistic {
    /// Cancellation, dB.
    pub xtc_db: PerOctave,
    /// ILD, dB, positive towards the program's own side.
    pub interaural_level_db: PerOctave,
    /// Apparent angle.
    pub angles: Azimuth,
}

/// Reads all SOFA files of a folder, in order of their names; `radius_m` is that of the sphere which carries them to
/// other distances.
///
/// # Errors
/// The folder cannot be listed or holds none, or one of them is no head.
pub fn load(folder: &Path, radius_m: f64) -> Result<Vec<Person>, PeopleError> {
    let unlisted = |reason| PeopleError::Unlisted { path: folder.to_owned(), reason };
    let entries: Result<Vec<PathBuf>, _> =
        std::fs::read_dir(folder).map_err(unlisted)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let is_sofa = |path: &PathBuf| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("sofa"));
    let mut files: Vec<PathBuf> = entries.map_err(unlisted)?.into_iter().filter(is_sofa).collect();
    if files.is_empty() {
        return Err(PeopleError::Empty { path: folder.to_owned() });
    }
    files.sort();
    let person = |path: PathBuf| {
        let name = path.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Ok(Person { name, head: Head::Measured(MeasuredHead::from_sofa(&path, radius_m)?) })
    };
    files.into_iter().map(person).collect()
}

/// Figures of filters on a device for these people, who stay where they were measured: with each of the `seated` filters,
/// one of them for the middle. `progress` hears the part done, 0 to 1.
pub fn people(device: &Device, seated: &[Seated], people: &[Person], progress: &dyn Fn(f64)) -> PeopleFigures {
    let grid = Grid::new(seated.iter().map(|seat| &seat.filters), device.sample_rate_hz);
    let model_head = &device.listener.head;
    let heads: Vec<&Head> = people.iter().map(|person| &person.head).chain([model_head]).collect();
    let mut with_each = heard::heard(device, &grid, &heads, progress);
    let of_model = with_each.pop().unwrap_or_default();
    let center = seated.iter().position(|seat| seat.azimuth_deg == 0.0).unwrap_or(0);
    let persons: Vec<PersonFigures> = people
        .iter()
        .zip(&with_each)
        .map(|(person, with_seats)| {
            let map = angle::map(&grid, &person.head, device.listener.distance_m);
            let best = best_seat(with_seats, center);
            PersonFigures {
                name: person.name.clone(),
                seat_deg: seated[best].azimuth_deg,
                as_it_sits: hears(&with_seats[center], &map),
                best_seat: hears(&with_seats[best], &map),
            }
        })
        .collect();
    PeopleFigures {
        octaves_hz: OCTAVES_HZ,
        model: hears(&of_model[center], &angle::map(&grid, model_head, device.listener.distance_m)),
        as_they_sit: spread(persons.iter().map(|person| &person.as_it_sits)),
        best_seat: spread(persons.iter().map(|person| &person.best_seat)),
        heads: persons,
    }
}

/// The seat with the most cancellation, mean of its octaves' dB; of equals the nearest to `center`.
fn best_seat(with_seats: &[Heard], center: usize) -> usize {
    let score = |heard: &Heard| heard.cancellation_db()[SEAT_OCTAVES].iter().sum::<f64>();
    (0..with_seats.len()).fold(center, |best, seat| {
        let (here, there) = (score(&with_seats[seat]), score(&with_seats[best]));
        let nearer = seat.abs_diff(center) < best.abs_diff(center);
        if here > there || (here == there && nearer) { seat } else { best }
    })
}

fn hears(heard: &Heard, map: &AzimuthMap) -> Hears {
    Hears {
        xtc_db: heard.cancellation_db(),
        interaural_level_db: [0, 1].map(|side| heard.level_difference_db(side)),
        angles: [0, 1].map(|side| angle::of(map, heard, side)),
    }
}

fn spread<'a>(all: impl Iterator<Item = &'a Hears> + Clone) -> Spread {
    let statistic = |part: f64| {
        let sides = || all.clone().flat_map(|hears| hears.angles);
        Statistic {
            xtc_db: std::array::from_fn(|o| quantile(all.clone().map(|hears| hears.xtc_db[o]), part)),
            interaural_level_db: std::array::from_fn(|o| {
                quantile(all.clone().flat_map(|hears| hears.interaural_level_db.map(|side| side[o])), part)
            }),
            angles: Azimuth {
                by_time_deg: quantile(sides().map(|side| side.by_time_deg), part),
                by_level_deg: quantile(sides().map(|side| side.by_level_deg), part),
                mean_deg: quantile(sides().map(|side| side.mean_deg), part),
                nearest_deg: quantile(sides().map(|side| side.nearest_deg), part),
            },
        }
    };
    Spread { median: statistic(0.5), worst_tenth: statistic(0.1) }
}

/// The value below which a `part` of all lies, between two of them linearly; 0 of none.
fn quantile(values: impl Iterator<Item = f64>, part: f64) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = part * last as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests;
