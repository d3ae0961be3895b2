/**
 * Options of `deno task bench train`, and which of them go together.
 * @module
 */

/** Options of the bench. */
export interface TrainBenchOptions {
  stage: "iopo" | "dpo" | "sft";
  model: string;
  quads: string;
  steps: number;
  /** Of a step. */
  quadruples: number;
  rounds: number;
  /** Settings to try of each side. */
  checkpointing: readonly ("on" | "off")[];
  /** Command of the Python script, or null. */
  against: string | null;
  dtypes: readonly ("float32" | "bfloat16")[];
  threads: number | null;
  /** Our engine: this project's kernels in float32, or PyTorch's processes in the first of `dtypes`. */
  trainer: "local" | "torch";
  /** Compile blocks with torch.compile; of trainer torch. */
  compile: boolean;
  /** Of our own kernels. */
  backend: "onnx" | "webgpu";
  provider: "cpu" | "cuda" | "webgpu";
  /** Operands of products with a frozen weight; the CPU's provider rounds in float32, to try a device's programs by. */
  operands: "float32" | "bf16" | "fp16";
  /** Place of tensors between programs of ONNX Runtime. */
  tensors: "host" | "device";
  /** Forms of our frozen weights, in turns. */
  weights: readonly ("float32" | "8" | "4")[];
  /** True if a step is shown by kinds of work. */
  profile: boolean;
}

/**
 * Checks what goes together, before anything is measured.
 * @throws {RangeError} If an option isn't one of the chosen trainer or backend
 */
export function checkTrainBench(
  { trainer, backend: name, provider, operands, tensors, profile, compile, weights }: TrainBenchOptions,
): void {
  if ((operands !== "float32" || tensors !== "host") && (trainer === "torch" || name !== "onnx")) {
    throw new RangeError(
      `Cannot use --operands or --tensors with ${
        trainer === "torch" ? "--trainer torch" : `--backend ${name}`
      }: they are of onnx`,
    );
  }
  if (trainer === "torch" && (profile || name !== "onnx" || provider !== "cpu")) {
    throw new RangeError(
      "Cannot use --profile, --backend or --provider with --trainer torch: it has kernels of its own",
    );
  }
  if (compile && trainer !== "torch") {
    throw new RangeError(`Cannot use --compile with --trainer ${trainer}: torch alone has torch.compile`);
  }
  if (weights.some((form) => form !== "float32") && (trainer === "torch" || profile)) {
    throw new RangeError(
      `Cannot use --weights ${weights} with ${
        profile ? "--profile" : "--trainer torch"
      }: float32 alone is measured there`,
    );
  }
  if (profile && name !== "onnx") {
    throw new RangeError(`Cannot use --profile with --backend ${name}: onnx alone tells what operators take`);
  }
}
