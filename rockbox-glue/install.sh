#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# install.sh [--level LEVEL] [--show] [--undo] [--archives DIRECTORY] TREE
#
# Puts rockmem into a Rockbox tree, or takes it out again (--undo). It says what it changes; with --show it does no more
# than that. What it changes are lines of lists of sources and one line of firmware/firmware.make, all of them marked,
# and one folder, firmware/rockmem. It can be run again, for another level or with newer archives. A tree that it does
# not know is left as it is: exit status 1.
#
#   LEVEL       buflib (unless said), cache, arena or shared
#   DIRECTORY   where `make PORT=rockbox` left the archives: build/rockbox beside this folder, unless said
#
set -eu
export LC_ALL=C

stop() {
    echo "install.sh: $*" >&2
    exit 1
}

here=$(cd "$(dirname "$0")" && pwd)
archives=$here/../build/rockbox
level=buflib
show=
undo=
tree=

while [ $# -gt 0 ]; do
    case $1 in
    --level | --archives)
        [ $# -ge 2 ] || stop "$1: what?"
        case $1 in --level) level=$2 ;; *) archives=$2 ;; esac
        shift
        ;;
    --show) show=yes ;;
    --undo) undo=yes ;;
    --help) sed -n '/^# install/,/^#$/s/^# \{0,1\}//p; /^#   LEVEL/,/^#$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) stop "what is $1?" ;;
    *) [ -z "$tree" ] || stop "one tree at a time"; tree=$1 ;;
    esac
    shift
done
[ -n "$tree" ] || stop "which tree?"
[ -d "$tree" ] || stop "$tree: no such folder"
tree=$(cd "$tree" && pwd)

number_of() {
    case $1 in
    buflib) echo 1 ;;
    cache) echo 2 ;;
    arena) echo 3 ;;
    shared) echo 4 ;;
    *) echo 0 ;;
    esac
}

number=$(number_of "$level")
[ "$number" -gt 0 ] || stop "level $level: it is buflib, cache, arena or shared"
grep -q "^$level " "$here/levels" || stop "level $level is not in this rockmem yet"

folder=firmware/rockmem
build=firmware/firmware.make
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/lists" "$work/folder"

# ---- the lists ---------------------------------------------------------------------------------------------------
#
#     #if ROCKMEM_LEVEL < 1 /* rockmem { */
#     the tree's own line
#     #else /* rockmem : */
#     ours
#     #endif /* rockmem } */
#
# and in the makefile, `include …  # rockmem`.

# A list as it was before us.
without_us() {
    awk '
        / \/\* rockmem \{ \*\/$/ { if (part) exit 3; part = 1; next }
        / \/\* rockmem : \*\/$/ { if (part != 1) exit 3; part = 2; next }
        / \/\* rockmem \} \*\/$/ { if (!part) exit 3; part = 0; next }
        / # rockmem$/ { next }
        part != 2
        END { if (part) exit 3 }' "$1"
}

# with_us FILE NUMBER LINE [SOURCE...]: the list on standard input, its line only below that level.
with_us() {
    case $1 in
    firmware/SOURCES) way=rockmem/ ;;
    *) way=$(dirname "$1" | sed 's:[^/]*:..:g')/$folder/ ;;
    esac
    awk -v level="$2" -v line="$3" -v way="$way" -v ours="$(shift 3; echo "$*")" '
        $0 != line { print; next }
        {
            found++
            printf "#if ROCKMEM_LEVEL < %d /* rockmem { */\n%s\n", level, $0
            n = split(ours, source, " ")
            if (n) print "#else /* rockmem : */"
            for (i = 1; i <= n; i++) print way source[i]
            print "#endif /* rockmem } */"
        }
        END { exit found != 1 }'
}

# new FILE: where its next version is made, which begins as what it was before us.
new() {
    next=$work/lists/$1
    if [ ! -f "$next" ]; then
        [ -f "$tree/$1" ] || stop "$tree has no $1: not a Rockbox tree of the kind this knows"
        mkdir -p "$(dirname "$next")"
        without_us "$tree/$1" >"$next" || stop "$1: what was put there is no longer whole; put it right by hand"
    fi
}

# Every list of any level: one that was changed at another level goes back.
for list in $(awk '!/^#/ { print $2 }' "$here/levels" | sort -u) "$build"; do
    new "$list"
done

if [ -z "$undo" ]; then
    for file in core_alloc.c buflib_mempool.c include/buflib.h include/core_alloc.h kernel/thread-internal.h; do
        [ -f "$tree/firmware/$file" ] || stop "$tree has no firmware/$file: not a tree of the kind this knows"
    done
    while read -r of list line ours; do
        case $of in '#'* | '') continue ;; esac
        [ "$(number_of "$of")" -le "$number" ] || continue
        new "$list"
        # shellcheck disable=SC2086 # a list of sources
        with_us "$list" "$(number_of "$of")" "$line" $ours <"$next" >"$work/next" ||
            stop "$list does not have the line $line exactly once: not a tree of the kind this knows"
        mv "$work/next" "$next"
        for source in $ours; do cp "$here/$source" "$work/folder/"; done
    done <"$here/levels"

    new "$build"
    grep -q 'libfirmware\.a' "$next" || stop "$build does not make libfirmware.a: not a tree of the kind this knows"
    # shellcheck disable=SC2016 # make's variable
    awk '!done && /^INCLUDES[ \t]*\+=/ { print "include $(FIRMDIR)/rockmem/rockmem.make # rockmem"; done = 1 }
         { print }
         END { exit !done }' "$next" >"$work/next" || stop "$build adds no INCLUDES: not a tree of the kind this knows"
    mv "$work/next" "$next"

    # ---- the folder ----------------------------------------------------------------------------------------------

    cp "$here/rockmem.make" "$here/README.md" "$work/folder/"
    if [ "$number" -gt 1 ]; then
        mkdir -p "$work/folder/include/rockmem"
        cp "$here"/*.h "$work/folder/"
        cp "$here/../include/rockmem"/*.h "$work/folder/include/rockmem/"
    fi
    echo "ROCKMEM_INSTALLED := $level" >"$work/folder/installed.make"

    # Archives lie in LEVEL/TARGET, or in LEVEL if they are for this machine; the highest levels are the whole library.
    for of in buflib cache arena shared; do
        [ "$(number_of $of)" -le "$number" ] || continue
        case $of in buflib | cache) from=$archives/$of ;; *) from=$archives ;; esac
        for archive in "$from/librockmem.a" "$from"/*-*-*/librockmem.a; do
            [ -f "$archive" ] || continue
            target=$(basename "$(dirname "$archive")")
            if [ "$archive" = "$from/librockmem.a" ]; then
                target=$(${CC:-cc} -dumpmachine | sed -e 's/-pc-linux-/-linux-/' -e 's/-linux-/-unknown-linux-/')
            fi
            mkdir -p "$work/folder/lib/$of/$target"
            cp "$archive" "$work/folder/lib/$of/$target/"
        done
    done
    case $level in buflib | cache) part="LEVEL=$level " ;; *) part= ;; esac
    [ -d "$work/folder/lib/$level" ] ||
        stop "no archives for level $level in $archives: make PORT=rockbox ${part}TARGET=… (see README.md)"
fi

# What is in the folder now and was put there by us, and what will be.
had=$tree/$folder/files
if [ -e "$tree/$folder" ] && [ ! -f "$had" ]; then
    stop "$tree/$folder is there and not ours"
fi
(cd "$work/folder" && find . -type f | sed 's:^\./::' | sort) >"$work/has"
[ -s "$work/has" ] && { echo files >>"$work/has"; cp "$work/has" "$work/folder/files"; }
if [ -f "$had" ]; then cp "$had" "$work/had"; else : >"$work/had"; fi
grep -q '^/\|\.\.' "$work/had" && stop "$had names files elsewhere: not ours"

# ---- what changes, and the change --------------------------------------------------------------------------------

changes=
for list in $(cd "$work/lists" && find . -type f | sed 's:^\./::' | sort); do
    cmp -s "$tree/$list" "$work/lists/$list" && continue
    changes=yes
    echo "changes $list:"
    diff "$tree/$list" "$work/lists/$list" | sed -n 's/^[<>]/    &/p' | sed -e 's/^    </    -/' -e 's/^    >/    +/'
done
while read -r file; do
    if [ ! -f "$tree/$folder/$file" ]; then
        echo "adds    $folder/$file"
    elif cmp -s "$tree/$folder/$file" "$work/folder/$file"; then
        continue
    else
        echo "renews  $folder/$file"
    fi
    changes=yes
done <"$work/has"
while read -r file; do
    grep -qx "$file" "$work/has" && continue
    [ -e "$tree/$folder/$file" ] || continue
    echo "removes $folder/$file"
    changes=yes
done <"$work/had"

if [ -z "$changes" ]; then
    echo "nothing to change"
    exit 0
fi
[ -z "$show" ] || exit 0

# Nobody looks at the folder without the lists: it is there before them and goes after them. A list is replaced whole,
# with its own permissions.
put() {
    mkdir -p "$(dirname "$2")"
    [ ! -f "$2" ] || cp -p "$2" "$2.rockmem"
    cat "$1" >"$2.rockmem"
    mv "$2.rockmem" "$2"
}
lists() {
    for list in $(cd "$work/lists" && find . -type f | sed 's:^\./::'); do
        cmp -s "$tree/$list" "$work/lists/$list" || put "$work/lists/$list" "$tree/$list"
    done
}
[ -z "$undo" ] || lists
while read -r file; do
    cmp -s "$work/folder/$file" "$tree/$folder/$file" || put "$work/folder/$file" "$tree/$folder/$file"
done <"$work/has"
while read -r file; do
    grep -qx "$file" "$work/has" || rm -f "$tree/$folder/$file"
done <"$work/had"
[ ! -d "$tree/$folder" ] || find "$tree/$folder" -depth -type d -empty -exec rmdir {} \;
[ -n "$undo" ] || lists
if [ -n "$undo" ]; then
    [ ! -e "$tree/$folder" ] || echo "left: $folder, where there are files that are not ours"
else
    echo "done: build from clean (make clean), once"
fi
