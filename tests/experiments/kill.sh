#!/usr/bin/env bash
# Kills a plan at random times, again and again, and compares its files with those of an undisturbed
# run: the bytes of the tables and of results.json must be the same. By hand:
#
#     tests/experiments/kill.sh build/kin [KILLS] [SEED] [STEPS]
#
# Each time the runner gets SIGINT, SIGTERM or SIGKILL, or one of its children gets SIGKILL. Half of the
# kills come within half a second of the start.
set -u
kills=${2:-10} RANDOM=${3:-1} steps=${4:-300}
. "$(dirname "$0")/../cli/lib.sh" "$1"
. "$source/tests/experiments/plan.sh"
small_plan "$steps" > plan.ini
sed 's/^name = .*/name = calm/' plan.ini > calm.ini

"$KIN" ablate calm.ini > calm.out 2> calm.err || { cat calm.err; exit 1; }
seconds=$(awk '/processes ran/ { print int(1000 * $(NF - 1)) + 500 }' calm.err)
count=0
while [ $count -lt "$kills" ]; do
    "$KIN" ablate plan.ini > out 2> err &
    pid=$!
    most=$((RANDOM % 2 ? 500 : seconds))
    sleep "$(awk -v r=$RANDOM -v most=$most 'BEGIN { print r / 32768 * most / 1000 }')"
    what=$((RANDOM % 4))
    case $what in
        0) kill -INT $pid 2> kill.err ;;
        1) kill -TERM $pid 2> kill.err ;;
        2) kill -KILL $pid 2> kill.err ;;
        3) child=$(pgrep -P $pid | head -n 1); [ -z "$child" ] || kill -KILL "$child" 2> kill.err ;;
    esac
    wait $pid
    code=$?
    count=$((count + 1))
    echo "kill $count: way $what, exit $code, $(find runs/plan -name run.json 2> find.err | wc -l) runs begun"
    # 130 and 143: the signal came before the runner was there to take it.
    case "$what/$code" in 0/75 | 1/75 | 2/137 | 0/130 | 1/143 | ?/0) passed=$((passed + 1)) ;;
        *) note "exit $code after kill $what" ;; esac
    # A plan that came to its end begins again, so that the next kill has something to hit.
    [ $code != 0 ] || { compare_with_calm; rm -r runs/plan; }
done
expect 0 "" "$KIN" ablate plan.ini
compare_with_calm
finish
