/**
 * Test files of trainers that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../plugins/trainers/local/adapters_test.ts";
import "../../plugins/trainers/local/dora_run_test.ts";
import "../../plugins/trainers/local/base_model_test.ts";
import "../../plugins/trainers/local/checkpoint_damage_test.ts";
import "../../plugins/trainers/local/evaluate_test.ts";
import "../../plugins/trainers/local/phase_clock_test.ts";
import "../../plugins/trainers/local/pissa_test.ts";
import "../../plugins/trainers/local/schedules_test.ts";
import "../../plugins/trainers/local/batches_test.ts";
import "../../plugins/trainers/local/steps_test.ts";
import "../../plugins/trainers/local/train_step_test.ts";
import "../../plugins/trainers/schedule_points_test.ts";
import "../../plugins/trainers/torch/doctor_test.ts";
import "../../plugins/trainers/torch/failures_test.ts";
import "../../plugins/trainers/torch/gpus_test.ts";
import "../../plugins/trainers/torch/memory_test.ts";
import "../../plugins/trainers/torch/share_test.ts";
