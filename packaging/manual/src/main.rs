//! `manual FOLDER`: man pages and completions for bash, zsh and fish, from the command line's own definition, laid out as
//! below `/usr/share`.

use std::error::Error;
use std::fs::{File, OpenOptions, create_dir_all};
use std::io::Write;
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;
use spatiald::cli::Cli;

/// What the definition of the command line does not know.
const FILES_AND_STATUS: &str = r"
.SH FILES
.TP
\fI/etc/spatiald/spatiald.toml\fR, \fI~/.config/spatiald/spatiald.toml\fR
Configuration; the latter goes before the former.
.TP
\fI/usr/share/spatiald/profiles/\fR
Profiles; those in \fIprofiles/\fR beside the configuration go before them.
.TP
\fI/usr/share/spatiald/devices/\fR
Device descriptions, examples for \fBspatiald-design\fR(1).
.TP
\fI/usr/share/doc/spatiald/\fR
What every key means, how to install, listen and design.
.SH EXIT STATUS
0 done; 1 refused or failed, the reason on standard error; 2 wrong usage.
";

fn main() -> Result<(), Box<dyn Error>> {
    let share = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: manual FOLDER")?);
    let mut spatiald = Cli::command();
    let pages = share.join("man/man1");
    create_dir_all(&pages)?;
    clap_mangen::generate_to(spatiald.clone().disable_help_subcommand(true), &pages)?;
    OpenOptions::new().append(true).open(pages.join("spatiald.1"))?.write_all(FILES_AND_STATUS.as_bytes())?;
    for (shell, folder, file) in [
        (Shell::Bash, "bash-completion/completions", "spatiald"),
        (Shell::Zsh, "zsh/vendor-completions", "_spatiald"),
        (Shell::Fish, "fish/vendor_completions.d", "spatiald.fish"),
    ] {
        let folder = share.join(folder);
        create_dir_all(&folder)?;
        clap_complete::generate(shell, &mut spatiald, "spatiald", &mut File::create(folder.join(file))?);
    }
    Ok(())
}
