#!/usr/bin/env bash
# guess: with the flag u or v a regular expression sees whole characters, so that an empty match never lies inside of one; (?![^]) and $ without
#   the flag m say the same, the end of the text, and so do (?<![^]) and ^
# what happens: V8 finds empty matches of negative look-arounds, (?!…) and (?<!…), between the two UTF-16 units of a character beyond U+FFFF too: with
#   one emoji in the text the end of the text is found twice by (?![^]) and once by $, and replace() puts what it was given between the units.
#   Positive look-arounds and anchors are right
# version: V8 of Node.js 26.10.0 (npm's package node); the same in Deno 2.9.6
# why it matters: patterns of other dialects are often translated so (Python's $, \Z and \b into look-arounds): counts of matches are wrong as soon as a text has an
#   emoji, and a replaced text isn't valid UTF-16 any more. A positive form is right: (?=[^a]|$) for (?![a]), (?<=[^a]|^) for (?<![a])
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --cache "$folder/cache" node@26.10.0 > /dev/null
cat > places.js <<'JS'
const text = "a👍b";
const pairs = [[/(?![^])/gv, /$/gv], [/(?<![^])/gv, /^/gv]];
for (const [negative, positive] of pairs) {
  const [one, other] = [negative, positive].map((pattern) => [...text.matchAll(pattern)].map(({ index }) => index));
  console.log(`${negative}: places ${one.join(" ")}; ${positive}: ${other.join(" ")}`);
}
console.log(`replaced: well formed ${text.replaceAll(/(?![^])/gv, ".").isWellFormed()}`);
JS
output=$("$folder/node_modules/.bin/node" places.js)
echo "$output"
expected="/(?![^])/gv: places 2 4; /\$/gv: 4|/(?<![^])/gv: places 0 2; /^/gv: 0|replaced: well formed false"
[ "$(paste -sd'|' <<< "$output")" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
