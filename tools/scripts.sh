#!/bin/sh
# Checks the types of the browser's scripts with TypeScript, which npm installs as tools/typescript pins it.
#
#     tools/scripts.sh .venv
#
# Where node or npm is missing, or can't install it, the check is skipped and that is said; with CI=true it fails.
set -u
home=$1/typescript
here=$(dirname "$0")/typescript

skip() {
    echo "The browser's scripts were not checked: $1" >&2
    [ "${CI:-}" != true ] || exit 69
    exit 0
}

for program in node npm; do
    command -v "$program" >/dev/null 2>&1 || skip "$program is missing (on Debian or Ubuntu: apt-get install nodejs npm)."
done
if ! cmp -s "$here/package-lock.json" "$home/installed.json"; then
    mkdir -p "$home"
    cp "$here/package.json" "$here/package-lock.json" "$home/"
    (cd "$home" && npm ci --ignore-scripts --no-audit --no-fund >install.log 2>&1) || {
        ! grep -q EINTEGRITY "$home/install.log" || { cat "$home/install.log" >&2; exit 1; }
        skip "npm could not install TypeScript. What it said: $home/install.log"
    }
    cp "$here/package-lock.json" "$home/installed.json"
fi
node "$home/node_modules/typescript/bin/tsc" --project "$here/tsconfig.json"
