//! From what was written to what is meant.

use std::ops::Range;

use serde_spanned::Spanned;

use crate::acoustics::excursion::Excursion;
use crate::acoustics::measured_head::MeasuredHead;
use crate::acoustics::radiator::{Model, Radiator};
use crate::acoustics::vector::{direction, dot, norm, unit};
use crate::acoustics::{Head, Vec3};
use crate::source::{Complaint, Source};

use super::super::file::{
    CrossoverTable, Directivity, DriverTable, EnclosureModel, EnclosureTable, File, ListenerTable, Role,
};
use super::aims::{beam, crosstalk, virtualization};
use super::checks::{FREQUENCY_HZ, audible, bands, distinct, number, number_or, whole};
use super::response;
use super::{Device, Driver, ListenerSpec};

type Checked<T> = Result<T, Complaint>;

/// Farthest a driver may be from the origin, m.
const LARGEST_DEVICE_M: f64 = 3.0;

pub fn device(source: &Source, file: File) -> Checked<Device> {
    let name = name(source, &file.device.name, "the device")?;
    let sample_rate_hz = match &file.device.sample_rate_hz {
        None => 48_000,
        Some(rate) if [44_100, 48_000, 96_000].contains(rate.get_ref()) => *rate.get_ref() as u32,
        Some(rate) => {
            let message = format!("sample_rate_hz is {}; use 44100, 48000 or 96000", rate.get_ref());
            return Err(source.at(&rate.span(), message));
        }
    };
    if !(1..=16).contains(&file.driver.len()) {
        let span = file.driver.get(16).map_or(0..0, Spanned::span);
        let message = format!("the device has {} drivers; describe 1 to 16, one [[driver]] each", file.driver.len());
        return Err(source.at(&span, message));
    }
    let sphere_radius_m = enclosure(source, &file.enclosure)?;
    file.driver.iter().try_for_each(|table| in_reach(source, table.get_ref()))?;
    let listener = listener(source, &file.listener, &file.driver)?;
    let enclosure = Enclosure { model: *file.enclosure.model.get_ref(), sphere_radius_m };
    let mut drivers = file
        .driver
        .iter()
        .map(|table| driver(source, table, &enclosure, sample_rate_hz, &listener))
        .collect::<Checked<Vec<Driver>>>()?;
    distinct(source, &file.driver, &drivers)?;
    audible(source, &file.driver, &drivers, &listener)?;
    level_sensitivities(&file.driver, &mut drivers);

    let virtual_angle_deg = virtualization(source, &file.virtualization)?;
    let crosstalk = crosstalk(source, &file.crosstalk, virtual_angle_deg.is_some())?;
    let (mut low_crossover_hz, mut high_crossover_hz) = (None, None);
    for table in &file.crossover {
        let (role, frequency_hz) = crossover(source, table.get_ref(), &drivers)?;
        let slot = if role == Role::Woofer { &mut low_crossover_hz } else { &mut high_crossover_hz };
        if slot.replace(frequency_hz).is_some() {
            return Err(source.at(&table.span(), "this crossover is there twice; keep one"));
        }
    }
    for (role, crossover) in [(Role::Woofer, low_crossover_hz), (Role::Tweeter, high_crossover_hz)] {
        let alone = drivers.iter().position(|d| d.is(role) && !d.is(Role::Array));
        if let (Some(index), None) = (alone, crossover) {
            let message = format!(
                "driver `{}` is a {word} but no crossover leads to it; add a [[crossover]] between [\"{word}\", \"array\"]",
                drivers[index].name,
                word = role.word()
            );
            return Err(source.at(&file.driver[index].span(), message));
        }
    }
    let taps = match &file.filters.taps {
        None => 512,
        Some(taps) => whole(source, taps, "taps", 64..=8192)? as usize,
    };
    let device = Device {
        name,
        description: file.device.description.clone(),
        sample_rate_hz,
        drivers,
        listener,
        virtual_angle_deg,
        crosstalk,
        beam: beam(source, &file.beam)?,
        low_crossover_hz,
        high_crossover_hz,
        taps,
        form: file.filters.form.unwrap_or_default(),
        digest: fnv1a(source.text().as_bytes()),
    };
    bands(source, &file.driver, &device)?;
    Ok(device)
}

struct Enclosure {
    model: EnclosureModel,
    sphere_radius_m: f64,
}

fn name(source: &Source, value: &Spanned<String>, what: &str) -> Checked<String> {
    let text = value.get_ref();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.len() > 64 || text.starts_with('.') || !text.chars().all(plain) {
        let message =
            format!("the name of {what} is `{text}`; use 1 to 64 of a to z, A to Z, digits, `-`, `_` and `.`");
        return Err(source.at(&value.span(), message));
    }
    Ok(text.clone())
}

fn enclosure(source: &Source, table: &EnclosureTable) -> Checked<f64> {
    match (table.model.get_ref(), &table.radius_m) {
        (EnclosureModel::RigidSphere, Some(radius)) => {
            number(source, radius, "the radius of the sphere", 0.01..=1.0, "m")
        }
        (EnclosureModel::RigidSphere, None) => {
            Err(source.at(&table.model.span(), "a rigid-sphere needs its radius; add radius_m below"))
        }
        (_, Some(radius)) => {
            Err(source.at(&radius.span(), "only a rigid-sphere has a radius; remove radius_m or change the model"))
        }
        (_, None) => Ok(0.0),
    }
}

fn listener(source: &Source, table: &ListenerTable, drivers: &[Spanned<DriverTable>]) -> Checked<ListenerSpec> {
    let distance_m = number_or(source, &table.distance_m, 2.0, "the listener's distance", 0.1..=20.0, "m")?;
    let radius_m = number_or(source, &table.head_radius_m, 0.0875, "the head's radius", 0.05..=0.15, "m")?;
    let window_m = number_or(source, &table.window_m, 0.05, "the window", 0.0..=0.5, "m")?;
    let extent = drivers.iter().map(|d| norm(d.get_ref().position_m.get_ref().0)).fold(0.0, f64::max);
    if distance_m < extent + 2.0 * radius_m {
        let span = table.distance_m.as_ref().map_or(0..0, Spanned::span);
        let message = format!(
            "the listener at {distance_m} m is inside the device or touches it; its drivers reach {extent:.2} m: use {:.2} m or more",
            extent + 2.0 * radius_m
        );
        return Err(source.at(&span, message));
    }
    let head = match &table.head {
        None => Head::Sphere { radius_m },
        Some(word) if word.get_ref() == "sphere" => Head::Sphere { radius_m },
        Some(file) if file.get_ref().to_lowercase().ends_with(".sofa") => {
            let path = source.beside(file.get_ref());
            Head::Measured(
                MeasuredHead::from_sofa(&path, radius_m).map_err(|e| source.at(&file.span(), e.to_string()))?,
            )
        }
        Some(other) => {
            let message = format!("head is `{}`; use \"sphere\" or the name of a .sofa file", other.get_ref());
            return Err(source.at(&other.span(), message));
        }
    };
    Ok(ListenerSpec { distance_m, head, window_m })
}

/// A position is a place near the origin; before anything is measured by it.
fn in_reach(source: &Source, table: &DriverTable) -> Checked<()> {
    let position = table.position_m.get_ref().0;
    if position.iter().all(|v| v.is_finite()) && norm(position) <= LARGEST_DEVICE_M {
        return Ok(());
    }
    let message = format!(
        "driver `{}` is at {position:?}; use three numbers [front, left, up] in m, within {LARGEST_DEVICE_M} m",
        table.name.get_ref()
    );
    Err(source.at(&table.position_m.span(), message))
}

fn driver(
    source: &Source,
    spanned: &Spanned<DriverTable>,
    enclosure: &Enclosure,
    sample_rate_hz: u32,
    listener: &ListenerSpec,
) -> Checked<Driver> {
    let table = spanned.get_ref();
    let name = name(source, &table.name, "a driver")?;
    let channel = whole(source, &table.channel, &format!("the channel of driver `{name}`"), 0..=31)? as usize;
    let position = table.position_m.get_ref().0;
    let band_hz = band(source, table, &name, sample_rate_hz)?;
    let (axis, axis_span) = axis(source, table, enclosure, position, &name)?;
    let model = model(source, spanned, enclosure, position, axis, axis_span, &name)?;
    let mut radiator = Radiator::new(model);
    radiator.baffled = enclosure.model == EnclosureModel::Baffled;
    radiator.measured = response::measured(source, &table.response, (&name, position, &radiator.model), listener)?;
    let roles = match &table.roles {
        None => vec![Role::Array],
        Some(roles) if roles.get_ref().is_empty() => {
            let message = format!("driver `{name}` has no role; use \"array\", \"woofer\" or \"tweeter\"");
            return Err(source.at(&roles.span(), message));
        }
        Some(roles) => roles.get_ref().clone(),
    };
    let polarity = match &table.polarity {
        None => 1.0,
        Some(p) if [1, -1].contains(p.get_ref()) => *p.get_ref() as f64,
        Some(p) => {
            let message = format!("the polarity of driver `{name}` is {}; use 1 or -1", p.get_ref());
            return Err(source.at(&p.span(), message));
        }
    };
    let of = |what: &str| format!("the {what} of driver `{name}`");
    number_or(source, &table.sensitivity_db, 85.0, &of("sensitivity"), 50.0..=130.0, "dB")?;
    let high_pass_hz =
        table.high_pass_hz.as_ref().map(|v| number(source, v, &of("high-pass"), FREQUENCY_HZ, "Hz")).transpose()?;
    if let (Some(value), Some(hz)) = (&table.high_pass_hz, high_pass_hz.filter(|hz| *hz >= band_hz.1)) {
        let message = format!(
            "the high-pass of driver `{name}` at {hz} Hz leaves nothing of its band, {} to {} Hz; lower it",
            band_hz.0, band_hz.1
        );
        return Err(source.at(&value.span(), message));
    }
    Ok(Driver {
        channel,
        position,
        radiator,
        band_hz,
        roles,
        polarity,
        level_db: number_or(source, &table.gain_db, 0.0, &of("gain"), -40.0..=40.0, "dB")?,
        delay_us: number_or(source, &table.delay_us, 0.0, &of("delay"), -5000.0..=5000.0, "µs")?,
        high_pass_hz,
        excursion: excursion(source, table, &name)?,
        name,
    })
}

/// How far the cone can move, and how large it is.
fn excursion(source: &Source, table: &DriverTable, name: &str) -> Checked<Option<Excursion>> {
    let Some(xmax) = &table.xmax_mm else { return Ok(None) };
    let peak_mm = number(source, xmax, &format!("the xmax of driver `{name}`"), 0.01..=100.0, "mm")?;
    let Some(radius) = &table.radius_m else {
        let message = format!("the level xmax_mm allows depends on the cone's size; add radius_m to driver `{name}`");
        return Err(source.at(&xmax.span(), message));
    };
    Ok(Some(Excursion { radius_m: *radius.get_ref(), peak_m: 1e-3 * peak_mm }))
}

fn band(source: &Source, table: &DriverTable, name: &str, sample_rate_hz: u32) -> Checked<(f64, f64)> {
    let Some(band) = &table.band_hz else { return Ok((100.0, 20_000.0)) };
    let [low, high] = band.get_ref().0;
    if !(FREQUENCY_HZ.contains(&low) && FREQUENCY_HZ.contains(&high) && low < high) {
        let message =
            format!("the band of driver `{name}` is {low} to {high} Hz; use two frequencies, the lower one first");
        return Err(source.at(&band.span(), message));
    }
    let highest = 0.5 * f64::from(sample_rate_hz);
    if low >= highest {
        let message = format!(
            "the band of driver `{name}` begins at {low} Hz, but at {sample_rate_hz} Hz filters end at {highest} Hz; lower it"
        );
        return Err(source.at(&band.span(), message));
    }
    Ok((low, high.min(highest)))
}

/// The direction a driver faces: as written, else outwards on a sphere and to the front elsewhere.
fn axis(
    source: &Source,
    table: &DriverTable,
    enclosure: &Enclosure,
    position: Vec3,
    name: &str,
) -> Checked<(Vec3, Range<usize>)> {
    let Some(axis) = &table.axis_deg else {
        let outwards = enclosure.model == EnclosureModel::RigidSphere && norm(position) > 0.0;
        let axis = if outwards { unit(position) } else { [1.0, 0.0, 0.0] };
        return Ok((axis, table.position_m.span()));
    };
    let (azimuth, elevation) = (axis.get_ref().azimuth, axis.get_ref().elevation);
    if !((-360.0..=360.0).contains(&azimuth) && (-90.0..=90.0).contains(&elevation)) {
        let message = format!(
            "driver `{name}` faces azimuth {azimuth}°, elevation {elevation}°; use -360 to 360 and -90 to 90 degrees"
        );
        return Err(source.at(&axis.span(), message));
    }
    Ok((direction(azimuth, elevation), axis.span()))
}

fn model(
    source: &Source,
    spanned: &Spanned<DriverTable>,
    enclosure: &Enclosure,
    position: Vec3,
    axis: Vec3,
    axis_span: Range<usize>,
    name: &str,
) -> Checked<Model> {
    let table = spanned.get_ref();
    let sphere = enclosure.model == EnclosureModel::RigidSphere;
    let kind = table
        .directivity
        .as_ref()
        .map_or(if sphere { Directivity::Cap } else { Directivity::Monopole }, |d| *d.get_ref());
    let kind_span = table.directivity.as_ref().map_or_else(|| spanned.span(), Spanned::span);
    let radius_m = match &table.radius_m {
        Some(radius) => Some(number(source, radius, &format!("the radius of driver `{name}`"), 0.001..=0.5, "m")?),
        None => None,
    };
    let radius = || match radius_m {
        Some(radius_m) => Ok(radius_m),
        None => Err(source.at(&kind_span, format!("driver `{name}` needs its radius; add radius_m"))),
    };
    match (kind, sphere) {
        (Directivity::Cap, true) => {
            let (radius_m, sphere_m) = (radius()?, enclosure.sphere_radius_m);
            let away = norm(position);
            if (away - sphere_m).abs() > 0.01 * sphere_m {
                let message = format!(
                    "driver `{name}` is {away:.4} m from the center, off its sphere of {sphere_m} m; put it on the surface"
                );
                return Err(source.at(&table.position_m.span(), message));
            }
            if dot(unit(position), axis) < 5f64.to_radians().cos() {
                let message =
                    format!("driver `{name}` does not face outwards from its sphere; leave axis_deg out or correct it");
                return Err(source.at(&axis_span, message));
            }
            if radius_m >= sphere_m {
                let message = format!("driver `{name}` with {radius_m} m is larger than its sphere of {sphere_m} m");
                return Err(source.at(&kind_span, format!("{message}; use a smaller radius_m")));
            }
            Ok(Model::cap(unit(position), sphere_m, radius_m))
        }
        (Directivity::Cap, false) => Err(source.at(
            &kind_span,
            format!("driver `{name}` is a cap without a sphere; use \"piston\" or model = \"rigid-sphere\""),
        )),
        (_, true) => Err(source.at(
            &kind_span,
            format!("driver `{name}` sits in a rigid-sphere; only directivity = \"cap\" is modelled there"),
        )),
        (Directivity::Piston, false) => Ok(Model::Piston { position, axis, radius_m: radius()? }),
        // In a baffle a point source has a front and a rear: a piston of no size.
        (Directivity::Monopole, false) if enclosure.model == EnclosureModel::Baffled => {
            Ok(Model::Piston { position, axis, radius_m: 0.0 })
        }
        (Directivity::Monopole, false) => Ok(Model::Monopole { position }),
    }
}

/// Sensitivities count against the mean of those given.
fn level_sensitivities(tables: &[Spanned<DriverTable>], drivers: &mut [Driver]) {
    let given: Vec<f64> =
        tables.iter().filter_map(|t| t.get_ref().sensitivity_db.as_ref().map(|s| *s.get_ref())).collect();
    if given.is_empty() {
        return;
    }
    let mean = given.iter().sum::<f64>() / given.len() as f64;
    for (table, driver) in tables.iter().zip(drivers) {
        driver.level_db += table.get_ref().sensitivity_db.as_ref().map_or(0.0, |s| s.get_ref() - mean);
    }
}

/// The role that is parted from the array, and where.
fn crossover(source: &Source, table: &CrossoverTable, drivers: &[Driver]) -> Checked<(Role, f64)> {
    let roles = &table.between.get_ref().0;
    let other = match roles {
        [Role::Array, other] | [other, Role::Array] if *other != Role::Array => *other,
        _ => {
            let message =
                "a crossover lies between \"array\" and \"woofer\" or \"tweeter\"; write e.g. [\"woofer\", \"array\"]";
            return Err(source.at(&table.between.span(), message));
        }
    };
    let range = if other == Role::Woofer { 40.0..=1000.0 } else { 1000.0..=12_000.0 };
    let frequency_hz = number(source, &table.frequency_hz, &format!("the {} crossover", other.word()), range, "Hz")?;
    for role in roles {
        let mut serving = drivers.iter().filter(|d| d.is(*role)).peekable();
        let word = role.word();
        if serving.peek().is_none() {
            let message =
                format!("no driver has the role \"{word}\" for this crossover; add one or remove the crossover");
            return Err(source.at(&table.between.span(), message));
        }
        if let Some(driver) = serving.find(|d| !(d.band_hz.0..=d.band_hz.1).contains(&frequency_hz)) {
            let message = format!(
                "the crossover at {frequency_hz} Hz is outside the band of {word} `{}`, {} to {} Hz; move one of them",
                driver.name, driver.band_hz.0, driver.band_hz.1
            );
            return Err(source.at(&table.frequency_hz.span(), message));
        }
    }
    Ok((other, frequency_hz))
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
