//! Compiles the weak defaults of `panicf` and `logf` into the host library.

fn main() {
    println!("cargo:rerun-if-changed=src/port/host/weak.c");
    #[cfg(feature = "host")]
    cc::Build::new().file("src/port/host/weak.c").warnings_into_errors(true).compile("rockmem_weak");
}
