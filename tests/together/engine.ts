/**
 * Test files of the engine's parts that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../kernels/engine/backends_test.ts";
import "../../kernels/engine/body/dropout_test.ts";
import "../../kernels/engine/body/noise_test.ts";
import "../../kernels/engine/body/wanted_rows_test.ts";
import "../../kernels/engine/decoder/cuda_operators_test.ts";
import "../../kernels/engine/decoder/dora_test.ts";
import "../../kernels/engine/decoder/rope_scaling_test.ts";
import "../../kernels/engine/forward_all_test.ts";
import "../../kernels/engine/generate/answer/answer_test.ts";
import "../../kernels/engine/generate/answer/logprobs_test.ts";
import "../../kernels/engine/generate/answer/lookup_test.ts";
import "../../kernels/engine/generate/answer/text_test.ts";
import "../../kernels/engine/generate/batch/batch_test.ts";
import "../../kernels/engine/generate/coalesce_test.ts";
import "../../kernels/engine/generate/make_engine_test.ts";
import "../../kernels/engine/generate/program/graph_test.ts";
import "../../kernels/engine/generate/program/product_test.ts";
import "../../kernels/engine/generate/program/store_test.ts";
import "../../kernels/engine/generate/sampling/sampling_test.ts";
import "../../kernels/engine/head/head_test.ts";
import "../../kernels/engine/head/smoothing_test.ts";
import "../../kernels/engine/identity_test.ts";
import "../../kernels/engine/non_finite_test.ts";
import "../../kernels/engine/optimizer/adamw_test.ts";
import "../../kernels/engine/optimizer/clip_test.ts";
import "../../kernels/engine/optimizer/device_optimizer_test.ts";
import "../../kernels/engine/packs/pack_test.ts";
import "../../kernels/engine/packs/padding_test.ts";
import "../../kernels/engine/weights/embedding_change_test.ts";
import "../../kernels/engine/weights/fresh_weights_test.ts";
import "../../kernels/engine/weights/packed_weights_test.ts";
import "../../kernels/engine/weights/parameter_groups_test.ts";
import "../../kernels/engine/worker/remote_test.ts";
import "../../kernels/engine/worker/worker_call_test.ts";
