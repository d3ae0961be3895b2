// What llama.cpp takes each next token for: `node llama_cpp_probabilities.mjs FOLDER_OF_NODE_MODULES JSON`, where JSON is a list of {model, ids}: the path of a GGUF
// file, and ids. Prints a JSON list of lists, for each id the probabilities of all tokens behind it, by their ids.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, asked] = process.argv.slice(2);
const entry = createRequire(`${modules}/package.json`).resolve("node-llama-cpp");
const { getLlama } = await import(pathToFileURL(entry).href);
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: 1 });
const results = [];
for (const { model: modelPath, ids } of JSON.parse(asked)) {
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize: 256, threads: 1 });
  const generateNext = { probabilities: true, options: { temperature: 0 } };
  const found = await context.getSequence().controlledEvaluate(ids.map((id) => [id, { generateNext }]));
  results.push(found.map(({ next: { probabilities } }) => {
    const row = [];
    for (const [id, probability] of probabilities) row[id] = probability;
    return row;
  }));
  await model.dispose();
}
// a pipe takes 64 KiB at once, and the rest is lost where the process ends at once
process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit(0));
