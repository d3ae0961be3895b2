import { DEFAULT_MODEL } from "../../tasks/common/config/default_files.ts";
import type { TrainBenchOptions } from "../../tasks/bench/train/train_options.ts";

/** Settings of `bench train` for tests: one profiled step of two quadruples of the bundled model. */
export const trainBenchSettings = {
  stage: "iopo",
  model: DEFAULT_MODEL,
  quads: "",
  steps: 1,
  quadruples: 2,
  rounds: 1,
  checkpointing: ["off"],
  against: null,
  dtypes: ["float32", "bfloat16"],
  threads: 1,
  trainer: "local",
  compile: false,
  backend: "onnx",
  provider: "cpu",
  operands: "float32",
  tensors: "host",
  weights: ["float32"],
  profile: true,
} as const satisfies TrainBenchOptions;
