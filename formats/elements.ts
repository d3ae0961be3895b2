/**
 * Elements of arrays, values of maps and entries of records that are there by construction. `noUncheckedIndexedAccess` makes `array[i]` a number or
 * undefined; these are numbers, and throw instead of computing on with NaN. One function for each type of array: the engine
 * compiles each for one kind of memory, and inlines it, so hot loops cost the same as with plain indexing.
 * @module
 */

/** Element of a Uint8Array. @throws {RangeError} If there is none. */
export function u8(array: Uint8Array, index: number): number {
  const value = array[index];
  return value === undefined ? missing(array, index) : value;
}

/** Element of an Int8Array. @throws {RangeError} If there is none. */
export function i8(array: Int8Array, index: number): number {
  const value = array[index];
  return value === undefined ? missing(array, index) : value;
}

/** Element of a Uint16Array. @throws {RangeError} If there is none. */
export function u16(array: Uint16Array, index: number): number {
  const value = array[index];
  return value === undefined ? missing(array, index) : value;
}

/** Element of an Int32Array. @throws {RangeError} If there is none. */
export function i32(array: Int32Array, index: number): number {
  const value = array[index];
  return value === undefined ? missing(array, index) : value;
}

/** Element of a Uint32Array. @throws {RangeError} If there is none. */
export function u32(array: Uint32Array, index: number): number {
  const value = array[index];
  return value === undefined ? missing(array, index) : value;
}

/** Element of a Float32Array. @throws {RangeError} If there is none. */
export function f32(array: Float32Array, index: number): number {
  const value = array[index];
  return value === undefined ? missing(array, index) : value;
}

/** Element of a Float64Array. @throws {RangeError} If there is none. */
export function f64(array: Float64Array, index: number): number {
  const value = array[index];
  return value === undefined ? missing(array, index) : value;
}

/** Element of an array of floats, of whichever width. @throws {RangeError} If there is none. */
export function float(array: Float32Array | Float64Array, index: number): number {
  const value = array[index];
  return value === undefined ? missing(array, index) : value;
}

/** Element of an array of anything. @throws {RangeError} If there is none. */
export function item<T>(array: { readonly length: number; readonly [index: number]: T }, index: number): T {
  if (!(index >= 0 && index < array.length)) return missing(array, index);
  return array[index] as T;
}

/** Last of an array that isn't empty. @throws {RangeError} If it is. */
export function lastOf<T>(array: { readonly length: number; readonly [index: number]: T }): T {
  return item(array, array.length - 1);
}

/** Value of a key that a map is known to have. @throws {RangeError} If it hasn't. */
export function valueOf<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const value = map.get(key);
  if (value === undefined && !map.has(key)) {
    throw new RangeError(`Cannot find ${String(key)}: known are ${[...map.keys()].slice(0, 10).join(", ")}`);
  }
  return value as V;
}

/** Entry of a record that is known to have it, such as a named output. @throws {RangeError} If it hasn't. */
export function entryOf<T>(record: Readonly<Record<string, T>>, name: string): T {
  const value = record[name];
  if (value === undefined) {
    throw new RangeError(`Cannot find "${name}": known are ${Object.keys(record).slice(0, 10).join(", ")}`);
  }
  return value;
}

/**
 * Numbers by their index, for which `from({ length }, …)` of a typed array takes ten times as long. Arrays of other types are made from it: one
 * that is written to here by its own type makes all of them slow.
 */
export function numbersBy(count: number, valueAt: (index: number) => number): Float64Array<ArrayBuffer> {
  const numbers = new Float64Array(count);
  for (let i = 0; i < count; i++) numbers[i] = valueAt(i);
  return numbers;
}

function missing(array: { readonly length: number }, index: number): never {
  throw new RangeError(`Cannot read element ${index}: there are ${array.length}`);
}
