/**
 * Test files of the project's rules, docs and fixtures that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../docs/llamafactory_examples_test.ts";
import "../../docs/make_config_test.ts";
import "../../docs/make_performance_test.ts";
import "../../fixtures/constraints/make_data_test.ts";
import "../../fixtures/replicate/make_test.ts";
import "../../tests/assertions_test.ts";
import "../../tests/docs_figures_test.ts";
import "../../tests/exported_names_test.ts";
import "../../tests/helpers/relative_distance_test.ts";
import "../../tests/helpers/until_test.ts";
import "../../tests/imports_test.ts";
import "../../tests/links_test.ts";
import "../../tests/shared_state_test.ts";
import "../../tests/together_test.ts";
import "../../tests/waits_test.ts";
