/* chain.h -- hashes of sequences that grow and shrink at one end.

   The chain of a sequence is a polynomial in an odd factor, modulo 2^64, whose
   coefficients are the stirred values: the last one stands alone, each earlier
   one is multiplied once more. So the chain of a longer sequence costs one step
   from that of the shorter one, and the chain of its last values alone follows
   from two chains (as in R. Karp, M. Rabin, "Efficient Randomized
   Pattern-Matching Algorithms", 1987). The values are stirred first, so that
   sequences of neighbouring numbers differ as random ones do.

   The length is no part of a chain; whoever compares chains compares it, too. */

#ifndef DM_BASE_CHAIN_H
#define DM_BASE_CHAIN_H

#include <stdint.h>

/* Its powers differ: it is 5 modulo 8. */
#define DM_CHAIN_FACTOR UINT64_C(0xd1342543de82ef95)

/* The two halves of a full product, folded, as in wyhash (Wang Yi, public domain
   algorithm). Every bit of the operand reaches every bit of the result. */
static inline uint64_t
dm_stir(uint64_t value)
{
  __extension__ typedef unsigned __int128 wide;
  wide product = (wide) (value ^ UINT64_C(0xa0761d6478bd642f)) *
                 UINT64_C(0x9e3779b97f4a7c15);
  return (uint64_t) product ^ (uint64_t) (product >> 64);
}

/* The chain of a sequence that continues the one of CHAIN with VALUE. That of
   nothing is 0. */
static inline uint64_t
dm_chain_add(uint64_t chain, uint64_t value)
{
  return chain * DM_CHAIN_FACTOR + dm_stir(value);
}

/* The chain of the last COUNT values of a sequence, WHOLE being its chain and
   BEFORE that of all but those. */
static inline uint64_t
dm_chain_last(uint64_t whole, uint64_t before, unsigned count)
{
  for (uint64_t power = DM_CHAIN_FACTOR; count != 0; count /= 2, power *= power)
    if (count % 2 != 0)
      before *= power;
  return whole - before;
}

#endif
