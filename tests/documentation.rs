//! What the pages show their readers is there and works: spatiald takes every command that it is shown with, the commands
//! of the first pages are run by a test each, and links lead somewhere.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};
use spatiald::cli::Cli;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All pages, by their paths from the root.
fn pages() -> Vec<PathBuf> {
    let docs =
        fs::read_dir(root().join("docs")).unwrap().map(|entry| Path::new("docs").join(entry.unwrap().file_name()));
    let pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].into_iter().map(PathBuf::from).chain(docs);
    pages.filter(|page| page.extension().is_some_and(|is| is == "md")).collect()
}

fn read(page: &Path) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

/// A page apart: its blocks of code with their language, and the text between them.
fn taken_apart(text: &str) -> (Vec<(String, Vec<String>)>, String) {
    let (mut blocks, mut prose) = (Vec::new(), String::new());
    let mut block: Option<(String, Vec<String>)> = None;
    for line in text.lines() {
        match (line.trim().strip_prefix("```"), &mut block) {
            (Some(language), None) => block = Some((language.to_owned(), Vec::new())),
            (Some(_), Some(_)) => blocks.extend(block.take()),
            (None, Some((_, lines))) => lines.push(line.trim().to_owned()),
            (None, None) => prose.push_str(&format!("{line}\n")),
        }
    }
    assert!(block.is_none(), "a block of code does not end");
    (blocks, prose)
}

/// What a reader is to type, without remarks; lines that go on are one.
fn shown(page: &Path) -> Vec<String> {
    let mut commands = Vec::new();
    for (language, lines) in taken_apart(&read(page)).0 {
        let typed: Vec<&str> = match language.as_str() {
            "console" => lines.iter().filter_map(|line| line.strip_prefix("$ ")).collect(),
            "sh" => lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect(),
            _ => continue,
        };
        let joined = typed.join("\n").replace("\\\n", "");
        let bare = |line: &str| line.split(" #").next().unwrap_or_default().trim().to_owned();
        commands.extend(joined.lines().filter(|line| !line.starts_with('#')).map(bare));
    }
    commands
}

/// The words with which the shell would start spatiald in `command`.
fn of_spatiald(command: &str) -> Option<Vec<String>> {
    let command = command.split(['|', '>', ';', '&']).next()?;
    let words: Vec<&str> = command.split_whitespace().collect();
    let is_before = |word: &str| word == "if" || word.contains('=') || word.parse::<u32>().is_ok();
    let start = (0..words.len()).find(|&at| words[at] == "spatiald" && (at == 0 || is_before(words[at - 1])))?;
    Some(words[start..].iter().map(|word| (*word).to_owned()).collect())
}

#[test]
fn spatiald_takes_every_command_it_is_shown_with() {
    let mut tried = 0;
    for page in pages() {
        for words in shown(&page).iter().filter_map(|command| of_spatiald(command)) {
            if let Err(refused) = Cli::try_parse_from(&words) {
                assert!(!refused.use_stderr(), "{}: {}: {refused}", page.display(), words.join(" "));
            }
            tried += 1;
        }
    }
    assert!(tried > 20, "only {tried} commands were found");
}

#[test]
fn spatiald_has_every_option_that_the_text_names() {
    let cli = Cli::command();
    let options = |command: &clap::Command| -> HashSet<String> {
        let own = command.get_arguments().filter_map(|argument| argument.get_long()).map(|long| format!("--{long}"));
        own.chain(["--help", "--version"].map(str::to_owned)).collect()
    };
    let mut tried = 0;
    for page in pages() {
        let prose = taken_apart(&read(&page)).1;
        // Code stands between every other pair of backticks.
        for code in prose.split('`').skip(1).step_by(2).filter(|code| code.starts_with("spatiald ")) {
            let words: Vec<&str> = code
                .split(|c: char| c.is_whitespace() || "[]|…\\=".contains(c))
                .filter(|word| !word.is_empty())
                .collect();
            let named = words.get(1).filter(|word| !word.starts_with('-'));
            let command = match named {
                Some(name) => cli.find_subcommand(name).unwrap_or_else(|| panic!("{}: {code}", page.display())),
                None => &cli,
            };
            let known = options(command);
            for option in words.iter().filter(|word| word.starts_with("--")) {
                assert!(known.contains(*option), "{}: {option} of {code}", page.display());
            }
            tried += 1;
        }
    }
    assert!(tried > 40, "only {tried} commands were found");
}

/// Why a command can be relied on.
enum Proof {
    /// This file runs it, by these words.
    By(&'static str, &'static str),
    /// No test runs it, because …
    Not(&'static str),
}
use Proof::{By, Not};

const OTHERS: &str = "a program of others, and nothing of ours is in it";

/// Every command that the pages for newcomers show.
const PROOFS: [(&str, Proof); 34] = [
    ("bash packaging/requirements.sh", By("tests/run.sh", "packaging/requirements.sh")),
    ("cargo build --release --locked", By("packaging/quickstart.sh", "cargo build")),
    (
        "cargo run --release --locked -p manual target/manual",
        By("packaging/manual/tests/install.rs", "run(Path::new(MANUAL), &[&manual])"),
    ),
    ("cargo test --locked --lib design::", By("tests/run.sh", "cargo test --locked")),
    ("cat /proc/asound/cards", By("tests/vm/stages.sh", "/proc/asound/cards")),
    ("journalctl --user -u spatiald", Not(OTHERS)),
    ("mkdir -p ~/.config/wireplumber/wireplumber.conf.d", By("tests/vm/stages.sh", ".config/wireplumber/$folder")),
    ("packaging/build.sh amd64", Not("tests/packaging.sh and tests/vm try what it has built: 5 minutes")),
    (
        "packaging/quickstart.sh --package target/package/spatiald_*_amd64.deb",
        By("tests/arm64.sh", "quickstart.sh --package"),
    ),
    (
        "packaging/quickstart.sh some-music.flac",
        Not("it builds a release: tests/on.sh RELEASE --run packaging/quickstart.sh"),
    ),
    ("packaging/reproducible.sh amd64", Not("two whole builds")),
    (
        "rm -rf ~/.config/spatiald ~/.local/state/spatiald",
        By("tests/vm/stages.sh", ".config/spatiald /home/listener/.local/state/spatiald"),
    ),
    (
        "sed 's/CARD NAME/snd_rpi_hifiberry_dac8x/' /usr/share/spatiald/wireplumber/51-spatiald.conf \
         >~/.config/wireplumber/wireplumber.conf.d/51-spatiald.conf",
        By("tests/vm/stages.sh", "sed \"s/CARD NAME/$CARD/\" \"/usr/share/spatiald/wireplumber/$file\""),
    ),
    ("spatiald --check", By("tests/setup.rs", "&[\"--check\"]")),
    ("spatiald doctor", By("tests/vm/stages.sh", "as_user spatiald doctor")),
    ("spatiald identify", By("tests/e2e_identify.rs", "\"identify\"")),
    ("spatiald list", By("tests/setup.rs", "&[\"list\"]")),
    ("spatiald setup", By("tests/setup.rs", "on_terminal(&[\"setup\"")),
    (
        "spatiald setup --card DAC8x --profile bar --yes",
        By("tests/setup.rs", "[\"setup\", \"--card\", \"null\", \"--profile\", \"bar\"]"),
    ),
    (
        "sudo -u spatiald env RUNTIME_DIRECTORY=/run/spatiald spatiald --status",
        By("tests/vm/stages.sh", "as spatiald RUNTIME_DIRECTORY=/run/spatiald"),
    ),
    ("sudo apt install ./spatiald_*.deb", By("tests/vm/stages.sh", "\"${APT[@]}\" install ./spatiald_*.deb")),
    ("sudo apt install ./spatiald_*_arm64.deb", By("tests/arm64.sh", "apt-get -qq -y install \"./$package\"")),
    (
        "sudo apt install ./target/package/spatiald_*_amd64.deb",
        By("tests/packaging.sh", "apt_inside install /packages/first.deb"),
    ),
    ("sudo apt purge spatiald", By("tests/vm/stages.sh", "\"${APT[@]}\" purge spatiald")),
    ("sudo apt remove spatiald", By("tests/vm/stages.sh", "\"${APT[@]}\" remove spatiald")),
    (
        "sudo packaging/install.sh target/release/spatiald target/manual",
        By("packaging/manual/tests/install.rs", "run(&install, &[Path::new(MANUAL), &manual, &tree])"),
    ),
    ("sudo systemctl enable --now spatiald", By("tests/vm/stages.sh", "systemctl enable --now spatiald")),
    ("sudo systemctl reload spatiald", By("tests/vm/stages.sh", "systemctl reload spatiald")),
    ("sudo systemd-sysusers && sudo systemctl daemon-reload", By("packaging/deb/postinst", "systemd-sysusers")),
    (
        "systemctl --user enable --now spatiald",
        By("tests/vm/stages.sh", "as_user systemctl --user enable --now spatiald"),
    ),
    ("systemctl --user reload spatiald", By("tests/vm/stages.sh", "as_user systemctl --user reload spatiald")),
    ("systemctl --user restart wireplumber", By("tests/vm/stages.sh", "as_user systemctl --user restart wireplumber")),
    ("systemctl --user status spatiald", Not(OTHERS)),
    ("tests/run.sh", By(".ci/run", "tests/run.sh")),
];

#[test]
fn every_command_for_newcomers_is_run_by_a_test_or_is_known_not_to_be() {
    let newcomers = ["README.md", "CONTRIBUTING.md", "docs/installing.md", "docs/raspberry-pi.md"];
    let shown: HashSet<String> = newcomers.into_iter().flat_map(|page| shown(Path::new(page))).collect();
    for command in &shown {
        assert!(PROOFS.iter().any(|(known, _)| known == command), "no test is named for: {command}");
    }
    for (command, proof) in PROOFS {
        assert!(shown.contains(command), "no page shows: {command}");
        match proof {
            By(file, words) => assert!(read(Path::new(file)).contains(words), "{file} does not run: {command}"),
            Not(reason) => println!("not run: {command}: {reason}"),
        }
    }
}

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[test]
fn links_lead_to_files_and_headings_that_are_there() {
    for page in pages() {
        let prose = taken_apart(&read(&page)).1;
        let links = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(root().join(&target).exists(), "{}: {link}", page.display());
            if !heading.is_empty() {
                let text = taken_apart(&read(&target)).1;
                let found = text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading);
                assert!(found, "{}: {link}", page.display());
            }
        }
    }
}
