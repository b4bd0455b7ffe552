/* Fields of portraits, taken and put without a branch: how many octets one has is as good as random, and a processor that guesses wrong loses
 * more than it takes to read all sixteen. mmsd/fast/portrait_py.py says what they are. */
#include <stdint.h>
#include <string.h>

/* By nibble: the octets that follow, and which of the eight that are read are the field's own. */
static const uint8_t SPANS[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
static const uint64_t CUTS[16] = {
    0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF, 0xFFFFFFFFFF, 0xFFFFFFFFFFFF, 0xFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF,
};

static inline int nibble(uint64_t word, int place) { return word >> 4 * place & 15; }

/* The first n fields behind a word, 0 for SAME and ENDLESS; where the next one begins. */
static inline __attribute__((always_inline)) const uint8_t *take_fields(const uint8_t *at, uint64_t word, uint64_t *field, const int n)
{
#pragma GCC unroll 16
    for (int place = 0; place < n; place++) {
        uint64_t value;
        memcpy(&value, at, 8);
        field[place] = value & CUTS[nibble(word, place)];
        at += SPANS[nibble(word, place)];
    }
    return at;
}

/* How many octets the first n fields behind a word are. */
static inline int span_of(uint64_t word, const int n)
{
    if (n < 16)
        word &= (1ull << 4 * n) - 1;
    word &= ~((word >> 3 & word >> 2 & 0x1111111111111111) * 15); /* SAME and ENDLESS are none */
    word = (word & 0x0F0F0F0F0F0F0F0F) + (word >> 4 & 0x0F0F0F0F0F0F0F0F);
    return word * 0x0101010101010101 >> 56;
}

static inline int octets_of(uint64_t value) { return 8 - (__builtin_clzll(value | 1) >> 3) - !value; }

/* The word that goes before n fields. */
static inline __attribute__((always_inline)) uint64_t word_of(const uint64_t *field, const int n)
{
    uint64_t word = 0;
#pragma GCC unroll 16
    for (int place = 0; place < n; place++)
        word |= (uint64_t)octets_of(field[place]) << 4 * place;
    return word;
}

/* Those fields; where the next one begins. Of the eight octets behind them some are written over. */
static inline __attribute__((always_inline)) uint8_t *put_fields(uint8_t *to, uint64_t word, const uint64_t *field, const int n)
{
#pragma GCC unroll 16
    for (int place = 0; place < n; place++) {
        memcpy(to, &field[place], 8);
        to += SPANS[nibble(word, place)];
    }
    return to;
}

/* Few octets, never one beyond them: what a compiler makes of a length that it does not know costs more than they do. */
static inline void take_octets(uint8_t *to, const uint8_t *from, size_t n)
{
    uint64_t head[4], tail[4];
    if (n > 64) {
        memmove(to, from, n);
    } else if (n > 32) {
        memcpy(head, from, 32), memcpy(tail, from + n - 32, 32);
        memcpy(to, head, 32), memcpy(to + n - 32, tail, 32);
    } else if (n > 16) {
        memcpy(head, from, 16), memcpy(tail, from + n - 16, 16);
        memcpy(to, head, 16), memcpy(to + n - 16, tail, 16);
    } else if (n >= 8) {
        memcpy(head, from, 8), memcpy(tail, from + n - 8, 8);
        memcpy(to, head, 8), memcpy(to + n - 8, tail, 8);
    } else if (n >= 4) {
        memcpy(head, from, 4), memcpy(tail, from + n - 4, 4);
        memcpy(to, head, 4), memcpy(to + n - 4, tail, 4);
    } else if (n) {
        head[0] = from[0], head[1] = from[n / 2], head[2] = from[n - 1];
        to[0] = head[0], to[n / 2] = head[1], to[n - 1] = head[2];
    }
}
