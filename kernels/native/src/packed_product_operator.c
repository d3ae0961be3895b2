// PackedProduct: y [.., outputs] = x [.., columns] times the transpose of a packed matrix, whose tiles (packed_product.h) are the
// second input, bytes. Attributes: outputs, columns, bits (4, 8), half (1: scales and minima are float16).
#include <stdlib.h>

#include "operator.h"
#include "packed_product.h"

typedef struct {
  OrtApi api;
  size_t columns;
  PackedMatrix matrix;
} Kernel;

typedef struct {
  const Kernel *kernel;
  PackedMatrix matrix;
  const float *x;
  float *y;
  Activations rounded;
  size_t rows, tiles, tiles_each;
} Work;

// Multiply-adds that are worth a part of its own: some 10 microseconds.
static const size_t PART = 1 << 19;
// Rows from which on they are rounded in parts: a part is so many.
enum { ROWS_EACH = 16 };

static void round_rows(void *data, size_t part) {
  Work *w = data;
  const size_t groups = w->matrix.groups, columns = w->kernel->columns;
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

static OrtStatus *in_parts(const OrtKernelContext *context, Work *w, void (*work)(void *, size_t), size_t parts) {
  if (parts > 1) return ort_parallel(w->kernel->api, context, work, parts, w);
  if (parts == 1) work(w, 0);
  return NULL;
}

static OrtStatus *compute(void *self, OrtKernelContext *context) {
  const Kernel *kernel = self;
  OrtApi api = kernel->api;
  Tensor x, tiles, y;
  TRY(input_tensor(api, context, 0, &x));
  TRY(input_tensor(api, context, 1, &tiles));
  Work w = {.kernel = kernel, .matrix = kernel->matrix, .x = x.data};
  w.matrix.tiles = tiles.data;
  w.tiles = (w.matrix.outputs + TILE - 1) / TILE;
  if (x.rank == 0 || (size_t)x.dims[x.rank - 1] != kernel->columns) {
    return ort_status(api, ORT_INVALID_ARGUMENT, "PackedProduct: the input's rows haven't as many columns as the matrix");
  }
  if (elements(&tiles, 0, tiles.rank) != w.tiles * packed_tile_bytes(&w.matrix)) {
    return ort_status(api, ORT_INVALID_ARGUMENT, "PackedProduct: the matrix hasn't the bytes of its outputs, columns and bits");
  }
  y = x;
  y.dims[y.rank - 1] = (int64_t)w.matrix.outputs;
  TRY(output_tensor(api, context, 0, &y));
  w.y = y.data;
  w.rows = elements(&x, 0, x.rank - 1);
  const size_t groups = w.matrix.groups, all = w.rows * groups;
  if (all == 0) return NULL;
  float *memory = malloc(all * (GROUP + 2 * sizeof(float)));
  if (!memory) return ort_status(api, ORT_FAIL, "PackedProduct: no memory for its rounded input");
  w.rounded = (Activations){.scales = memory, .sums = memory + all, .codes = (int8_t *)(memory + 2 * all)};
  const size_t work = w.rows * w.matrix.outputs * groups * GROUP;
  size_t parts = work / PART + 1;
  if (parts > w.tiles) parts = w.tiles;
  w.tiles_each = (w.tiles + parts - 1) / parts;
  OrtStatus *status = in_parts(context, &w, round_rows, (w.rows + ROWS_EACH - 1) / ROWS_EACH);
  if (!status) status = in_parts(context, &w, multiply, (w.tiles + w.tiles_each - 1) / w.tiles_each);
  free(memory);
  return status;
}

static OrtStatus *create(const OrtCustomOp *op, OrtApi api, const OrtKernelInfo *info, void **out) {
  (void)op;
  int64_t outputs, columns, bits, half;
  TRY(ort_integer(api, info, "outputs", &outputs));
  TRY(ort_integer(api, info, "columns", &columns));
  TRY(ort_integer(api, info, "bits", &bits));
  TRY(ort_integer(api, info, "half", &half));
  if (outputs <= 0 || columns <= 0 || (bits != 4 && bits != 8)) {
    return ort_status(api, ORT_INVALID_ARGUMENT, "PackedProduct: outputs and columns must be > 0 and bits 4 or 8");
  }
  Kernel *kernel = malloc(sizeof *kernel);
  if (!kernel) return ort_status(api, ORT_FAIL, "PackedProduct: no memory");
  *kernel = (Kernel){
      .api = api,
      .columns = (size_t)columns,
      .matrix = {.outputs = (size_t)outputs, .groups = ((size_t)columns + GROUP - 1) / GROUP, .bits = (int)bits, .half = half != 0},
  };
  *out = kernel;
  return NULL;
}

static void destroy(void *kernel) { free(kernel); }
static const char *name(const OrtCustomOp *op) { (void)op; return "PackedProduct"; }
static const char *provider(const OrtCustomOp *op) { (void)op; return "CPUExecutionProvider"; }
static int input_type(const OrtCustomOp *op, size_t i) { (void)op; return i == 0 ? ORT_FLOAT : ORT_UINT8; }
static int output_type(const OrtCustomOp *op, size_t i) { (void)op; (void)i; return ORT_FLOAT; }
static size_t two(const OrtCustomOp *op) { (void)op; return 2; }
static size_t one(const OrtCustomOp *op) { (void)op; return 1; }
static int required(const OrtCustomOp *op, size_t i) { (void)op; (void)i; return ORT_REQUIRED; }
static int memory_type(const OrtCustomOp *op, size_t i) { (void)op; (void)i; return 0; }

const OrtCustomOp packed_product_operator = {
    .version = ORT_OPERATOR_VERSION,
    .CreateKernelV2 = create,
    .KernelComputeV2 = compute,
    .KernelDestroy = destroy,
    .GetName = name,
    .GetExecutionProviderType = provider,
    .GetInputType = input_type,
    .GetInputTypeCount = two,
    .GetOutputType = output_type,
    .GetOutputTypeCount = one,
    .GetInputCharacteristic = required,
    .GetOutputCharacteristic = required,
    .GetInputMemoryType = memory_type,
};
