/**
 * Test files of judges, benchmarks and endpoints that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../plugins/benchmarks/cfbench/python_float_test.ts";
import "../../plugins/benchmarks/mod_test.ts";
import "../../plugins/benchmarks/rows/rows_test.ts";
import "../../plugins/benchmarks/scores_test.ts";
import "../../plugins/benchmarks/trace/chinese_replies_test.ts";
import "../../plugins/benchmarks/trace/made_replies_test.ts";
import "../../plugins/benchmarks/trace/misread_test.ts";
import "../../plugins/benchmarks/trace/reading_test.ts";
import "../../plugins/benchmarks/trace/reading_unscored_test.ts";
import "../../plugins/benchmarks/trace/trace_test.ts";
import "../../plugins/endpoints/loopback_test.ts";
import "../../plugins/endpoints/openai/errors_test.ts";
import "../../plugins/endpoints/openai/fetch_reply_test.ts";
import "../../plugins/endpoints/openai/other_protocol_test.ts";
import "../../plugins/endpoints/openai/reply_test.ts";
import "../../plugins/endpoints/openai/request_test.ts";
import "../../plugins/endpoints/openai/waits_test.ts";
import "../../plugins/endpoints/openai/without_answer_test.ts";
import "../../plugins/endpoints/openai_test.ts";
import "../../plugins/endpoints/recorded_test.ts";
import "../../plugins/endpoints/servers_test.ts";
import "../../plugins/judges/ifeval_rules/checks/checks_test.ts";
import "../../plugins/judges/ifeval_rules/python_random_test.ts";
import "../../plugins/judges/ifeval_rules/python_regexp_test.ts";
import "../../plugins/judges/ifeval_rules/text_models_test.ts";
import "../../plugins/judges/ifeval_rules/verdicts_test.ts";
import "../../plugins/judges/model_judges_test.ts";
import "../../plugins/judges/panel_test.ts";
import "../../plugins/judges/recorded_test.ts";
import "../../plugins/judges/rules_doc_test.ts";
import "../../plugins/judges/rules_test.ts";
