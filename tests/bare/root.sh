# Roots: made once, unpacked for each scenario, entered with what a running system has. Sourced.
root=$work/root
home=/srv/kin                                    # where the sources are in a root

# The machine's own Debian sources, so that the root uses its mirror.
debian_sources() {
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' 'Origin: Debian' | grep ' bookworm' \
        || { echo "bare/run: no lists of Debian 12 here, run apt-get update" >&2; exit 2; }
}

make_base() {
    [ ! -e "$work/base.tar" ] || return 0
    local sources mirror
    sources=$(debian_sources)
    mirror=$(printf '%s\n' "$sources" | awk '$3 == "bookworm" { print $2; exit }')
    rm -rf --one-file-system "$root"
    debootstrap --variant=minbase bookworm "$root" "$mirror" > "$work/debootstrap.log" 2>&1 \
        || { tail -n 5 "$work/debootstrap.log" >&2; exit 1; }
    printf '%s\n' "$sources" > "$root/etc/apt/sources.list"
    rm -f "$root"/var/cache/apt/archives/*.deb
    keep base
}

keep() {
    tar -C "$root" --one-file-system -cf "$work/$1.part" .
    mv "$work/$1.part" "$work/$1.tar"
}

# unpack NAME: a fresh root with the present sources, the user kin (1000), and devices and proc.
unpack() {
    [ -e "$work/$1.tar" ] || { echo "no $work/$1.tar yet: the scenario root makes it"; exit 1; }
    umount -R "$root/proc" "$root/dev" 2> /dev/null || true
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    tar -C "$root" -xf "$work/$1.tar"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    echo "127.0.0.1 localhost $(hostname)" > "$root/etc/hosts"
    grep -q '^kin:' "$root/etc/passwd" \
        || chroot "$root" useradd --create-home --shell /bin/bash --uid 1000 kin
    mount --rbind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    sources_to "$root$home"
}

# sources_to FOLDER: what git knows or would add, as it is now, with its times.
sources_to() {
    mkdir -p "$1"
    git -C "$source" ls-files -z --cached --others --exclude-standard \
        | tar -C "$source" --null --files-from=- -cf - | tar -C "$1" --no-same-owner -xf -
}

# enter COMMAND...: in the root, in the folder $at, as user and group $user, with the words of
# $environment and nothing else in the environment; with $net=no without a network.
at=$home user=0 net=yes environment=HOME=/root
enter() {
    local isolate=()
    [ $net = yes ] || isolate=(unshare --net)
    "${isolate[@]}" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        $environment chroot --userspec="$user:$user" "$root" \
        bash -c 'cd "$1" && shift && exec "$@"' bash "$at" "$@"
}

# demand CODE TEXT COMMAND...: COMMAND leaves with CODE, and TEXT is in what it printed; where it
# fails, TEXT is in the last line on stderr. Kept in out and err.
demand() {
    local code=$1 text=$2 got=0
    shift 2
    printf '\n$ %s   (expected: %s, %s)\n' "$*" "$code" "$text"
    enter "$@" > "$work/out" 2> "$work/err" || got=$?
    cat "$work/out" "$work/err"
    printf '(exit code %s)\n' $got
    local where=("$work/out" "$work/err") last=$work/last
    tail -n 1 "$work/err" > "$last"
    [ "$code" = 0 ] || where=("$last")
    [ $got = "$code" ] || wrong+=("exit code $got instead of $code from: $*: $(cat "$last")")
    grep -qF -- "$text" "${where[@]}" || wrong+=("'$text' is missing from: $*: $(cat "$last")")
}

# The failure before said nothing else on stderr.
one_sentence() {
    [ "$(wc -l < "$work/err")" = 1 ] || wrong+=("not one sentence: $(head -c 300 "$work/err")")
}

# holds TEXT CONDITION...: a test(1) condition.
holds() {
    local text=$1
    shift
    [ "$@" ] || wrong+=("$text")
}
