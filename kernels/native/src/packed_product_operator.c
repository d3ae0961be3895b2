// PackedProduct: y [.., outputs] = x [.., columns] times the transpose of a packed matrix, whose tiles (packed_product.h) are the
// second input, bytes. Attributes: outputs, columns, bits (4, 8), half (1: scales and minima are float16).
#include "float_operator.h"
#include "packed_product.h"

typedef struct {
  PackedMatrix matrix;
  const float *x;
  float *y;
  Activations rounded;
  size_t columns, rows, tiles, tiles_each;
} Work;

// Multiply-adds that are worth a part of its own: some 10 microseconds.
static const size_t PART = 1 << 19;
// Rows from which on they are rounded in parts: a part is so many.
enum { ROWS_EACH = 16 };

static void round_rows(void *data, size_t part) {
  Work *w = data;
  const size_t groups = w->matrix.groups, columns = w->columns;
  const size_t first = part * ROWS_EACH, last = first + ROWS_EACH < w->rows ? first + ROWS_EACH : w->rows;
  for (size_t row = first; row < last; row++) {
    quantize_row(w->x + row * columns, columns, groups, w->rounded.codes + row * groups * GROUP, w->rounded.scales + row * groups,
                 w->rounded.sums + row * groups);
  }
}

static void multiply(void *data, size_t part) {
  Work *w = data;
  const size_t first = part * w->tiles_each, last = first + w->tiles_each < w->tiles ? first + w->tiles_each : w->tiles;
  packed_product(&w->matrix, &w->rounded, 0, w->rows, first, last, w->y, w->matrix.outputs);
}

static void work(Work *w, float *scratch, Threads threads) {
  const size_t all = w->rows * w->matrix.groups, terms = all * GROUP * w->matrix.outputs;
  w->rounded = (Activations){.scales = scratch, .sums = scratch + all, .codes = (int8_t *)(scratch + 2 * all)};
  const size_t parts = terms / PART + 1 < w->tiles ? terms / PART + 1 : w->tiles;
  w->tiles_each = (w->tiles + parts - 1) / parts;
  threads.run(threads.place, round_rows, w, (w->rows + ROWS_EACH - 1) / ROWS_EACH);
  threads.run(threads.place, multiply, w, (w->tiles + w->tiles_each - 1) / w->tiles_each);
}

static OrtStatus *compute(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in) {
  const Tensor *x = in, *tiles = in + 1;
  const int64_t outputs = kernel->integers[0], columns = kernel->integers[1], bits = kernel->integers[2], half = kernel->integers[3];
  if (outputs <= 0 || columns <= 0 || (bits != 4 && bits != 8)) {
    return refused(kernel, "outputs and columns must be > 0 and bits 4 or 8");
  }
  Work w = {
      .matrix = {tiles->data, (size_t)outputs, ((size_t)columns + GROUP - 1) / GROUP, (int)bits, half != 0},
      .x = x->data,
      .columns = (size_t)columns,
      .tiles = ((size_t)outputs + TILE - 1) / TILE,
  };
  if (x->rank == 0 || x->dims[x->rank - 1] != columns) return refused(kernel, "the input's rows haven't as many columns as the matrix");
  if (elements(tiles, 0, tiles->rank) != w.tiles * packed_tile_bytes(&w.matrix)) {
    return refused(kernel, "the matrix hasn't the bytes of its outputs, columns and bits");
  }
  Tensor y = *x;
  y.dims[y.rank - 1] = outputs;
  TRY(output_tensor(kernel->api, context, 0, &y));
  w.y = y.data;
  w.rows = elements(x, 0, x->rank - 1);
  if (w.rows == 0) return NULL;
  WITH_MEMORY(kernel, context, w.rows * w.matrix.groups * (GROUP / sizeof(float) + 2), work(&w, scratch, threads));
}

const FloatOperator packed_product_operator = {
    FLOAT_OPERATOR(NULL), "PackedProduct", 2, 1, .bytes = 1 << 1,
    .integer_names = {"outputs", "columns", "bits", "half"}, .compute = compute,
};
