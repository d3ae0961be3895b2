/**
 * Vector code that changes the form of numbers: float32, float16 and bfloat16. Exact, or rounded to the nearest with ties to even, the same
 * in every thread: no subnormal float32 is read or made by float arithmetic (../subnormal.ts).
 * @module
 */
import { bits128, int32, ints4, shorts8, singles4, type WasmCode, WasmFunction } from "./assemble.ts";

/** Bytes of two vectors in which functions leave what they saw. */
export const SEEN_BYTES = 32;

const SIGN = 0x8000, SIZE = 0x7fff;

/** Bits of 2⁻¹⁴, the smallest float16 with all of its bits, and of ½, whose last bit is worth what a subnormal float16's is. */
const NORMAL = 0x38800000, HALF = 0x3f000000;

/**
 * `narrow(from, to, end)`: nearest float16 of float32, eight at a time until `from` reaches `end`. Leaves the largest sizes, by their bits,
 * in four numbers from 0 on. Those from 65520 on become something.
 *
 * A number of exponent e plus 2^(e+13) has the ten bits of a float16 behind its leading one, rounded; below 2⁻¹⁴ they are multiples of
 * 2⁻²⁴, as those of that exponent.
 * @param findsLost True if bits that float16 hasn't of the numbers from 2⁻¹⁴ on are left behind the sizes
 */
function narrow(name: string, findsLost: boolean): WasmFunction {
  const code = new WasmFunction(name), [from, to, end] = code.given;
  const [first, second, largest, lost] = [0, 1, 2, 3].map(() => code.local("v128")) as Locals<4>;
  const [a, b, exponents] = [0, 1, 2].map(() => code.local("v128")) as Locals<3>;
  const below = (value: WasmCode, sizes: WasmCode) =>
    bits128.without(bits128.and(value, code.all(0x1fff, 4)), ints4.below(sizes, code.all(NORMAL, 4)));
  const nearest = (sizes: Local): WasmCode[] => {
    const rounder = ints4.add(exponents.get, code.all(13 << 23, 4));
    return [
      exponents.set(ints4.largest(bits128.and(sizes.get, code.all(0xff << 23, 4)), code.all(NORMAL, 4))),
      sizes.set(ints4.add(
        ints4.subtract(singles4.add(sizes.get, rounder), rounder),
        ints4.shiftRight(ints4.subtract(exponents.get, code.all(NORMAL, 4)), 13),
      )),
    ];
  };
  // The highest half of a number has its sign.
  const signs = bits128.and(
    shorts8.ofSigned(ints4.shiftRightSigned(first.get, 16), ints4.shiftRightSigned(second.get, 16)),
    code.all(SIGN, 2),
  );
  code.repeat(
    int32.below(from.get, end.get),
    first.set(bits128.load(from.get)),
    second.set(bits128.load(from.get, 16)),
    a.set(bits128.and(first.get, code.all(0x7fffffff, 4))),
    b.set(bits128.and(second.get, code.all(0x7fffffff, 4))),
    largest.set(ints4.largest(largest.get, ints4.largest(a.get, b.get))),
    ...findsLost
      ? [lost.set(bits128.or(lost.get, bits128.or(below(first.get, a.get), below(second.get, b.get))))]
      : [],
    ...nearest(a),
    ...nearest(b),
    bits128.store(to.get, bits128.or(shorts8.ofUnsigned(a.get, b.get), signs)),
    from.set(int32.add(from.get, int32.of(32))),
    to.set(int32.add(to.get, int32.of(16))),
  );
  code.run(bits128.store(int32.of(0), largest.get), bits128.store(int32.of(0), lost.get, 16));
  return code;
}

/**
 * `halveBfloats(from, to, end)`: float16 of bfloat16, eight at a time. Leaves the largest sizes, by the bits of bfloat16, in eight numbers from 0 on.
 * Those above 65504 become something.
 */
function halveBfloats(): WasmFunction {
  const code = new WasmFunction("halveBfloats"), [from, to, end] = code.given;
  const [value, sizes, largest] = [0, 1, 2].map(() => code.local("v128")) as Locals<3>;
  const small = (extend: (value: WasmCode) => WasmCode) =>
    ints4.subtract(
      singles4.add(ints4.shiftLeft(extend(sizes.get), 16), code.all(HALF, 4)),
      code.all(HALF, 4),
    );
  // Three bits less of the exponent, for three zeros behind the others.
  const normal = shorts8.shiftLeft(shorts8.subtract(sizes.get, code.all(112 << 7, 2)), 3);
  code.repeat(
    int32.below(from.get, end.get),
    value.set(bits128.load(from.get)),
    sizes.set(bits128.and(value.get, code.all(SIZE, 2))),
    largest.set(shorts8.largest(largest.get, sizes.get)),
    bits128.store(
      to.get,
      bits128.or(
        bits128.and(value.get, code.all(SIGN, 2)),
        bits128.select(
          shorts8.ofUnsigned(small(ints4.ofLowUnsigned), small(ints4.ofHighUnsigned)),
          normal,
          shorts8.below(sizes.get, code.all(NORMAL >> 16, 2)),
        ),
      ),
    ),
    from.set(int32.add(from.get, int32.of(16))),
    to.set(int32.add(to.get, int32.of(16))),
  );
  code.run(bits128.store(int32.of(0), largest.get));
  return code;
}

/** `largestShort(from, _, end)`: leaves the largest of numbers of 16 bits without their highest one, eight at a time, in eight numbers from 0 on. */
function largestShort(): WasmFunction {
  const code = new WasmFunction("largestShort"), [from, , end] = code.given, largest = code.local("v128");
  code.repeat(
    int32.below(from.get, end.get),
    largest.set(shorts8.largest(largest.get, bits128.and(bits128.load(from.get), code.all(SIZE, 2)))),
    from.set(int32.add(from.get, int32.of(16))),
  );
  code.run(bits128.store(int32.of(0), largest.get));
  return code;
}

/** `widenHalves(from, to, end)`: float32 of float16, eight at a time. */
function widenHalves(): WasmFunction {
  const code = new WasmFunction("widenHalves"), [from, to, end] = code.given;
  const [value, bits, sizes] = [0, 1, 2].map(() => code.local("v128")) as Locals<3>;
  // Infinities and what is no number have the largest exponent in both.
  const infinity = code.all(0x7c00 << 13, 4);
  const store = (extend: (value: WasmCode) => WasmCode, distance: number): WasmCode[] => [
    bits.set(extend(value.get)),
    sizes.set(ints4.shiftLeft(bits128.and(bits.get, code.all(SIZE, 4)), 13)),
    bits128.store(
      to.get,
      bits128.or(
        bits128.or(
          ints4.shiftLeft(ints4.shiftRight(bits.get, 15), 31),
          // NaN becomes a quiet one, as conversions of a processor give it.
          bits128.and(code.all(1 << 22, 4), ints4.below(infinity, sizes.get)),
        ),
        bits128.select(
          singles4.subtract(ints4.add(sizes.get, code.all(NORMAL, 4)), code.all(NORMAL, 4)),
          ints4.add(
            ints4.add(sizes.get, code.all(112 << 23, 4)),
            bits128.without(code.all(112 << 23, 4), ints4.below(sizes.get, infinity)),
          ),
          ints4.below(sizes.get, code.all(0x400 << 13, 4)),
        ),
      ),
      distance,
    ),
  ];
  code.repeat(
    int32.below(from.get, end.get),
    value.set(bits128.load(from.get)),
    ...store(ints4.ofLowUnsigned, 0),
    ...store(ints4.ofHighUnsigned, 16),
    from.set(int32.add(from.get, int32.of(16))),
    to.set(int32.add(to.get, int32.of(32))),
  );
  return code;
}

/** `widenBfloats(from, to, end)`: float32 of bfloat16, eight at a time. */
function widenBfloats(): WasmFunction {
  const code = new WasmFunction("widenBfloats"), [from, to, end] = code.given, value = code.local("v128");
  code.repeat(
    int32.below(from.get, end.get),
    value.set(bits128.load(from.get)),
    bits128.store(to.get, ints4.shiftLeft(ints4.ofLowUnsigned(value.get), 16)),
    bits128.store(to.get, ints4.shiftLeft(ints4.ofHighUnsigned(value.get), 16), 16),
    from.set(int32.add(from.get, int32.of(16))),
    to.set(int32.add(to.get, int32.of(32))),
  );
  return code;
}

/** Functions by their names. */
export const NUMBER_FUNCTIONS: Readonly<Record<string, () => WasmFunction>> = {
  narrow: () => narrow("narrow", false),
  narrowExactly: () => narrow("narrowExactly", true),
  halveBfloats,
  largestShort,
  widenHalves,
  widenBfloats,
};

type Locals<N extends number> = N extends 3 ? [Local, Local, Local] : [Local, Local, Local, Local];
type Local = ReturnType<WasmFunction["local"]>;
