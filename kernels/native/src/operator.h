// Inputs and outputs of an operator at work.
#pragma once
#include "ort.h"

// Gives a status on to ONNX Runtime, which says it in its error.
#define TRY(call)                    \
  do {                               \
    OrtStatus *status_ = (call);     \
    if (status_) return status_;     \
  } while (0)

enum { MAX_DIMENSIONS = 8 };

typedef struct {
  void *data;
  int64_t dims[MAX_DIMENSIONS];
  size_t rank;
  int type;  // of an input: ORT_FLOAT and so on
} Tensor;

// Product of the dimensions first..last - 1.
static inline size_t elements(const Tensor *t, size_t first, size_t last) {
  size_t count = 1;
  for (size_t i = first; i < last; i++) count *= (size_t)t->dims[i];
  return count;
}

// Leaves out as it is where the input is left out.
OrtStatus *input_tensor(OrtApi api, const OrtKernelContext *context, size_t i, Tensor *out);
// dims and rank of out are given.
OrtStatus *output_tensor(OrtApi api, OrtKernelContext *context, size_t i, Tensor *out);

// The library's operators but packed_product_operator, see float_operator.h.
extern const OrtCustomOp *const float_operators[];
extern const size_t float_operators_count;
