/**
 * Test files of whole evaluations that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../../tasks/ask/asker_test.ts";
import "../../../tasks/ask/budgets_test.ts";
import "../../../tasks/ask/for_each_wide_test.ts";
import "../../../tasks/ask/silence_test.ts";
import "../../../tasks/eval/budgets_test.ts";
import "../../../tasks/eval/compare/flipped_test.ts";
import "../../../tasks/eval/golden_scores_test.ts";
import "../../../tasks/eval/judge_card/judge_card_test.ts";
import "../../../tasks/eval/judging_test.ts";
import "../../../tasks/eval/misbehaving_servers_test.ts";
import "../../../tasks/eval/recorded_run_test.ts";
import "../../../tasks/eval/report/comparison_test.ts";
import "../../../tasks/eval/reproducible_test.ts";
import "../../../tasks/eval/rerun_test.ts";
import "../../../tasks/eval/run_faults_test.ts";
import "../../../tasks/eval/run_test.ts";
import "../../../tasks/eval/unreported_test.ts";
import "../../../tasks/eval_card_test.ts";
import "../../../tasks/replicate/run_test.ts";
