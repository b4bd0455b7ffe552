/* Primitives of the scanner: byte searches, masked compares, digits, folded multiply.
 *
 * Every load lies in the data the caller owns: `end` bounds what is read ahead, and who reads back says how far. The same source is
 * compiled with and without -mavx2; SSE2 belongs to every x86-64, other machines take the 8-byte words. Results are equal everywhere.
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
#define MMSD_APART static __attribute__((noinline))               /* the rare way: kept out of the loop it would crowd */

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
    static const uint64_t keep[9] = {0, ~0ULL >> 56, ~0ULL >> 48, ~0ULL >> 40, ~0ULL >> 32, ~0ULL >> 24, ~0ULL >> 16, ~0ULL >> 8, ~0ULL};
    if (MMSD_LIKELY(end - p >= 8)) return load64(p) & keep[n];
    uint64_t word = 0;
    for (size_t i = 0; i < n; i++) word |= (uint64_t)p[i] << (8 * i);
    return word;
}

#define MMSD_ONES 0x0101010101010101ULL
#define MMSD_HIGH 0x8080808080808080ULL

/* As many bytes as are compared at once, and which of them were equal: one bit each, the first byte's lowest. */
#if defined(__AVX2__)
#define MMSD_WIDE 32
typedef __m256i Wide;
typedef uint32_t Hits;
MMSD_INLINE Wide wide_load(const u8 *p) { return _mm256_loadu_si256((const __m256i *)p); }
MMSD_INLINE Wide wide_of(u8 byte) { return _mm256_set1_epi8((char)byte); }
MMSD_INLINE Hits wide_equal(Wide v, Wide a) { return (Hits)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, a)); }
MMSD_INLINE Hits wide_equal2(Wide v, Wide a, Wide b) {
    return (Hits)_mm256_movemask_epi8(_mm256_or_si256(_mm256_cmpeq_epi8(v, a), _mm256_cmpeq_epi8(v, b)));
}
#elif defined(__SSE2__)
#define MMSD_WIDE 16
typedef __m128i Wide;
typedef uint32_t Hits;
MMSD_INLINE Wide wide_load(const u8 *p) { return _mm_loadu_si128((const __m128i *)p); }
MMSD_INLINE Wide wide_of(u8 byte) { return _mm_set1_epi8((char)byte); }
MMSD_INLINE Hits wide_equal(Wide v, Wide a) { return (Hits)_mm_movemask_epi8(_mm_cmpeq_epi8(v, a)); }
MMSD_INLINE Hits wide_equal2(Wide v, Wide a, Wide b) {
    return (Hits)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, a), _mm_cmpeq_epi8(v, b)));
}
#else /* a word; its bit for a byte is the byte's highest */
#define MMSD_WIDE 8
typedef uint64_t Wide;
typedef uint64_t Hits;
MMSD_INLINE Wide wide_load(const u8 *p) { return load64(p); }
MMSD_INLINE Wide wide_of(u8 byte) { return MMSD_ONES * byte; }
MMSD_INLINE Hits wide_equal(Wide v, Wide a) { return ~((((v ^ a) & ~MMSD_HIGH) + ~MMSD_HIGH) | (v ^ a) | ~MMSD_HIGH); }
MMSD_INLINE Hits wide_equal2(Wide v, Wide a, Wide b) { return wide_equal(v, a) | wide_equal(v, b); }
#endif
#if MMSD_WIDE == 8
MMSD_INLINE int first_hit(Hits hits) { return __builtin_ctzll(hits) >> 3; }
MMSD_INLINE int last_hit(Hits hits) { return (63 - __builtin_clzll(hits)) >> 3; }
MMSD_INLINE Hits wide_bit(int place) { return 0x80ULL << (8 * place); }
#else
MMSD_INLINE int first_hit(Hits hits) { return __builtin_ctz(hits); }
MMSD_INLINE int last_hit(Hits hits) { return 31 - __builtin_clz(hits); }
MMSD_INLINE Hits wide_bit(int place) { return 1U << place; }
#endif

/* First `a` or `b` in [p, stop), or `stop`; may read ahead as far as `end`. */
MMSD_INLINE const u8 *find2(const u8 *p, const u8 *stop, const u8 *end, u8 a, u8 b) {
    const Wide wide_a = wide_of(a), wide_b = wide_of(b);
    for (; end - p >= MMSD_WIDE; p += MMSD_WIDE) {
        Hits hits = wide_equal2(wide_load(p), wide_a, wide_b);
        if (hits) {
            p += first_hit(hits);
            return p < stop ? p : stop;
        }
        if (stop - p <= MMSD_WIDE) return stop;
    }
    for (; p < stop; p++)
        if (*p == a || *p == b) return p;
    return stop;
}

/* First `a` in [p, stop), or `stop`. */
MMSD_INLINE const u8 *find1(const u8 *p, const u8 *stop, const u8 *end, u8 a) {
    const Wide wide_a = wide_of(a);
    for (; end - p >= MMSD_WIDE; p += MMSD_WIDE) {
        Hits hits = wide_equal(wide_load(p), wide_a);
        if (hits) {
            p += first_hit(hits);
            return p < stop ? p : stop;
        }
        if (stop - p <= MMSD_WIDE) return stop;
    }
    for (; p < stop; p++)
        if (*p == a) return p;
    return stop;
}

/* First quote, backslash or line feed in [p, stop), or `stop`. */
MMSD_INLINE const u8 *find_quote(const u8 *p, const u8 *stop, const u8 *end) {
    const Wide quote = wide_of('"'), slash = wide_of('\\'), feed = wide_of('\n');
    for (; end - p >= MMSD_WIDE; p += MMSD_WIDE) {
        Wide v = wide_load(p);
        Hits hits = wide_equal2(v, quote, slash) | wide_equal(v, feed);
        if (hits) {
            p += first_hit(hits);
            return p < stop ? p : stop;
        }
        if (stop - p <= MMSD_WIDE) return stop;
    }
    for (; p < stop; p++)
        if (*p == '"' || *p == '\\' || *p == '\n') return p;
    return stop;
}

/* ASCII A–Z of eight bytes to lower case. */
MMSD_INLINE uint64_t lower64(uint64_t word) {
    uint64_t seven = word & ~MMSD_HIGH;
    uint64_t above_z = seven + MMSD_ONES * (0x7f - 'Z'), from_a = seven + MMSD_ONES * (0x80 - 'A');
    return word | (((from_a ^ above_z) & ~word & MMSD_HIGH) >> 2);
}

/* A literal, ready to be looked for: its first eight bytes and its last eight as words, its first byte as often as is compared at once. */
typedef struct {
    const u8 *at;
    int64_t length;
    uint64_t head, mask; /* padded with zeros; ones where it has bytes */
    uint64_t tail;       /* its last eight bytes, when it is longer than eight */
    u8 splat[MMSD_WIDE];
    u8 second;
} Text;

static inline void set_text(Text *t, const u8 *at, int64_t length) {
    t->at = at;
    t->length = length;
    t->mask = length >= 8 ? ~0ULL : (1ULL << (8 * length)) - 1;
    t->head = load_part(at, length > 8 ? 8 : (size_t)length, at + length);
    t->tail = length > 8 ? load64(at + length - 8) : 0;
    memset(t->splat, length ? at[0] : 0, sizeof t->splat);
    t->second = length > 1 ? at[1] : 0;
}

/* Does the literal stand at `p`, wholly before `end`? Two masked compares; what lies between them only in a literal beyond sixteen bytes. */
MMSD_INLINE int stands(const Text *t, const u8 *p, const u8 *end) {
    if (MMSD_LIKELY(end - p >= 8)) {
        if ((load64(p) ^ t->head) & t->mask) return 0;
        if (t->length <= 8) return 1;
        if (t->length > end - p || load64(p + t->length - 8) != t->tail) return 0;
        return t->length <= 16 || memcmp(p + 8, t->at + 8, (size_t)t->length - 16) == 0;
    }
    return t->length <= end - p && memcmp(p, t->at, (size_t)t->length) == 0;
}

/* The same where sixteen bytes may be read. */
MMSD_INLINE int stands_here(const Text *t, const u8 *p, const u8 *end) {
    if ((load64(p) ^ t->head) & t->mask) return 0;
    if (t->length <= 8) return 1;
    return MMSD_LIKELY(t->length <= 16) ? load64(p + t->length - 8) == t->tail : stands(t, p, end);
}

MMSD_APART const u8 *find_near_end(const Text *t, const u8 *p, const u8 *end, const u8 **line_end) {
    for (;; p++) {
        p = find2(p, end, end, t->splat[0], '\n');
        if (p < end && stands(t, p, end)) return p;
        if (p >= end || *p == '\n') {
            *line_end = p;
            return NULL;
        }
    }
}

/* The literal's first occurrence before the next line feed: one search for both. NULL when the line feed, or `end`, comes first; it is told. */
MMSD_INLINE const u8 *find_in_line(const Text *t, const u8 *p, const u8 *end, const u8 **line_end) {
    const Wide first = wide_load(t->splat), feed = wide_of('\n');
    for (; end - p >= MMSD_WIDE + 16; p += MMSD_WIDE)
        for (Hits hits = wide_equal2(wide_load(p), first, feed); hits; hits &= hits - 1) {
            const u8 *at = p + first_hit(hits);
            if (MMSD_LIKELY(stands_here(t, at, end))) return at;
            if (*at == '\n') {
                *line_end = at;
                return NULL;
            }
        }
    return find_near_end(t, p, end, line_end);
}

/* Do `n` bytes stand here before any line end? 0: perhaps. */
MMSD_INLINE int within_line(const u8 *p, int64_t n, const u8 *end) {
    if (n - 1 >= MMSD_WIDE || end - p < MMSD_WIDE || p[n - 1] == '\r') return 0;
    Hits hits = wide_equal(wide_load(p), wide_of('\n'));
    return !hits || first_hit(hits) >= n;
}

/* The literal's first occurrence in [p, stop), line feeds or not; NULL when there is none. An empty one stands everywhere. */
static inline const u8 *find_text(const Text *t, const u8 *p, const u8 *stop, const u8 *end) {
    if (t->length == 0) return p;
    if (t->length > 1) { /* by its first two bytes: few places have both */
        const Wide first = wide_load(t->splat), second = wide_of(t->second);
        for (; end - p > MMSD_WIDE; p += MMSD_WIDE) {
            for (Hits hits = wide_equal(wide_load(p), first) & wide_equal(wide_load(p + 1), second); hits; hits &= hits - 1) {
                const u8 *at = p + first_hit(hits);
                if (stop - at < t->length) return NULL;
                if (stands(t, at, end)) return at;
            }
            if (stop - p <= MMSD_WIDE) return NULL;
        }
    }
    while ((p = find1(p, stop, end, t->splat[0])) < stop) {
        if (stands(t, p, stop)) return p;
        p++;
    }
    return NULL;
}

/* The literal's last occurrence in [p, stop); NULL when there is none. Reads back as far as `begin`. */
static inline const u8 *find_last(const Text *t, const u8 *begin, const u8 *p, const u8 *stop) {
    const Wide first = wide_load(t->splat);
    const u8 *at = stop - t->length;
    for (; at >= p && at - begin >= MMSD_WIDE - 1; at -= MMSD_WIDE) {
        const u8 *from = at - (MMSD_WIDE - 1);
        for (Hits hits = wide_equal(wide_load(from), first); hits; hits ^= wide_bit(last_hit(hits))) {
            const u8 *here = from + last_hit(hits);
            if (here < p) return NULL;
            if (stands(t, here, stop)) return here;
        }
    }
    for (; at >= p; at--)
        if (*at == t->splat[0] && stands(t, at, stop)) return at;
    return NULL;
}

/* Are 32 bytes the same where `care` has ones? */
MMSD_INLINE int equal_where(const u8 *p, const u8 *other, const u8 *care) {
#if defined(__AVX2__)
    return _mm256_testz_si256(_mm256_xor_si256(wide_load(p), wide_load(other)), wide_load(care));
#else
    uint64_t differ = 0;
    for (int i = 0; i < 32; i += 8) differ |= (load64(p + i) ^ load64(other + i)) & load64(care + i);
    return differ == 0;
#endif
}

/* The two halves of the 128-bit product, xored. */
MMSD_INLINE uint64_t fold(uint64_t a, uint64_t b) {
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
MMSD_INLINE uint64_t mix(const u8 *p, size_t n, uint64_t k0, uint64_t k1, int lower, const u8 *end) {
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

#define MMSD_ZEROS 0x3030303030303030ULL

/* Given digits as their values, 0 where there is none: is each at most 9? */
MMSD_INLINE int are_digits(uint64_t values) { return (((values + 0x7676767676767676ULL) | values) & MMSD_HIGH) == 0; }

/* The number eight such values spell; the first byte is the most significant. */
MMSD_INLINE uint64_t eight_value(uint64_t values) {
    values = values * 2561 >> 8 & 0x00FF00FF00FF00FFULL;
    values = values * 6553601 >> 16 & 0x0000FFFF0000FFFFULL;
    return values * 42949672960001ULL >> 32;
}

/* Are the last `n` (0..8) bytes before `stop` digits? Their value goes to `value`. Eight bytes before `stop` are read. */
MMSD_INLINE int digits_before(const u8 *stop, size_t n, uint64_t *value) {
    static const uint64_t keep[9] = {0, ~0ULL << 56, ~0ULL << 48, ~0ULL << 40, ~0ULL << 32, ~0ULL << 24, ~0ULL << 16, ~0ULL << 8, ~0ULL};
    uint64_t values = (load64(stop - 8) ^ MMSD_ZEROS) & keep[n];
    *value = eight_value(values);
    return are_digits(values);
}

/* The same of up to sixteen. */
MMSD_INLINE int many_before(const u8 *stop, size_t n, uint64_t *value) {
    static const u8 keep[32] = {[16 ... 31] = 0xFF};
    uint64_t high = (load64(stop - 16) ^ MMSD_ZEROS) & load64(keep + n);
    uint64_t low = (load64(stop - 8) ^ MMSD_ZEROS) & load64(keep + n + 8);
    *value = eight_value(high) * 100000000 + eight_value(low);
    return are_digits(high) && are_digits(low);
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
