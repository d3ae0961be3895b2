#!/usr/bin/env bash
# guess: an answer held to a JSON schema by a grammar fits the schema
# what happens: XGrammar's grammar of {"type": "integer", "minimum": 5} takes 4; not, multipleOf and uniqueItems are passed over without a word
# version: @mlc-ai/web-xgrammar 0.1.27
# why it matters: JSON that was "guaranteed" by constrained decoding still has to be validated, or such keywords refused beforehand
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
  [{ type: "integer", minimum: 5 }, "4", true],
  [{ type: "integer", minimum: 5, maximum: 9 }, "4", false],
  [{ type: "integer", minimum: 10 }, "9", false],
  [{ type: "integer", multipleOf: 3 }, "4", true],
  [{ type: "integer", not: { const: 4 } }, "4", true],
  [{ type: "array", items: { type: "integer" }, uniqueItems: true }, "[4, 4]", true],
];
(async () => {
  let changed = false;
  for (const [schema, text, expected] of cases) {
    const grammar = await Grammar.fromJSONSchema(JSON.stringify(schema), false, -1);
    const takes = await Testings.isGrammarAcceptString(grammar, text);
    console.log(`${JSON.stringify(schema)} ${takes ? "takes" : "refuses"} ${text}`);
    changed ||= takes !== expected;
  }
  process.exit(changed ? 1 : 0);
})();
JS
node ask.cjs
