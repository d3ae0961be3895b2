import { assertEquals, assertThrows } from "@std/assert";
import { openLibrary, OrtSession, OrtTensor } from "./c_api/mod.ts";
import { OnnxModelBuilder } from "./model_builder.ts";

const { library, reason } = openLibrary();

Deno.test({
  name: `OnnxModelBuilder: an output may go on as an input, of nodes before and behind (${reason ?? "here"})`,
  ignore: library === null,
  fn() {
    const g = new OnnxModelBuilder(), x = g.input("x", "f32", ["N"]);
    const twice = g.op("Add", [x, x]), before = g.op("Mul", [twice, x]);
    g.output("twice", twice, "f32", ["N"]);
    g.output("before", before, "f32", ["N"]);
    g.output("behind", g.op("Sub", [twice, before]), "f32", ["N"]);
    assertThrows(() => g.output("again", twice, "f32", ["N"]), RangeError, "it is the output twice already");
    assertThrows(() => g.output("none", "v9", "f32", ["N"]), RangeError, "no node gives it");

    using session = new OrtSession(library!, g.encode("outputs"), { threads: 1 });
    const of = (...values: number[]) => OrtTensor.over(library!, Float32Array.from(values), [2], "f32");
    const given = { x: of(3, 5) }, outputs = { twice: of(0, 0), before: of(0, 0), behind: of(0, 0) };
    session.run(given, outputs);
    assertEquals(Object.values(outputs).map(({ data }) => [...data as Float32Array]), [[6, 10], [18, 50], [
      -12,
      -40,
    ]]);
    for (const tensor of [...Object.values(given), ...Object.values(outputs)]) tensor.dispose();
  },
});
