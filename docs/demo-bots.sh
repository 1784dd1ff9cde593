#!/bin/sh
# One turn of a bot through each webhook of the example routes, answered by the gateway in a box; then the figures.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d)
router=""
finish() {
    if [ -n "$router" ]; then kill "$router" 2>/dev/null || true; wait "$router" 2>/dev/null || true; fi
    rm -rf "$place"
}
trap finish EXIT INT TERM

cp -R "$here/manifests" "$place/manifests"
cd "$place"

# Made-up secrets: the gateway in a box accepts any. The webhook secrets have 24 bytes at least.
export CXONE_CLIENT_ID=demo CXONE_CLIENT_SECRET=demo-client-secret
export CXONE_WEBHOOK_SECRET=demo-cxone-webhook-secret-0000
export COGNIGY_WEBHOOK_SECRET=whsec_ZGVtby1jb2duaWd5LXdlYmhvb2stc2VjcmV0LTAwMDA=
export COGNIGY_FALLBACK_SECRET=demo-cognigy-fallback-secret-00 LLM_GATEWAY_API_KEY=sk-demo-llm-gateway-6666

# What was said before, in every conversation; the gateways in boxes give it back.
printf '%s' '{"conversations": {"*": [
  {"from": "customer", "text": "Hello"},
  {"from": "bot", "text": "Good day, what is it about?"},
  {"from": "customer", "text": "My card 4111 1111 1111 1111 was refused"}]}}' > conversations.json
export RECONCILER_EMBEDDED_FAULTS=conversations.json
unset CI GITHUB_OUTPUT GITHUB_SHA 2>/dev/null || true

say() { printf '\n# %s\n' "$1"; }

say "The router serves the routes of the manifests."
printf '$ reconciler serve\n'
reconciler -q serve --port 0 > url 2> log &
router=$!
tries=0
while [ ! -s url ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || { echo "demo: the router did not start" >&2; cat log >&2; exit 1; }
    sleep 0.1
done
python3 "$here/docs/bot.py" "$(cat url)"
