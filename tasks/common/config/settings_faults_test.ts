import { assertThrows } from "@std/assert";
import { z } from "zod";

import { parseSettings } from "./settings.ts";

Deno.test("parseSettings() says of a missing key where it belongs, what form it has and what it means", () => {
  const model = z.strictObject({ type: z.string(), args: z.record(z.string(), z.unknown()).optional() });
  const schema = z.strictObject({
    generator: model.describe("the model that writes"),
    judges: z.array(model).optional(),
    rows: z.int().describe("rows wanted"),
    out_dir: z.string(),
    mode: z.enum(["a", "b"]),
    either: z.union([model, z.array(model)]),
    seeds: z.strictObject({ path: z.string().describe("a file") }).optional(),
  });
  const whole = {
    generator: { type: "openai" },
    rows: 3,
    out_dir: "x",
    mode: "a",
    either: { type: "x" },
  };
  const refused = (value: unknown, message: string) =>
    assertThrows(
      () =>
        parseSettings(schema, {
          value: value as never,
          placeOf: (...path) => `f.yaml:${path.length}`,
        }, "synth"),
      RangeError,
      message,
    );
  const without = (key: string) => Object.fromEntries(Object.entries(whole).filter(([name]) => name !== key));
  const start = "f.yaml:1: Cannot read synth as";
  refused(
    without("generator"),
    `${start} generator is needed, a map with type (the model that writes): current value is missing`,
  );
  refused(without("rows"), `${start} rows is needed, a number (rows wanted): current value is missing`);
  refused(without("out_dir"), `${start} out_dir is needed, a text: current value is missing`);
  refused(without("mode"), `${start} mode is needed, one of a, b: current value is missing`);
  refused(without("either"), `${start} either is needed, a map with type: current value is missing`);
  refused(
    { ...whole, judges: [{}] },
    "f.yaml:3: Cannot read synth as judges.0.type is needed, a text: current value is missing",
  );
  refused({ ...whole, seeds: {} }, "seeds.path is needed, a text (a file): current value is missing");
  refused(
    { ...whole, rows: "3" },
    'Cannot read rows: a number is needed: current value is "3"; write it without quotes',
  );
});
