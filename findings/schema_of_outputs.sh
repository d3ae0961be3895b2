#!/usr/bin/env bash
# guess: z.toJSONSchema(schema) of zod describes what schema.parse takes, so that a model is told what a tool accepts
# what happens: it describes what parse returns: fields with a default are required and further keys forbidden, though parse fills the ones in and drops the others.
#   { io: "input" } describes what is taken. The flags of a regular expression are lost with both: /^yes$/i becomes "^yes$", which refuses "Yes"
# version: zod 4.6.7, ajv 8.17.1
# why it matters: as a tool's parameters or a response format, a model is held by the grammar to write every default out, and calls that the tool would run well
#   are refused by validators between them. Say io: "input" for what comes in, and write [Yy] for flags
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund zod@4.6.7 ajv@8.17.1 > /dev/null
cat > ask.mjs <<'JS'
import { Ajv2020 } from "ajv/dist/2020.js";
import { z } from "zod";

const tool = z.object({ city: z.string(), unit: z.string().default("celsius"), sure: z.string().regex(/^yes$/i).optional() });
const validators = {
  "JSON schema": z.toJSONSchema(tool),
  'io: "input"': z.toJSONSchema(tool, { io: "input" }),
};
const cases = [{ city: "Oslo" }, { city: "Oslo", unit: "kelvin", why: "asked" }, { city: "Oslo", unit: "kelvin", sure: "Yes" }, { city: "Oslo", unit: "kelvin" }];
for (const value of cases) {
  const says = Object.entries(validators).map(([name, schema]) => `${name} ${new Ajv2020().compile(schema)(value) ? "takes" : "refuses"}`);
  console.log(`${JSON.stringify(value)}: zod ${tool.safeParse(value).success ? "takes" : "refuses"}, ${says.join(", ")}`);
}
JS
output=$(node ask.mjs)
echo "$output"
expected="takes refuses takes|takes refuses takes|takes refuses refuses|takes takes takes"
[ "$(sed 's/.*}: zod \([a-z]*\), JSON schema \([a-z]*\), .* \([a-z]*\)$/\1 \2 \3/' <<< "$output" | paste -sd'|')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
