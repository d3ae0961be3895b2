/**
 * Test files of trainers that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../../plugins/trainers/local/batches/batches_test.ts";
import "../../../plugins/trainers/local/batches/steps_test.ts";
import "../../../plugins/trainers/local/checkpoints/checkpoint_damage_test.ts";
import "../../../plugins/trainers/local/loop/schedules_test.ts";
import "../../../plugins/trainers/local/loop/train_step_test.ts";
import "../../../plugins/trainers/local/phase_clock_test.ts";
import "../../../plugins/trainers/local/scoring/carried_test.ts";
import "../../../plugins/trainers/local/scoring/evaluate_test.ts";
import "../../../plugins/trainers/local/scoring/loss_gradients_test.ts";
import "../../../plugins/trainers/local/target/adapters_test.ts";
import "../../../plugins/trainers/local/target/base_model_test.ts";
import "../../../plugins/trainers/local/target/dora_run_test.ts";
import "../../../plugins/trainers/local/target/pissa_test.ts";
import "../../../plugins/trainers/local/target/whole_run_test.ts";
import "../../../plugins/trainers/schedule_points_test.ts";
import "../../../plugins/trainers/torch/doctor_test.ts";
import "../../../plugins/trainers/torch/failures_test.ts";
import "../../../plugins/trainers/torch/gpus_test.ts";
import "../../../plugins/trainers/torch/memory_test.ts";
import "../../../plugins/trainers/torch/share_test.ts";
