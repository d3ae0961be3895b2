/**
 * Test files of the engine against other programs and itself that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../../kernels/backends/onnx/half_test.ts";
import "../../../kernels/engine/engine_test.ts";
import "../../../kernels/engine/packs/exactness_test.ts";
import "../../../kernels/engine/packs/random_packs_test.ts";
import "../../../tests/from_scratch_run_test.ts";
import "../../../tests/llamafactory_rope_test.ts";
import "../../../tests/llamafactory_runs_test.ts";
