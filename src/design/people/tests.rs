use std::path::Path;

use super::*;
use crate::design::design;
use crate::design::evaluate::evaluate;
use crate::source::Source;

fn pair() -> Device {
    let text = "format = 1\n[device]\nname = \"pair\"\n[enclosure]\nmodel = \"free-field\"\n\
        [[driver]]\nname = \"l\"\nchannel = 0\nposition_m = [0.0, 0.08, 0.0]\n\
        [[driver]]\nname = \"r\"\nchannel = 1\nposition_m = [0.0, -0.08, 0.0]\n\
        [virtualization]\nenabled = false\n[filters]\ntaps = 256\n";
    Device::from_source(&Source::new(Path::new("test.toml"), text.to_owned())).unwrap_or_else(|e| panic!("{e}"))
}

/// Filters as they were designed.
fn middle(filters: FilterSet) -> Seated {
    Seated { azimuth_deg: 0.0, filters }
}

fn model(device: &Device) -> Person {
    Person { name: "model".to_owned(), head: device.listener.head.clone() }
}

#[test]
fn the_model_among_the_people_hears_what_the_design_says() {
    let device = pair();
    let made = design(&device, &|_| ());
    let figures = people(&device, &[middle(made.filters.clone())], &[model(&device)], &|_| ());
    let printed = evaluate(&device, &made.filters);
    for octave in 0..6 {
        let (here, there) = (figures.model.xtc_db[octave], printed.crosstalk[0].xtc_db[octave]);
        assert!((here - there).abs() < 0.15, "octave {octave}: {here} and {there} dB");
        let (here, there) = (figures.model.interaural_level_db[0][octave], printed.interaural_level_db.device[octave]);
        assert!((here - there).abs() < 0.15, "octave {octave}: {here} and {there} dB");
        assert!((figures.as_they_sit.median.xtc_db[octave] - figures.model.xtc_db[octave]).abs() < 1e-9);
    }
    assert_eq!(figures.heads[0].seat_deg, 0.0);
    let (here, there) = (figures.model.angles[0].nearest_deg, printed.room.apparent[0].left.nearest_deg);
    assert!((here - there).abs() < 0.3, "{here}° and {there}°");
}

#[test]
fn a_real_loudspeaker_is_heard_where_it_stands() {
    let mut device = pair();
    let grid = Grid::new([&design(&device, &|_| ()).filters].into_iter(), device.sample_rate_hz);
    let head = device.listener.head.clone();
    let map = angle::map(&grid, &head, 2.0);
    for azimuth_deg in [-42.0f64, 3.0, 20.0, 55.0] {
        // One loudspeaker at that azimuth plays both programs.
        let (sin, cos) = azimuth_deg.to_radians().sin_cos();
        let position = [2.0 - 2.0 * cos, 2.0 * sin, 0.0];
        for driver in &mut device.drivers {
            driver.position = position;
            driver.radiator = crate::acoustics::Radiator::new(crate::acoustics::Model::Monopole { position });
        }
        let heard = &heard::heard(&device, &grid, &[&head], &|_| ())[0][0];
        let [left, right] = [0, 1].map(|side| angle::of(&map, heard, side));
        // Beyond 40° a sphere's level difference hardly grows: levels tell the azimuth to one step of the map.
        let angles = [
            (left.by_time_deg, 1.5),
            (left.by_level_deg, 4.0),
            (left.mean_deg, 2.5),
            (-right.mean_deg, 2.5),
            (left.nearest_deg, 1.0),
            (-right.nearest_deg, 1.0),
        ];
        for (angle, within) in angles {
            assert!((angle - azimuth_deg).abs() < within, "{azimuth_deg}°: {left:?}, {right:?}");
        }
    }
}

#[test]
fn quantiles_lie_between_values() {
    let values = [4.0, 1.0, 3.0, 2.0];
    assert_eq!(quantile(values.into_iter(), 0.5), 2.5);
    assert!((quantile(values.into_iter(), 0.1) - 1.3).abs() < 1e-12);
    assert_eq!((quantile(values.into_iter(), 1.0), quantile([].into_iter(), 0.5)), (4.0, 0.0));
}

#[test]
fn a_folder_without_heads_says_what_belongs_there() {
    let folder = tempfile::tempdir().unwrap();
    let says = |text: &str| {
        let error = load(folder.path(), 0.0875).unwrap_err().to_string();
        assert!(error.contains(text) && !error.contains('\n'), "{error}");
    };
    says("holds no .sofa file");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/head.sofa"), folder.path().join("a.SOFA"))
        .unwrap();
    let people = load(folder.path(), 0.0875).unwrap();
    assert_eq!(people[0].name, "a");
    std::fs::write(folder.path().join("b.sofa"), b"no head").unwrap();
    says("b.sofa");
    assert!(load(&folder.path().join("none"), 0.0875).unwrap_err().to_string().contains("cannot be listed"));
}
