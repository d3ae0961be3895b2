import { TALKING } from "./_help_examples.ts";
import { testHelps } from "./_help_runs.ts";

testHelps(TALKING, ["runs", "default run", "gguf"]);
