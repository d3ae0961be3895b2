/**
 * IOPO records as the authors of the paper publish them: two human turns x1 and x2; `chosen` is y1, the answer that fits
 * x1, `rejected` is y2, the answer that fits x2 (it is not a bad answer). With several turns a prompt, the first half of the
 * messages is x1 and the second half x2. Zhang et al., "IOPO", arXiv 2411.06208.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import type { Dataset } from "../kinds/dataset.ts";
import { sharegpt } from "./sharegpt.ts";

const dataset: Dataset = { ...sharegpt, shapes: ["iopo"] };

const Options = z.strictObject({});

/** The plugin `iopo`; its fields are in the module's text. */
const iopoPlugin: Plugin<"dataset", typeof Options> = definePlugin({
  kind: "dataset",
  name: "iopo",
  version: "1",
  description: "The IOPO authors' records: two human turns x1 and x2, chosen = y1, rejected = y2",
  options: Options,
  create: () => dataset,
});
export default iopoPlugin;
