#!/usr/bin/env bash
# guess: in XGrammar's EBNF [à-ü] takes a character from à to ü, and [^é] any but é
# what happens: sets compare bytes: [à-ü] takes no such character, [^é] takes é, and [\xc3\xc3] [\xa9\xa9] is the way to write é by a set
# version: @mlc-ai/web-xgrammar 0.1.27
# why it matters: patterns of JSON schemas with letters beyond ASCII hold answers to another set of texts, without an error
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @mlc-ai/web-xgrammar@0.1.27 > /dev/null
# the package says that it is a module, but its file is none
cp node_modules/@mlc-ai/web-xgrammar/lib/index.js xgrammar.cjs
cat > ask.cjs <<'JS'
const { Grammar, Testings } = require("./xgrammar.cjs");

const cases = [
  ["[à-ü]", "é", false],
  ["[a-zé]", "é", false],
  ["[^é]", "é", true],
  ["[\\xc3\\xc3] [\\xa9\\xa9]", "é", true],
  ['"é"', "é", true],
];
(async () => {
  let changed = false;
  for (const [set, text, expected] of cases) {
    const takes = await Testings.isGrammarAcceptString(await Grammar.fromEBNF(`root ::= ${set}`), text);
    console.log(`${set} ${takes ? "takes" : "refuses"} ${text}`);
    changed ||= takes !== expected;
  }
  process.exit(changed ? 1 : 0);
})();
JS
node ask.cjs
