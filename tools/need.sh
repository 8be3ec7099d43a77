#!/bin/sh
# need.sh NAME...: makes sure that what these names stand for is installed. As root on Debian it installs what is
# missing; elsewhere it says in one line what to install, and fails.
set -u

# How to see that NAME is there, and the package that brings it.
probe() {
    case $1 in
    cc) command -v cc ;;
    c++) command -v c++ ;;
    flock) command -v flock ;;
    valgrind) command -v valgrind ;;
    pkg-config) command -v pkg-config ;;
    sndfile) pkg-config --exists sndfile ;;
    *) echo "need.sh: what is $1?" >&2; exit 2 ;;
    esac >/dev/null 2>&1
}
package() {
    case $1 in
    cc) echo gcc libc6-dev ;;
    c++) echo g++ ;;
    flock) echo util-linux ;;
    sndfile) echo libsndfile1-dev ;;
    *) echo "$1" ;;
    esac
}

missing=
for name in "$@"; do
    probe "$name" || missing="$missing $(package "$name")"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "installing:$missing"
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of packages
    if { apt-get -q update && apt-get -q install -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
        rm -f "$log"
        exit 0
    fi
    tail -n 20 "$log" >&2
    rm -f "$log"
fi
echo "missing, please install:$missing" >&2
exit 1
