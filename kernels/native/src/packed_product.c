#include "packed_product.h"

#include "packed_rows.h"
#include "processor.h"

size_t packed_tile_bytes(const PackedMatrix *m) { return m->groups * group_bytes(m->bits, m->half); }

void packed_product(const PackedMatrix *m, const Activations *x, size_t from, size_t to, size_t first, size_t last, float *y, size_t stride) {
  (byte_products() ? packed_product_wide : packed_rows)(m, x, from, to, first, last, y, stride);
}
