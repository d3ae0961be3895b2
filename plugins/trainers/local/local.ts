/**
 * The trainer of this project: trains in this process, on the kernels of this project (train.ts).
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../../kinds/plugin.ts";

const options = z.strictObject({});

/** Trains here, on the backend that the configuration names. */
const local: Plugin<"trainer", typeof options> = definePlugin({
  kind: "trainer",
  name: "local",
  version: "1",
  description: "Trains in this process, on CPU or GPU, without Python.",
  options,
  create: () => ({ train: async (inputs) => await (await import("./train.ts")).trainHere(inputs) }),
});
export default local;
