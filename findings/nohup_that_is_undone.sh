#!/usr/bin/env bash
# guess: `nohup deno run long.ts &` goes on when its terminal is closed, as `nohup python long.py` and `nohup node long.js` do: the signal is
#   ignored, and a program inherits that
# what happens: Deno is ended by SIGHUP behind nohup, too: at its start it takes back that the signal is ignored. Python goes on. A script that listens to
#   SIGHUP itself goes on, but isn't told whether nohup was there
# version: Deno 2.9.6 on Linux, beside Python 3
# why it matters: a training or an evaluation of hours, begun with nohup over ssh, ends with the connection
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo 'setTimeout(() => {}, 4000);' > "$folder/waits.ts"
echo 'Deno.addSignalListener("SIGHUP", () => {}); setTimeout(() => {}, 4000);' > "$folder/listens.ts"
after() { # starts it behind nohup, closes "its terminal" by the signal, and says how it ended
  nohup "$@" > "$folder/said" 2>&1 < /dev/null &
  local process=$! code=0
  sleep 2
  kill -HUP "$process"
  wait "$process" 2> /dev/null || code=$?
  [ "$code" = 0 ] && echo "goes on" || echo "ended, exit code $code"
}
output="python: $(after python3 -c 'import time; time.sleep(4)')
deno: $(after deno run --no-config --no-check "$folder/waits.ts")
deno, listening: $(after deno run --no-config --no-check "$folder/listens.ts")"
echo "$output"
expected='python: goes on
deno: ended, exit code 129
deno, listening: goes on'
[ "$output" = "$expected" ] || { echo "changed: expected
$expected"; exit 1; }
