/**
 * The examples of every `--help`, and what it takes to run each: files that their names stand for, numbers that are smaller here,
 * arguments behind them. What isn't run as it is written says why.
 */

/** Smaller or other words in place of an example's, and what is added behind it. */
export interface Way {
  /** Texts of the example and what stands in their place. */
  readonly instead?: Readonly<Record<string, string>>;
  /** Arguments behind it. */
  readonly more?: string;
  /** Why it isn't run as it is written; needed with `instead` and `more`. */
  readonly why?: string;
  /** The exit code, where it isn't 0. */
  readonly code?: number;
  /** Part of what it prints. */
  readonly says: string;
  /** Runs until it is ended; its first line is an address. */
  readonly listens?: true;
}

const SMALL = "two steps in place of a minute";
const FEW = "some items in place of all";
const PORT = { more: "--port 0", why: "tests take random ports" };

/** Tasks whose examples are run by one test file, and those examples in the order in which they are run: later ones find what earlier ones wrote. */
export interface HelpGroup {
  readonly helps: readonly string[];
  readonly examples: Readonly<Record<string, Way>>;
}

/** Of help_examples_training_test.ts. */
export const TRAINING: HelpGroup = {
  helps: ["train", "sweep", "compare"],
  examples: {
    "train": {
      more: "max_steps=2 max_samples=16 val_size=0 eval_strategy=no",
      why: SMALL,
      says: "saves/default_iopo",
    },
    "train my.yaml learning_rate=5e-6": { says: "saves/my" },
    "train my.yaml --dry-run": { says: "learning_rate:" },
    "sweep my.yaml learning_rate=1e-4,5e-5 lora_rank=4,8": {
      instead: { "4,8": "4" },
      why: "two cells in place of four",
      says: "learning_rate",
    },
    "sweep my.yaml lora_rank=4,8 --seeds 0,1 --eval eval.yaml": {
      instead: { "0,1": "0" },
      more: "--out saves/scored",
      why: "two cells in place of four, beside the sweep above, which has others",
      says: "lora_rank",
    },
    "sweep my.yaml 'lora_target=[q_proj,v_proj],all' --dry-run": { says: "q_proj" },
    "compare saves/lr-1e-4 saves/lr-5e-5": { says: "lr-1e-4" },
    "compare saves/sweep/*/ --out comparison/": { says: "comparison" },
    "compare saves/a saves/b --out table.tex --json": { says: "{" },
  },
};

/** Of help_examples_replication_test.ts. */
export const REPLICATION: HelpGroup = {
  helps: ["replicate"],
  examples: {
    "replicate": {
      more:
        "steps=1 quads=2 'seeds=[0]' test_items=4 validation_items=4 train_items=60 max_tokens=8 resamples=100 " +
        "'learning_rates={sft: [0.001], preference: [0.001]}'",
      why: "one step in place of some minutes",
      says: "saves/replicate/tiny",
    },
    "replicate smollm2 --dry-run": { more: "model=MODEL", why: "the model is on the hub", says: "steps" },
    "replicate smollm2 'seeds=[0, 1, 2]' steps=40 out_dir=saves/long": {
      more: "model=MODEL --dry-run",
      why: "hours, on a model of the hub",
      says: "saves/long",
    },
    "replicate saves/replicate/tiny/run.yaml": { says: "saves/replicate/tiny" },
  },
};

/** Of help_examples_evaluation_test.ts. */
export const EVALUATION: HelpGroup = {
  helps: ["eval", "eval compare", "eval card", "synth", "board", "bench"],
  examples: {
    "eval": { more: "max_samples=2", why: FEW, says: "followed" },
    "eval eval.yaml --dry-run --ping": { says: "requests" },
    "eval eval.yaml model.args.name=m2 out_dir=saves/m2 threshold=0.7": { says: "Threshold reached" },
    "eval saves/m2/run.yaml --rejudge": { says: "Threshold reached" },
    "eval compare saves/m1 saves/m2 --out tables --fail-if-worse=followed": { says: "followed" },
    "eval card saves/m1": { says: "judge" },
    "eval card saves/m1 reference=rules": { says: "rules" },
    "eval card saves/m1 reference=people.jsonl scale=5": { says: "people.jsonl" },
    "eval card saves/m1 reorder=50": { says: "reverse" },
    "synth": { more: "rows=4", why: FEW, says: "saves/synth/default" },
    "synth examples/synth/trace.yaml --dry-run": { says: "wanted" },
    "synth examples/synth/trace.yaml rows=1000 budget.money=5": {
      more:
        "--dry-run generator.args.prices.input=1 generator.args.prices.output=1 judge.args.prices.input=1 judge.args.prices.output=1",
      why: "the file names a server that isn't here; money needs its prices",
      says: "wanted",
    },
    "synth synth.yaml verify=rules 'views=[iopo]' 'counts={1: 1, 2: 2}'": { says: "saves/synth/rules" },
    "synth saves/synth/rules/run.yaml": { says: "saves/synth/rules" },
    "board": { ...PORT, says: "http://127.0.0.1:", listens: true },
    "board saves/lora saves/eval": { ...PORT, says: "http://127.0.0.1:", listens: true },
    "board --control": { ...PORT, says: "http://127.0.0.1:", listens: true },
    "board --port 0": { says: "http://127.0.0.1:", listens: true },
    "bench train --model PATH --stage iopo --steps 3": {
      more: "--quads quads.json --quadruples 1",
      why: "the bundled ids are SmolLM2's",
      says: "GFLOP/s",
    },
    "bench data --tokenizer DIR": { more: "--rows 20 --template chatml", why: FEW, says: "rows" },
    "bench kernels --backend onnx": {
      more: "--rows 8 --kernels rms_norm,linear",
      why: "two kernels of some rows in place of all",
      says: "rms_norm",
    },
    "bench generate --model MODEL.gguf --against llama.cpp": {
      instead: { " --against llama.cpp": "" },
      more: "--steps 4 --prompt 16 --streams 2",
      why: "llama.cpp is installed from the network",
      says: "tokens",
    },
    "bench eval --items 10000,100000 --latency 5": {
      instead: { "10000,100000": "20,40" },
      why: FEW,
      says: "items",
    },
    "bench serve --clients 32 --seconds 120": {
      instead: { "32": "2", "120": "2" },
      why: "two seconds in place of two minutes",
      says: "tokens",
    },
    "bench board --runs 50 --steps 10000": {
      instead: { "50": "2", "10000": "50" },
      more: "--items 50 --seconds 1",
      why: "seconds in place of minutes",
      says: "runs",
    },
  },
};

/** Of help_examples_talking_test.ts. */
export const TALKING: HelpGroup = {
  helps: ["serve", "chat", "export", "doctor", "preview", "new", "plugins"],
  examples: {
    "serve": { ...PORT, says: "http://127.0.0.1:", listens: true },
    "serve saves/base --adapter tuned=saves/lora": { ...PORT, says: "http://127.0.0.1:", listens: true },
    "serve smollm2.gguf --port 0 --keys keys.txt": { says: "http://127.0.0.1:", listens: true },
    "chat saves/base --adapter saves/lora": { says: "lora answers" },
    "chat saves/base --adapter saves/lora --base": { says: "base and lora answer" },
    "chat saves/base --adapter a --adapter b": { says: "a and b answer" },
    'echo "Name a colour." | deno task chat smollm2.gguf --temperature 0': { says: "smollm2 answers" },
    "export examples/export/merge.yaml --dry-run": { says: "of disk" },
    "export examples/export/gptq.yaml": {
      more: "export_quantization_nsamples=4 export_dir=saves/gptq",
      why: "4 rows in place of 64",
      says: "saves/gptq",
    },
    "export merge.yaml export_format=gguf export_dtype=q8_0": { says: "Wrote " },
    "doctor": { says: "onnx" },
    "doctor --json": { says: "{" },
    "preview": { says: "x1" },
    "preview my.yaml --limit 5": { says: "x1" },
    "preview my.yaml cutoff_len=512": { says: "x1" },
    "preview my.yaml --json": { says: "{" },
    "new loss margin": { says: "margin" },
    "new benchmark ../mine/sums": { says: "mine/sums" },
    "new model mine/my_family": { says: "mine/my_family" },
    "plugins": { says: "iopo" },
    "plugins loss": { says: "iopo" },
    "plugins train.yaml judge": { says: "rules" },
  },
};

/** Lines of help that no process of a task runs. */
export const OTHERS: Readonly<Record<string, string>> = {
  "curl http://127.0.0.1:8080/v1/models": "asked of every server that listens, at its own port",
};
