/**
 * Test files of the evaluation that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../tasks/eval/asking/provenance_test.ts";
import "../../tasks/eval/commands_test.ts";
import "../../tasks/eval/config/config_test.ts";
import "../../tasks/eval/faults_test.ts";
import "../../tasks/eval/judge_card/judged_answers_test.ts";
import "../../tasks/eval/judge_card/labels_test.ts";
import "../../tasks/eval/judge_forms_test.ts";
import "../../tasks/eval/plan/plan_test.ts";
import "../../tasks/eval/plugin_fault_test.ts";
import "../../tasks/eval/report/browser_data_test.ts";
import "../../tasks/eval/report/github_test.ts";
import "../../tasks/eval/report/item_writer_test.ts";
import "../../tasks/eval/report/junit_test.ts";
import "../../tasks/eval/results/reason_counts_test.ts";
import "../../tasks/eval/results/thresholds_test.ts";
import "../../tasks/eval/statistics/alpha_test.ts";
import "../../tasks/eval/statistics/bootstrap_test.ts";
import "../../tasks/eval/statistics/crossed_test.ts";
import "../../tasks/eval/statistics/golden_test.ts";
import "../../tasks/eval/statistics/kappa_test.ts";
import "../../tasks/eval/statistics/mcnemar_test.ts";
import "../../tasks/eval/statistics/measured_test.ts";
import "../../tasks/eval/statistics/paired_test.ts";
import "../../tasks/eval/statistics/quantile_test.ts";
import "../../tasks/eval/statistics/random_words_test.ts";
import "../../tasks/eval/statistics/ratio_test.ts";
import "../../tasks/eval/statistics/spearman_test.ts";
import "../../tasks/eval/statistics/spread_test.ts";
import "../../tasks/eval/statistics/wilson_test.ts";
import "../../tasks/eval/statistics/without_rounding_test.ts";
