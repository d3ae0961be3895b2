import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";

import { dropoutMask, fillNormal, fillUniform, kaimingUniformA, philox, stream, uniform } from "./counter.ts";

Deno.test("philox() equals Random123's known answers (kat_vectors, philox4x32 10)", () => {
  const ones = 0xffffffff;
  assertEquals(philox([0, 0, 0, 0], [0, 0]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  assertEquals(philox([ones, ones, ones, ones], [ones, ones]), [
    0x408f276d,
    0x41c83b0e,
    0xa20bc7c6,
    0x6d5451fd,
  ]);
  assertEquals(
    philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  );
});

/** The paper's definition in whole 64-bit products. */
function philoxByBigInt(counter: readonly number[], key: readonly number[]): number[] {
  const mask = 0xffffffffn;
  let [x0, x1, x2, x3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map(BigInt) as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const p0 = x0 * 0xd2511f53n, p2 = x2 * 0xcd9e8d57n;
    [x0, x1, x2, x3] = [(p2 >> 32n) ^ x1 ^ k0, p2 & mask, (p0 >> 32n) ^ x3 ^ k1, p0 & mask];
    [k0, k1] = [(k0 + 0x9e3779b9n) & mask, (k1 + 0xbb67ae85n) & mask];
  }
  return [x0, x1, x2, x3].map(Number);
}

Deno.test("philox() equals the definition in 64-bit products for 2,000 counters and keys", () => {
  let words = [1, 2, 3, 4];
  for (let i = 0; i < 2000; i++) {
    const counter = words as [number, number, number, number];
    const key: [number, number] = [words[1]! ^ 0x55555555, words[2]!].map((w) => w >>> 0) as [number, number];
    const expected = philoxByBigInt(counter, key);
    assertEquals(philox(counter, key), expected as typeof counter);
    words = expected;
  }
});

Deno.test("uniform() is the 53-bit number of its own counter, step, stream and seed", () => {
  const of = stream("a");
  const [high, low] = philoxByBigInt([7, 3, of[0], of[1]], [5, 2]) as [number, number];
  assertEquals(
    uniform(5 + 2 * 2 ** 32, of, 7, 3),
    (Math.floor(high / 32) * 2 ** 26 + Math.floor(low / 64)) / 2 ** 53,
  );
  const others = [
    uniform(6, of, 7, 3),
    uniform(5, stream("b"), 7, 3),
    uniform(5, of, 8, 3),
    uniform(5, of, 7, 4),
  ];
  assertEquals(new Set([uniform(5, of, 7, 3), ...others]).size, 5);
  for (const seed of [-1, 0.5, 2 ** 53, NaN]) {
    assertThrows(() => uniform(seed, of, 0), RangeError, "whole seed");
  }
});

Deno.test("filled numbers depend on their index alone, not on the length or the chunks", () => {
  const of = stream("weights");
  const long = new Float32Array(20_001), short = new Float32Array(5_003), one = new Float32Array(1);
  for (
    const fill of [
      (out: Float32Array) => fillUniform(out, [-1, 1], { seed: 42, of }),
      (out: Float32Array) => fillNormal(out, { mean: 0, deviation: 1 }, { seed: 42, of }),
      (out: Float32Array) => dropoutMask(out, 0.3, { seed: 42, of, step: 9 }),
    ]
  ) {
    [long, short, one].forEach(fill);
    assertEquals(long.slice(0, short.length), short);
    assertEquals(long[0], one[0]);
    assert(long.slice(-4).every((x) => Number.isFinite(x)) && new Set(long).size > 1);
  }
  fillUniform(long, [0, 1], { seed: 42, of });
  for (const i of [0, 1, 2, 3, 4095, 4096, 4097, 20_000]) {
    const word = philoxByBigInt([Math.floor(i / 4), 0, of[0], of[1]], [42, 0])[i % 4]!;
    assertEquals(long[i], Math.fround((Math.floor(word / 256) + 0.5) / 2 ** 24), `index ${i}`);
  }
});

const N = 1_000_000;

Deno.test("fillUniform(): moments, bounds and Kolmogorov-Smirnov distance of a million numbers", () => {
  const x = new Float32Array(N);
  fillUniform(x, [-2, 6], { seed: 1, of: stream("statistics") });
  const mean = x.reduce((s, v) => s + v, 0) / N;
  const variance = x.reduce((s, v) => s + (v - mean) ** 2, 0) / N;
  // Standard errors: 8/√12/√N = 0.0023 for the mean; the variance is 64/12 with about 0.0048. Four of each.
  assert(Math.abs(mean - 2) < 0.0093, `mean ${mean}`);
  assert(Math.abs(variance - 64 / 12) < 0.0192, `variance ${variance}`);
  assert(x.every((v) => v >= -2 && v <= 6));
  const sorted = x.toSorted();
  const distance = sorted.reduce((d, v, i) => Math.max(d, Math.abs((v + 2) / 8 - (i + 0.5) / N)), 0);
  assert(distance < 1.95 / Math.sqrt(N), `Kolmogorov-Smirnov distance ${distance}`); // p = 0.001
});

Deno.test("numbers of neighbouring indices, steps, streams and seeds are uncorrelated", () => {
  const draw = (seed: number, name: string, step: number) => {
    const out = new Float32Array(N);
    fillUniform(out, [-Math.sqrt(3), Math.sqrt(3)], { seed, of: stream(name), step }); // variance 1
    return out;
  };
  const x = draw(1, "layer.0", 0);
  const correlation = (y: Float32Array, lag = 0) => {
    let sum = 0;
    for (let i = 0; i + lag < N; i++) sum += x[i]! * y[i + lag]!;
    return sum / N;
  };
  const limit = 4 / Math.sqrt(N);
  for (const lag of [1, 2, 3, 4, 5, 4096]) assert(Math.abs(correlation(x, lag)) < limit, `lag ${lag}`);
  assert(Math.abs(correlation(draw(1, "layer.0", 1))) < limit, "steps");
  assert(Math.abs(correlation(draw(1, "layer.1", 0))) < limit, "streams");
  assert(Math.abs(correlation(draw(2, "layer.0", 0))) < limit, "seeds");
  assert(Math.abs(correlation(x) - 1) < 0.01);
});

Deno.test("fillNormal(): moments up to the fourth and the share beyond 1.96", () => {
  const x = new Float32Array(N);
  fillNormal(x, { mean: 3, deviation: 0.5 }, { seed: 7, of: stream("normal") });
  const z = x.map((v) => (v - 3) / 0.5);
  const moment = (k: number) => z.reduce((s, v) => s + v ** k, 0) / N;
  // Standard errors: √1, √2, √15, √96 over √N; four of each.
  assert(Math.abs(moment(1)) < 0.004, `mean ${moment(1)}`);
  assert(Math.abs(moment(2) - 1) < 0.0057, `variance ${moment(2)}`);
  assert(Math.abs(moment(3)) < 0.0155, `third ${moment(3)}`);
  assert(Math.abs(moment(4) - 3) < 0.0392, `fourth ${moment(4)}`);
  const beyond = z.filter((v) => Math.abs(v) > 1.959964).length / N;
  assert(Math.abs(beyond - 0.05) < 0.00088, `beyond ${beyond}`);
  const of = stream("normal");
  const [u, v] = philoxByBigInt([1, 0, of[0], of[1]], [7, 0]).map((w) => (w + 0.5) / 2 ** 32) as [
    number,
    number,
  ];
  assertEquals(x[4], Math.fround(3 + 0.5 * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v)));
});

Deno.test("dropoutMask(): values, share of zeros, another mask each step, none at rate 0", () => {
  const mask = new Float32Array(N), next = new Float32Array(N);
  const place = { seed: 3, of: stream("dropout/q_proj") };
  for (const rate of [0.05, 0.1, 0.5, 0.9]) {
    dropoutMask(mask, rate, { ...place, step: 10 });
    dropoutMask(next, rate, { ...place, step: 11 });
    assertEquals(new Set(mask), new Set([0, Math.fround(1 / (1 - rate))]));
    const zeros = mask.filter((v) => v === 0).length / N;
    const error = Math.sqrt(rate * (1 - rate) / N);
    assert(Math.abs(zeros - rate) < 4 * error, `rate ${rate}: ${zeros}`);
    const both = mask.filter((v, i) => v === 0 && next[i] === 0).length / N;
    assert(Math.abs(both - rate * rate) < 4 * rate / Math.sqrt(N), `steps at rate ${rate}: ${both}`);
  }
  dropoutMask(mask, 0, { ...place, step: 10 });
  assert(mask.every((v) => v === 1));
  for (const rate of [1, -0.1, NaN]) {
    assertThrows(() => dropoutMask(mask, rate, place), RangeError, "rate in [0, 1)");
  }
});

Deno.test("kaimingUniformA(): U(±1/√fan_in) of PEFT, by name", () => {
  const a = new Float32Array(N), again = new Float32Array(N), other = new Float32Array(N);
  kaimingUniformA(a, 576, 42, "layers.0.q_proj");
  kaimingUniformA(again, 576, 42, "layers.0.q_proj");
  kaimingUniformA(other, 576, 42, "layers.1.q_proj");
  assertEquals(a, again);
  assertNotEquals(a, other);
  // Kaiming with a = √5: bound = √(6 / (1 + 5) / fan_in) = 1/24 here; standard deviation bound / √3.
  const largest = a.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  assert(largest <= 1 / 24 + 1e-9 && largest > 0.9999 / 24);
  const deviation = Math.sqrt(a.reduce((s, v) => s + v * v, 0) / N);
  assert(Math.abs(deviation * 24 * Math.sqrt(3) - 1) < 0.002, `deviation ${deviation}`);
  assertThrows(() => kaimingUniformA(a, 0, 42, "w"), RangeError, "fan-in");
});

Deno.test("stream() is the first 64 bits of the name's SHA-256", () => {
  // sha256("abc") = ba7816bf 8f01cfea … (FIPS 180-2), read as little-endian words.
  assertEquals(stream("abc"), [0xbf1678ba, 0xeacf018f]);
});
