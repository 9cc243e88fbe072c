//! Files of one profile, of two, and folders that are replaced.

use super::*;
use crate::profile::choice::Remembered;
use crate::source::Source;

/// A shipped profile as the designer would save it.
fn design(name: &str) -> Profile {
    Profile::load(&shipped().join(name)).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn digest(error: &str) -> String {
    error.split('`').next().unwrap().split('"').nth(3).unwrap().to_owned()
}

#[test]
fn files_of_two_designs_are_refused_until_they_are_tied() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    design("cylinder").save(&one, Some("device 1")).unwrap();
    design("cylinder-wide").save(&other, Some("device 2")).unwrap();
    Profile::load(&one).unwrap();
    let wav = one.join("coefficients.wav");
    let own = fs::read(&wav).unwrap();
    fs::copy(other.join("coefficients.wav"), &wav).unwrap();
    let error = fault(&one);
    assert!(error.starts_with("coefficients.wav: this is not the file that profile.toml was made with"), "{error}");

    // Whoever changed the file writes down what the refusal says.
    let tie = |name: &str, digest: &str| {
        let path = one.join("profile.toml");
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<String> = text
            .lines()
            .filter(|line| !line.starts_with(&format!("\"{name}\"")))
            .map(|line| if line == "[files]" { format!("[files]\n\"{name}\" = \"{digest}\"") } else { line.into() })
            .collect();
        fs::write(path, lines.join("\n")).unwrap();
    };
    tie("coefficients.wav", &digest(&error));
    Profile::load(&one).unwrap();
    fs::write(&wav, own).unwrap();
    let error = fault(&one);
    assert!(error.contains("was made with"), "{error}");
    tie("coefficients.wav", &digest(&error).to_uppercase());
    Profile::load(&one).unwrap();

    // The description, and filters of another rate.
    fs::copy(other.join("device.toml"), one.join("device.toml")).unwrap();
    assert!(fault(&one).starts_with("device.toml: this is not the file"));
    fs::remove_file(one.join("device.toml")).unwrap();
    assert!(fault(&one).starts_with("device.toml: profile.toml lists this file, but it is not there"));
    fs::write(one.join("device.toml"), "device 1").unwrap();
    let profile = Profile::load(&one).unwrap();
    profile.check_other_rates().unwrap();
    write_coefficients(&one.join("coefficients-44100.wav"), &profile.coefficients, 44_100).unwrap();
    let error = profile.at_rate(44_100).unwrap_err().to_string();
    assert!(error.contains("coefficients-44100.wav: profile.toml does not list this file"), "{error}");
    assert_eq!(profile.check_other_rates().unwrap_err().to_string(), error);
    tie("coefficients-44100.wav", &digest(&error));
    Profile::load(&one).unwrap().at_rate(44_100).unwrap();

    tie("coefficients.wav", "0123");
    assert!(fault(&one).contains("this is no SHA-256 in 64 hexadecimal digits"));
    tie("../coefficients.wav", &"0".repeat(64));
    assert!(fault(&one).contains("`[files]` lists the other files of this folder"));
}

#[test]
fn without_digests_a_profile_is_played_and_told_how_to_tie_it() {
    let folder = folder_with(PAIR);
    write_coefficients(&folder.path().join("coefficients.wav"), &impulses(2, 9), 48_000).unwrap();
    write_coefficients(&folder.path().join("coefficients-44100.wav"), &impulses(2, 9), 44_100).unwrap();
    let profile = Profile::load(folder.path()).unwrap();
    let files = profile.untied().unwrap();
    fs::write(folder.path().join("profile.toml"), format!("{PAIR}[files]\n{files}\n")).unwrap();
    let profile = Profile::load(folder.path()).unwrap();
    assert_eq!((&profile.files, profile.untied()), (&files, None));
    profile.at_rate(44_100).unwrap();
    write_coefficients(&folder.path().join("coefficients.wav"), &impulses(2, 3), 48_000).unwrap();
    assert!(fault(folder.path()).contains("was made with"));
}

/// Whoever reads meanwhile gets one profile or the other, or is told that the files do not belong together.
#[test]
fn a_reader_never_gets_half_a_profile() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("speaker");
    let designs = [design("cylinder"), design("cylinder-wide")];
    designs[0].save(&folder, None).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut loaded = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) || loaded == 0 {
                match Profile::load(&folder) {
                    Ok(profile) => {
                        loaded += 1;
                        let design = designs.iter().find(|design| design.name == profile.name).unwrap();
                        assert!(profile.coefficients == design.coefficients);
                    }
                    Err(error) => assert!(error.to_string().contains("was made with"), "{error}"),
                }
            }
        });
        for round in 1..100 {
            designs[round % 2].save(&folder, None).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert_eq!(names(&folder), ["coefficients.wav", "profile.toml"]);
    assert_eq!(names(root.path()), ["speaker"]);
}

#[cfg(unix)]
#[test]
fn what_else_lies_in_the_folder_stays_as_it_is() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("speaker");
    let design = design("pair");
    // Alone, the folder is exchanged; its mode and those of the files stay.
    design.save(&folder, Some("a")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
    fs::set_permissions(folder.join("profile.toml"), fs::Permissions::from_mode(0o640)).unwrap();
    let before = fs::metadata(&folder).unwrap().ino();
    design.save(&folder, Some("b")).unwrap();
    assert_eq!((mode(&folder), mode(&folder.join("profile.toml"))), (0o750, 0o640));
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    assert_ne!(fs::metadata(&folder).unwrap().ino(), before);

    // With other things in it, or by way of a link, each file is replaced.
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    let elsewhere = root.path().join("elsewhere.wav");
    fs::rename(folder.join("coefficients.wav"), &elsewhere).unwrap();
    symlink("../elsewhere.wav", folder.join("coefficients.wav")).unwrap();
    let link = root.path().join("link");
    symlink("speaker", &link).unwrap();
    let before = fs::metadata(&folder).unwrap().ino();
    design.save(&link, Some("c")).unwrap();
    assert_eq!(fs::metadata(&folder).unwrap().ino(), before);
    assert_eq!(fs::read_to_string(folder.join("notes.txt")).unwrap(), "mine");
    assert!(fs::symlink_metadata(folder.join("coefficients.wav")).unwrap().is_symlink());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(Profile::load(&folder).unwrap().coefficients, design.coefficients);
    assert_eq!(names(&folder), ["coefficients.wav", "device.toml", "notes.txt", "profile.toml"]);
    assert_eq!(names(root.path()), ["elsewhere.wav", "link", "speaker"]);
}

#[test]
fn a_description_of_ones_own_is_spared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("device.toml");
    fs::write(&path, "my own").unwrap();
    let error = design("pair").save(folder.path(), Some("another")).unwrap_err().to_string();
    assert!(error.contains("device.toml: this is another description"), "{error}");
    assert_eq!(names(folder.path()), ["device.toml"]);
    design("pair").save(folder.path(), Some("my own")).unwrap();
    // What a design left there may be replaced by the next.
    design("pair").save(folder.path(), Some("another")).unwrap();
    assert_eq!(Source::read(&path).unwrap().text(), "another");
    fs::write(&path, "edited").unwrap();
    assert!(design("pair").save(folder.path(), Some("third")).is_err());
}

#[test]
fn edits_of_the_profile_are_spared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.toml");
    let save = || design("pair").save(folder.path(), Some("device")).map_err(|error| error.to_string());
    let edited = |from: &str, to: &str| {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
    };
    // What a design left there may be replaced by the next.
    save().unwrap();
    save().unwrap();
    for (from, to) in
        [("dbfs = -1.0", "dbfs = -6.0"), ("[limiter]", "# mine\n[limiter]"), ("digest = \"", "digest = \"0")]
    {
        edited(from, to);
        let error = save().unwrap_err();
        assert!(error.contains("profile.toml: this was edited since it was designed"), "{error}");
        Profile::load(folder.path()).unwrap();
        edited(to, from);
    }
    save().unwrap();

    // Older designers wrote no digest; and who wrote it all by hand signs no version.
    let text = fs::read_to_string(&path).unwrap();
    let older: String =
        text.lines().filter(|line| !line.starts_with("profile_digest")).map(|l| format!("{l}\n")).collect();
    assert_ne!(older, text);
    fs::write(&path, older).unwrap();
    save().unwrap();
    for own in [PAIR, "half a li"] {
        fs::write(&path, own).unwrap();
        assert!(save().unwrap_err().contains("was edited"));
        assert_eq!(fs::read_to_string(&path).unwrap(), own);
    }
}

#[cfg(unix)]
#[test]
fn a_profile_that_cannot_be_read_gives_way_to_no_other() {
    use std::os::unix::fs::symlink;
    let home = tempfile::tempdir().unwrap();
    let places = places(home.path());
    let folder = home.path().join(".config/spatiald/profiles");
    fs::create_dir_all(folder.join("dangling")).unwrap();
    symlink("nowhere", folder.join("dangling/profile.toml")).unwrap();
    symlink("circle", folder.join("circle")).unwrap();
    let found = find("dangling", &places).unwrap();
    assert!(Profile::load(&found).unwrap_err().to_string().contains("dangling/profile.toml: cannot read it"));
    let error = find("circle", &places).unwrap_err().to_string();
    assert!(error.contains("circle/profile.toml: cannot look whether it is there"), "{error}");
    let installed: Vec<String> = installed(&places).into_iter().map(|(name, _)| name).collect();
    assert!(["circle", "dangling"].iter().all(|name| installed.iter().any(|other| other == name)), "{installed:?}");
    // Nor do filters that cannot be read give way to resampled ones.
    let pair = folder_with(PAIR);
    write_coefficients(&pair.path().join("coefficients.wav"), &impulses(2, 9), 48_000).unwrap();
    symlink("nowhere", pair.path().join("coefficients-44100.wav")).unwrap();
    let error = Profile::load(pair.path()).unwrap().at_rate(44_100).unwrap_err().to_string();
    assert!(error.contains("coefficients-44100.wav: cannot read it"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_memory_that_is_a_pipe_or_huge_is_refused_at_once() {
    let home = tempfile::tempdir().unwrap();
    let memory = Remembered::new(&places(home.path()), "default");
    memory.write("bar").unwrap();
    let file = home.path().join(".local/state/spatiald/default/profile");
    fs::File::options().write(true).open(&file).unwrap().set_len(3 << 30).unwrap();
    assert!(memory.read().unwrap_err().to_string().contains("profile: the file is larger than 4097 bytes"));
    fs::remove_file(&file).unwrap();
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(memory.read().unwrap_err().to_string().contains("not a regular file"));
}

/// One set of coefficients in the many containers of WAV.
#[test]
fn coefficients_are_the_same_from_every_container_or_refused() {
    use crate::audio_file::containers::{Holds, containers};
    let folder = folder_with(PAIR);
    let path = folder.path().join("coefficients.wav");
    let values: Vec<f64> = (0..6 * 64).map(|i| 0.9 * f64::from(i % 7 - 3) / 3.0 / f64::from(1 + i / 6)).collect();
    for (name, bytes, holds) in containers(&values, 6, 48_000) {
        fs::write(&path, bytes).unwrap();
        let coarse = ["pcm8", "pcm16", "pcm20"].iter().any(|coarse| name.starts_with(coarse));
        match (holds, Profile::load(folder.path())) {
            (Holds::All(step), Ok(profile)) if !coarse => {
                for (index, &value) in values.iter().enumerate() {
                    let found = f64::from(profile.coefficients.fir(index % 6 / 2, index % 2)[index / 6]);
                    assert!((found - value).abs() < step.max(1e-7), "{name}: {found} is not {value}");
                }
            }
            (Holds::All(_), outcome) => {
                let error = outcome.map(|_| ()).unwrap_err().to_string();
                assert!(coarse && error.contains("too coarse for filters"), "{name}: {error}");
            }
            (_, outcome) => {
                let error = outcome.err().unwrap_or_else(|| panic!("{name} is accepted")).to_string();
                assert!(error.contains("coefficients.wav: ") && !error.contains('\n'), "{error}");
            }
        }
    }
    // Integers cannot hold more than full scale.
    let mut loud = values;
    loud[5] = 1.5;
    let clipped = containers(&loud, 6, 48_000).into_iter().find(|(name, ..)| *name == "pcm24").unwrap().1;
    fs::write(&path, clipped).unwrap();
    assert!(fault(folder.path()).contains("was clipped; store 32-bit float"));
}
