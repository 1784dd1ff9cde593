#!/bin/sh
# The example fleet on the gateway in a box, from nothing to a repaired drift. Called by `make demo`.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d)
gateway=""
finish() {
    if [ -n "$gateway" ]; then kill "$gateway" 2>/dev/null || true; wait "$gateway" 2>/dev/null || true; fi
    rm -rf "$place"
}
trap finish EXIT INT TERM

cp -R "$here/manifests" "$place/manifests"
cd "$place"

# Made-up secrets: the gateway in a box accepts any.
export CXONE_CLIENT_ID=demo CXONE_CLIENT_SECRET=demo-client-secret
export OPENAI_KEY_PRIMARY=sk-demo-primary-0000 OPENAI_KEY_FALLBACK=sk-demo-fallback-1111
export ANTHROPIC_KEY_PRIMARY=sk-ant-demo-of-nobody-at-all-0123456789-2222
export ANTHROPIC_KEY_FALLBACK=sk-ant-demo-of-nobody-at-all-0123456789-3333
export LLM_GATEWAY_API_KEY=sk-demo-llm-gateway-6666
export AZURE_KEY=azure-demo-key-of-nobody-at-all-4444 COST_WEBHOOK_SECRET=whsec-demo-5555
unset CI GITHUB_OUTPUT GITHUB_SHA 2>/dev/null || true

say() { printf '\n# %s\n' "$1"; }
run() { printf '$ %s\n' "$*"; "$@"; }
expect() { # expect CODE COMMAND…
    wanted=$1
    shift
    printf '$ %s\n' "$*"
    code=0
    "$@" || code=$?
    if [ "$code" -ne "$wanted" ]; then
        printf 'demo: expected exit %s and got %s\n' "$wanted" "$code" >&2
        exit 1
    fi
    printf '(exit %s)\n' "$code"
}

say "Are the manifests right? Offline: no network, no secrets."
run reconciler validate

say "What would change?"
expect 2 reconciler plan --detailed-exitcode

say "Carry it out: write, validate live, record."
run reconciler -q apply --auto-approve

say "Plan again: nothing is left."
expect 0 reconciler plan --detailed-exitcode

say "A colleague edits a webhook in the console, over HTTP."
reconciler gateway serve --port 0 > url &
gateway=$!
tries=0
while [ ! -s url ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo "demo: the gateway did not start" >&2; exit 1; }
    sleep 0.1
done
python3 "$here/docs/colleague.py" "$(cat url)"
kill "$gateway"
wait "$gateway" 2>/dev/null || true
gateway=""

say "Drift is found, with its cause."
expect 2 reconciler drift

say "And repaired."
run reconciler -q apply --auto-approve
expect 0 reconciler plan --detailed-exitcode
expect 0 reconciler drift

say "What happened, and that nobody changed the record of it."
run reconciler history
run reconciler audit verify
