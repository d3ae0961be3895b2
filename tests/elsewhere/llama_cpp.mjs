// Greedy token ids by llama.cpp: `node llama_cpp.mjs FOLDER_OF_NODE_MODULES JSON`, where JSON is a list of {model, adapter, prompt, count}: paths of GGUF
// files (adapter: null for none), ids, how many ids at most. Prints a JSON list of {version, ids, probabilities}: ids up to the end token, and the
// probability of each.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, asked] = process.argv.slice(2);
const entry = createRequire(`${modules}/package.json`).resolve("node-llama-cpp");
const { getLlama } = await import(pathToFileURL(entry).href);
const { version } = JSON.parse(readFileSync(`${modules}/node_modules/node-llama-cpp/package.json`, "utf8"));
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: 1 });
const results = [];
for (const { model: modelPath, adapter, prompt, count } of JSON.parse(asked)) {
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({
    contextSize: 256,
    threads: 1,
    ...(adapter && { lora: adapter }),
  });
  const sequence = context.getSequence(), ids = [], probabilities = [];
  const options = { temperature: 0, yieldEogToken: true };
  const evaluation = sequence.evaluateWithMetadata(prompt, { confidence: true }, options);
  for await (const { token, confidence } of evaluation) {
    ids.push(token);
    probabilities.push(confidence);
    if (ids.length >= count || model.isEogToken(token)) break;
  }
  results.push({ version, ids, probabilities });
  await model.dispose();
}
console.log(JSON.stringify(results));
process.exit(0);
