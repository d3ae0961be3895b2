#include "operator.h"

OrtStatus *input_tensor(OrtApi api, const OrtKernelContext *context, size_t i, Tensor *out) {
  const OrtValue *value;
  OrtShape *shape;
  TRY(ort_input(api, context, i, &value));
  if (!value) return NULL;
  TRY(ort_data(api, value, &out->data));
  TRY(ort_shape(api, value, &shape));
  OrtStatus *status = ort_element_type(api, shape, &out->type);
  if (!status) status = ort_dimensions_count(api, shape, &out->rank);
  if (!status && out->rank > MAX_DIMENSIONS) status = ort_status(api, ORT_INVALID_ARGUMENT, "an input has more than 8 dimensions");
  if (!status) status = ort_dimensions(api, shape, out->dims, out->rank);
  ort_release_shape(api, shape);
  return status;
}

OrtStatus *output_tensor(OrtApi api, OrtKernelContext *context, size_t i, Tensor *out) {
  OrtValue *value;
  TRY(ort_output(api, context, i, out->dims, out->rank, &value));
  return ort_data(api, value, &out->data);
}
