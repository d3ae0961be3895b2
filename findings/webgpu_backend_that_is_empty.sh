#!/usr/bin/env bash
# guess: DENO_WEBGPU_BACKEND set to nothing is as if it weren't set, and a name that is misspelt, or of another system, is refused or told
# what happens: each of them leaves no adapter at all, and Deno says nothing: requestAdapter() gives null as on a machine without a GPU. The
#   right name in capitals is taken, and so is a list in which one name is right
# version: Deno 2.9.6 (wgpu 29) on Mesa 22.3's lavapipe, Linux. Needs an adapter: mesa-vulkan-drivers is enough
# why it matters: `DENO_WEBGPU_BACKEND= program`, or an environment file with the line left empty, turns the GPU off, and a program that
#   says "no GPU was found" sends its user to the drivers
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/try.ts" <<'TS'
console.log((await navigator.gpu.requestAdapter()) ? "an adapter" : "none");
TS
try() { deno run --no-config --no-check --allow-env "$folder/try.ts" 2> "$folder/said" || true; }
words() { grep -qiE 'backend|metal|vulcan' "$folder/said" && echo ", told" || true; }
output="not set: $(env -u DENO_WEBGPU_BACKEND bash -c "$(declare -f try); folder=$folder; try")"
for value in vulkan VULKAN metal,vulkan '' vulcan metal; do
  output="$output
\"$value\": $(DENO_WEBGPU_BACKEND=$value try)$(words)"
done
echo "$output"
expected='not set: an adapter
"vulkan": an adapter
"VULKAN": an adapter
"metal,vulkan": an adapter
"": none
"vulcan": none
"metal": none'
[ "$output" = "$expected" ] || { echo "changed: expected
$expected"; exit 1; }
