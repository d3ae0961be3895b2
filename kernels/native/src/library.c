// The library's entry, which ONNX Runtime calls for each session that is to have the operators of the domain "dinotune".
#include <stdatomic.h>

#include "float_operator.h"
#include "processor.h"

// Version of the interface whose functions are called: 1.17's has them all.
enum { API_VERSION = 17 };

EXPORTED OrtStatus *RegisterCustomOps(OrtSessionOptions *options, const OrtApiBase *base) {
  // One for all sessions and as long as the process: sessions read it without owning it.
  static _Atomic(OrtCustomOpDomain *) domain;
  OrtApi api = base->GetApi(API_VERSION);
  if (!dinotune_supported()) return ort_status(api, ORT_FAIL, "this processor has no AVX2, FMA and F16C");
  if (!domain) {
    OrtCustomOpDomain *made, *none = NULL;
    TRY(ort_create_domain(api, "dinotune", &made));
    TRY(ort_add_operator(api, made, &packed_product_operator.op));
    for (size_t i = 0; i < float_operators_count; i++) TRY(ort_add_operator(api, made, float_operators[i]));
    // Another thread's may be there by now: this one is left then, some hundred bytes once.
    atomic_compare_exchange_strong(&domain, &none, made);
  }
  return ort_add_domain(api, options, domain);
}
