//! What `cargo deny check` would say of licenses and sources, without building it first, and whether the declared
//! `rust-version` is enough for every dependency. What is allowed stands in deny.toml.

use std::process::Command;

use serde_json::Value;

/// Every package that is built here, tests included.
fn packages() -> Vec<Value> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version=1", "--filter-platform", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("a list").clone()
}

fn allowed(table: &str, key: &str) -> Vec<String> {
    let rules: toml::Table = toml::from_str(include_str!("../deny.toml")).expect("deny.toml is TOML");
    rules[table][key].clone().try_into().expect("a list of text")
}

fn name(package: &Value) -> &str {
    package["name"].as_str().expect("a package has a name")
}

/// Whether an SPDX expression, of alternatives and of lists in brackets, can be fulfilled by what is allowed. Crates of old
/// write `/` for `OR`.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ");
    expression.split(" AND ").all(|part| {
        part.trim_matches(['(', ')']).split(" OR ").any(|license| allowed.iter().any(|known| known == license.trim()))
    })
}

#[test]
fn licenses_are_read_as_they_are_written() {
    let allowed = ["MIT", "Zlib"].map(String::from);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only/MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("(GPL-3.0-only OR MIT) AND Zlib", true),
        ("(GPL-3.0-only OR MIT) AND Unknown", false),
        ("MIT WITH Something", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn every_dependency_has_a_license_that_is_allowed() {
    let allowed = allowed("licenses", "allow");
    for package in packages() {
        let license = package["license"].as_str().unwrap_or("none");
        assert!(is_allowed(license, &allowed), "{}: {license}; see deny.toml", name(&package));
    }
}

#[test]
fn every_dependency_comes_from_the_registry() {
    let registries = allowed("sources", "allow-registry");
    for package in packages() {
        // None: a package of this repository.
        let Some(source) = package["source"].as_str() else { continue };
        let known = registries.iter().any(|registry| source.strip_prefix("registry+") == Some(registry));
        assert!(known, "{}: {source}; see deny.toml", name(&package));
    }
}

#[test]
fn no_dependency_needs_a_newer_rust_than_is_declared() {
    let number = |version: &str| -> Vec<u32> {
        let parts = version.split('.').map(|part| part.parse().expect("a number"));
        parts.chain([0, 0]).take(3).collect()
    };
    let declared = number(env!("CARGO_PKG_RUST_VERSION"));
    for package in packages() {
        if let Some(needed) = package["rust_version"].as_str() {
            assert!(number(needed) <= declared, "{} needs Rust {needed}; see Cargo.toml", name(&package));
        }
    }
}
