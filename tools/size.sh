#!/bin/sh
# size.sh [LEVEL...]: how large the players' archives are, beside what they may be at the most: code with its constants, and
# static memory, in bytes. Fails where one is larger. A line TARGET LEVEL CODE MEMORY gives the limits, what was measured
# and a little more; the levels add up: the pool, mappings and files, buffering. The audio pool is left out.
set -eu
failed=0
levels=${*:-buflib cache buffering}
printf '%-20s %-10s %8s %8s   %7s %7s\n' target level code limit memory limit
while read -r target level most_code most_memory; do
    case " $levels " in *" $level "*) ;; *) continue ;; esac
    case $level in
    buffering) what= folder= ;;
    *) what=LEVEL=$level folder=$level/ ;;
    esac
    # shellcheck disable=SC2086 # an assignment or nothing
    ${MAKE:-make} -s --no-print-directory lib PORT=rockbox AUDIO_POOL=0 TARGET="$target" $what </dev/null >/dev/null
    archive=build/rockbox/no-audio-pool/$folder$target/librockmem.a
    size -A "$archive" | awk -v target="$target" -v level="$level" -v most_code="$most_code" -v most_memory="$most_memory" '
        $1 ~ /^\.(text|rodata)/ { code += $2 }
        $1 ~ /^\.s?(data|bss)/ { memory += $2 }
        END {
            printf "%-20s %-10s %8d %8d   %7d %7d\n", target, level, code, most_code, memory, most_memory
            exit !code || code > most_code || memory > most_memory
        }' || failed=1
done <<'LIMITS'
thumbv7em-none-eabi buflib 34000 512
thumbv7em-none-eabi cache 74000 4096
thumbv7em-none-eabi buffering 94000 4096
thumbv5te-none-eabi buflib 35500 512
thumbv5te-none-eabi cache 80000 4096
thumbv5te-none-eabi buffering 103000 4096
thumbv4t-none-eabi buflib 36500 512
thumbv4t-none-eabi cache 82000 4096
thumbv4t-none-eabi buffering 105000 4096
mipsel-unknown-none buflib 69500 512
mipsel-unknown-none cache 151000 4096
mipsel-unknown-none buffering 189500 4096
LIMITS
exit $failed
