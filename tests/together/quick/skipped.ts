/**
 * Test files that need another program, a model or a GPU, or are for `deno task test:all`: where these are missing, as mostly, `deno task test`
 * loads them together to say so. `deno task test:all` runs each in its own isolate.
 * @module
 */
import "../../../formats/hf_model/hf_model_test.ts";
import "../../../formats/hf_model/rows_test.ts";
import "../../../kernels/backends/indices_test.ts";
import "../../../kernels/backends/options_test.ts";
import "../../../kernels/backends/webgpu/blocks_test.ts";
import "../../../kernels/backends/webgpu/subgroups_test.ts";
import "../../../kernels/backends/webgpu/webgpu_test.ts";
import "../../../kernels/engine/dispatches_test.ts";
import "../../../kernels/engine/generate/smollm2_test.ts";
import "../../../kernels/engine/half_storage_test.ts";
import "../../../kernels/engine/large_blocks_test.ts";
import "../../../kernels/engine/pack_rows_test.ts";
import "../../../kernels/native/build_test.ts";
import "../../../plugins/benchmarks/cfbench/cfbench_test.ts";
import "../../../plugins/benchmarks/ifeval/ifeval_test.ts";
import "../../../plugins/endpoints/local_smollm2_test.ts";
import "../../../plugins/endpoints/token_estimate_test.ts";
import "../../../plugins/templates/chats_test.ts";
import "../../../plugins/trainers/local/device_loss_test.ts";
import "../../../plugins/trainers/local/smollm2_test.ts";
import "../../../plugins/trainers/local/smollm2_webgpu_test.ts";
import "../../../plugins/trainers/torch/package_test.ts";
import "../../../plugins/trainers/torch/smollm2_torch_test.ts";
import "../../../plugins/trainers/torch/torch_goldens_test.ts";
import "../../../plugins/trainers/torch/ways_test.ts";
import "../../../tasks/train/weight_storage_test.ts";
import "../../../tests/backends_test.ts";
import "../../../tests/chromium_contract_test.ts";
import "../../../tests/elsewhere/llama_cpp_quantize_test.ts";
import "../../../tests/elsewhere/llama_cpp_test.ts";
import "../../../tests/elsewhere/llama_cpp_yarn_test.ts";
import "../../../tests/elsewhere/openai_python_test.ts";
import "../../../tests/elsewhere/transformers_gptq_test.ts";
import "../../../tests/elsewhere/transformers_js_test.ts";
import "../../../tests/elsewhere/transformers_peft_test.ts";
import "../../../tests/help_examples_evaluation_test.ts";
import "../../../tests/help_examples_replication_test.ts";
import "../../../tests/help_examples_talking_test.ts";
import "../../../tests/help_examples_training_test.ts";
import "../../../tests/help_screens_test.ts";
import "../../../tests/hub_adapter_test.ts";
import "../../../tests/torch_both_ways_test.ts";
import "../../../tests/torch_train_test.ts";
