//! From source, as docs/installing.md has it: the manual is written, and everything put where it belongs.

use std::fs;
use std::path::Path;
use std::process::Command;

const MANUAL: &str = env!("CARGO_BIN_EXE_manual");

/// Runs `program`, which must end well.
fn run(program: &Path, arguments: &[&Path]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}: {output:?}", program.display());
}

#[test]
fn everything_is_put_in_its_place_and_a_configuration_kept() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("install");
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    let (manual, tree) = (folder.join("manual"), folder.join("tree"));
    run(Path::new(MANUAL), &[&manual]);
    let install = Path::new(env!("CARGO_MANIFEST_DIR")).join("../install.sh");
    // Whatever program it is, it becomes /usr/bin/spatiald.
    run(&install, &[Path::new(MANUAL), &manual, &tree]);
    for path in [
        "usr/bin/spatiald",
        "usr/lib/systemd/user/spatiald.service",
        "usr/lib/systemd/system/spatiald.service",
        "usr/lib/sysusers.d/spatiald.conf",
        "etc/security/limits.d/95-spatiald.conf",
        "usr/share/spatiald/profiles/cylinder/coefficients.wav",
        "usr/share/spatiald/devices/studio.toml",
        "usr/share/spatiald/wireplumber/51-spatiald.conf",
        "usr/share/man/man1/spatiald.1.gz",
        "usr/share/man/man1/spatiald-doctor.1.gz",
        "usr/share/bash-completion/completions/spatiald",
        "usr/share/zsh/vendor-completions/_spatiald",
        "usr/share/fish/vendor_completions.d/spatiald.fish",
        "usr/share/doc/spatiald/installing.md",
        "usr/share/doc/spatiald/raspberry-pi.md",
        "usr/share/doc/spatiald/listening/seat.svg",
    ] {
        assert!(tree.join(path).is_file(), "{path} is not there");
    }
    let configuration = tree.join("etc/spatiald/spatiald.toml");
    fs::write(&configuration, "format = 1 # mine\n").unwrap();
    run(&install, &[Path::new(MANUAL), &manual, &tree]);
    assert_eq!(fs::read_to_string(configuration).unwrap(), "format = 1 # mine\n");
}
