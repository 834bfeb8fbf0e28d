#!/usr/bin/env bash
# scripts/setup.sh with stand-ins for the commands of a system: what cannot go on is one sentence.
. "$(dirname "$0")/lib.sh" "$1"

mkdir bin
for name in bash basename cat env find grep id mkdir nproc realpath rm sed stat tail touch; do
    ln -s "$(command -v $name)" bin/
done

# stand_in NAME BODY: a command that is the shell code BODY.
stand_in() { rm -f "bin/$1"; printf '#!/bin/bash\n%s\n' "$2" > "bin/$1"; chmod +x "bin/$1"; }

# setup CODE: shell code after scripts/setup.sh, with the stand-ins alone.
setup() { echo "PATH=$work/bin; set -euo pipefail; . '$source/scripts/setup.sh'; $1"; }
need=$(setup 'need_packages gcc cmake')

expect 1 "no cc here, and no dpkg" bash -c "$need" kin-demo
stand_in dpkg-query 'echo "install ok installed"'
stand_in apt-get 'touch called'
expect 0 "" bash -c "$need" kin-demo
holds "nothing is asked for where all is there" ! -e called

stand_in dpkg-query 'echo "install ok unpacked"'
stand_in id 'echo 1000'
expect 1 "there is no sudo: as root, run apt-get install" bash -c "$need" kin-demo
stand_in sudo 'exit 1'
expect 1 "sudo refuses: as root, run apt-get install" bash -c "$need" kin-demo
stand_in sudo '"$@"'
stand_in dpkg 'true'
expect 0 "installing Debian packages: gcc cmake" bash -c "$need" kin-demo
stand_in id 'echo 0'
stand_in apt-get 'echo "Err:1 a"; echo "  Temporary failure resolving a.b"; echo "E: no"; exit 100'
expect 1 "could not install the Debian packages gcc cmake: Temporary failure resolving a.b" \
    bash -c "$need" kin-demo
stand_in apt-get 'echo "E: this"; echo "E: that"; echo "N: no"; exit 100'
expect 1 "gcc cmake: E: that" bash -c "$need" kin-demo
stand_in stat 'echo "0 * 4096"'
expect 1 "no space left in /" bash -c "$need" kin-demo

# A folder that another one left its build in is built again, one with an error is not.
mkdir "one here"
printf '%s\n' "cmake_minimum_required(VERSION 3.25)" "project(one NONE)" > "one here/CMakeLists.txt"
make=". '$source/scripts/setup.sh'; build b"
(cd "one here" && expect 0 "" bash -c "$make" kin-demo && exit $failed)
holds "it builds" $? = 0
cp -r "one here" two
(cd two && expect 0 "building again from nothing" bash -c "$make" kin-demo && exit $failed)
holds "a copied folder builds again" $? = 0
echo 'message(FATAL_ERROR one.c:1:1: error: x)' >> two/CMakeLists.txt
(cd two && expect 1 "the whole log is b/build.log" bash -c "$make" kin-demo && exit $failed)
holds "what does not compile says so" $? = 0
finish
