//! Compiles the C interface to zita-convolver, which is a C++ class.

fn main() {
    println!("cargo::rerun-if-changed=src/zita.cc");
    cc::Build::new().cpp(true).file("src/zita.cc").compile("zita-shim");
    println!("cargo::rustc-link-lib=zita-convolver");
}
