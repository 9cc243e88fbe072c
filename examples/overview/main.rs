//! Draws the README's picture: the way of the signal, and the predicted sound field of a profile's center.
//!
//! `cargo run --release --example overview conf/profiles/cylinder docs/overview.svg`

use std::error::Error;
use std::path::Path;

use spatiald::design::{Device, FilterSet, evaluate};
use spatiald::profile::Profile;

mod field;
mod picture;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, picture] = arguments.as_slice() else { return Err("usage: overview PROFILE_FOLDER OUT.svg".into()) };
    let profile = Profile::load(Path::new(folder))?;
    let device = Device::load(&Path::new(folder).join("device.toml"))?;
    let set = FilterSet::from_chain_spec(&profile.chain_spec());
    let figures = evaluate(&device, &set);
    let apparent_deg = figures.room.apparent.first().ok_or("no apparent angle")?.left.mean_deg;
    let field = field::Field::new(&device, &set, picture::cabinet_m(&device));
    std::fs::write(picture, picture::draw(&device, &field, apparent_deg)?)?;
    Ok(())
}
