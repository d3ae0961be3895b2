/**
 * Test files of the engine's parts that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../kernels/engine/adamw_test.ts";
import "../../kernels/engine/backends_test.ts";
import "../../kernels/engine/clip_test.ts";
import "../../kernels/engine/cuda_operators_test.ts";
import "../../kernels/engine/device_optimizer_test.ts";
import "../../kernels/engine/dora_test.ts";
import "../../kernels/engine/dropout_test.ts";
import "../../kernels/engine/forward_all_test.ts";
import "../../kernels/engine/fresh_weights_test.ts";
import "../../kernels/engine/generate/answer_test.ts";
import "../../kernels/engine/generate/batch_test.ts";
import "../../kernels/engine/generate/coalesce_test.ts";
import "../../kernels/engine/generate/logprobs_test.ts";
import "../../kernels/engine/generate/lookup_test.ts";
import "../../kernels/engine/generate/make_engine_test.ts";
import "../../kernels/engine/generate/program/graph_test.ts";
import "../../kernels/engine/generate/program/product_test.ts";
import "../../kernels/engine/generate/program/store_test.ts";
import "../../kernels/engine/generate/sampling_test.ts";
import "../../kernels/engine/generate/text_test.ts";
import "../../kernels/engine/head_test.ts";
import "../../kernels/engine/identity_test.ts";
import "../../kernels/engine/noise_test.ts";
import "../../kernels/engine/non_finite_test.ts";
import "../../kernels/engine/pack_test.ts";
import "../../kernels/engine/packed_weights_test.ts";
import "../../kernels/engine/padding_test.ts";
import "../../kernels/engine/remote_test.ts";
import "../../kernels/engine/rope_scaling_test.ts";
import "../../kernels/engine/smoothing_test.ts";
import "../../kernels/engine/wanted_rows_test.ts";
import "../../kernels/engine/worker_call_test.ts";
