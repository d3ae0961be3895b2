// The operators of float32, as kernels of ../../ops name them; sizes are checked there, and here once more because a wrong one would read
// memory of something else.
#include "attention.h"
#include "float_packed.h"
#include "float_operator.h"
#include "float_product.h"
#include "float_rows.h"
#include "label_logprob.h"

// Attention: o of q, k, v, until, positions.
static OrtStatus *shape_of(const FloatKernel *kernel, const Tensor *q, const Tensor *k, const Tensor *v, const Tensor *until,
                           const Tensor *positions, AttentionShape *s) {
  const int64_t heads = kernel->integers[0], kv = kernel->integers[1], window = kernel->integers[2];
  if (heads <= 0 || kv <= 0 || heads % kv || window < 0) return refused(kernel, "heads must be a multiple of kv_heads, window 0 or more");
  if (q->rank != 2 || k->rank != 2 || q->dims[1] % heads || q->dims[0] > k->dims[0]) return refused(kernel, "q and k don't fit");
  const int64_t d = q->dims[1] / heads, rows = k->dims[0];
  if (!has_shape(k, 2, rows, kv * d) || !has_shape(v, 2, rows, kv * d)) return refused(kernel, "k and v don't fit q");
  if (!has_shape(until, 1, rows, 0) || !has_shape(positions, 1, rows, 0)) return refused(kernel, "until and positions don't fit k");
  if (d == 0 || rows > INT32_MAX - 64) return refused(kernel, "heads need columns, and fewer than 2^31 rows");
  const float cap = kernel->numbers[1];
  if (!(cap >= 0)) return refused(kernel, "cap must be above 0, or 0 for none");
  *s = (AttentionShape){q->dims[0], rows, heads, kv, d, kernel->numbers[0], window, cap, until->data, positions->data};
  return NULL;
}

static OrtStatus *compute_attention(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in) {
  AttentionShape s;
  float *o;
  TRY(shape_of(kernel, in, in + 1, in + 2, in + 3, in + 4, &s));
  TRY(float_output(kernel, context, 0, in->dims[0], in->dims[1], &o));
  WITH_MEMORY(kernel, context, attention_scratch(&s), attention(&s, in[0].data, in[1].data, in[2].data, o, scratch, threads));
}

static OrtStatus *compute_attention_grad(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in) {
  AttentionShape s;
  const Tensor *q = in, *k = in + 1;
  float *dq, *dk, *dv;
  TRY(shape_of(kernel, q, k, in + 2, in + 5, in + 6, &s));
  if (s.queries != s.rows) return refused(kernel, "q and k don't have as many rows");
  for (int i = 3; i < 5; i++) {
    if (!has_shape(in + i, 2, q->dims[0], q->dims[1])) return refused(kernel, "o and its gradient don't fit q");
  }
  TRY(float_output(kernel, context, 0, q->dims[0], q->dims[1], &dq));
  TRY(float_output(kernel, context, 1, k->dims[0], k->dims[1], &dk));
  TRY(float_output(kernel, context, 2, k->dims[0], k->dims[1], &dv));
  WITH_MEMORY(kernel, context, attention_grad_scratch(&s),
              attention_grad(&s, q->data, k->data, in[2].data, in[3].data, in[4].data, dq, dk, dv, scratch, threads));
}

// Weights [rows, columns] of floats, or of bytes [rows / 16, columns of tiles, tile] in tiles of blocks. Their form is told by a tile's size among
// ggml's, which are without a sign, and among groups, whose bytes are said to have one.
static OrtStatus *weights_of(const FloatKernel *kernel, const Tensor *in, int64_t dims[2], Weights *out) {
  if ((in->type == ORT_UINT8 || in->type == ORT_INT8) && in->rank == 3) {
    for (Form form = FORM_Q4_0; form < FORMS; form++) {
      if (in_groups(form) != (in->type == ORT_INT8) || in->dims[2] != tile_bytes(form)) continue;
      dims[0] = in->dims[0] * BLOCK_ROWS, dims[1] = in->dims[1] * block_width(form);
      *out = (Weights){in->data, form};
      return NULL;
    }
  }
  if (in->type != ORT_FLOAT && in->type != ORT_BFLOAT16 && in->type != ORT_FLOAT16) {
    return refused(kernel, "weights must be float32, bfloat16, float16 or tiles of blocks");
  }
  if (in->rank != 2) return refused(kernel, "weights must be a matrix");
  dims[0] = in->dims[0], dims[1] = in->dims[1];
  *out = (Weights){in->data, in->type == ORT_FLOAT ? FORM_FLOAT : in->type == ORT_BFLOAT16 ? FORM_BFLOAT16 : FORM_FLOAT16};
  return NULL;
}

// Product: y of a [m, k], b [k, n] or (transposed) [n, k], base [m, n] or none.
static OrtStatus *factors_of(const FloatKernel *kernel, const Tensor *a, const Tensor *b, const Tensor *base, Product *p) {
  int64_t dims[2];
  TRY(weights_of(kernel, b, dims, &p->b));
  p->transposed = kernel->integers[0] != 0;
  if (a->rank != 2 || a->dims[1] != dims[p->transposed]) return refused(kernel, "factors don't fit");
  p->m = a->dims[0], p->k = a->dims[1], p->n = dims[!p->transposed];
  if (base->data && !has_shape(base, 2, p->m, p->n)) return refused(kernel, "the base doesn't fit the product");
  p->a = a->data, p->base = base->data, p->alpha = 1;
  return NULL;
}

static OrtStatus *compute_product(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in) {
  Product p = {0};
  TRY(factors_of(kernel, in, in + 1, in + 2, &p));
  p.alpha = kernel->numbers[0];
  TRY(float_output(kernel, context, 0, p.m, p.n, &p.y));
  WITH_MEMORY(kernel, context, products_scratch(&p, 1), products(&p, 1, scratch, threads));
}

// ProductPair, ProductTriple: y of each of several b with one a.
static OrtStatus *compute_products(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in) {
  Product p[MAX_PRODUCTS] = {0};
  const Tensor none = {0};
  const ptrdiff_t count = (ptrdiff_t)kernel->operator->outputs;
  for (ptrdiff_t i = 0; i < count; i++) {
    TRY(factors_of(kernel, in, in + 1 + i, &none, p + i));
    TRY(float_output(kernel, context, (size_t)i, p[i].m, p[i].n, &p[i].y));
  }
  WITH_MEMORY(kernel, context, products_scratch(p, count), products(p, count, scratch, threads));
}

// LoraProduct: as Product with down, up beside b; y and h.
static OrtStatus *lora_of(const FloatKernel *kernel, const Tensor *down, const Tensor *up, Product *p) {
  if (down->rank != 2 || up->rank != 2) return refused(kernel, "LoRA's factors don't fit");
  p->rank = down->dims[!p->transposed];
  const int fit = p->transposed ? has_shape(down, 2, p->rank, p->k) && has_shape(up, 2, p->n, p->rank)
                                : has_shape(down, 2, p->k, p->rank) && has_shape(up, 2, p->rank, p->n);
  if (!fit) return refused(kernel, "LoRA's factors don't fit");
  p->down = down->data, p->up = up->data;
  return NULL;
}

static OrtStatus *compute_lora_product(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in) {
  Product p = {0};
  TRY(factors_of(kernel, in, in + 1, in + 4, &p));
  TRY(lora_of(kernel, in + 2, in + 3, &p));
  p.down_alpha = kernel->numbers[0], p.up_alpha = kernel->numbers[1];
  TRY(float_output(kernel, context, 0, p.m, p.n, &p.y));
  TRY(float_output(kernel, context, 1, p.m, p.rank, &p.h));
  WITH_MEMORY(kernel, context, products_scratch(&p, 1), products(&p, 1, scratch, threads));
}

// LoraPair, LoraTriple: y and h of each of several b, down, up with one a.
static OrtStatus *compute_lora_products(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in) {
  Product p[MAX_PRODUCTS] = {0};
  const Tensor none = {0};
  const ptrdiff_t count = (ptrdiff_t)kernel->operator->outputs / 2;
  for (ptrdiff_t i = 0; i < count; i++) {
    TRY(factors_of(kernel, in, in + 1 + 3 * i, &none, p + i));
    TRY(lora_of(kernel, in + 2 + 3 * i, in + 3 + 3 * i, p + i));
    p[i].down_alpha = 1, p[i].up_alpha = kernel->numbers[i];
    TRY(float_output(kernel, context, (size_t)(2 * i), p[i].m, p[i].n, &p[i].y));
    TRY(float_output(kernel, context, (size_t)(2 * i + 1), p[i].m, p[i].rank, &p[i].h));
  }
  WITH_MEMORY(kernel, context, products_scratch(p, count), products(p, count, scratch, threads));
}

// TurnedProduct: y [left, right] of a [rows, left], b [rows, right], base or none.
static OrtStatus *compute_turned_product(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in) {
  const Tensor *a = in, *b = in + 1, *base = in + 2;
  if (a->rank != 2 || b->rank != 2 || a->dims[0] != b->dims[0]) return refused(kernel, "factors don't fit");
  TurnedProduct p = {a->dims[1], b->dims[1], a->dims[0], a->data, b->data, base->data, kernel->numbers[0], NULL};
  if (p.base && !has_shape(base, 2, p.left, p.right)) return refused(kernel, "the base doesn't fit the product");
  TRY(float_output(kernel, context, 0, p.left, p.right, &p.y));
  WITH_MEMORY(kernel, context, turned_product_scratch(&p), turned_product(&p, scratch, threads));
}

typedef void GatedWork(Gated g, Threads threads);

static OrtStatus *compute_gated(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in, GatedWork *work, GatedWork *grad_work) {
  const int outputs = (int)kernel->operator->outputs, grad = outputs > 1;
  float *out[3] = {NULL};
  for (int i = 0; i < 2 + grad; i++) {
    if (in->rank != 2 || !has_shape(in + i, 2, in->dims[0], in->dims[1])) return refused(kernel, "inputs aren't of one shape");
  }
  for (int i = 0; i < outputs; i++) TRY(float_output(kernel, context, (size_t)i, in->dims[0], in->dims[1], &out[i]));
  const Gated g = {(ptrdiff_t)elements(in, 0, 2), in[0].data, in[1].data, in[2].data, grad ? out[2] : out[0], out[0], out[1]};
  WITH_THREADS(kernel, context, (grad ? grad_work : work)(g, threads));
}

// Swiglu: y of gate, up; SwigluGrad: dgate, dup of gate, up, dy; SwigluTwice: these and y. All of one shape. Geglu and its kin likewise.
static OrtStatus *compute_swiglu(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in) {
  return compute_gated(kernel, context, in, swiglu, swiglu_grad);
}
static OrtStatus *compute_geglu(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in) {
  return compute_gated(kernel, context, in, geglu, geglu_grad);
}

// Rotary: y of x [rows, heads * 2 half], cos and sin [rows, half].
static OrtStatus *compute_rotary(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in) {
  const Tensor *x = in, *cos = in + 1, *sin = in + 2;
  if (x->rank != 2 || cos->rank != 2 || cos->dims[1] == 0 || x->dims[1] % (2 * cos->dims[1])) return refused(kernel, "cos doesn't fit x");
  if (!has_shape(cos, 2, x->dims[0], cos->dims[1]) || !has_shape(sin, 2, x->dims[0], cos->dims[1])) {
    return refused(kernel, "cos and sin don't have x's rows");
  }
  Rotary r = {x->dims[0], x->dims[1] / (2 * cos->dims[1]), cos->dims[1], x->data, cos->data, sin->data, kernel->integers[0] != 0, NULL};
  TRY(float_output(kernel, context, 0, x->dims[0], x->dims[1], &r.y));
  WITH_THREADS(kernel, context, rotary(r, threads));
}

// LabelLogprob: logp of h [labels, columns], w [vocab, columns], ids; LabelLogprobUnit: logp and dh.
static OrtStatus *compute_label_logprob(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in) {
  const Tensor *h = in, *w = in + 1, *ids = in + 2;
  int64_t dims[2];
  Labels p = {.h = h->data, .ids = ids->data, .cap = kernel->numbers[0]};
  if (!(p.cap >= 0)) return refused(kernel, "cap must be above 0, or 0 for none");
  TRY(weights_of(kernel, w, dims, &p.w));
  if (h->rank != 2 || h->dims[1] != dims[1]) return refused(kernel, "h and w don't fit");
  if (!has_shape(ids, 1, h->dims[0], 0)) return refused(kernel, "there must be an id for each row of h");
  p.labels = h->dims[0], p.columns = h->dims[1], p.vocab = dims[0];
  for (ptrdiff_t l = 0; l < p.labels; l++) {
    if (p.ids[l] < 0 || p.ids[l] >= p.vocab) return refused(kernel, "an id is none of the vocabulary's");
  }
  TRY(float_vector(kernel, context, 0, p.labels, &p.logp));
  if (kernel->operator->outputs == 2) TRY(float_output(kernel, context, 1, p.labels, p.columns, &p.dh));
  WITH_MEMORY(kernel, context, label_logprob_scratch(&p), label_logprob(&p, scratch, threads));
}

typedef struct {
  Weights w;
  int64_t columns;
  const int32_t *ids;
  float *y;
} WidenedRows;

static void widened_row(void *data, size_t index) {
  const WidenedRows *r = data;
  float *to = r->y + (int64_t)index * r->columns;
  for (int64_t c = 0; c < r->columns; c += 8) put(to + c, row_8(r->w, r->columns, r->ids[index], c), r->columns - c);
}

// Rows: y [ids, columns], rows ids of w.
static OrtStatus *compute_rows(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in) {
  const Tensor *w = in, *ids = in + 1;
  int64_t dims[2];
  WidenedRows r = {.ids = ids->data};
  TRY(weights_of(kernel, w, dims, &r.w));
  if (ids->rank != 1) return refused(kernel, "ids aren't a vector");
  for (int64_t i = 0; i < ids->dims[0]; i++) {
    if (r.ids[i] < 0 || r.ids[i] >= dims[0]) return refused(kernel, "an id is none of a row");
  }
  r.columns = dims[1];
  TRY(float_output(kernel, context, 0, ids->dims[0], r.columns, &r.y));
  WITH_THREADS(kernel, context, threads.run(threads.place, widened_row, &r, (size_t)ids->dims[0]));
}

// RmsNorm: y of x [rows, groups * group], weight [group]; RmsNormGrad: dx of x, weight, dy, and a base of x's shape or none.
static OrtStatus *compute_norm(const FloatKernel *kernel, OrtKernelContext *context, const Tensor *in) {
  const Tensor *x = in, *weight = in + 1, *dy = in + 2, *base = in + 3;
  if (x->rank != 2 || weight->rank != 1 || weight->dims[0] == 0 || x->dims[1] % weight->dims[0]) {
    return refused(kernel, "the weight doesn't fit x");
  }
  if (dy->data && !has_shape(dy, 2, x->dims[0], x->dims[1])) return refused(kernel, "the gradient doesn't fit x");
  if (base->data && !has_shape(base, 2, x->dims[0], x->dims[1])) return refused(kernel, "the base doesn't fit x");
  Normed n = {.rows = x->dims[0] * (x->dims[1] / weight->dims[0]), .columns = weight->dims[0], .x = x->data, .weight = weight->data,
              .dy = dy->data, .base = base->data, .eps = kernel->numbers[0]};
  TRY(float_output(kernel, context, 0, x->dims[0], x->dims[1], &n.y));
  WITH_THREADS(kernel, context, (dy->data ? rms_norm_grad : rms_norm)(n, threads));
}

static size_t into_third(int **inputs, int **outputs) { return float_inplace(1, (int[][2]){{2, 0}}, inputs, outputs); }
static size_t into_fifth(int **inputs, int **outputs) { return float_inplace(1, (int[][2]){{4, 0}}, inputs, outputs); }
static size_t into_first(int **inputs, int **outputs) { return float_inplace(1, (int[][2]){{0, 0}}, inputs, outputs); }
static size_t into_gradient(int **inputs, int **outputs) { return float_inplace(2, (int[][2]){{2, 0}, {3, 0}}, inputs, outputs); }
static size_t into_both(int **inputs, int **outputs) { return float_inplace(2, (int[][2]){{0, 0}, {1, 1}}, inputs, outputs); }
static size_t into_all(int **inputs, int **outputs) { return float_inplace(3, (int[][2]){{0, 0}, {1, 1}, {2, 2}}, inputs, outputs); }

#define ATTENTION .integer_names = {"heads", "kv_heads", "window"}, .number_names = {"scale", "cap"}
#define LABELS .weights = 1 << 1, .integers = 1 << 2, .number_names = {"cap"}, .compute = compute_label_logprob

#define LORA_PRODUCTS \
  .integer_names = {"transposed"}, .number_names = {"up_alpha0", "up_alpha1", "up_alpha2"}, .compute = compute_lora_products

static const FloatOperator operators[] = {
    {FLOAT_OPERATOR(NULL), "Attention", 5, 1, .integers = 3 << 3, ATTENTION, .compute = compute_attention},
    {FLOAT_OPERATOR(NULL), "AttentionGrad", 7, 3, .integers = 3 << 5, ATTENTION, .compute = compute_attention_grad},
    {FLOAT_OPERATOR(into_third), "Product", 3, 1, .weights = 1 << 1, .optional = 1, .integer_names = {"transposed"}, .number_names = {"alpha"},
     .compute = compute_product},
    {FLOAT_OPERATOR(into_fifth), "LoraProduct", 5, 2, .weights = 1 << 1, .optional = 1, .integer_names = {"transposed"},
     .number_names = {"down_alpha", "up_alpha"}, .compute = compute_lora_product},
    {FLOAT_OPERATOR(NULL), "ProductPair", 3, 2, .weights = 3 << 1, .integer_names = {"transposed"}, .compute = compute_products},
    {FLOAT_OPERATOR(NULL), "ProductTriple", 4, 3, .weights = 7 << 1, .integer_names = {"transposed"}, .compute = compute_products},
    {FLOAT_OPERATOR(NULL), "LoraPair", 7, 4, .weights = 1 << 1 | 1 << 4, LORA_PRODUCTS},
    {FLOAT_OPERATOR(NULL), "LoraTriple", 10, 6, .weights = 1 << 1 | 1 << 4 | 1 << 7, LORA_PRODUCTS},
    {FLOAT_OPERATOR(into_third), "TurnedProduct", 3, 1, .optional = 1, .number_names = {"alpha"}, .compute = compute_turned_product},
    {FLOAT_OPERATOR(into_first), "Swiglu", 2, 1, .compute = compute_swiglu},
    {FLOAT_OPERATOR(into_both), "SwigluGrad", 3, 2, .compute = compute_swiglu},
    {FLOAT_OPERATOR(into_all), "SwigluTwice", 3, 3, .compute = compute_swiglu},
    {FLOAT_OPERATOR(into_first), "Geglu", 2, 1, .compute = compute_geglu},
    {FLOAT_OPERATOR(into_both), "GegluGrad", 3, 2, .compute = compute_geglu},
    {FLOAT_OPERATOR(into_all), "GegluTwice", 3, 3, .compute = compute_geglu},
    {FLOAT_OPERATOR(into_first), "Rotary", 3, 1, .integer_names = {"inverse"}, .compute = compute_rotary},
    {FLOAT_OPERATOR(into_first), "RmsNorm", 2, 1, .number_names = {"eps"}, .compute = compute_norm},
    {FLOAT_OPERATOR(into_gradient), "RmsNormGrad", 4, 1, .optional = 1, .number_names = {"eps"}, .compute = compute_norm},
    {FLOAT_OPERATOR(NULL), "LabelLogprob", 3, 1, LABELS},
    {FLOAT_OPERATOR(NULL), "LabelLogprobUnit", 3, 2, LABELS},
    {FLOAT_OPERATOR(NULL), "Rows", 2, 1, .weights = 1 << 0, .integers = 1 << 1, .compute = compute_rows},
};

const OrtCustomOp *const float_operators[] = {
    &operators[0].op, &operators[1].op, &operators[2].op, &operators[3].op, &operators[4].op,
    &operators[5].op, &operators[6].op, &operators[7].op, &operators[8].op, &operators[9].op,
    &operators[10].op, &operators[11].op, &operators[12].op, &operators[13].op, &operators[14].op,
    &operators[15].op, &operators[16].op, &operators[17].op, &operators[18].op, &operators[19].op,
    &operators[20].op,
};
const size_t float_operators_count = sizeof float_operators / sizeof *float_operators;
_Static_assert(sizeof float_operators / sizeof *float_operators == sizeof operators / sizeof *operators, "every operator is listed");
