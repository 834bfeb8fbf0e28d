# What scripts/demo and scripts/test share: the Debian packages that are missing, then a build.
# Sourced, not run. What cannot go on ends in one sentence and exit code 1.

say() { printf '== %s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

trap 'die interrupted' INT TERM

[ -w . ] || die "$PWD cannot be written to, and kin builds there: copy it elsewhere"

# ---- packages ------------------------------------------------------------------------------------

BUILD_PACKAGES=(gcc libc6-dev cmake make pkgconf libopenblas0-pthread libhdf5-dev zlib1g-dev
    libutf8proc-dev libxxhash-dev wordnet-base)

# need_packages NAME...: installs those that dpkg does not know as installed; asks apt for nothing
# when all are there.
need_packages() {
    if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
        need_commands
        return 0
    fi
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f='${Status}\n' "$name" 2> /dev/null | grep -q 'install ok installed' \
            || missing+=("$name")
    done
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
}

# Not Debian: what a build cannot do without is looked for, cmake looks for the libraries.
need_commands() {
    local name
    for name in cc cmake make; do
        command -v "$name" > /dev/null || die "no $name here, and no dpkg to install it with:" \
            "install a C compiler, cmake, make, pkg-config, OpenBLAS, HDF5, utf8proc, xxHash and" \
            "the files of WordNet 3.0 in /usr/share/wordnet"
    done
    say "no dpkg here: taking the libraries for granted"
}

install_packages() {
    local output place by_hand="apt-get install --no-install-recommends $*"
    root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo > /dev/null || die "Debian packages are missing and there is no sudo:" \
            "as root, run $by_hand"
        root=(sudo)
    fi
    say "installing Debian packages: $*"
    # Asked for here, because what apt-get prints is kept for the case that it fails.
    [ ${#root[@]} = 0 ] || sudo true || die "Debian packages are missing and sudo refuses:" \
        "as root, run $by_hand"
    if ! output=$(apt_steps "$@" 2>&1 < /dev/null); then
        place=$(full_place "${TMPDIR:-/tmp}" /var/cache/apt /usr) && die "could not install the" \
            "Debian packages $*: no space left in $place"
        die "could not install the Debian packages $*: $(apt_reason "$output")"
    fi
}

# The lists that are there may do when a source cannot be reached, so only installing decides. An
# earlier installation that was interrupted is finished first, if that can be done without removing.
apt_steps() {
    umask 022
    apt update || true
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive dpkg --configure -a || true
    apt check || apt install --no-remove --fix-broken || true
    apt install --no-remove "$@"
}

apt() {
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
        apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"
}

# The line of apt's output that says why: a cause where one is known, else its last error.
apt_reason() {
    local cause='No space left|enough free space|resolving|resolve host|connect to|unreachable'
    cause+='|not valid yet|expired|public key is not available'
    { printf '%s\n' "$1" | grep -m 1 -E "$cause" || printf '%s\n' "$1" | grep -E '^(E|dpkg):' \
        || printf '%s\n' "$1"; } | tail -n 1 | sed 's/^ *//'
}

# ---- building ------------------------------------------------------------------------------------

# build FOLDER [cmake options] [-- build options]: configures and builds; says nothing when nothing
# is to be done.
build() {
    local folder=$1 log=$1/build.log old=no
    [ ! -e "$folder/CMakeCache.txt" ] || old=yes
    mkdir -p "$folder" || die "$PWD/$folder cannot be made"
    compile "$@" > "$log" 2>&1 && return
    need_space "$folder" "$log"
    if [ $old = yes ] && ! grep -qE '\.[ch]:[0-9]+:[0-9]+: (fatal )?error:' "$log"; then
        # No compiler complained about the sources: an interrupted build, or a folder that came
        # from elsewhere.
        say "building again from nothing: what was in $folder cannot be used"
        find "$folder/" -mindepth 1 -not -path "$folder/corpus*" -not -path "$folder/findings*" \
            -delete
        compile "$@" > "$log" 2>&1 && return
        need_space "$folder" "$log"
    fi
    tail -n 40 "$log" >&2
    die "the build failed; the whole log is $log"
}

compile() {
    local folder=$1 options=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
    [ $# = 0 ] || shift
    cmake -S . -B "$folder" "${options[@]}" &&
        cmake --build "$folder" --parallel "$(nproc)" "$@"
}

# A full disk explains most odd failures, and may have cut the log too.
need_space() {
    local place
    if place=$(full_place "$1" "${TMPDIR:-/tmp}"); then
        die "no space left in $place, and the build needs it"
    fi
    ! grep -q 'No space left on device' "$2" || die "no space left for the build; its log is $2"
}

# full_place FOLDER...: prints the first without space, or fails. What stopped for want of space has
# removed its unfinished files, so a little came back.
full_place() {
    local place
    for place in "$@"; do
        [ $(($(stat -f -c '%a * %S' "$place"))) -ge 4000000 ] || { realpath "$place"; return; }
    done
    return 1
}
