import { assertEquals } from "@std/assert";
import { PythonRandom } from "./python_random.ts";

Deno.test("PythonRandom gives Python's uniform, Gaussian and whole numbers", () => {
  // CPython 3.11 after random.seed(123456789): random(), random(), gauss(0, 1) twice, randbelow of 55 and of 1000
  const random = new PythonRandom(123456789);
  assertEquals([random.random(), random.random()], [0.6414006161858726, 0.5421892680969495]);
  assertEquals([random.gauss(), random.gauss()], [1.923388226246675, -0.08252994979215762]);
  assertEquals([random.below(55), random.below(1000)], [51, 616]);
});
