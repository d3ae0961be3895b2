/**
 * Test files of files of the outside world that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../formats/append_test.ts";
import "../../formats/atomic_test.ts";
import "../../formats/directory_lock_test.ts";
import "../../formats/float_pieces_test.ts";
import "../../formats/float_test.ts";
import "../../formats/gguf/config_test.ts";
import "../../formats/gguf/packed_test.ts";
import "../../formats/gguf/writer_test.ts";
import "../../formats/hf_model/gptq_weights_test.ts";
import "../../formats/hf_model/hub_id_test.ts";
import "../../formats/hub/dataset_test.ts";
import "../../formats/hub/stop_test.ts";
import "../../formats/hub/token_test.ts";
import "../../formats/not_the_file_test.ts";
import "../../formats/own_temporary_folder_test.ts";
import "../../formats/packed/quantize_test.ts";
import "../../formats/peft/base_difference_test.ts";
import "../../formats/peft/merge_test.ts";
import "../../formats/peft/peft_test.ts";
import "../../formats/peft/whole_adapter_test.ts";
import "../../formats/provisional_folder_test.ts";
import "../../formats/python_json_test.ts";
import "../../formats/records/ids_test.ts";
import "../../formats/records/row_fault_test.ts";
import "../../formats/safetensors/safetensors_test.ts";
import "../../formats/secrets_test.ts";
import "../../formats/simd/memory_test.ts";
import "../../formats/tokenizer/goldens_test.ts";
import "../../formats/tokenizer/load_test.ts";
import "../../formats/tokenizer/parity_test.ts";
import "../../formats/tokenizer/parts_test.ts";
import "../../formats/utf8_test.ts";
import "../../formats/yaml/other_file_test.ts";
import "../../formats/yaml/yaml_test.ts";
