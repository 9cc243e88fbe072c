//! What the fuzz targets share: a folder to read from.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

pub mod readers;

/// Gives `bytes` to one of the [`readers`].
pub fn run(reader: fn(&Path, &[u8]) -> bool, bytes: &[u8]) {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = std::env::temp_dir().join(format!("spatiald-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for temporary files");
        folder
    });
    reader(&FOLDER, bytes);
}
