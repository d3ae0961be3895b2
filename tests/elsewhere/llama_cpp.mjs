// Greedy token ids of a GGUF model by llama.cpp: `node llama_cpp.mjs FOLDER_OF_NODE_MODULES MODEL.gguf IDS COUNT [ADAPTER.gguf]`.
// Prints a JSON list, up to the end token. The package is installed by hand into a folder of its own:
// npm install --ignore-scripts node-llama-cpp@3.22.1
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, modelPath, ids, count, adapter] = process.argv.slice(2);
const entry = createRequire(`${modules}/package.json`).resolve("node-llama-cpp");
const { getLlama } = await import(pathToFileURL(entry).href);
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({ contextSize: 512, ...(adapter && { lora: adapter }) });
const sequence = context.getSequence();
const found = [];
for await (const id of sequence.evaluate(JSON.parse(ids), { temperature: 0 })) {
  found.push(id);
  if (found.length >= Number(count)) break;
}
console.log(JSON.stringify(found));
process.exit(0);
