import type { Backend, Tensor } from "../../kernels/backend.ts";
import { referenceBackend } from "../../kernels/backends/reference/mod.ts";

/** The reference backend, which tells the outputs of each run of a program; `change` stands in for some of its members. */
export function watchedRuns(
  change: Partial<Backend>,
  watch: (outputs: Readonly<Record<string, Tensor>>) => void,
): Backend {
  const own = referenceBackend();
  return {
    ...own,
    ...change,
    compile: async (graph, name, options) => {
      const program = await own.compile(graph, name, options);
      return {
        ...program,
        run: async (...given) => {
          const outputs = await program.run(...given);
          watch(outputs);
          return outputs;
        },
      };
    },
  };
}
