#!/bin/sh
# need.sh [--try|--have] NAME...: makes sure that what these names stand for is installed. As root on Debian it installs
# what is missing; elsewhere it says in one line what to install, and fails. With --try, doing without is no failure;
# with --have it only answers whether all is there.
set -u

try=
have=
case ${1-} in
--try) try=yes; shift ;;
--have) have=yes; shift ;;
esac

# How to see that NAME is there.
probe() {
    case $1 in
    c++ | cc | flock | pkg-config | valgrind | qemu-* | *-gcc) command -v "$1" ;;
    fsck.vfat) PATH="$PATH:/sbin:/usr/sbin" command -v "$1" ;;
    sndfile) pkg-config --exists sndfile ;;
    cc32) echo 'int main(void) { return 0; }' | cc -m32 -static -x c - -o /dev/null ;;
    fsx) [ -x build/tools/bin/fsx ] ;;
    rust32) [ -d "$(rustc --print target-libdir --target i686-unknown-linux-gnu)" ] ;;
    rust-source) # a rustc with the source of core beside it
        for rustc in ${RUSTC-} rustc /usr/bin/rustc; do
            [ ! -f "$($rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ] || return 0
        done
        return 1
        ;;
    *) echo "need.sh: what is $1?" >&3; exit 2 ;;
    esac
}

# The Debian packages that bring it; nothing, if it is not Debian's.
packages() {
    case $1 in
    c++) echo g++ ;;
    cc) echo gcc libc6-dev ;;
    cc32) echo libc6-dev-i386 "lib32gcc-$(cc -dumpversion)-dev" ;;
    flock) echo util-linux ;;
    fsck.vfat) echo dosfstools ;;
    sndfile) echo libsndfile1-dev pkg-config ;;
    fsx | rust32) ;;
    rust-source) echo rustc-web rust-web-src ;;
    qemu-system-arm) echo qemu-system-arm ;;
    qemu-*) echo qemu-user ;;
    arm-none-eabi-gcc) echo gcc-arm-none-eabi libnewlib-arm-none-eabi ;;
    arm-linux-gnueabi-gcc) echo gcc-arm-linux-gnueabi libc6-dev-armel-cross ;;
    mipsel-linux-gnu-gcc) echo gcc-mipsel-linux-gnu libc6-dev-mipsel-cross ;;
    *) echo "$1" ;;
    esac
}

missing=
for name in "$@"; do
    probe "$name" 3>&2 >/dev/null 2>&1 </dev/null && continue
    [ "$have" ] && exit 1
    if [ "$name" = rust32 ]; then
        rustup -q target add i686-unknown-linux-gnu >/dev/null 2>&1 </dev/null && continue
        echo "missing: Rust's target i686-unknown-linux-gnu (rustup target add)" >&2
        [ "$try" ] || exit 1
    fi
    if [ "$name" = fsx ]; then
        "${CARGO:-cargo}" install -q fsx --version 0.3.2 --locked --root build/tools >/dev/null 2>&1 </dev/null && continue
        echo "missing: the crate fsx (cargo install fsx --root build/tools)" >&2
        [ "$try" ] || exit 1
    fi
    missing="$missing $(packages "$name")"
done
case $missing in *[!\ ]*) ;; *) exit 0 ;; esac

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "installing:$missing"
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of packages
    if { apt-get -q update && apt-get -q install -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
        rm -f "$log"
        exit 0
    fi
    [ "$try" ] || tail -n 20 "$log" >&2
    rm -f "$log"
fi
echo "missing, please install:$missing" >&2
[ "$try" ]
