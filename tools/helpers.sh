#!/bin/sh
# helpers.sh none|no-mem ARCHIVE AR OBJCOPY: takes from a static library of Rust's what a player has better: all of
# compiler_builtins, or its mem* and str* alone, by giving those a name that nobody calls.
#
# Its memcpy is slower than a tree's own, which lies in fast memory on some players; and where the tree's compiler has
# its helpers for 64 bits in libgcc, a second set would serve C code, too.
set -eu
what=$1 archive=$2 ar=$3 objcopy=$4

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
members=$($ar t "$archive" | grep '^compiler_builtins-') || exit 0

if [ "$what" = no-mem ]; then
    whole=$(cd "$(dirname "$archive")" && pwd)/$(basename "$archive")
    # shellcheck disable=SC2086 # a list of members
    (cd "$work" && $ar x "$whole" $members)
fi
# shellcheck disable=SC2086
$ar d "$archive" $members
for object in "$work"/*.o; do
    [ -f "$object" ] || continue
    renamed=
    for name in memcpy memmove memset memcmp bcmp strlen; do
        renamed="$renamed --redefine-sym $name=rockmem_slow_$name"
    done
    # shellcheck disable=SC2086
    $objcopy $renamed "$object"
    $ar rs "$archive" "$object" 2>/dev/null
done
