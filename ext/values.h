/* One field's bytes to one number. fast/values_py.py is the specification, function by function; the usual spelling of a value goes a
 * short way here, everything else the long one. Each takes the field as [start, stop) of the data and answers its value, or whether the
 * field is what the step says and the value through a pointer.
 */
#ifndef MMSD_VALUES_H
#define MMSD_VALUES_H

#include "simd.h"

#define NOT_A_NUMBER (1ULL << 63)

/* What a converter must know beside the field. */
typedef struct {
    const u8 *data, *end; /* what may be read */
    uint64_t k0, k1;      /* the key of hashes */
    int64_t country, length, lead, trunk; /* `Numbering` */
    uint64_t prefix;                      /* the country code before `length` digits: 86 · 10^11 */
} Ground;

static inline void set_numbering(Ground *g, int64_t country, int64_t length, int64_t lead, int64_t trunk) {
    g->country = country, g->length = length, g->lead = lead, g->trunk = trunk;
    g->prefix = (uint64_t)country;
    for (int64_t i = 0; i < length; i++) g->prefix *= 10;
}

/* ------------------------------------------------------------------------------------------------------------------ letters */

MMSD_INLINE int is_digit(u8 c) { return c >= '0' && c <= '9'; }
MMSD_INLINE int is_letter(u8 c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
MMSD_INLINE int is_blank(u8 c) { return c == ' ' || c == '\t'; }

/* 0–15, or −1. */
MMSD_INLINE int hex_value(u8 c) {
    if (is_digit(c)) return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two digits as a number, or −1. */
MMSD_INLINE int pair(const u8 *p) { return is_digit(p[0]) && is_digit(p[1]) ? (p[0] - '0') * 10 + p[1] - '0' : -1; }

/* Is the field "" or "-"? */
MMSD_INLINE int nothing(const u8 *start, const u8 *stop) { return start == stop || (stop - start == 1 && *start == '-'); }

/* Narrow to what is not a blank or tab at either side. */
MMSD_INLINE void strip(const u8 **start, const u8 **stop) {
    while (*start < *stop && is_blank(**start)) ++*start;
    while (*stop > *start && is_blank((*stop)[-1])) --*stop;
}

MMSD_INLINE int64_t value_hash(const Ground *g, const u8 *start, const u8 *stop, int lower) {
    return stop > start ? (int64_t)mix(start, (size_t)(stop - start), g->k0, g->k1, lower, g->end) : 0;
}

/* ------------------------------------------------------------------------------------------------------------------ numbers */

/* 1–18 digits, byte by byte. */
MMSD_APART int spelled(const u8 *start, const u8 *stop, uint64_t *value) {
    uint64_t got = 0;
    if (stop - start < 1 || stop - start > 18) return 0;
    for (; start < stop; start++) {
        if (!is_digit(*start)) return 0;
        got = got * 10 + *start - '0';
    }
    *value = got;
    return 1;
}

MMSD_APART int integer_long(const u8 *start, const u8 *stop, int64_t *value) {
    uint64_t got;
    if (nothing(start, stop)) {
        *value = -1;
        return 1;
    }
    int minus = *start == '-';
    if (!spelled(start + minus, stop, &got)) return 0;
    *value = minus ? -(int64_t)got : (int64_t)got;
    return 1;
}

MMSD_INLINE int value_integer(const Ground *g, const u8 *start, const u8 *stop, int64_t *value) {
    size_t n = (size_t)(stop - start);
    if (MMSD_LIKELY(n - 1 < 8 && stop - g->data >= 8)) {
        uint64_t got;
        int64_t minus = *start == '-';
        n -= (size_t)minus;
        if (MMSD_LIKELY(n && digits_before(stop, n, &got))) {
            *value = ((int64_t)got ^ -minus) + minus;
            return 1;
        }
    }
    return integer_long(start, stop, value);
}

MMSD_INLINE int64_t value_digits(const Ground *g, const u8 *start, const u8 *stop) {
    size_t n = (size_t)(stop - start);
    uint64_t got;
    if (MMSD_LIKELY(n - 1 < 16 && stop - g->data >= 16)) return many_before(stop, n, &got) ? (int64_t)got : 0;
    return spelled(start, stop, &got) ? (int64_t)got : 0;
}

MMSD_APART int64_t address_long(const Ground *g, const u8 *start, const u8 *stop) {
    uint64_t value, scale = 1;
    int64_t behind = -1; /* digits the country code goes before */
    strip(&start, &stop);
    if (stop - start >= 10 && memcmp(stop - 10, "/TYPE=PLMN", 10) == 0) {
        stop -= 10;
        strip(&start, &stop);
    }
    if (nothing(start, stop)) return 0;
    const u8 *number = start + (*start == '+' ? 1 : stop - start >= 2 && start[0] == '0' && start[1] == '0' ? 2 : 0);
    if (stop - number > 15 || !spelled(number, stop, &value)) return value_hash(g, start, stop, 0) | (int64_t)NOT_A_NUMBER;
    if (number == start && g->country) {
        if (stop - start == g->length && (g->lead == -1 || g->lead == *start - '0')) behind = stop - start;
        else if (g->trunk == *start - '0' && stop - start > 1) behind = stop - start - 1;
    }
    if (behind < 0) return (int64_t)value;
    for (int64_t i = 0; i < behind; i++) scale *= 10;
    return (int64_t)(value % scale + (uint64_t)g->country * scale);
}

/* A number as most nodes write it goes one way whatever its prefix: no branch is asked what cannot be foreseen. */
MMSD_INLINE int64_t value_address(const Ground *g, const u8 *start, const u8 *stop) {
    const u8 *last = stop;
    uint64_t value;
    if (stop - start > 10 && stop[-1] == 'N' && memcmp(stop - 10, "/TYPE=PLMN", 10) == 0) last -= 10;
    if (MMSD_LIKELY(last - start >= 2 && last - start <= 17 && last - g->data >= 16)) {
        int64_t prefix = (start[0] == '+') + 2 * ((start[0] == '0') & (start[1] == '0'));
        int64_t n = last - start - prefix;
        if (MMSD_LIKELY((uint64_t)(n - 1) < 15 && many_before(last, (size_t)n, &value))) {
            int64_t digit = start[0] - '0';
            int national = (prefix == 0) & (n == g->length) & ((g->lead == -1) | (g->lead == digit));
            if (MMSD_LIKELY((prefix != 0) | national | (g->trunk != digit))) return (int64_t)(value + (national ? g->prefix : 0));
        }
    }
    return address_long(g, start, stop);
}

static const u8 HEXADECIMAL[256] = {
    ['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12,
    ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
}; /* one more than the digit, 0 for no digit */

MMSD_INLINE int value_hex(const u8 *start, const u8 *stop, int64_t *value) {
    int64_t got = 0;
    if (nothing(start, stop)) {
        *value = -1;
        return 1;
    }
    if (stop - start >= 2 && start[0] == '0' && (start[1] | 32) == 'x') start += 2;
    if (start == stop || stop - start > 15) return 0;
    for (; start < stop; start++) {
        int digit = HEXADECIMAL[*start];
        if (!digit) return 0;
        got = got << 4 | (digit - 1);
    }
    *value = got;
    return 1;
}

static inline int value_percent(const u8 *start, const u8 *stop, int64_t *value) {
    int64_t got = 0;
    int count = 0;
    if (start == stop) {
        *value = -1;
        return 1;
    }
    for (; start < stop; count++) {
        int octet = *start;
        if (octet != '%') start++;
        else {
            if (stop - start < 3 || hex_value(start[1]) < 0 || hex_value(start[2]) < 0) return 0;
            octet = hex_value(start[1]) << 4 | hex_value(start[2]);
            start += 3;
        }
        if (count < 7) got = got << 8 | octet;
    }
    *value = got;
    return count <= 7;
}

MMSD_APART int64_t ipv4_long(const u8 *start, const u8 *stop) {
    int64_t value = 0;
    for (int part = 0; part < 4; part++) {
        int n = 0, used = 0;
        for (; start < stop && is_digit(*start) && used < 4; start++, used++) n = n * 10 + *start - '0';
        if (used == 0 || used > 3 || n > 255) return 0;
        value = value << 8 | n;
        if (part < 3 && (start >= stop || *start++ != '.')) return 0;
    }
    return start == stop ? value : 0;
}

#if MMSD_WIDE > 8
/* The `n` digits at `p` as a number, 256 or more where they are none or too many. */
MMSD_INLINE uint32_t octet(const u8 *p, uint32_t n) {
    if (n - 1 > 2) return 256;
    uint32_t v = ((uint32_t)load64(p) << (32 - 8 * n)) ^ (0x30303030U << (32 - 8 * n));
    uint32_t wrong = ((v + 0x76767676U) | v) & 0x80808080U;
    return ((v >> 8 & 255) * 100 + (v >> 16 & 255) * 10 + (v >> 24)) | wrong;
}

/* By where its three points stand. */
MMSD_INLINE int64_t value_ipv4(const Ground *g, const u8 *start, const u8 *stop) {
    int64_t n = stop - start;
    if ((uint64_t)(n - 7) > 8 || g->end - start < 32) return ipv4_long(start, stop);
    Hits points = (Hits)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)start), _mm_set1_epi8('.')));
    points &= (1U << n) - 1;
    uint32_t first = (uint32_t)first_hit(points | 1U << 15);
    points &= points - 1;
    uint32_t second = (uint32_t)first_hit(points | 1U << 15);
    points &= points - 1;
    uint32_t third = (uint32_t)first_hit(points | 1U << 15);
    if (points == 0 || (points & (points - 1))) return 0;
    uint32_t a = octet(start, first), b = octet(start + first + 1, second - first - 1);
    uint32_t c = octet(start + second + 1, third - second - 1), d = octet(start + third + 1, (uint32_t)n - third - 1);
    return (a | b | c | d) > 255 ? 0 : (int64_t)((uint64_t)a << 24 | b << 16 | c << 8 | d);
}
#else
MMSD_INLINE int64_t value_ipv4(const Ground *g, const u8 *start, const u8 *stop) { return ipv4_long(start, stop); }
#endif

/* -------------------------------------------------------------------------------------------------------------------- times */

#define CACHED 32 /* longest time whose minute is remembered */

/* A time's format, and the last time read by it: an equal text around the seconds is an equal minute. */
typedef struct {
    const u8 *form;
    int64_t length;
    int is_epoch; /* it is "%s.%f" */
    int64_t cached_length, second; /* of the last time, and where its seconds stand; length −1: none yet */
    int64_t base;                  /* its value in s without them */
    u8 cached[CACHED], care[CACHED];
    uint64_t head; /* of an epoch: its first eight digits, and their value in ms */
    int64_t head_base;
} Clock;

static inline void set_clock(Clock *c, const u8 *form, int64_t length) {
    c->form = form;
    c->length = length;
    c->is_epoch = length == 5 && memcmp(form, "%s.%f", 5) == 0;
    c->cached_length = -1;
    c->head = MMSD_ZEROS;
    c->head_base = 0;
}

/* 1–12 of an English month's three letters, or 0. */
static inline int month(const u8 *p) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (memcmp(p, names + 3 * i, 3) == 0) return i + 1;
    return 0;
}

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar, counted in years that begin in March. */
static inline int64_t days_of(int64_t year, int64_t months, int64_t day) {
    int64_t shifted = year - (months <= 2), era = shifted / 400, of_era = shifted - era * 400;
    int64_t of_year = (153 * (months + (months > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static inline int days_in(int64_t year, int64_t months) {
    if (months == 2) return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
    return months == 4 || months == 6 || months == 9 || months == 11 ? 30 : 31;
}

/* A time by its format; remembers the text around the seconds. */
MMSD_APART int moment(Clock *c, const u8 *start, const u8 *stop, int64_t *value) {
    int64_t year = 1970, months = 1, day = 1, hour = 0, minute = 0, second = 0, fraction = 0, epoch = 0, zone = 0, seconds_at = -1;
    int keeps = 1;
    const u8 *at = start;
    for (int64_t i = 0; i < c->length;) {
        if (c->form[i] != '%') {
            if (at >= stop || *at++ != c->form[i++]) return 0;
            continue;
        }
        u8 kind = c->form[i + 1];
        i += 2;
        if (kind == 'z') {
            if (at < stop && *at == 'Z') {
                zone = 0;
                at++;
                continue;
            }
            int used = stop - at > 3 && at[3] == ':' ? 6 : 5;
            if (stop - at < used || (*at != '+' && *at != '-') || pair(at + 1) < 0 || pair(at + used - 2) < 0) return 0;
            zone = (pair(at + 1) * 60 + pair(at + used - 2)) * 60;
            if (*at == '-') zone = -zone;
            at += used;
            continue;
        }
        if (kind == 'e' && at < stop && *at == ' ') at++;
        int least = 2, most = 2, letters = 0;
        switch (kind) {
        case 'e': least = 1; break;
        case 'Y': least = most = 4; break;
        case 'f': least = 1, most = 9; break;
        case 's': least = 1, most = 11; break;
        case 'Z': least = 1, most = 8, letters = 1; break;
        case 'a': case 'b': least = most = 3, letters = 1; break;
        }
        const u8 *begin = at;
        int64_t got = 0;
        for (; at < stop && at - begin < most && (letters ? is_letter(*at) : is_digit(*at)); at++)
            if (!letters) got = got * 10 + *at - '0';
        if (at - begin < least) return 0;
        switch (kind) {
        case 'Y': year = got; break;
        case 'm': months = got; break;
        case 'd': case 'e': day = got; break;
        case 'H': hour = got; break;
        case 'M': minute = got; break;
        case 'S':
            second = got;
            keeps = keeps && seconds_at < 0;
            seconds_at = begin - start;
            break;
        case 'b': months = month(begin); break;
        case 's':
            epoch = got;
            keeps = 0;
            break;
        case 'f':
            keeps = 0;
            for (int64_t used = at - begin; used < 6; used++) got *= 10;
            for (int64_t used = at - begin; used > 6; used--) got /= 10;
            fraction = got;
            break;
        }
    }
    if (at != stop || hour > 23 || minute > 59 || second > 60) return 0;
    if (year < 1 || months < 1 || months > 12 || day < 1 || day > days_in(year, months)) return 0;
    int64_t base = ((days_of(year, months, day) * 24 + hour) * 60 + minute) * 60 + epoch - zone;
    *value = (base + second) * 1000000 + fraction;
    if (keeps && seconds_at >= 0 && stop - start <= CACHED) {
        c->cached_length = stop - start;
        c->second = seconds_at;
        c->base = base;
        memset(c->cached, 0, sizeof c->cached);
        memset(c->care, 0, sizeof c->care);
        memcpy(c->cached, start, (size_t)(stop - start));
        memset(c->care, 0xFF, (size_t)(stop - start));
        memset(c->care + seconds_at, 0, 2);
    }
    return 1;
}

/* The fast way through `moment`: the text is the last one but for its seconds. */
MMSD_INLINE int same_minute(const Clock *c, const Ground *g, const u8 *start, int64_t length, int64_t *value) {
    if (length != c->cached_length || g->end - start < CACHED || !equal_where(start, c->cached, c->care)) return 0;
    int second = pair(start + c->second);
    if (second < 0 || second > 60) return 0;
    *value = (c->base + second) * 1000000;
    return 1;
}

/* The fast way through %s.%f: ten digits, a point, three digits. Hundreds of seconds last, so their eight digits are remembered. */
MMSD_INLINE int milliseconds(Clock *c, const Ground *g, const u8 *start, int64_t length, int64_t *value) {
    if (length != 14 || g->end - start < 14 || start[10] != '.') return 0;
    uint64_t head = load64(start), rest = load64(start + 6);
    uint64_t digits = ((rest >> 16 & 0xFFFF) | rest >> 40 << 16) << 24 ^ MMSD_ZEROS << 24;
    if (!are_digits(digits)) return 0;
    if (head != c->head) {
        if (!are_digits(head ^ MMSD_ZEROS)) return 0;
        c->head = head;
        c->head_base = (int64_t)eight_value(head ^ MMSD_ZEROS) * 100000;
    }
    *value = (c->head_base + (int64_t)eight_value(digits)) * 1000;
    return 1;
}

MMSD_INLINE int value_time(Clock *c, const Ground *g, const u8 *start, const u8 *stop, int64_t *value) {
    if (c->is_epoch && milliseconds(c, g, start, stop - start, value)) return 1;
    return same_minute(c, g, start, stop - start, value) || moment(c, start, stop, value);
}

/* ---------------------------------------------------------------------------------------------------------------- addresses */

MMSD_INLINE int64_t value_authority(const Ground *g, const u8 *start, const u8 *stop) {
    if (stop - start >= 3 && stop[-1] == '0' && stop[-2] == '8' && stop[-3] == ':') stop -= 3;
    return value_hash(g, start, stop, 1);
}

static inline int64_t value_apn(const Ground *g, const u8 *start, const u8 *stop) {
    for (const u8 *at = start; stop - at >= 4; at++) {
        at = find1(at, stop, g->end, '.');
        if (stop - at >= 4 && (at[1] | 32) == 'm' && (at[2] | 32) == 'n' && (at[3] | 32) == 'c') {
            stop = at;
            break;
        }
    }
    return value_hash(g, start, stop, 1);
}

/* Where a URL's authority begins: behind "://", which begins in the first nine bytes, or at its start. */
MMSD_INLINE const u8 *url_host(const Ground *g, const u8 *start, const u8 *stop) {
    static const u8 http[8] = "http://";
    if (stop - start >= 7 && g->end - start >= 8 && (load64(start) ^ load64(http)) << 8 == 0) return start + 7;
    const u8 *limit = stop - start > 9 ? start + 9 : stop;
    for (const u8 *at = start; (at = find1(at, limit, g->end, ':')) < limit; at++)
        if (stop - at >= 3 && at[1] == '/' && at[2] == '/') return at + 3;
    return start;
}

/* -------------------------------------------------------------------------------------------------------------------- words */

#define PREFIX 1
#define IGNORE 2
#define NO_DEFAULT INT64_MIN

/* A row of `Program.entries`. */
typedef struct {
    Text text;
    int64_t value, flags;
} Entry;

/* A word as a table finds it: what is compared, and what it stands for. `number`: of its entry. An empty slot has no text, and a length no
 * field has. */
typedef struct {
    uint64_t head, tail;
    int64_t length, number;
    int64_t value, flags;
    const Text *text;
} Word;

/* A step's words: first the slots, found by a field's head, tail and length; behind them those a field may begin with, by number; last
 * what another word stands for. */
typedef struct {
    const Word *words, *prefixes, *other;
    int shift; /* 64 less the slots' bits */
} Table;

MMSD_INLINE uint64_t slot_of(uint64_t head, uint64_t tail, int64_t length, int shift) {
    return (head ^ (tail << 29 | tail >> 35) ^ (uint64_t)length) * 0x9E3779B97F4A7C15ULL >> shift;
}

static inline int64_t slots_for(int64_t count) {
    int64_t slots = 4;
    while (slots < 2 * count) slots *= 2;
    return slots;
}

/* Words a table of so many entries takes. */
static inline int64_t table_room(int64_t count) { return slots_for(count) + count + 1; }

/* Where two entries are equal the first is taken. `words`: `table_room(count)` zeros. */
static inline void set_table(Table *t, const Entry *entries, int64_t count, int64_t other, Word *words) {
    const int64_t slots = slots_for(count);
    Word *prefix = words + slots;
    t->words = words;
    t->prefixes = prefix;
    t->shift = 64 - __builtin_ctzll((uint64_t)slots);
    for (int64_t i = 0; i < slots; i++) words[i].length = -1;
    for (int64_t i = 0; i < count; i++) {
        const Text *text = &entries[i].text;
        const Word word = {text->head, text->tail, text->length, i, entries[i].value, entries[i].flags, text};
        uint64_t at = slot_of(word.head, word.tail, word.length, t->shift);
        while (words[at].text) at = (at + 1) & (uint64_t)(slots - 1);
        words[at] = word;
        if (word.flags & PREFIX) *prefix++ = word;
    }
    t->other = prefix;
    prefix->value = other;
    prefix->number = count;
}

/* Eight bytes, when `lower` in lower case. */
MMSD_INLINE uint64_t folded(const u8 *p, int lower) { return lower ? lower64(load64(p)) : load64(p); }

/* Does the text, in lower case itself, stand at `p`, where at least its length may be read? `head`: the eight bytes at `p`. */
MMSD_INLINE int begins(const Text *text, const u8 *p, uint64_t head, int lower) {
    if ((head ^ text->head) & text->mask) return 0;
    if (text->length <= 8) return 1;
    for (int64_t i = 8; i + 8 < text->length; i += 8)
        if (folded(p + i, lower) != load64(text->at + i)) return 0;
    return folded(p + text->length - 8, lower) == text->tail;
}

/* What a field stands for: the first entry that it is, or begins with, else the last word. `lower`: in any case. */
MMSD_INLINE const Word *find_entry(const Table *t, const Ground *g, const u8 *start, const u8 *stop, int lower) {
    const int64_t length = stop - start;
    uint64_t head = load_part(start, length > 8 ? 8 : (size_t)length, g->end), tail = 0;
    if (lower) head = lower64(head);
    if (length > 8) tail = folded(stop - 8, lower);
    const Word *found = t->words + slot_of(head, tail, length, t->shift);
    while (((found->head ^ head) | (found->tail ^ tail) | (uint64_t)(found->length ^ length)) ||
           (length > 16 && !begins(found->text, start, head, lower))) {
        if (!found->text) {
            found = t->other;
            break;
        }
        if (++found == t->words + (1ULL << (64 - t->shift))) found = t->words;
    }
    for (const Word *prefix = t->prefixes; prefix != t->other && prefix->number < found->number; prefix++)
        if (prefix->length <= length && begins(prefix->text, start, head, lower)) return prefix;
    return found;
}

MMSD_INLINE const Word *find_word(const Table *t, const Ground *g, const u8 *start, const u8 *stop) {
    return find_entry(t, g, start, stop, 0);
}

/* The same for a Content-Type: up to ";", blanks trimmed, in lower case. */
static inline const Word *find_type(const Table *t, const Ground *g, const u8 *start, const u8 *stop) {
    stop = find1(start, stop, g->end, ';');
    strip(&start, &stop);
    return find_entry(t, g, start, stop, 1);
}

#endif
