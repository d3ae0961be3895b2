/**
 * llama.cpp through node-llama-cpp, measured as we are. It is copied into the folder where that package was installed, and run there.
 * @module
 */
import { measureContinuer } from "./generate_measure.ts";

/** The part of the package that is used. */
interface LlamaCpp {
  getLlama(options: unknown): Promise<{
    loadModel(options: { modelPath: string }): Promise<{
      createContext(options: unknown): Promise<{
        getSequence(): {
          clearHistory(): Promise<void>;
          evaluate(ids: readonly number[], options: unknown): AsyncIterable<number>;
        };
      }>;
    }>;
  }>;
}

const [path = "", threads = "1", given = "{}"] = Deno.args;
const sizes = JSON.parse(given) as Parameters<typeof measureContinuer>[1];
const name = "node-llama-cpp";
const { getLlama } = await import(name) as LlamaCpp;
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath: path });
const open = async (sequences: number) => {
  const context = await model.createContext({ contextSize: 1024, sequences, threads: Number(threads) });
  return Array.from({ length: sequences }, () => context.getSequence());
};
const one = await open(1);
let all: ReturnType<typeof open> | null = null;
const figures = await measureContinuer({
  continue: async (stream, ids, count, onToken) => {
    const sequence = stream !== null ? (await (all ??= open(sizes.streams)))[stream] : one[0];
    if (!sequence) throw new RangeError(`Cannot continue stream ${stream}`);
    await sequence.clearHistory();
    let left = count;
    for await (const token of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
      if (token >= 0) onToken();
      if (--left === 0) break;
    }
  },
}, sizes);
console.log(JSON.stringify(figures));
Deno.exit(0);
