#include "float_operator.h"

#include <stdlib.h>

static const FloatOperator *own(const OrtCustomOp *op) { return (const FloatOperator *)op; }

OrtStatus *float_create(const OrtCustomOp *op, OrtApi api, const OrtKernelInfo *info, void **out) {
  FloatKernel *kernel = calloc(1, sizeof *kernel);
  if (!kernel) return ort_status(api, ORT_FAIL, "an operator of dinotune has no memory");
  *kernel = (FloatKernel){.api = api, .operator = own(op)};
  OrtStatus *status = NULL;
  for (size_t i = 0; !status && i < MAX_ATTRIBUTES && own(op)->integer_names[i]; i++) {
    status = ort_integer(api, info, own(op)->integer_names[i], &kernel->integers[i]);
  }
  for (size_t i = 0; !status && i < MAX_ATTRIBUTES && own(op)->number_names[i]; i++) {
    status = ort_number(api, info, own(op)->number_names[i], &kernel->numbers[i]);
  }
  if (status) free(kernel);
  else *out = kernel;
  return status;
}

OrtStatus *float_compute(void *self, OrtKernelContext *context) {
  const FloatKernel *kernel = self;
  Tensor in[MAX_INPUTS] = {0};
  size_t given;
  TRY(ort_input_count(kernel->api, context, &given));
  for (size_t i = 0; i < given && i < kernel->operator->inputs; i++) TRY(input_tensor(kernel->api, context, i, &in[i]));
  return kernel->operator->compute(kernel, context, in);
}

OrtStatus *float_output(const FloatKernel *kernel, OrtKernelContext *context, size_t i, int64_t rows, int64_t columns, float **out) {
  Tensor t = {.dims = {rows, columns}, .rank = 2};
  TRY(output_tensor(kernel->api, context, i, &t));
  *out = t.data;
  return NULL;
}

OrtStatus *float_vector(const FloatKernel *kernel, OrtKernelContext *context, size_t i, int64_t count, float **out) {
  Tensor t = {.dims = {count}, .rank = 1};
  TRY(output_tensor(kernel->api, context, i, &t));
  *out = t.data;
  return NULL;
}

void float_parallel(void *self, void (*work)(void *, size_t), void *data, size_t count) {
  ThreadsPlace *place = self;
  if (place->failed || count == 0) return;
  if (count == 1) work(data, 0);
  else place->failed = ort_parallel(place->api, place->context, work, count, data);
}

size_t float_inplace(int count, int (*pairs)[2], int **inputs, int **outputs) {
  int *all = malloc(2 * (size_t)count * sizeof *all);
  if (!all) return 0;
  for (int i = 0; i < count; i++) all[i] = pairs[i][0], all[count + i] = pairs[i][1];
  *inputs = all, *outputs = all + count;
  return (size_t)count;
}

// Both are one piece.
void float_release_inplace(int *inputs, int *outputs) {
  (void)outputs;
  free(inputs);
}

void float_destroy(void *kernel) { free(kernel); }
const char *float_name(const OrtCustomOp *op) { return own(op)->name; }
const char *float_provider(const OrtCustomOp *op) { (void)op; return "CPUExecutionProvider"; }
int float_input_type(const OrtCustomOp *op, size_t i) {
  if (own(op)->weights >> i & 1) return ORT_ANY;
  return own(op)->integers >> i & 1 ? ORT_INT32 : own(op)->bytes >> i & 1 ? ORT_UINT8 : ORT_FLOAT;
}
int float_output_type(const OrtCustomOp *op, size_t i) { (void)op; (void)i; return ORT_FLOAT; }
size_t float_input_count(const OrtCustomOp *op) { return own(op)->inputs; }
size_t float_output_count(const OrtCustomOp *op) { return own(op)->outputs; }
int float_input_characteristic(const OrtCustomOp *op, size_t i) {
  return own(op)->optional && i == own(op)->inputs - 1 ? ORT_OPTIONAL : ORT_REQUIRED;
}
int float_output_characteristic(const OrtCustomOp *op, size_t i) { (void)op; (void)i; return ORT_REQUIRED; }
int float_memory_type(const OrtCustomOp *op, size_t i) { (void)op; (void)i; return 0; }
