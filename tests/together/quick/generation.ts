/**
 * Test files of generation that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../../kernels/engine/generate/blocks/generate_test.ts";
import "../../../kernels/engine/generate/blocks/picks_test.ts";
import "../../../kernels/engine/generate/generator_test.ts";
import "../../../kernels/engine/generate/greedy_goldens_test.ts";
import "../../../kernels/engine/generate/only_merged_test.ts";
import "../../../kernels/engine/generate/program/program_test.ts";
import "../../../kernels/engine/generate/program/program_adapters_test.ts";
import "../../../kernels/engine/generate/program/program_bits_test.ts";
import "../../../plugins/endpoints/local_test.ts";
import "../../../plugins/endpoints/local/open_test.ts";
import "../../../plugins/endpoints/local_thoughts_test.ts";
