/**
 * Test files of kernels, graphs and backends that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../kernels/backends/onnx/c_api/library_test.ts";
import "../../kernels/backends/onnx/head_memory_test.ts";
import "../../kernels/backends/onnx/in_place_test.ts";
import "../../kernels/backends/onnx/memory_test.ts";
import "../../kernels/backends/onnx/model_builder_test.ts";
import "../../kernels/backends/onnx/own_operators_test.ts";
import "../../kernels/backends/onnx/profile_test.ts";
import "../../kernels/backends/onnx/subnormals_test.ts";
import "../../kernels/backends/onnx/telemetry_test.ts";
import "../../kernels/backends/onnx/ways_test.ts";
import "../../kernels/backends/webgpu/device/device_test.ts";
import "../../kernels/backends/webgpu/device/half_test.ts";
import "../../kernels/backends/webgpu/device/half_numbers_test.ts";
import "../../kernels/backends/webgpu/device/kept_test.ts";
import "../../kernels/backends/webgpu/tensors/load_test.ts";
import "../../kernels/backends/webgpu/programs/model_plans_test.ts";
import "../../kernels/backends/webgpu/device/timer_test.ts";
import "../../kernels/bench_time_test.ts";
import "../../kernels/cost_test.ts";
import "../../kernels/fuse_lora_test.ts";
import "../../kernels/fuse_test.ts";
import "../../kernels/native/library_test.ts";
import "../../kernels/native/operators_test.ts";
import "../../kernels/native/packed_product_test.ts";
import "../../kernels/native/sizes_of_operators_test.ts";
import "../../kernels/ops/layout/split_columns_test.ts";
import "../../kernels/ops/wgsl/workgroups_test.ts";
import "../../kernels/random/counter_test.ts";
import "../../kernels/random/mt19937_test.ts";
import "../../kernels/random/numpy_test.ts";
import "../../kernels/shapes_bench_test.ts";
import "../../kernels/tape_test.ts";
import "../../kernels/testing/aim_test.ts";
import "../../kernels/threads_test.ts";
