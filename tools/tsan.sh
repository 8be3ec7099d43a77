#!/bin/sh
# tsan.sh: the tests that have threads, under the thread sanitizer: the Rust ones, and the C ones linked to a library that
# is built for it, the standard library included. It needs Rust's nightly toolchain with its sources (rustup toolchain
# install nightly --component rust-src). With --have it only answers whether all is there.
set -u
cargo=${CARGO:-cargo}
target=$(rustc -vV | sed -n 's/^host: //p')
folder=${CARGO_TARGET_DIR:-target}/tsan
case $folder in /*) ;; *) folder=$PWD/$folder ;; esac

have() {
    case $target in x86_64-unknown-linux-gnu | aarch64-unknown-linux-gnu) ;; *) return 1 ;; esac
    sources=$(rustup run nightly rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library/std/Cargo.toml
    [ -f "$sources" ] && echo 'int main(void) { return 0; }' | cc -fsanitize=thread -x c - -o /dev/null 2>/dev/null
}
if [ "${1-}" = --have ]; then
    have
    exit
fi
have || { echo "missing: Rust's nightly toolchain with rust-src, or cc with -fsanitize=thread" >&2; exit 1; }

instrumented() {
    # Unwinding, for the standard library is built without aborting. No RUSTC and CARGO of another toolchain.
    env -u RUSTC -u CARGO CARGO_TARGET_DIR="$folder" CARGO_PROFILE_DEV_PANIC=unwind RUSTFLAGS=-Zsanitizer=thread \
        rustup run nightly cargo "$@"
}
export TSAN_OPTIONS="halt_on_error=1 exitcode=66"
status=0
instrumented test --no-fail-fast -Zbuild-std --target "$target" --test askers --test audio_pool || status=$?
instrumented rustc -q --lib --crate-type staticlib -Zbuild-std --target "$target" || exit
# The C compiler's own runtime watches over these by their usual names.
objcopy --redefine-sym __tsan_memcpy=memcpy --redefine-sym __tsan_memset=memset --redefine-sym __tsan_memmove=memmove \
    "$folder/$target/debug/librockmem.a" "$folder/librockmem.a" || exit
ROCKMEM_TSAN_ARCHIVE=$folder/librockmem.a "$cargo" test --no-fail-fast --test c_suite c-tsan:: || status=$?
exit "$status"
