// What kernels the processor runs. Its file alone and the library's entry are compiled without their instructions.
#pragma once

#define EXPORTED __attribute__((visibility("default")))

// Whether the processor has the instructions that all kernels are compiled for, AVX2, FMA and F16C, and the system keeps their registers.
EXPORTED int dinotune_supported(void);

// Bits of the widest vectors from now on, at most as many as asked for (0: as the processor has): 512 or 256. Operators give the same bits by both.
EXPORTED int dinotune_vector_bits(int most);

// The same without a change.
int vector_bits(void);

// Whether sums of products of bytes are an instruction (AVX512_VNNI), and vectors aren't kept to 256 bits.
int byte_products(void);

// Has this thread take subnormal numbers for 0, in operands and results. Returns what it did until then, for the second function, which has it do
// so again.
EXPORTED unsigned dinotune_flush_subnormals(void);
EXPORTED void dinotune_restore_subnormals(unsigned before);
