import { assert, assertEquals } from "@std/assert";
import onnxProto from "onnx-proto";
import { tinyModel } from "../../../../tests/helpers/tiny_model.ts";
import { quantized } from "../../../../formats/packed/mod.ts";
import { type LinearModule, modulesByInput, moduleShape } from "../../decoder/decoder.ts";
import { decoderModel } from "./graph.ts";
import { prepareWeights } from "./prepare.ts";

Deno.test("decoderModel(): behind the last layer's attention only wanted rows go through products, before it all of them", () => {
  const { config, weights } = tinyModel("llama"), folder = Deno.makeTempDirSync();
  try {
    const read = (name: string) => weights[name] ?? weights["model.embed_tokens.weight"]!;
    const packed = (name: string) => {
      const module = name.match(/(self_attn|mlp)\.\w+/)?.[0] as LinearModule | undefined;
      if (!module) return null;
      const made = quantized(read(name), ...moduleShape(config, module), 4);
      // Minima, so that sums of groups stand before a product.
      return { ...made, minima: made.scales.slice() };
    };
    const prepared = prepareWeights(config, { read, packed }, { bits: null, folder, native: false });
    const { graph } = onnxProto.onnx.ModelProto.decode(decoderModel(config, prepared, null));
    const nodes = graph?.node ?? [], givers = new Map(nodes.flatMap((n) => n.output!.map((o) => [o, n])));
    /** True if every way from a product's input back to an attention goes through a choice of `rows`. */
    const chosen = (value: string): boolean => {
      const node = givers.get(value);
      if (!node || node.opType === "GroupQueryAttention") return false;
      if (node.opType === "Gather" && node.input![1] === "rows") return true;
      return node.input!.filter((name) => givers.has(name)).every(chosen);
    };
    for (let layer = 0; layer < config.numLayers; layer++) {
      for (const module of modulesByInput(config).slice(1).flat()) {
        const weight = `layers.${layer}.${module}.codes`;
        const product = nodes.find(({ input }) => input!.includes(weight));
        assert(product, weight);
        assertEquals(chosen(product.input![0]!), layer + 1 === config.numLayers, weight);
      }
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
