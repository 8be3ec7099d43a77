#!/bin/sh
# test.sh [ARGUMENT...]: `cargo test`, told briefly: a line per test program, whatever failed in full, and the sum.
# Without arguments, what does not need a C library runs on 32 bit as well, also on ARM and MIPS, and what has threads in
# models of threads and under the thread sanitizer, where this machine can. With `cross`, only what runs on other
# processors.
set -u
export RUST_BACKTRACE=0 # the message names the place
mkdir -p build
log=build/test.log
bits=i686-unknown-linux-gnu
cargo=${CARGO:-cargo}

# What this machine cannot run is told, and counted.
skipped() {
    echo "     Skipped $*" >>"$log"
}

# The models of threads, in a target folder of their own: other flags would have cargo build everything else anew. They
# search long, so they are optimised; building is quicker without what makes an archive small.
models() {
    echo "     Target $1" >>"$log"
    RUSTFLAGS="--cfg $1" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/models-$1" CARGO_PROFILE_RELEASE_LTO=off \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        "$cargo" test --no-fail-fast --release --test "$2" >>"$log" 2>&1 </dev/null || status=$?
}

# On another kind of processor, in qemu.
emulated() {
    if tools/emulated.sh "$1" --have; then
        echo "     Target $2" >>"$log"
        tools/emulated.sh "$1" >>"$log" 2>&1 </dev/null || status=$?
    else
        skipped "$2, which needs qemu-user, a cross compiler and a rustc with its source"
    fi
}

if [ "${1-}" = cross ]; then
    "$cargo" test --no-fail-fast --test c_suite -- qemu- >"$log" 2>&1 </dev/null
    status=$?
    "$cargo" test --no-fail-fast --test floors --test stacks -- players >>"$log" 2>&1 </dev/null || status=$?
else
    "$cargo" test --no-fail-fast "$@" >"$log" 2>&1 </dev/null
    status=$?
fi
if [ $# -eq 0 ] || [ "$1" = cross ]; then
    emulated arm "ARM Linux"
    emulated mips "MIPS Linux"
fi
if [ $# -eq 0 ]; then
    if tools/need.sh --have cc32 rust32; then
        echo "     Target $bits" >>"$log"
        "$cargo" test --no-fail-fast --target $bits --lib --test buflib_shadow >>"$log" 2>&1 </dev/null || status=$?
    else
        skipped "32 bit, which needs gcc -m32 and Rust's $bits"
    fi
    models loom audio_pool_loom
    models shuttle pool_shuttle
    models shuttle pages_shuttle
    models shuttle streams_shuttle
    if tools/tsan.sh --have; then
        echo "     Target the thread sanitizer" >>"$log"
        tools/tsan.sh >>"$log" 2>&1 </dev/null || status=$?
    else
        skipped "the thread sanitizer, which needs Rust's nightly toolchain with rust-src"
    fi
fi

awk -v status="$status" '
    # A program that ended without a result has failed: what it said of why, and how it ended.
    function missed(    n) {
        if (running) {
            print name ": ended before its result"
            for (n = 0; n < told; n++) print "  " why[n]
            failed++
        }
        running = told = 0
    }
    /^ +Target / { missed(); where = $0; sub(/^ +Target /, "  on ", where); next }
    /^ +Skipped / { sub(/^ +Skipped /, "not tested: "); print; ignored++; next }
    /^ +(Running|Doc-tests) / {
        missed()
        running = 1
        name = $0
        sub(/^ +(Running )?/, "", name)
        sub(/ \(.*/, "", name)
        name = name where
        next
    }
    /^test result:/ {
        running = 0
        passed += $4; failed += $6; ignored += $8
        seconds = $0; sub(/.*finished in /, "", seconds)
        if ($4 + $6 + $8) printf "%-60s %4d passed %3d failed %3d ignored %9s\n", name, $4, $6, $8, seconds
        shown = 0
        next
    }
    running && told < 40 && (/panicked at|signal: / || after) { why[told++] = $0; after = /panicked at/ }
    /^failures:/ { shown = 1 }                          # what the failed tests printed, up to the result
    /^error: (test failed|[0-9]+ targets? failed)/ { next }
    /^error/ && !shown { print; context = 12; next }    # of the compiler
    shown || context-- > 0 { print }
    END {
        missed()
        printf "test result: %s. %d passed; %d failed; %d ignored\n", status ? "FAILED" : "ok", passed, failed, ignored
        if (status && !failed) print "(see build/test.log)"
        printf "%d passed, %d failed, %d skipped\n", passed, failed + (status && !failed), ignored
    }' "$log"
exit "$status"
