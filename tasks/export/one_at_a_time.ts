/**
 * Tensors of which one is in memory at a time.
 * @module
 */

/**
 * The same reader; with each call it gives the memory of the array of the call before back at once. Collecting garbage comes later, and two of a
 * model's largest tensors stood in memory until then.
 * @param read Gives a fresh array each call
 */
export function oneAtATime(
  read: (name: string) => Float32Array<ArrayBuffer>,
): (name: string) => Float32Array<ArrayBuffer> {
  let last: Float32Array<ArrayBuffer> | undefined;
  return (name) => {
    last?.buffer.transfer(0);
    return last = read(name);
  };
}
