/**
 * Test files of the training's configuration, data and outputs that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../tasks/train/config/checks_test.ts";
import "../../tasks/train/config/device_keys_test.ts";
import "../../tasks/train/config/distributed/choose_test.ts";
import "../../tasks/train/config/key_help_test.ts";
import "../../tasks/train/config/key_table_test.ts";
import "../../tasks/train/config/other_names_test.ts";
import "../../tasks/train/config/provenance_test.ts";
import "../../tasks/train/config/read_keys_test.ts";
import "../../tasks/train/data/encode_test.ts";
import "../../tasks/train/data/info_test.ts";
import "../../tasks/train/data/odd_rows_test.ts";
import "../../tasks/train/data/other_tools_test.ts";
import "../../tasks/train/data/report_test.ts";
import "../../tasks/train/data/seqlen_test.ts";
import "../../tasks/train/data/unlearnt_test.ts";
import "../../tasks/train/data/unused_fields_test.ts";
import "../../tasks/train/data/unwritten_test.ts";
import "../../tasks/train/dry_run_test.ts";
import "../../tasks/train/estimate_test.ts";
import "../../tasks/train/network_test.ts";
import "../../tasks/train/next_steps_test.ts";
import "../../tasks/train/outputs/checkpoints_test.ts";
import "../../tasks/train/outputs/directory_test.ts";
import "../../tasks/train/outputs/finish_test.ts";
import "../../tasks/train/outputs/format_test.ts";
import "../../tasks/train/outputs/plots_test.ts";
import "../../tasks/train/outputs/progress_test.ts";
import "../../tasks/train/outputs/reporter_test.ts";
import "../../tasks/train/outputs/resume_test.ts";
import "../../tasks/train/outputs/run_log_test.ts";
import "../../tasks/train/outputs/smooth_test.ts";
import "../../tasks/train/prepare/loss_notes_test.ts";
import "../../tasks/train/prepare/rope_scaling_test.ts";
import "../../tasks/train/start_checks_test.ts";
