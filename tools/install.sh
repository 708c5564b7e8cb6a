#!/bin/sh
# Installs packages with pip: one line of progress here, everything that pip says in a log.
#
#     tools/install.sh .venv requirements.lock ["what it is"]
#
# Installs what the lock file pins, each with its hash, and Hinterland itself. Prints what matters of the log and
# where it is when pip fails, and ends with pip's status.
set -u
venv=$1 lock=$2 what=${3:-Hinterland}
log=$venv/install.log
packages=$(grep -c '^[A-Za-z0-9._-]*==' "$lock")
child=""

stop() {
    [ -z "$child" ] || kill "$child" 2>/dev/null
    exit 130
}
trap stop INT TERM

# Counts the packages that pip has turned to, while it works; on a terminal the line is renewed in place.
progress() {
    done=$(grep -c -E '^ *(Collecting|Requirement already satisfied)' "$log")
    [ "$done" -le "$packages" ] || done=$packages
    doing="$done of $packages packages"
    ! grep -q '^Installing collected packages' "$log" || doing="unpacking $packages packages"
    printf '\rInstalling %s into %s (once): %s, %s s \033[K' "$what" "$venv" "$doing" "$(($(date +%s) - began))"
}

run_pip() {
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off "$@" >>"$log" 2>&1 &
    child=$!
    while [ -t 1 ] && kill -0 "$child" 2>/dev/null; do
        progress
        sleep 0.5
    done
    wait "$child"
    status=$?
    child=""
    [ "$status" -eq 0 ] || fail "$status"
}

fail() {
    [ ! -t 1 ] || printf '\n'
    {
        echo "pip could not install $what (status $1). What it said last:"
        grep -v -E '^ *(WARNING|DEPRECATION|Looking in|Collecting|Downloading|Using cached|Ignoring|Obtaining|Requirement|$)' "$log" |
            tail -n 15 | sed 's/^/  /'
        echo "All of it: $log"
    } >&2
    exit "$1"
}

began=$(date +%s)
: >"$log"
[ -t 1 ] || echo "Installing $what into $venv (once) ..."
# All that is needed stands in the lock file: nothing else is looked for.
run_pip --require-hashes --no-deps -r "$lock"
run_pip --no-deps --no-build-isolation -e .
if [ -t 1 ]; then
    printf '\rInstalled %s into %s: %s packages, %s s.\033[K\n' "$what" "$venv" "$packages" "$(($(date +%s) - began))"
fi
