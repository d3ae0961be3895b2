#include "packed_rows.h"

void packed_product_wide(const PackedMatrix *m, const Activations *x, size_t from, size_t to, size_t first, size_t last, float *y,
                         size_t stride) {
  packed_rows(m, x, from, to, first, last, y, stride);
}
