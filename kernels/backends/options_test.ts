import { assert, assertEquals } from "@std/assert";

import { differentiate, joined } from "../autodiff.ts";
import { GraphBuilder } from "../graph.ts";
import { linear } from "../ops/products/products.ts";
import { swiglu } from "../ops/activations/swiglu.ts";
import { orExit } from "../testing/aim.ts";
import { testBackends } from "../testing/backends.ts";

/** z = swiglu(x aᵀ, x bᵀ) and, as optional outputs, the gradients of Σ seed ∘ z by a and x. */
function graph() {
  const g = new GraphBuilder();
  const x = g.input("x", ["T", 2]), a = g.input("a", [3, 2]), b = g.input("b", [3, 2]);
  const gate = g.run(linear, { x, w: a }).y!, up = g.run(linear, { x, w: b }).y!;
  return joined(differentiate(g.finish({ z: g.run(swiglu, { gate, up }).y! }), ["z"], ["a", "x"]));
}

const A = [0.5, -1, 2, 0.25, -0.75, 1], B = [1, 0.5, -0.5, 2, 0.25, -1], X = [1, 2, -1, 0.5];
const SEED = [1, -2, 0.5, 3, 1, -1];

/** The same by hand: u = x aᵀ, v = x bᵀ, z = u σ(u) v. */
function byHand() {
  const dot = (r: number, w: number[], o: number) => X[2 * r]! * w[2 * o]! + X[2 * r + 1]! * w[2 * o + 1]!;
  const z: number[] = [], da = new Array(6).fill(0), dx = new Array(4).fill(0);
  for (let r = 0; r < 2; r++) {
    for (let o = 0; o < 3; o++) {
      const u = dot(r, A, o), v = dot(r, B, o), s = 1 / (1 + Math.exp(-u)), seed = SEED[3 * r + o]!;
      z.push(u * s * v);
      const du = seed * v * (s + u * s * (1 - s)), dv = seed * u * s;
      for (let i = 0; i < 2; i++) {
        da[2 * o + i] += du * X[2 * r + i]!;
        dx[2 * r + i] += du * A[2 * o + i]! + dv * B[2 * o + i]!;
      }
    }
  }
  return { z, "d.a": da, "d.x": dx };
}

function assertNear(actual: ArrayLike<number>, expected: readonly number[], what: string) {
  assertEquals(actual.length, expected.length, what);
  expected.forEach((v, i) =>
    assert(Math.abs(actual[i]! - v) < 1e-5, `${what}[${i}] is ${actual[i]}, not ${v}`)
  );
}

for (const { name, ignore, make } of await orExit(() => testBackends())) {
  Deno.test({
    name: `a program with a constant and optional outputs gives what its graph says (${name})`,
    ignore,
    fn: async () => {
      const backend = await make(), expected = byHand();
      const up = (values: number[], shape: number[]) => backend.upload(Float32Array.from(values), shape);
      const constants = { b: up(B, [3, 2]) }, optional = ["d.a", "d.x"];
      const program = await backend.compile(graph(), "optional", { constants, optional });
      const given = { x: up(X, [2, 2]), a: up(A, [3, 2]) };
      for (let round = 0; round < 2; round++) {
        const few = await program.run(given, {}, false);
        assertEquals(Object.keys(few), ["z"]);
        assertNear(await backend.download(few.z!), expected.z, "z alone");
        const all = await program.run({ ...given, "d.z": up(SEED, [2, 3]) });
        assertEquals(Object.keys(all).sort(), ["d.a", "d.x", "z"]);
        for (const key of ["z", "d.a", "d.x"] as const) {
          assertNear(await backend.download(all[key]!), expected[key], key);
        }
      }
      await program.dispose();
      await backend.dispose();
    },
  });

  Deno.test({
    name: `a program refuses to give optional outputs without their inputs (${name})`,
    ignore,
    fn: async () => {
      const backend = await make();
      const constants = { b: backend.zeros([3, 2]) };
      const program = await backend.compile(graph(), "optional", { constants, optional: ["d.a", "d.x"] });
      let message = "";
      await program.run({ x: backend.zeros([2, 2]), a: backend.zeros([3, 2]) }).catch((e) =>
        message = e.message
      );
      assertEquals(message, 'Cannot run program optional: input "d.z" is missing');
      await program.dispose();
      await backend.dispose();
    },
  });
}
