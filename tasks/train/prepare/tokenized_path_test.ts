import { assertThrows } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { checkTokenizedPath } from "./tokenized_path.ts";

Deno.test("checkTokenizedPath() refuses a folder that holds data", () => {
  const folder = temporaryFolder(),
    check = (path: string | null) =>
      checkTokenizedPath({ tokenized_path: path }, (key) => `t.yaml:3:1 ${key}`);
  check(null);
  check(join(folder, "none"));
  // has_tokenized_data of LLaMA-Factory 0.9.5: a folder that isn't empty
  check(folder);
  Deno.writeTextFileSync(join(folder, "dataset_dict.json"), '{"splits": ["train"]}');
  assertThrows(
    () => check(folder),
    RangeError,
    `t.yaml:3:1 tokenized_path: Cannot use tokenized_path: ${folder} as it holds encoded data already`,
  );
});
