/**
 * Vector code of the searches for groups' scales (search.ts), of four groups at once: a place of a vector is a group, so that each one's sums of
 * float32 numbers keep their order.
 * @module
 */
import {
  bits128,
  int32,
  singles4,
  type WasmCode,
  WasmFunction,
  type WasmLocal,
} from "../../simd/assemble.ts";

/** Values of a group at most. */
export const MOST_VALUES = 32;

/** Vectors of a list by value: addresses of values, weights, products with them, codes; then what is found, and numerators of the trials. */
const LIST = 16 * MOST_VALUES, X = 0, WEIGHTS = LIST, PRODUCTS = 2 * LIST;
export const CODES: number = 3 * LIST, FOUND: number = 4 * LIST, NUMERATORS: number = 5 * LIST;

const { above, add, divide, larger, largest, multiply, notBelow, smaller, smallest, subtract } = singles4;
const vectors = (list: number, i: number) => bits128.load(int32.of(list + 16 * i));
const store = (list: number, i: number, value: WasmCode) => bits128.store(int32.of(list + 16 * i), value);
const addTo = (sum: WasmLocal, value: WasmCode) => sum.set(add(sum.get, value));
const each = (count: number, write: (i: number) => WasmCode[]) =>
  Array.from({ length: count }, (_, i) => write(i)).flat();

/** A float32 in all places. */
function all(code: WasmFunction, value: number): WasmCode {
  return code.all(new Int32Array(Float32Array.of(value).buffer)[0] ?? 0, 4);
}

/** The nearest whole number from `least` to `most`, halves to even. */
function nearest(code: WasmFunction, value: WasmCode, [least, most]: readonly [number, number]): WasmCode {
  const whole = all(code, 12582912);
  const rounded = subtract(add(value, whole), whole);
  return largest(all(code, least), smallest(all(code, most), rounded));
}

/**
 * `withMinimum(from, _, end)`: tries the numerators from `from` to `end`. Finds sizes, least values up to 0, largest values, scales and minima of
 * values ≈ scale · code + minimum.
 */
export function withMinimum(most: number): WasmFunction {
  const code = new WasmFunction("withMinimum"), [from, , end] = code.given, count = 32;
  const local = () => code.local("v128"), zero = all(code, 0);
  const size = local(), squares = local(), least = local(), top = local(), sumW = local(), sumX = local();
  const value = local(), weight = local(), l = local(), wl = local();
  const inverse = local(), sumL = local(), sumLL = local(), sumXL = local(), determinant = local();
  const scale = local(), minimum = local(), error = local(), isFirst = local(), isBetter = local();
  const bestScale = local(),
    bestMinimum = local(),
    bestError = local(),
    bestInverse = local(),
    base = local();
  code.run(
    ...each(count, (i) => [
      value.set(vectors(X, i)),
      addTo(squares, multiply(value.get, value.get)),
      size.set(largest(size.get, singles4.size(value.get))),
    ]),
    squares.set(singles4.root(divide(squares.get, all(code, count)))),
    least.set(vectors(X, 0)),
    top.set(vectors(X, 0)),
    ...each(count, (i) => [
      value.set(vectors(X, i)),
      weight.set(add(squares.get, singles4.size(value.get))),
      store(WEIGHTS, i, weight.get),
      least.set(smaller(least.get, value.get)),
      top.set(larger(top.get, value.get)),
      addTo(sumW, weight.get),
      addTo(sumX, multiply(weight.get, value.get)),
    ]),
    least.set(bits128.without(least.get, above(least.get, zero))),
    bestMinimum.set(least.get),
    isFirst.set(code.all(-1, 4)),
  );
  code.repeat(
    int32.below(from.get, end.get),
    inverse.set(divide(bits128.splat4(from.get), subtract(top.get, bestMinimum.get))),
    ...[sumL, sumLL, sumXL, error].map((sum) => sum.set(zero)),
    ...each(count, (i) => [
      value.set(vectors(X, i)),
      l.set(nearest(code, multiply(inverse.get, subtract(value.get, bestMinimum.get)), [0, most])),
      store(CODES, i, l.get),
      wl.set(multiply(vectors(WEIGHTS, i), l.get)),
      addTo(sumL, wl.get),
      addTo(sumLL, multiply(wl.get, l.get)),
      addTo(sumXL, multiply(wl.get, value.get)),
    ]),
    determinant.set(subtract(multiply(sumW.get, sumLL.get), multiply(sumL.get, sumL.get))),
    scale.set(
      divide(subtract(multiply(sumW.get, sumXL.get), multiply(sumX.get, sumL.get)), determinant.get),
    ),
    minimum.set(
      divide(subtract(multiply(sumLL.get, sumX.get), multiply(sumL.get, sumXL.get)), determinant.get),
    ),
    isBetter.set(above(minimum.get, zero)),
    scale.set(bits128.select(divide(sumXL.get, sumLL.get), scale.get, isBetter.get)),
    minimum.set(bits128.without(minimum.get, isBetter.get)),
    // the first trial is one of the whole range, without least squares
    scale.set(bits128.select(divide(all(code, 1), inverse.get), scale.get, isFirst.get)),
    minimum.set(bits128.select(least.get, minimum.get, isFirst.get)),
    ...each(count, (i) => [
      value.set(
        subtract(add(multiply(scale.get, vectors(CODES, i)), minimum.get), vectors(X, i)),
      ),
      addTo(error, multiply(vectors(WEIGHTS, i), multiply(value.get, value.get))),
    ]),
    isBetter.set(bits128.or(
      isFirst.get,
      bits128.without(above(determinant.get, zero), notBelow(error.get, bestError.get)),
    )),
    base.set(bits128.select(bestMinimum.get, base.get, isBetter.get)),
    ...([[bestScale, scale], [bestMinimum, minimum], [bestError, error], [bestInverse, inverse]] as const)
      .map(
        ([best, own]) => best.set(bits128.select(own.get, best.get, isBetter.get)),
      ),
    isFirst.set(zero),
    from.set(int32.add(from.get, int32.of(4))),
  );
  code.run(
    ...each(count, (i) => [
      store(
        CODES,
        i,
        nearest(code, multiply(bestInverse.get, subtract(vectors(X, i), base.get)), [0, most]),
      ),
    ]),
    ...[size, least, top, bestScale, bestMinimum].map((found, i) => store(FOUND, i, found.get)),
  );
  return code;
}

/** `aroundZero(from, _, end)`: the same of 16 values ≈ scale · code from −32 to 31, weighted by their squares. Finds sizes and scales. */
export function aroundZero(): WasmFunction {
  const code = new WasmFunction("aroundZero"), [from, , end] = code.given, count = 16;
  const local = () => code.local("v128"), zero = all(code, 0);
  const size = local(), top = local(), value = local(), weight = local(), isLarger = local(), l = local();
  const inverse = local(), sumLX = local(), sumLL = local(), isFirst = local(), isBetter = local();
  const scale = local(), best = local(), bestInverse = local();
  const coded = (i: number, by: WasmLocal) => nearest(code, multiply(by.get, vectors(X, i)), [-32, 31]);
  code.run(
    ...each(count, (i) => [
      value.set(vectors(X, i)),
      isLarger.set(above(singles4.size(value.get), size.get)),
      size.set(bits128.select(singles4.size(value.get), size.get, isLarger.get)),
      top.set(bits128.select(value.get, top.get, isLarger.get)),
      weight.set(multiply(value.get, value.get)),
      store(WEIGHTS, i, weight.get),
      store(PRODUCTS, i, multiply(weight.get, value.get)),
    ]),
    isFirst.set(code.all(-1, 4)),
  );
  code.repeat(
    int32.below(from.get, end.get),
    inverse.set(divide(bits128.splat4(from.get), top.get)),
    ...[sumLX, sumLL].map((sum) => sum.set(zero)),
    ...each(count, (i) => [
      l.set(coded(i, inverse)),
      addTo(sumLX, multiply(vectors(PRODUCTS, i), l.get)),
      addTo(sumLL, multiply(multiply(vectors(WEIGHTS, i), l.get), l.get)),
    ]),
    isBetter.set(bits128.or(
      isFirst.get,
      bits128.and(
        above(sumLL.get, zero),
        above(multiply(sumLX.get, sumLX.get), multiply(best.get, sumLL.get)),
      ),
    )),
    value.set(bits128.without(divide(sumLX.get, sumLL.get), singles4.equal(sumLL.get, zero))),
    scale.set(bits128.select(value.get, scale.get, isBetter.get)),
    best.set(bits128.select(multiply(value.get, sumLX.get), best.get, isBetter.get)),
    bestInverse.set(bits128.select(inverse.get, bestInverse.get, isBetter.get)),
    isFirst.set(zero),
    from.set(int32.add(from.get, int32.of(4))),
  );
  code.run(
    ...each(count, (i) => [store(CODES, i, coded(i, bestInverse))]),
    store(FOUND, 0, size.get),
    store(FOUND, 1, scale.get),
  );
  return code;
}
