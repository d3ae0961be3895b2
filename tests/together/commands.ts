/**
 * Test files of the other tasks that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../tasks/ask/adaptive_limit_test.ts";
import "../../tasks/ask/pace_test.ts";
import "../../tasks/bench/data_test.ts";
import "../../tasks/bench/kernels_test.ts";
import "../../tasks/bench/shapes_test.ts";
import "../../tasks/bench/train_profile_test.ts";
import "../../tasks/bench/view_test.ts";
import "../../tasks/bench_test.ts";
import "../../tasks/board/curve_log_test.ts";
import "../../tasks/common/config_file_test.ts";
import "../../tasks/common/help_test.ts";
import "../../tasks/common/plugin_code_test.ts";
import "../../tasks/common/table_test.ts";
import "../../tasks/common/vega_svg_test.ts";
import "../../tasks/doctor/cuda_test.ts";
import "../../tasks/doctor/library_message_test.ts";
import "../../tasks/doctor_test.ts";
import "../../tasks/doors/given_test.ts";
import "../../tasks/export/check_test.ts";
import "../../tasks/export/gptq/quantise_test.ts";
import "../../tasks/export_refusals_test.ts";
import "../../tasks/new/benchmark/my_plugin_test.ts";
import "../../tasks/new/dataset/my_plugin_test.ts";
import "../../tasks/new/endpoint/my_plugin_test.ts";
import "../../tasks/new/judge/my_plugin_test.ts";
import "../../tasks/new/loss/my_plugin_test.ts";
import "../../tasks/new/model/my_plugin_test.ts";
import "../../tasks/new/template/my_plugin_test.ts";
import "../../tasks/new/trainer/my_plugin_test.ts";
import "../../tasks/plugins_test.ts";
import "../../tasks/replicate/records_test.ts";
import "../../tasks/synth/parts_test.ts";
