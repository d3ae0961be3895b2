#include "processor.h"

#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>

// Registers that the system keeps: those of SSE and AVX; and AVX-512's masks and both halves of its vectors.
enum { AVX = 0x06, AVX512 = 0xe6 };

static unsigned kept_registers(void) {
  unsigned a, b, c, d, low, high;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

int dinotune_supported(void) {
  unsigned a, b, c, d;
  if ((kept_registers() & AVX) != AVX || !__get_cpuid(1, &a, &b, &c, &d)) return 0;
  if (!(c & bit_FMA) || !(c & bit_F16C)) return 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2);
}

static int widest(void) {
  unsigned a, b, c, d;
  if ((kept_registers() & AVX512) != AVX512 || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 256;
  return b & bit_AVX512F ? 512 : 256;
}

static int has_byte_products(void) {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX512VL) && (c & bit_AVX512VNNI);
}

static atomic_int used, bytes;

int dinotune_vector_bits(int most) {
  const int all = widest(), bits = most && most < all ? 256 : all;
  atomic_store(&bytes, bits == 512 && has_byte_products());
  atomic_store(&used, bits);
  return bits;
}

int vector_bits(void) {
  const int bits = atomic_load(&used);
  return bits ? bits : dinotune_vector_bits(0);
}

int byte_products(void) { return vector_bits() == 512 && atomic_load(&bytes); }

unsigned dinotune_flush_subnormals(void) {
  const unsigned before = _mm_getcsr();
  // Flags of flush to zero and of denormals are zeros, the latter in every processor with AVX.
  _mm_setcsr(before | 0x8040);
  return before;
}

void dinotune_restore_subnormals(unsigned before) { _mm_setcsr(before); }
