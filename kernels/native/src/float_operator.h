// Operators whose tensors are float32 (some inputs int32 or bytes, or floats of 16 bits): their parts that don't differ.
#pragma once
#include "operator.h"
#include "work.h"

enum { MAX_INPUTS = 10, MAX_ATTRIBUTES = 4 };

typedef struct FloatKernel FloatKernel;

typedef struct {
  OrtCustomOp op;  // first: ONNX Runtime gives its address
  const char *name;
  size_t inputs, outputs;
  unsigned integers, bytes, weights;  // bit i: input i is int32, uint8, float32, floats of 16 bits or blocks
  int optional;       // whether the last input may be left out
  const char *integer_names[MAX_ATTRIBUTES], *number_names[MAX_ATTRIBUTES];
  // in: inputs, without data where one is left out.
  OrtStatus *(*compute)(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in);
} FloatOperator;

struct FloatKernel {
  OrtApi api;
  const FloatOperator *operator;
  int64_t integers[MAX_ATTRIBUTES];
  float numbers[MAX_ATTRIBUTES];
};

// Beside those of float_operators.c.
extern const FloatOperator packed_product_operator;

// Functions of OrtCustomOp.
OrtStatus *float_create(const OrtCustomOp *op, OrtApi api, const OrtKernelInfo *info, void **out);
OrtStatus *float_compute(void *kernel, OrtKernelContext *context);
void float_destroy(void *kernel);
const char *float_name(const OrtCustomOp *op);
const char *float_provider(const OrtCustomOp *op);
int float_input_type(const OrtCustomOp *op, size_t i);
int float_output_type(const OrtCustomOp *op, size_t i);
size_t float_input_count(const OrtCustomOp *op);
size_t float_output_count(const OrtCustomOp *op);
int float_input_characteristic(const OrtCustomOp *op, size_t i);
int float_output_characteristic(const OrtCustomOp *op, size_t i);
int float_memory_type(const OrtCustomOp *op, size_t i);
void float_release_inplace(int *inputs, int *outputs);

// Version of OrtCustomOp that ends with GetMayInplace and alias maps: 1.18's.
enum { FLOAT_OPERATOR_VERSION = 18 };

#define FLOAT_OPERATOR(may_inplace)                                                                                        \
  {                                                                                                                        \
    .version = FLOAT_OPERATOR_VERSION, .CreateKernelV2 = float_create, .KernelComputeV2 = float_compute,                   \
    .KernelDestroy = float_destroy, .GetName = float_name, .GetExecutionProviderType = float_provider,                     \
    .GetInputType = float_input_type, .GetInputTypeCount = float_input_count, .GetOutputType = float_output_type,          \
    .GetOutputTypeCount = float_output_count, .GetInputCharacteristic = float_input_characteristic,                        \
    .GetOutputCharacteristic = float_output_characteristic, .GetInputMemoryType = float_memory_type,                       \
    .GetMayInplace = may_inplace, .ReleaseMayInplace = float_release_inplace,                                              \
  }

// Pairs of an input and an output that may be the same memory; for functions that are an operator's GetMayInplace. ONNX Runtime makes use of
// those whose sizes the model says.
size_t float_inplace(int count, int (*pairs)[2], int **inputs, int **outputs);

// Output i of the given sizes.
OrtStatus *float_output(const FloatKernel *kernel, OrtKernelContext *context, size_t i, int64_t rows, int64_t columns, float **out);
OrtStatus *float_vector(const FloatKernel *kernel, OrtKernelContext *context, size_t i, int64_t count, float **out);

// Work in the session's threads; failed: what went wrong, if anything.
typedef struct {
  OrtApi api;
  const OrtKernelContext *context;
  OrtStatus *failed;
} ThreadsPlace;
void float_parallel(void *place, void (*work)(void *, size_t), void *data, size_t count);

// Has body run with `threads`, and returns its status.
#define WITH_THREADS(kernel, context, body)               \
  do {                                                    \
    ThreadsPlace place_ = {(kernel)->api, context, NULL}; \
    const Threads threads = {float_parallel, &place_};    \
    body;                                                 \
    return place_.failed;                                 \
  } while (0)

// The same with `scratch`, floats of memory.
#define WITH_MEMORY(kernel, context, floats, body)                                                                \
  do {                                                                                                            \
    float *const scratch = scratch_take(floats);                                                                  \
    if (!scratch) return ort_status((kernel)->api, ORT_FAIL, "an operator of dinotune has no memory to work in"); \
    WITH_THREADS(kernel, context, body; scratch_give(scratch));                                                   \
  } while (0)

// An error that names the operator isn't needed: ONNX Runtime says the node.
static inline OrtStatus *refused(const FloatKernel *kernel, const char *why) {
  return ort_status(kernel->api, ORT_INVALID_ARGUMENT, why);
}

static inline int has_shape(const Tensor *t, size_t rank, int64_t first, int64_t second) {
  return t->rank == rank && t->dims[0] == first && (rank < 2 || t->dims[1] == second);
}
