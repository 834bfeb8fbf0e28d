# The scenarios, in the order in which they run by themselves. Sourced.
SCENARIOS=(root offline sudo nosudo cutoff apt build runs full odd noproc foreign quick)

done_line="== done: the model is in"
demo_small() { demand 0 "$done_line runs/small/model" scripts/demo --small; }

# Its first steps alone, where the rest would show the same each time.
set_up() { first_steps 'need_packages "${BUILD_PACKAGES[@]}"' cc --version; }
built() { first_steps 'build build -DCMAKE_BUILD_TYPE=Release' build/kin --version; }
first_steps() { demand 0 "" bash -euc ". scripts/setup.sh; $1; \"\$@\"" bash "${@:2}"; }

# The build of a finished root in a bare one: what follows the set-up then takes seconds.
unpack_with_build() {
    unpack base
    tar -C "$root" -xf "$work/finished.tar" ".$home/build"
    sources_to "$root$home"
}

scenario_root() {
    unpack base
    local begun=$SECONDS
    demand 0 "$done_line runs/wordnet/model" scripts/demo
    shown="bare root to trained model in $((SECONDS - begun)) s;$(grep '^model minus bm25' \
        "$work/out" | cut -d: -f2 | cut -d, -f1) mrr@10 against BM25; $(size_of /usr) installed," \
    shown+=" $(size_of $home) in the folder"
    grep -q '^== installing Debian packages: gcc' "$work/out" || wrong+=("the set-up is not named")
    grep -q 'model minus bm25, mrr@10: +' "$work/out" || wrong+=("the model does not beat BM25")
    [ ${#wrong[@]} -gt 0 ] && return
    rm -rf "$root$home/runs/wordnet"
    rm -f "$root"/var/cache/apt/archives/*.deb
    keep finished
}
size_of() { du -sh --one-file-system "$root$1" | cut -f1; }

scenario_offline() {
    unpack finished
    net=no demo_small
    ! grep -q '^== installing' "$work/out" || wrong+=("something was installed")
    shown="second run, without a network: nothing is installed, --small works"
}

scenario_sudo() {
    unpack_with_build
    enter apt-get update && enter apt-get install -q -y --no-install-recommends sudo
    echo 'kin ALL=(ALL) NOPASSWD: ALL' > "$root/etc/sudoers.d/kin"
    chown -R 1000:1000 "$root$home"
    user=1000 environment=HOME=/home/kin demo_small
    holds "root's files in the build" -z "$(find "$root$home" -user root)"
    shown="an ordinary user with sudo"
}

scenario_nosudo() {
    unpack base
    chown -R 1000:1000 "$root$home"
    local before
    before=$(list_all)
    user=1000 environment=HOME=/home/kin demand 1 "there is no sudo" scripts/demo --small
    one_sentence
    shown=$(cat "$work/err")
    user=1000 environment=HOME=/home/kin demand 1 "there is no sudo" scripts/test --quick
    holds "something was left behind" "$before" = "$(list_all)"
    # With sudo, but not allowed to use it: no terminal to ask for a password on.
    enter apt-get update && enter apt-get install -q -y --no-install-recommends sudo
    user=1000 environment=HOME=/home/kin demand 1 "sudo refuses" scripts/demo --small
}
list_all() { find "$root" -xdev ! -path "$root/proc/*" ! -path "$root/dev/*" | sort; }

scenario_cutoff() {
    unpack base
    net=no demand 1 "could not install the Debian packages gcc" scripts/demo
    one_sentence
    shown=$(sed 's/https*:[^ ]*/URL/g' "$work/err")
    rm -rf "$root"/var/lib/apt/lists/*
    net=no demand 1 "could not install the Debian packages gcc" scripts/demo
    one_sentence
    holds "something was left behind" ! -e "$root$home/build"
}

# Package states that an interrupted set-up leaves.
scenario_apt() {
    local debs="/var/cache/apt/archives"
    unpack_with_build
    rm -rf "$root"/var/lib/apt/lists/*
    set_up                                                   # no lists at all; keeps the archives
    cp -a "$root$debs" "$work/archives"

    unpack_with_build                                        # unpacked without what they need
    cp "$work"/archives/*.deb "$root$debs"
    enter bash -c "dpkg --unpack $debs/gcc_* $debs/gcc-12_* $debs/libhdf5-dev_* $debs/cmake_*"
    set_up

    unpack_with_build                                        # all unpacked, nothing configured, and
    cp "$work"/archives/*.deb "$root$debs"                   # dpkg stopped in its own books
    enter bash -c "dpkg --unpack $debs/*.deb"
    cp "$root/var/lib/dpkg/status" "$work/status"
    grep -A 20 '^Package: gcc$' "$work/status" | sed '/^$/,$d' > "$root/var/lib/dpkg/updates/0001"
    set_up

    unpack_with_build                                        # archives cut short, lists of long ago
    mkdir -p "$root$debs/partial"
    local name
    for name in "$work"/archives/gcc-12_* "$work"/archives/cmake_*; do
        head -c 100000 "$name" > "$root$debs/$(basename "$name")"
    done
    name=$(basename "$work"/archives/libhdf5-dev_*)
    head -c 50000 /dev/urandom > "$root$debs/partial/$name"
    sed -i 's/^Version: /Version: 0~/; s/^\(Filename: .*\)_/\1_0~/' \
        "$root"/var/lib/apt/lists/*_Packages
    rm "$root"/var/lib/apt/lists/*Release*                   # else apt takes them for today's
    demo_small
    shown="no lists; packages unpacked without what they need; all unpacked, none configured; cut"
    shown+=" archives and old lists: each is finished"
    rm -rf "$work/archives" "$work/status"
}

# Build folders that an interrupted or a moved build leaves.
scenario_build() {
    unpack finished
    local name build=$root$home/build
    rm -rf "$build"
    enter timeout -s KILL 25 scripts/demo --small || true    # killed while it compiles
    built
    name=$(find "$build" -name 'store.c.o' | head -n 1)      # cut objects, newer than their sources
    head -c 100 "$name" > "$work/cut" && cp "$work/cut" "$name"
    head -c 5000 "$build/libkin_core.a" > "$work/cut" && cp "$work/cut" "$build/libkin_core.a"
    rm "$build/kin"
    built
    grep -q 'building again from nothing' "$work/out" || wrong+=("did not say that it builds again")
    : > "$build/CMakeCache.txt"
    built
    cp -a "$root$home" "$root/srv/moved"                     # configured under another path
    at=/srv/moved demo_small
    holds "the moved folder builds for itself" -z "$(grep -rlF "$home/" \
        "$root/srv/moved/build/CMakeCache.txt" || true)"
    rm "$work/cut"
    shown="killed compilers, cut objects, an empty CMake cache, a moved folder: each is built again"
}

# Stores and run folders that an interrupted demo leaves.
scenario_runs() {
    unpack finished
    local runs=$root$home/runs
    truncate -s 1000000 "$runs/wordnet.h5"
    : > "$runs/wordnet.h5.tmp-99"
    demo_small
    holds "the store is whole again" "$(stat -c %s "$runs/wordnet.h5")" -gt 20000000
    holds "the draft is gone" ! -e "$runs/wordnet.h5.tmp-99"
    enter timeout -s KILL 12 scripts/demo --small || true    # killed while it trains or evaluates
    demo_small
    rm -rf "$runs/small" && mkdir "$runs/small" && : > "$runs/small/run.ini.tmp-99"
    demo_small
    rm "$runs/small/run.json" "$runs/small/metrics.jsonl"
    demo_small
    truncate -s 10 "$runs/small/run.ini"
    demo_small
    shown="cut store, left drafts, killed training, cut run.ini: each is replaced"
}

# The folder on a small file system of SIZE with what an earlier call left.
on_small_disk() {
    mkdir -p "$work/aside"
    rm -rf "$work/aside/kin"
    cp -a "$root$home" "$work/aside/kin"
    mount -t tmpfs -o "size=$1" tmpfs "$root$home"
    cp -a "$work/aside/kin/." "$root$home/"
    rm -rf "$work/aside"
}
more_disk() { mount -o remount,size=2g "$root$home"; }
used_mb() { du -sm "$root$home" | cut -f1; }

scenario_full() {
    unpack finished                                          # while it builds
    rm -rf "$root$home/build" "$root$home/runs"
    on_small_disk "$(($(used_mb) + 8))m"
    demand 1 "no space left" scripts/demo --small
    one_sentence
    shown="build: $(sed 's/^demo: //' "$work/err")"
    more_disk
    built

    rm -rf "$root$home/runs"                                 # while it imports
    mount -o "remount,size=$(($(used_mb) + 10))m" "$root$home"
    demand 1 "runs/wordnet.h5: cannot write: No space left on device" scripts/demo --small
    holds "half a store stays" -z "$(ls "$root$home/runs")"

    local room                                               # while it trains, at several moments
    for room in 29 40 70; do
        mount -o "remount,size=$(($(used_mb) + room))m" "$root$home"
        demand 1 "No space left on device" scripts/demo --small
        holds "drafts stay ($room MB)" -z "$(find "$root$home/runs" -name '*.tmp-*')"
        [ $room = 70 ] || rm -rf "$root$home/runs"
    done
    more_disk
    demo_small
    mount -t tmpfs -o size=100k tmpfs "$root/tmp"            # /tmp, while it builds
    head -c 200k /dev/zero > "$root/tmp/zero" || true
    touch "$root$home"/core/*.c
    demand 1 "no space left in /tmp" scripts/demo --small
    one_sentence
    rm "$root/tmp/zero"
    mount -o remount,size=100m "$root/tmp"
    built
    umount "$root/tmp" "$root$home"

    unpack_with_build                                        # /tmp, while packages are installed
    mount -t tmpfs -o size=100k tmpfs "$root/tmp"
    head -c 200k /dev/zero > "$root/tmp/zero" || true
    demand 1 "no space left in /tmp" scripts/demo --small
    one_sentence
    shown+="; import, training and a full /tmp likewise; each runs once there is space"
    rm "$root/tmp/zero"
    mount -o remount,size=100m "$root/tmp"
    set_up
}

# As root with umask 077, no HOME and no locale, in a path with blanks and other letters; then an
# ordinary user with what was installed; then a folder that cannot be written to.
scenario_odd() {
    unpack base
    at="/srv/mein kin – größer 'x' \$y"
    sources_to "$root$at"
    umask 077
    environment=TERM=dumb demo_small
    umask 022
    sources_to "$root$home"
    tar -C "$root" -xf "$work/finished.tar" ".$home/build"
    chown -R 1000:1000 "$root$home"
    at=$home user=1000 environment=LANG=xx_XX.UTF-8 demo_small
    mount --bind "$root$home" "$root$home"
    mount -o remount,bind,ro "$root$home"
    at=$home demand 1 "cannot be written to" scripts/test --quick
    at=$home demand 1 "cannot be written to" scripts/demo --small
    one_sentence
    ! grep -q installing "$work/out" || wrong+=("something was installed")
    shown="umask 077, no HOME, no locale, blanks, quotes and umlauts in the path; an ordinary user;"
    shown+=" read-only: $(cat "$work/err")"
}

scenario_noproc() {
    unpack finished
    rm "$root$home/build/CMakeCache.txt"
    touch "$root$home"/core/*.c
    umount "$root/proc"
    demo_small
    shown="without /proc it builds, trains and answers"
}

# A system without dpkg.
scenario_foreign() {
    unpack finished
    rm "$root/usr/bin/dpkg-query"
    demo_small
    grep -q 'no dpkg here' "$work/out" || wrong+=("did not say what it takes for granted")
    mv "$root/usr/bin/cmake" "$root/usr/bin/kept"
    demand 1 "no cmake here, and no dpkg" scripts/demo --small
    one_sentence
    shown=$(cut -c 1-90 "$work/err")...
    mv "$root/usr/bin/kept" "$root/usr/bin/cmake"
    rm "$root$home"/build/{CMakeCache.txt,kin} "$root"/usr/lib/*/pkgconfig/libxxhash.pc
    demand 1 "XXHASH was not found" scripts/demo --small
    unpack finished
    rm -rf "$root/usr/bin/dpkg-query" "$root/usr/share/wordnet"
    demand 3 "/usr/share/wordnet" scripts/demo --small
}

scenario_quick() {
    unpack base
    demand 0 "== all passed" scripts/test --quick
    shown=$(grep -h 'tests passed' "$work/out")
}

# Not among those that run by themselves: half an hour.
scenario_test() {
    unpack base
    demand 0 "== all passed" scripts/test
    shown=$(grep -h 'tests passed' "$work/out" | tr '\n' ' ')
}
