/** Operators of our own beyond what graphs give them: nothing to compute, and numbers at their ends. */
import { assertAlmostEquals, assertEquals } from "@std/assert";

import { floats, integers, OPERATOR_CALLS, operatorTest, runOperator } from "./_operator_calls.ts";

operatorTest(
  "operators of our own take no rows: nothing comes out, and of sums over rows the base or 0",
  () => {
    const none = { ...OPERATOR_CALLS.product!, inputs: [floats(0, 3), floats(3, 4), null], shapes: [[0, 4]] };
    assertEquals(runOperator(none), [new Float32Array()]);
    const turned = OPERATOR_CALLS.turned!, nothing = [floats(0, 2), floats(0, 4)];
    assertEquals(runOperator({ ...turned, inputs: [...nothing, null] }), [new Float32Array(8)]);
    const [base] = [floats(2, 4)];
    assertEquals(runOperator({ ...turned, inputs: [...nothing, base] }), [
      base.data as Float32Array<ArrayBuffer>,
    ]);
    const empty = integers();
    const label = {
      ...OPERATOR_CALLS.labelUnit!,
      inputs: [floats(0, 3), floats(5, 3), empty],
      shapes: [[0], [0, 3]],
    };
    assertEquals(runOperator(label).map(({ length }) => length), [0, 0]);
    assertEquals(runOperator({ op: "Rows", inputs: [floats(5, 3), empty], shapes: [[0, 3]] }), [
      new Float32Array(),
    ]);
    const attention = { ...OPERATOR_CALLS.attention!, shapes: [[0, 4]] };
    assertEquals(
      runOperator({ ...attention, inputs: [floats(0, 4), ...attention.inputs.slice(1)] }),
      [new Float32Array()],
    );
    assertEquals(
      runOperator({ ...OPERATOR_CALLS.swiglu!, inputs: [floats(0, 3), floats(0, 3)], shapes: [[0, 3]] })[0]!
        .length,
      0,
    );
    assertEquals(
      runOperator({ ...OPERATOR_CALLS.norm!, inputs: [floats(0, 4), floats(2)], shapes: [[0, 4]] })[0]!
        .length,
      0,
    );
  },
);

operatorTest("rows of a table are those of its ids, in their order, of any number of columns", () => {
  const ids = [4, 0, 4, 2];
  for (const columns of [1, 3, 7, 8, 9, 16, 21]) {
    const table = floats(5, columns), shapes = [[ids.length, columns]];
    const [rows] = runOperator({ op: "Rows", inputs: [table, integers(...ids)], shapes });
    const expected = ids.flatMap((id) => [...table.data.subarray(id * columns, (id + 1) * columns)]);
    assertEquals([...rows!], expected, `${columns} columns`);
  }
});

operatorTest("a window wider than any row is none, beyond 31 bits too", () => {
  const rows = 37, until = integers(...Array(rows).fill(rows)), at = integers(...Array(rows).keys());
  const of = (window: number) =>
    runOperator({
      op: "Attention",
      inputs: [floats(rows, 4), floats(rows, 2), floats(rows, 2), until, at],
      attrs: { ...OPERATOR_CALLS.attention!.attrs, window },
      shapes: [[rows, 4]],
    });
  for (const window of [rows, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 1, 2 ** 40]) assertEquals(of(window), of(0));
});

operatorTest(
  "log-probabilities of equal logits are minus the logarithm of their number, to float32's last bit",
  () => {
    // Mantissas near √2, where the logarithm's series is longest, and near 1.
    for (const vocab of [1, 2, 3, 181, 1_448, 5_793, 4_096, 4_097]) {
      const zeros = { data: new Float32Array(4), shape: [1, 4] };
      const [logp] = runOperator({
        op: "LabelLogprob",
        inputs: [zeros, floats(vocab, 4), integers(0)],
        attrs: { cap: { float: 0 } },
        shapes: [[1]],
      });
      assertAlmostEquals(logp![0]!, -Math.log(vocab), 2 ** -24 * Math.log(vocab) + 1e-12, `${vocab}`);
    }
  },
);

operatorTest(
  "rows so long that one share's sums are more than memory is taken for have one share all the same",
  () => {
    const columns = 1_400_001, w = { data: new Float32Array(2 * columns), shape: [2, columns] };
    const h = { data: new Float32Array(columns), shape: [1, columns] };
    // Logits 2 and −1; by hand p of the other one is 1 / (1 + e³).
    h.data[columns - 1] = 1;
    w.data.set([2], columns - 1);
    w.data.set([-1], 2 * columns - 1);
    const [logp, dh] = runOperator({
      op: "LabelLogprobUnit",
      inputs: [h, w, integers(0)],
      attrs: { cap: { float: 0 } },
      shapes: [[1], [1, columns]],
    });
    const other = 1 / (1 + Math.exp(3));
    assertAlmostEquals(logp![0]!, Math.log1p(-other), 1e-7);
    assertAlmostEquals(dh![columns - 1]!, 3 * other, 1e-6);
    assertEquals(dh!.subarray(0, columns - 1).every((v) => v === 0), true);
  },
);
