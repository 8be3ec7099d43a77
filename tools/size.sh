#!/bin/sh
# size.sh [LEVEL...]: how large the players' archives are, beside what they may be at the most: code with its constants, and static
# memory, in bytes. Fails where one is larger. A line TARGET LEVEL CODE MEMORY gives the limits, what was measured and a
# little more; the levels add up: the pool, mappings and files, buffering, the audio pool.
set -eu
failed=0
levels=${*:-buflib cache buffering audio_pool}
printf '%-20s %-10s %8s %8s   %7s %7s\n' target level code limit memory limit
while read -r target level most_code most_memory; do
    case " $levels " in *" $level "*) ;; *) continue ;; esac
    case $level in
    buffering) what=AUDIO_POOL=0 ;;
    audio_pool) what= ;;
    *) what="AUDIO_POOL=0 LEVEL=$level" ;;
    esac
    # shellcheck disable=SC2086 # assignments
    archive=$(${MAKE:-make} -s --no-print-directory lib PORT=rockbox TARGET="$target" $what </dev/null)
    size -A "$archive" | awk -v target="$target" -v level="$level" -v most_code="$most_code" -v most_memory="$most_memory" '
        $1 ~ /^\.(text|rodata)/ { code += $2 }
        $1 ~ /^\.s?(data|bss)/ { memory += $2 }
        END {
            printf "%-20s %-10s %8d %8d   %7d %7d\n", target, level, code, most_code, memory, most_memory
            exit code > most_code || memory > most_memory
        }' || failed=1
done <<'LIMITS'
thumbv7em-none-eabi buflib 32000 128
LIMITS
exit $failed
