#!/bin/sh
# emulated.sh arm|mips: Rust's tests of the host library on a Linux of 32 bit that is no PC, in qemu's user mode: ARMv5TE, or
# MIPS32. With --have after it, it only answers whether all is there.
#
# Rust has the standard library for neither ready made everywhere: it is built from source, by the rustc that has the
# source beside it. To have it in two minutes, the tests are those that need no crates of their own, in a package that is
# the project's without these; and not those of files and streams, which take minutes there: C programs have those.
set -eu
case ${1-} in
arm)
    target=armv5te-unknown-linux-gnueabi
    gcc=arm-linux-gnueabi-gcc
    qemu="qemu-arm -cpu arm926 -L /usr/arm-linux-gnueabi"
    ;;
mips)
    target=mipsel-unknown-linux-gnu
    gcc=mipsel-linux-gnu-gcc
    qemu="qemu-mipsel -L /usr/mipsel-linux-gnu"
    ;;
*) echo "emulated.sh: arm or mips?" >&2; exit 2 ;;
esac
if [ "${2-}" = --have ]; then
    exec tools/need.sh --have "${qemu%% *}" $gcc rust-source
fi

for rustc in ${RUSTC-} rustc /usr/bin/rustc; do
    [ ! -f "$($rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library/Cargo.lock" ] || break
done
root=$PWD
folder=${CARGO_TARGET_DIR:-target}/emulated
case $folder in /*) ;; *) folder=$root/$folder ;; esac
package=$folder/package-$1
mkdir -p "$package"
for name in src build.rs tests; do
    ln -sfn "$root/$name" "$package/$name"
done
cp Cargo.lock "$package"
awk '
    /^\[/ { keep = $0 !~ /dev-dependencies|^\[\[/ }
    keep
    $0 == "[package]" { print "autotests = false\nautobenches = false\nautoexamples = false" }
    END {
        print "[workspace]\n[[test]]\nname = \"askers\"\n[[test]]\nname = \"purge\""
    }' Cargo.toml >"$package/Cargo.toml"

upper=$(echo $target | tr a-z- A-Z_)
# Unwinding, for the harness needs it; no backtraces, whose code takes longer to build than the rest.
cd "$package"
env "CARGO_TARGET_${upper}_LINKER=$gcc" "CARGO_TARGET_${upper}_RUNNER=$qemu" RUSTC="$rustc" RUSTC_BOOTSTRAP=1 \
    RUSTFLAGS= CARGO_TARGET_DIR="$folder" CARGO_PROFILE_DEV_PANIC=unwind CARGO_PROFILE_DEV_DEBUG=0 \
    "${CARGO:-cargo}" test --no-fail-fast -Zbuild-std=std -Zbuild-std-features=panic-unwind --target $target --lib --tests -- \
    --skip buffering:: --skip cache:: --skip file:: --skip when_any_allocation_fails --skip files_written_at_random
