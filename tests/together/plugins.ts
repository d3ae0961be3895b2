/**
 * Test files of the other plugins and the registry that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../plugins/datasets/any_record_test.ts";
import "../../plugins/datasets/datasets_test.ts";
import "../../plugins/datasets/exact_rows_test.ts";
import "../../plugins/datasets/openai_rows_test.ts";
import "../../plugins/datasets/silent_losses_test.ts";
import "../../plugins/datasets/trl_test.ts";
import "../../plugins/kinds/checked/checked_test.ts";
import "../../plugins/kinds/checked/evaluation_test.ts";
import "../../plugins/kinds/checked/fields_only_test.ts";
import "../../plugins/kinds/checked/loss_inputs_test.ts";
import "../../plugins/kinds/checked/training_test.ts";
import "../../plugins/kinds/decoder_of_test.ts";
import "../../plugins/kinds/tokenizer/end_token_test.ts";
import "../../plugins/kinds/thoughts/thought_stream_test.ts";
import "../../plugins/kinds/thoughts/thoughts_test.ts";
import "../../plugins/losses/check_test.ts";
import "../../plugins/losses/bco_test.ts";
import "../../plugins/losses/kto_test.ts";
import "../../plugins/losses/losses_test.ts";
import "../../plugins/losses/typed_names_test.ts";
import "../../plugins/models/families_test.ts";
import "../../plugins/models/vision_language_test.ts";
import "../../plugins/registry_test.ts";
import "../../plugins/templates/auto_test.ts";
import "../../plugins/templates/goldens_test.ts";
import "../../plugins/templates/spec_fault_test.ts";
import "../../plugins/templates/templates_test.ts";
import "../../plugins/templates/trained_test.ts";
