// The part of ONNX Runtime's C interface that operators of one's own need: struct OrtApi of onnxruntime_c_api.h is a table of functions
// whose places never change, as in ../../backends/onnx/c_api/slots.ts; struct OrtCustomOp is that header's.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct OrtStatus OrtStatus;
typedef struct OrtValue OrtValue;
typedef struct OrtKernelInfo OrtKernelInfo;
typedef struct OrtKernelContext OrtKernelContext;
typedef struct OrtCustomOpDomain OrtCustomOpDomain;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtShape OrtShape;  // OrtTensorTypeAndShapeInfo
typedef void (*const *OrtApi)(void);

typedef struct {
  OrtApi (*GetApi)(uint32_t version);
  const char *(*GetVersionString)(void);
} OrtApiBase;

enum { ORT_FAIL = 1, ORT_INVALID_ARGUMENT = 2 };
enum { ORT_ANY = 0, ORT_FLOAT = 1, ORT_UINT8 = 2, ORT_INT8 = 3, ORT_INT32 = 6, ORT_INT64 = 7, ORT_FLOAT16 = 10, ORT_BFLOAT16 = 16 };
enum { ORT_REQUIRED = 0, ORT_OPTIONAL = 1, ORT_VARIADIC = 2 };

typedef struct OrtCustomOp {
  uint32_t version;
  void *(*CreateKernel)(const struct OrtCustomOp *, OrtApi, const OrtKernelInfo *);
  const char *(*GetName)(const struct OrtCustomOp *);
  const char *(*GetExecutionProviderType)(const struct OrtCustomOp *);
  int (*GetInputType)(const struct OrtCustomOp *, size_t);
  size_t (*GetInputTypeCount)(const struct OrtCustomOp *);
  int (*GetOutputType)(const struct OrtCustomOp *, size_t);
  size_t (*GetOutputTypeCount)(const struct OrtCustomOp *);
  void (*KernelCompute)(void *, OrtKernelContext *);
  void (*KernelDestroy)(void *);
  int (*GetInputCharacteristic)(const struct OrtCustomOp *, size_t);
  int (*GetOutputCharacteristic)(const struct OrtCustomOp *, size_t);
  int (*GetInputMemoryType)(const struct OrtCustomOp *, size_t);
  int (*GetVariadicInputMinArity)(const struct OrtCustomOp *);
  int (*GetVariadicInputHomogeneity)(const struct OrtCustomOp *);
  int (*GetVariadicOutputMinArity)(const struct OrtCustomOp *);
  int (*GetVariadicOutputHomogeneity)(const struct OrtCustomOp *);
  OrtStatus *(*CreateKernelV2)(const struct OrtCustomOp *, OrtApi, const OrtKernelInfo *, void **);
  OrtStatus *(*KernelComputeV2)(void *, OrtKernelContext *);
  OrtStatus *(*InferOutputShapeFn)(const struct OrtCustomOp *, void *);
  int (*GetStartVersion)(const struct OrtCustomOp *);
  int (*GetEndVersion)(const struct OrtCustomOp *);
  size_t (*GetMayInplace)(int **, int **);
  void (*ReleaseMayInplace)(int *, int *);
  size_t (*GetAliasMap)(int **, int **);
  void (*ReleaseAliasMap)(int *, int *);
} OrtCustomOp;

// Version of the interface whose OrtCustomOp ends with KernelComputeV2 and shapes: 1.17's.
enum { ORT_OPERATOR_VERSION = 17 };

// Functions by their places in the table. A status is null where all went well.

static inline OrtStatus *ort_status(OrtApi api, int code, const char *text) {
  return ((OrtStatus *(*)(int, const char *))api[0])(code, text);
}
static inline OrtStatus *ort_create_domain(OrtApi api, const char *name, OrtCustomOpDomain **out) {
  return ((OrtStatus *(*)(const char *, OrtCustomOpDomain **))api[26])(name, out);
}
static inline OrtStatus *ort_add_operator(OrtApi api, OrtCustomOpDomain *domain, const OrtCustomOp *op) {
  return ((OrtStatus *(*)(OrtCustomOpDomain *, const OrtCustomOp *))api[27])(domain, op);
}
static inline OrtStatus *ort_add_domain(OrtApi api, OrtSessionOptions *options, OrtCustomOpDomain *domain) {
  return ((OrtStatus *(*)(OrtSessionOptions *, OrtCustomOpDomain *))api[28])(options, domain);
}
static inline OrtStatus *ort_data(OrtApi api, const OrtValue *value, void **out) {
  return ((OrtStatus *(*)(const OrtValue *, void **))api[51])(value, out);
}
static inline OrtStatus *ort_element_type(OrtApi api, const OrtShape *shape, int *out) {
  return ((OrtStatus *(*)(const OrtShape *, int *))api[60])(shape, out);
}
static inline OrtStatus *ort_dimensions_count(OrtApi api, const OrtShape *shape, size_t *out) {
  return ((OrtStatus *(*)(const OrtShape *, size_t *))api[61])(shape, out);
}
static inline OrtStatus *ort_dimensions(OrtApi api, const OrtShape *shape, int64_t *out, size_t count) {
  return ((OrtStatus *(*)(const OrtShape *, int64_t *, size_t))api[62])(shape, out, count);
}
static inline OrtStatus *ort_shape(OrtApi api, const OrtValue *value, OrtShape **out) {
  return ((OrtStatus *(*)(const OrtValue *, OrtShape **))api[65])(value, out);
}
static inline void ort_release_shape(OrtApi api, OrtShape *shape) { ((void (*)(OrtShape *))api[99])(shape); }
static inline OrtStatus *ort_number(OrtApi api, const OrtKernelInfo *info, const char *name, float *out) {
  return ((OrtStatus *(*)(const OrtKernelInfo *, const char *, float *))api[85])(info, name, out);
}
static inline OrtStatus *ort_integer(OrtApi api, const OrtKernelInfo *info, const char *name, int64_t *out) {
  return ((OrtStatus *(*)(const OrtKernelInfo *, const char *, int64_t *))api[86])(info, name, out);
}
static inline OrtStatus *ort_input_count(OrtApi api, const OrtKernelContext *context, size_t *out) {
  return ((OrtStatus *(*)(const OrtKernelContext *, size_t *))api[88])(context, out);
}
static inline OrtStatus *ort_input(OrtApi api, const OrtKernelContext *context, size_t i, const OrtValue **out) {
  return ((OrtStatus *(*)(const OrtKernelContext *, size_t, const OrtValue **))api[90])(context, i, out);
}
static inline OrtStatus *ort_output(OrtApi api, OrtKernelContext *context, size_t i, const int64_t *dims, size_t count,
                                    OrtValue **out) {
  return ((OrtStatus *(*)(OrtKernelContext *, size_t, const int64_t *, size_t, OrtValue **))api[91])(context, i, dims, count, out);
}
// Calls work(data, i) for i < count in the session's threads, consecutive ones in the same.
static inline OrtStatus *ort_parallel(OrtApi api, const OrtKernelContext *context, void (*work)(void *, size_t), size_t count,
                                      void *data) {
  return ((OrtStatus *(*)(const OrtKernelContext *, void (*)(void *, size_t), size_t, size_t, void *))api[274])(
      context, work, count, 0, data);
}
