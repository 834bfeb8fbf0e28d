# Shared by the tests of the command. KIN is the program; work happens in a temporary folder.
set -u
KIN=$(realpath "$1") source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
passed=0 failed=0

note() { failed=$((failed + 1)); printf 'FAILED: %s\n' "$*"; sed 's/^/    /' out err; }

# expect CODE TEXT COMMAND...: exit code, and TEXT in what it printed ("" for any text). An error is
# one line on stderr that names the command.
expect() {
    local code=$1 text=$2 got
    shift 2
    timeout 120 "$@" > out 2> err < "${INPUT:-/dev/null}"
    got=$?
    if [ "$got" != "$code" ]; then note "exit $got, expected $code: $*"
    elif [ -n "$text" ] && ! grep -qF -- "$text" out err; then note "no '$text' from: $*"
    elif [ "$code" != 0 ] && [ "$code" != 75 ] && [ "$(grep -c '^kin' err)" != 1 ]; then
        note "not one sentence on stderr: $*"
    else passed=$((passed + 1))
    fi
}

# holds TEXT CONDITION...: a test(1) condition.
holds() {
    local text=$1
    shift
    if [ "$@" ]; then passed=$((passed + 1)); else : > out; : > err; note "$text"; fi
}

finish() { echo "$passed passed, $failed failed"; [ "$failed" = 0 ]; exit $?; }

# A small learnable task: 400 questions, each with its own three words in the document.
pairs() {
    awk 'BEGIN { for (i = 0; i < 400; i++)
        printf "what about thing%d and part%d\tthing%d is near part%d of place%d\n",
               i, i % 40, i, i % 40, i % 7 }'
}
