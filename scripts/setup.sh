# What scripts/demo and scripts/test share: the Debian packages that are missing, then a build.
# Sourced, not run.

say() { printf '== %s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo > /dev/null; then sudo "$@"
    else die "these packages need root: run as root, or install sudo"
    fi
}

# need_packages NAME...: installs those that dpkg does not know as installed; asks apt for nothing
# when all are there.
need_packages() {
    command -v dpkg-query > /dev/null || { say "no dpkg here: taking $* for granted"; return 0; }
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f='${Status}\n' "$name" 2> /dev/null | grep -q 'install ok installed' \
            || missing+=("$name")
    done
    [ ${#missing[@]} = 0 ] && return 0
    say "installing Debian packages: ${missing[*]}"
    local log
    log=$(mktemp)
    if ! { as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
           as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
               --no-install-recommends "${missing[@]}"; } > "$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "apt-get could not install: ${missing[*]}"
    fi
    rm -f "$log"
}

BUILD_PACKAGES=(gcc libc6-dev cmake make pkgconf libopenblas0-pthread libhdf5-dev
    libutf8proc-dev libxxhash-dev wordnet-base)

# build FOLDER [cmake options] [-- build options]: configures and builds; says nothing when nothing
# is to be done.
build() {
    local folder=$1 log options=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
    [ $# -gt 0 ] && shift
    mkdir -p "$folder"
    log=$folder/build.log
    if ! { cmake -S . -B "$folder" "${options[@]}" &&
           cmake --build "$folder" --parallel "$(nproc)" "$@"; } > "$log" 2>&1; then
        tail -n 40 "$log" >&2
        die "the build failed; the whole log is $log"
    fi
}
