/**
 * Test files of whole trainings that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../../tasks/train/added_tokens_test.ts";
import "../../../plugins/kinds/checked/trainer_test.ts";
import "../../../plugins/trainers/local/checkpoints/changed_data_test.ts";
import "../../../plugins/trainers/local/loop/ahead_test.ts";
import "../../../plugins/trainers/local/loop/behaviour_test.ts";
import "../../../plugins/trainers/local/loop/interrupted_evaluation_test.ts";
import "../../../plugins/trainers/local/loop/loop_test.ts";
import "../../../plugins/trainers/local/scoring/reference_model_test.ts";
import "../../../plugins/trainers/local/target/pissa_run_test.ts";
import "../../../tasks/train/data/cache_test.ts";
import "../../../tasks/train/data/load_test.ts";
