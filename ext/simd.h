/* Primitives of the scanner: byte searches, masked compares, digits, folded multiply.
 *
 * Every load is bounded by `end`: nothing here reads a byte the caller does not own. The same source is compiled with and without
 * -mavx2; SSE2 belongs to every x86-64, other machines take the 8-byte words. Results are equal everywhere.
 */
#ifndef MMSD_SIMD_H
#define MMSD_SIMD_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

typedef unsigned char u8;

#define MMSD_LIKELY(x) __builtin_expect(!!(x), 1)
#define MMSD_INLINE static inline __attribute__((always_inline)) /* where a call costs as much as the work */

MMSD_INLINE uint64_t load64(const u8 *p) {
    uint64_t word;
    memcpy(&word, p, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The first `n` (0..8) bytes at `p` as a little-endian word, the rest zero. */
MMSD_INLINE uint64_t load_part(const u8 *p, size_t n, const u8 *end) {
    if (MMSD_LIKELY(p + 8 <= end)) return n >= 8 ? load64(p) : n ? load64(p) & (~0ULL >> (64 - 8 * n)) : 0;
    uint64_t word = 0;
    for (size_t i = 0; i < n; i++) word |= (uint64_t)p[i] << (8 * i);
    return word;
}

#define MMSD_ONES 0x0101010101010101ULL
#define MMSD_HIGH 0x8080808080808080ULL

/* Nonzero where a byte of `word` is zero; its lowest set bit is exact. */
static inline uint64_t zero_bytes(uint64_t word) { return (word - MMSD_ONES) & ~word & MMSD_HIGH; }

/* First `a` or `b` in [p, end), or `end`. */
MMSD_INLINE const u8 *find2(const u8 *p, const u8 *end, u8 a, u8 b) {
#if defined(__AVX2__)
    const __m256i wide_a = _mm256_set1_epi8((char)a), wide_b = _mm256_set1_epi8((char)b);
    for (; p + 32 <= end; p += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)p);
        unsigned hit = (unsigned)_mm256_movemask_epi8(_mm256_or_si256(_mm256_cmpeq_epi8(v, wide_a), _mm256_cmpeq_epi8(v, wide_b)));
        if (hit) return p + __builtin_ctz(hit);
    }
#endif
#if defined(__SSE2__)
    const __m128i half_a = _mm_set1_epi8((char)a), half_b = _mm_set1_epi8((char)b);
    for (; p + 16 <= end; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)p);
        unsigned hit = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, half_a), _mm_cmpeq_epi8(v, half_b)));
        if (hit) return p + __builtin_ctz(hit);
    }
#endif
    for (; p + 8 <= end; p += 8) {
        uint64_t v = load64(p);
        uint64_t in_a = zero_bytes(v ^ (MMSD_ONES * a)), in_b = zero_bytes(v ^ (MMSD_ONES * b));
        /* each mask is exact up to its lowest bit, so the lower of the two is */
        uint64_t low_a = in_a & (0 - in_a), low_b = in_b & (0 - in_b);
        uint64_t low = low_a && (!low_b || low_a < low_b) ? low_a : low_b;
        if (low) return p + (__builtin_ctzll(low) >> 3);
    }
    for (; p < end; p++)
        if (*p == a || *p == b) return p;
    return end;
}

static inline const u8 *find1(const u8 *p, const u8 *end, u8 a) { return find2(p, end, a, a); }

/* First quote, backslash or line feed in [p, end), or `end`. */
static inline const u8 *find_quote(const u8 *p, const u8 *end) {
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), feed = _mm_set1_epi8('\n');
    for (; p + 16 <= end; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)p);
        __m128i any = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)), _mm_cmpeq_epi8(v, feed));
        unsigned hit = (unsigned)_mm_movemask_epi8(any);
        if (hit) return p + __builtin_ctz(hit);
    }
#endif
    for (; p < end; p++)
        if (*p == '"' || *p == '\\' || *p == '\n') return p;
    return end;
}

/* ASCII A–Z of eight bytes to lower case. */
static inline uint64_t lower64(uint64_t word) {
    uint64_t seven = word & ~MMSD_HIGH;
    uint64_t above_z = seven + MMSD_ONES * (0x7f - 'Z'), from_a = seven + MMSD_ONES * (0x80 - 'A');
    return word | (((from_a ^ above_z) & ~word & MMSD_HIGH) >> 2);
}

/* A literal, ready to be looked for: its first eight bytes and its last eight as words, its first byte as often as a register holds. */
typedef struct {
    const u8 *at;
    int64_t length;
    uint64_t head, mask; /* padded with zeros; ones where it has bytes */
    uint64_t tail;       /* its last eight bytes, when it is longer than eight */
    u8 splat[32];
} Text;

static inline void set_text(Text *t, const u8 *at, int64_t length) {
    t->at = at;
    t->length = length;
    t->mask = length >= 8 ? ~0ULL : (1ULL << (8 * length)) - 1;
    t->head = load_part(at, length > 8 ? 8 : (size_t)length, at + length);
    t->tail = length > 8 ? load64(at + length - 8) : 0;
    memset(t->splat, length ? at[0] : 0, sizeof t->splat);
}

/* Does the literal stand at `p`, wholly before `end`? Two masked compares; what lies between them only in a literal beyond sixteen bytes. */
MMSD_INLINE int stands(const Text *t, const u8 *p, const u8 *end) {
    if (MMSD_LIKELY(p + 8 <= end)) {
        if ((load64(p) ^ t->head) & t->mask) return 0;
        if (t->length <= 8) return 1;
        if (p + t->length > end || load64(p + t->length - 8) != t->tail) return 0;
        return t->length <= 16 || memcmp(p + 8, t->at + 8, (size_t)t->length - 16) == 0;
    }
    return t->length <= end - p && memcmp(p, t->at, (size_t)t->length) == 0;
}

/* Does the literal, in lower case itself, stand in any case at `p`, where at least its length may be read? `head`: eight bytes at `p`, lower. */
static inline int stands_lower(const Text *t, const u8 *p, uint64_t head) {
    if ((head ^ t->head) & t->mask) return 0;
    if (t->length <= 8) return 1;
    for (int64_t i = 8; i + 8 < t->length; i += 8)
        if (lower64(load64(p + i)) != load64(t->at + i)) return 0;
    return lower64(load64(p + t->length - 8)) == t->tail;
}

/* The literal's first occurrence before the next line feed: one search for both. NULL when the line feed, or `end`, comes first; it is told. */
MMSD_INLINE const u8 *find_in_line(const Text *t, const u8 *p, const u8 *end, const u8 **line_end) {
#if defined(__AVX2__)
    const __m256i first = _mm256_loadu_si256((const __m256i *)t->splat), feed = _mm256_set1_epi8('\n');
    for (; p + 32 <= end; p += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)p);
        unsigned hits = (unsigned)_mm256_movemask_epi8(_mm256_or_si256(_mm256_cmpeq_epi8(v, first), _mm256_cmpeq_epi8(v, feed)));
#elif defined(__SSE2__)
    const __m128i first = _mm_loadu_si128((const __m128i *)t->splat), feed = _mm_set1_epi8('\n');
    for (; p + 16 <= end; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)p);
        unsigned hits = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, first), _mm_cmpeq_epi8(v, feed)));
#endif
#if defined(__AVX2__) || defined(__SSE2__)
        for (; hits; hits &= hits - 1) {
            const u8 *at = p + __builtin_ctz(hits);
            if (MMSD_LIKELY(stands(t, at, end))) return at;
            if (*at == '\n') {
                *line_end = at;
                return NULL;
            }
        }
    }
#endif
    for (;; p++) {
        p = find2(p, end, t->splat[0], '\n');
        if (p < end && stands(t, p, end)) return p;
        if (p >= end || *p == '\n') {
            *line_end = p;
            return NULL;
        }
    }
}

/* The two halves of the 128-bit product, xored. */
static inline uint64_t fold(uint64_t a, uint64_t b) {
#if defined(__SIZEOF_INT128__)
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
    uint64_t ll = al * bl, lh = al * bh, hl = ah * bl, hh = ah * bh;
    uint64_t middle = (ll >> 32) + (uint32_t)lh + (uint32_t)hl;
    return ((middle << 32) | (uint32_t)ll) ^ (hh + (lh >> 32) + (hl >> 32) + (middle >> 32));
#endif
}

/* fast/hash_py.py is the specification. */
static inline uint64_t mix(const u8 *p, size_t n, uint64_t k0, uint64_t k1, int lower, const u8 *end) {
    uint64_t state = k0 ^ 0x9E3779B97F4A7C15ULL, step = (k1 ^ 0x6A09E667F3BCC909ULL) | 1;
    size_t left = n;
    for (; left >= 8; left -= 8, p += 8) state = fold(state ^ (lower ? lower64(load64(p)) : load64(p)), step);
    if (left) {
        uint64_t word = load_part(p, left, end);
        state = fold(state ^ (lower ? lower64(word) : word), step);
    }
    state = fold(state ^ n, (k1 ^ 0xBB67AE8584CAA73BULL) | 1);
    return state ? state : 1;
}

/* Are these eight bytes all digits? The high nibbles must be 3, and stay 3 when 6 is added. */
static inline int eight_digits(uint64_t word) {
    return (word & 0xF0F0F0F0F0F0F0F0ULL) == 0x3030303030303030ULL && ((word + 0x0606060606060606ULL) & 0xF0F0F0F0F0F0F0F0ULL) == 0x3030303030303030ULL;
}

/* The number eight digits spell; the first byte is the most significant. */
static inline uint64_t eight_value(uint64_t word) {
    word = (word & 0x0F0F0F0F0F0F0F0FULL) * 2561 >> 8;
    word = (word & 0x00FF00FF00FF00FFULL) * 6553601 >> 16;
    return (word & 0x0000FFFF0000FFFFULL) * 42949672960001ULL >> 32;
}

/* Is [p, p + n) 1..18 digits? Their value goes to `value`. Words that reach outside the digits are padded with "0" before they are looked at. */
MMSD_INLINE int all_digits(const u8 *p, size_t n, uint64_t *value, const u8 *end) {
    static const uint64_t scale[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    const uint64_t zeros = 0x3030303030303030ULL;
    if (n - 1 < 8 && MMSD_LIKELY(p + 8 <= end)) {
        uint64_t word = n == 8 ? load64(p) : load64(p) << (64 - 8 * n) | zeros >> (8 * n);
        if (!eight_digits(word)) return 0;
        *value = eight_value(word);
        return 1;
    }
    if (n > 8 && n <= 16) {
        uint64_t first = load64(p), last = load64(p + n - 8);
        if (!eight_digits(first) || !eight_digits(last)) return 0;
        if (n < 16) last = (last & ~0ULL << (128 - 8 * n)) | zeros >> (8 * n - 64);
        *value = eight_value(first) * scale[n - 8] + eight_value(last);
        return 1;
    }
    uint64_t got = 0;
    if (n == 0 || n > 18) return 0;
    for (; n; n--, p++) {
        unsigned digit = (unsigned)*p - '0';
        if (digit > 9) return 0;
        got = got * 10 + digit;
    }
    *value = got;
    return 1;
}

/* May the build for AVX2 run here? The compiler's answer covers the processor and the operating system. */
static inline int runs_avx2(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") != 0;
#else
    return 0;
#endif
}

#endif
