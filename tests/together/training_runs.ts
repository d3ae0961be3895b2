/**
 * Test files of whole trainings that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../plugins/kinds/checked/trainer_test.ts";
import "../../plugins/trainers/local/ahead_test.ts";
import "../../plugins/trainers/local/behaviour_test.ts";
import "../../plugins/trainers/local/changed_data_test.ts";
import "../../plugins/trainers/local/interrupted_evaluation_test.ts";
import "../../plugins/trainers/local/loop_test.ts";
import "../../plugins/trainers/local/pissa_run_test.ts";
import "../../plugins/trainers/local/reference_model_test.ts";
import "../../tasks/train/data/cache_test.ts";
import "../../tasks/train/data/load_test.ts";
