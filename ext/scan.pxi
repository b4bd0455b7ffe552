# The scanner's kernel, compiled once for every machine and once for AVX2. fast/scan_py.py is the specification, step by step and
# converter by converter; tests/fast compare them field by field.
#
# One difference of method, none of result: the specification looks for the line's end before each step; this looks for the literal and
# the line's end in one search, and asks whether the line is complete only when a form has ended or failed.

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy

from mmsd.fast.program import Cells

cdef extern from "simd.h" nogil:
    uint64_t load_part(const uint8_t *p, size_t n, const uint8_t *end)
    uint64_t load64(const uint8_t *p)
    const uint8_t *find1(const uint8_t *p, const uint8_t *end, uint8_t a)
    const uint8_t *find2(const uint8_t *p, const uint8_t *end, uint8_t a, uint8_t b)
    uint64_t mix(const uint8_t *p, size_t n, uint64_t k0, uint64_t k1, int lower, const uint8_t *end)
    int all_digits(const uint8_t *p, size_t n, uint64_t *value, const uint8_t *end)
    uint64_t lower64(uint64_t word)
    bint runs_avx2()
    ctypedef struct Text:
        const uint8_t *at
        int64_t length
        uint64_t head
        uint64_t mask
    void set_text(Text *t, const uint8_t *at, int64_t length)
    bint stands(const Text *t, const uint8_t *p, const uint8_t *end)
    bint stands_lower(const Text *t, const uint8_t *p, uint64_t head)
    const uint8_t *find_quote(const uint8_t *p, const uint8_t *end)
    const uint8_t *find_in_line(const Text *t, const uint8_t *p, const uint8_t *end, const uint8_t **line_end)

# fast/program.py names these; a test holds the two lists against each other
cdef enum:
    OP_LITERAL, OP_UNTIL, OP_FIXED, OP_COUNTED, OP_QUOTED, OP_LAST, OP_REST, OP_OPTIONAL, OP_BLANKS, OP_AGAIN, OP_ATTRIBUTE, OP_LINES

cdef enum:
    TO_NONE, TO_TIME, TO_INT, TO_DIGITS, TO_ADDRESS, TO_ADDRESSES, TO_HASH, TO_HASH_LOWER, TO_ENUM, TO_ENUM_TYPE, TO_HEX, TO_IPV4, TO_URL
    TO_AUTHORITY, TO_APN, TO_PERCENT

cdef enum:
    NO_LITERAL = 1, NO_UNTIL, SHORT, COUNT, QUOTE, NO_TIME, NO_NUMBER, UNKNOWN, TRAILING, NO_ATTRIBUTE, MISSING, UNINDENTED

cdef enum:
    PREFIX = 1
    IGNORE = 2
    LONGEST = 1 << 17
    SPAN = 1 << 14
    REJECT_WIDTH = 5
    TWICE = -2
    CACHED = 40  # longest time whose minute is remembered

cdef enum Outcome:
    FITS, FAILS, MORE, NO_MEMORY

cdef int64_t NO_DEFAULT = -(<int64_t> 1 << 62) * 2
cdef uint64_t NOT_A_NUMBER = <uint64_t> 1 << 63


cdef struct Entry:
    Text text
    int64_t value
    int flags


cdef struct Step:
    int op, convert
    Text literal, after
    int stop
    bint narrow  # has `after` or `stop`
    int64_t a, b
    int64_t cell, text, cell2, text2
    const Entry *entries
    int64_t entry_count
    int has_prefix
    int64_t default_value
    const uint8_t *form  # of a time
    bint is_epoch  # it is "%s.%f"
    int64_t form_length
    # the last time this step read, but for its seconds: an equal text around them is an equal minute
    uint8_t cached[CACHED]
    int64_t cached_length, cached_second, cached_base
    int64_t hint  # the entry that matched last


cdef struct Form:
    int64_t first, end
    int flags


cdef struct State:
    const uint8_t *data
    const uint8_t *end
    bint final
    uint64_t k0, k1
    int64_t numbering[4]
    Step *steps
    Form *forms
    int64_t form_count
    Entry *entries
    const int64_t *initial
    int64_t width
    const uint8_t *literals
    const int64_t *attributes
    int64_t attribute_count
    const int32_t *slots
    int64_t slot_count
    uint8_t *seen  # a block's attributes, by step
    # the record being read
    int64_t *cells
    const uint8_t *line_end  # a line end found earlier: the first "\n" at or after `line_from`, or NULL
    const uint8_t *line_from
    const uint8_t *last_start
    const uint8_t *last_stop
    const uint8_t *list_start  # of its ADDRESSES field, or NULL
    const uint8_t *list_stop
    Step *list_step
    bint ignore
    int reason
    int64_t failed_step
    const uint8_t *failed
    # what was found
    int64_t *out
    int64_t *offsets
    int64_t rows, room
    int64_t *rejects
    int64_t reject_count, reject_room
    int64_t lines, skipped


# ---------------------------------------------------------------------------------------------------------------------- lines


cdef inline const uint8_t *newline(State *s, const uint8_t *at) noexcept nogil:
    """The first line feed at or after `at`, or the data's end."""
    if s.line_end == NULL or at < s.line_from or at > s.line_end:
        s.line_end = find1(at, s.end, 10)
        s.line_from = at
    return s.line_end


cdef inline const uint8_t *text_end(State *s, const uint8_t *at) noexcept nogil:
    """Where the text of the line holding `at` ends: at the line feed, or at the carriage return before it."""
    cdef const uint8_t *end = newline(s, at)
    return end - 1 if end > at and (end - 1)[0] == 13 else end


cdef inline bint complete(State *s, const uint8_t *at) noexcept nogil:
    """Is the end of the line holding `at` in the data?"""
    return s.final or newline(s, at) < s.end


cdef inline bint at_line_end(State *s, const uint8_t *at) noexcept nogil:
    """Does the line's text end here? Only meaningful when the line is complete."""
    if at >= s.end or at[0] == 10:
        return True
    return at[0] == 13 and (at + 1 >= s.end or at[1] == 10)


cdef inline const uint8_t *fail(State *s, int reason, const uint8_t *where) noexcept nogil:
    s.reason = reason
    s.failed = where
    return NULL


cdef inline const uint8_t *more(State *s) noexcept nogil:
    s.reason = 0
    return NULL


# -------------------------------------------------------------------------------------------------------------------- literals


cdef inline const uint8_t *seek(const Text *t, const uint8_t *at, const uint8_t *end) noexcept nogil:
    """The literal's first occurrence in [at, end), line feeds or not; NULL when there is none. An empty one stands everywhere."""
    if t.length == 0:
        return at
    while True:
        at = find1(at, end, t.at[0])
        if at >= end:
            return NULL
        if stands(t, at, end):
            return at
        at += 1


# ---------------------------------------------------------------------------------------------------------------------- values


cdef inline bint is_digit(uint8_t c) noexcept nogil:
    return c >= 48 and c <= 57


cdef inline bint is_letter(uint8_t c) noexcept nogil:
    return (c | 32) >= 97 and (c | 32) <= 122


cdef inline int hex_value(uint8_t c) noexcept nogil:
    if is_digit(c):
        return c - 48
    c |= 32
    return c - 87 if c >= 97 and c <= 102 else -1


cdef inline int pair(const uint8_t *p) noexcept nogil:
    """Two digits as a number, or −1."""
    return (p[0] - 48) * 10 + p[1] - 48 if is_digit(p[0]) and is_digit(p[1]) else -1


cdef int month(const uint8_t *p) noexcept nogil:
    """1–12 of an English month's three letters, or 0."""
    cdef const char *names = b"JanFebMarAprMayJunJulAugSepOctNovDec"
    cdef int i
    for i in range(12):
        if memcmp(p, names + 3 * i, 3) == 0:
            return i + 1
    return 0


cdef int64_t days_of(int64_t year, int64_t month_number, int64_t day) noexcept nogil:
    """Days since 1970-01-01 of a date of the proleptic Gregorian calendar, counted in years that begin in March."""
    cdef int64_t shifted = year - (month_number <= 2)
    cdef int64_t era = shifted // 400
    cdef int64_t of_era = shifted - era * 400
    cdef int64_t of_year = (153 * (month_number + (-3 if month_number > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


cdef int days_in(int64_t year, int64_t month_number) noexcept nogil:
    if month_number == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month_number == 4 or month_number == 6 or month_number == 9 or month_number == 11 else 31


cdef bint moment(Step *t, const uint8_t *start, const uint8_t *stop, int64_t *value) noexcept nogil:
    """A time by the step's format; remembers the text around the seconds."""
    cdef const uint8_t *at = start
    cdef const uint8_t *begin
    cdef int64_t i = 0, got
    cdef int64_t year = 1970, months = 1, day = 1, hour = 0, minute = 0, second = 0, fraction = 0, epoch = 0, zone = 0
    cdef int64_t seconds_at = -1
    cdef bint keeps = True
    cdef int least, most, used, letters
    cdef uint8_t kind
    while i < t.form_length:
        if t.form[i] != 37:  # "%"
            if at >= stop or at[0] != t.form[i]:
                return False
            at += 1
            i += 1
            continue
        kind = t.form[i + 1]
        i += 2
        if kind == 122:  # z
            if at < stop and at[0] == 90:  # "Z"
                zone = 0
                at += 1
                continue
            used = 6 if stop - at > 3 and at[3] == 58 else 5
            if stop - at < used or (at[0] != 43 and at[0] != 45) or pair(at + 1) < 0 or pair(at + used - 2) < 0:
                return False
            zone = (pair(at + 1) * 60 + pair(at + used - 2)) * 60
            if at[0] == 45:
                zone = -zone
            at += used
            continue
        if kind == 101 and at < stop and at[0] == 32:  # e
            at += 1
        least = most = 2
        letters = 0
        if kind == 101:
            least = 1
        elif kind == 89:  # Y
            least = most = 4
        elif kind == 102:  # f
            least, most = 1, 9
        elif kind == 115:  # s
            least, most = 1, 11
        elif kind == 90:  # Z
            least, most, letters = 1, 8, 1
        elif kind == 97 or kind == 98:  # a, b
            least, most, letters = 3, 3, 1
        begin = at
        got = 0
        while at < stop and at - begin < most and (is_letter(at[0]) if letters else is_digit(at[0])):
            if not letters:
                got = got * 10 + at[0] - 48
            at += 1
        if at - begin < least:
            return False
        if kind == 89:
            year = got
        elif kind == 109:  # m
            months = got
        elif kind == 100 or kind == 101:  # d
            day = got
        elif kind == 72:  # H
            hour = got
        elif kind == 77:  # M
            minute = got
        elif kind == 83:  # S
            second = got
            keeps = keeps and seconds_at < 0
            seconds_at = begin - start
        elif kind == 98:
            months = month(begin)
        elif kind == 115:
            epoch = got
            keeps = False
        elif kind == 102:
            keeps = False
            used = <int> (at - begin)
            while used < 6:
                got *= 10
                used += 1
            while used > 6:
                got //= 10
                used -= 1
            fraction = got
    if at != stop or hour > 23 or minute > 59 or second > 60:
        return False
    if year < 1 or months < 1 or months > 12 or day < 1 or day > days_in(year, months):
        return False
    got = ((days_of(year, months, day) * 24 + hour) * 60 + minute) * 60 + epoch - zone
    value[0] = (got + second) * 1000000 + fraction
    if keeps and seconds_at >= 0 and stop - start <= CACHED:
        t.cached_length = stop - start
        t.cached_second = seconds_at
        t.cached_base = got
        memcpy(t.cached, start, stop - start)
    return True


cdef inline bint same_minute(Step *t, const uint8_t *start, int64_t length, int64_t *value) noexcept nogil:
    """The fast way through `moment`: the text is the last one but for its seconds."""
    cdef int64_t i = t.cached_second
    cdef int second
    if length != t.cached_length:
        return False
    if i == 17 and length == 19:  # 2026-11-22 17:44:22
        if load64(start) != load64(t.cached) or load64(start + 8) != load64(t.cached + 8) or start[16] != t.cached[16]:
            return False
    elif memcmp(start, t.cached, i) or memcmp(start + i + 2, t.cached + i + 2, length - i - 2):
        return False
    second = pair(start + i)
    if second < 0 or second > 60:
        return False
    value[0] = (t.cached_base + second) * 1000000
    return True


cdef inline bint epoch(State *s, const uint8_t *start, const uint8_t *stop, int64_t *value) noexcept nogil:
    """The fast way through `moment` for %s.%f: 1–11 digits, a point, 1–9 digits."""
    cdef const uint8_t *point = find1(start, stop, 46)
    cdef uint64_t seconds, fraction
    cdef int64_t places = stop - point - 1
    if point - start > 11 or places > 9 or not all_digits(start, point - start, &seconds, s.end):
        return False
    if point == stop or not all_digits(point + 1, places, &fraction, s.end):
        return False
    while places < 6:
        fraction *= 10
        places += 1
    while places > 6:
        fraction //= 10
        places -= 1
    value[0] = <int64_t> (seconds * 1000000 + fraction)
    return True


cdef inline void strip(const uint8_t **start, const uint8_t **stop) noexcept nogil:
    """Narrow to what is not a blank or tab at either side."""
    while start[0] < stop[0] and (start[0][0] == 32 or start[0][0] == 9):
        start[0] += 1
    while stop[0] > start[0] and ((stop[0] - 1)[0] == 32 or (stop[0] - 1)[0] == 9):
        stop[0] -= 1


cdef inline bint nothing(const uint8_t *start, const uint8_t *stop) noexcept nogil:
    """Is the field "" or "-"?"""
    return start == stop or (stop - start == 1 and start[0] == 45)


cdef int64_t address(State *s, const uint8_t *start, const uint8_t *stop) noexcept nogil:
    cdef const uint8_t *number
    cdef uint64_t value = 0, scale = 1
    cdef int64_t length, i
    strip(&start, &stop)
    if stop - start >= 10 and (stop - 1)[0] == 78 and memcmp(stop - 10, b"/TYPE=PLMN", 10) == 0:
        stop -= 10
        strip(&start, &stop)
    if nothing(start, stop):
        return 0
    number = start
    if start[0] == 43:
        number += 1
    elif stop - start >= 2 and start[0] == 48 and start[1] == 48:
        number += 2
    length = stop - number
    if length > 15 or not all_digits(number, length, &value, s.end):
        return <int64_t> (mix(start, stop - start, s.k0, s.k1, 0, s.end) | NOT_A_NUMBER)
    if number == start and s.numbering[0]:
        if length == s.numbering[1] and (s.numbering[2] == -1 or s.numbering[2] == number[0] - 48):
            i = length
        elif s.numbering[3] == number[0] - 48 and length > 1:
            i = length - 1
            for _ in range(i):
                scale *= 10
            value %= scale
            scale = 1
        else:
            return <int64_t> value
        for _ in range(i):
            scale *= 10
        value += <uint64_t> s.numbering[0] * scale
    return <int64_t> value


cdef int64_t ipv4(const uint8_t *start, const uint8_t *stop) noexcept nogil:
    cdef int64_t value = 0
    cdef int part, n, used
    for part in range(4):
        n = used = 0
        while start < stop and is_digit(start[0]) and used < 4:
            n = n * 10 + start[0] - 48
            used += 1
            start += 1
        if used == 0 or used > 3 or n > 255:
            return 0
        value = value << 8 | n
        if part < 3:
            if start >= stop or start[0] != 46:
                return 0
            start += 1
    return value if start == stop else 0


cdef bint percent(const uint8_t *start, const uint8_t *stop, int64_t *value) noexcept nogil:
    cdef int64_t got = 0
    cdef int count = 0
    cdef bint fits = True
    if start == stop:
        value[0] = -1
        return True
    while start < stop:
        count += 1
        if start[0] == 37:
            if stop - start < 3 or hex_value(start[1]) < 0 or hex_value(start[2]) < 0:
                return False
            if count <= 7:
                got = got << 8 | hex_value(start[1]) << 4 | hex_value(start[2])
            start += 3
        else:
            if count <= 7:
                got = got << 8 | start[0]
            start += 1
    value[0] = got
    return count <= 7


cdef bint hexadecimal(const uint8_t *start, const uint8_t *stop, int64_t *value) noexcept nogil:
    cdef int64_t got = 0
    if nothing(start, stop):
        value[0] = -1
        return True
    if stop - start >= 2 and start[0] == 48 and start[1] | 32 == 120:
        start += 2
    if start == stop or stop - start > 15:
        return False
    while start < stop:
        if hex_value(start[0]) < 0:
            return False
        got = got << 4 | hex_value(start[0])
        start += 1
    value[0] = got
    return True


cdef inline bint integer(State *s, const uint8_t *start, const uint8_t *stop, int64_t *value) noexcept nogil:
    cdef uint64_t got
    cdef bint negative
    if nothing(start, stop):
        value[0] = -1
        return True
    negative = start[0] == 45
    if not all_digits(start + negative, stop - start - negative, &got, s.end):
        return False
    value[0] = -<int64_t> got if negative else <int64_t> got
    return True


cdef int64_t authority(State *s, const uint8_t *start, const uint8_t *stop) noexcept nogil:
    if stop - start >= 3 and memcmp(stop - 3, b":80", 3) == 0:
        stop -= 3
    return <int64_t> mix(start, stop - start, s.k0, s.k1, 1, s.end) if stop > start else 0


cdef int64_t apn(State *s, const uint8_t *start, const uint8_t *stop) noexcept nogil:
    cdef const uint8_t *at = start
    while at + 4 <= stop:
        if at[0] == 46 and at[1] | 32 == 109 and at[2] | 32 == 110 and at[3] | 32 == 99:
            stop = at
            break
        at += 1
    return <int64_t> mix(start, stop - start, s.k0, s.k1, 1, s.end) if stop > start else 0


cdef bint entry(State *s, Step *t, const uint8_t *start, const uint8_t *stop, int64_t *value) noexcept nogil:
    """The first entry of the step's table that the field is, or begins with."""
    cdef int64_t i, length = stop - start
    cdef uint64_t head = load_part(start, 8 if length > 8 else length, s.end)
    cdef const Entry *e
    if t.hint >= 0:  # lines of a kind come together
        e = &t.entries[t.hint]
        if e.text.length == length and e.text.head == head and (length <= 8 or memcmp(start + 8, e.text.at + 8, length - 8) == 0):
            value[0] = e.value
            s.ignore |= (e.flags & IGNORE) != 0
            return True
    for i in range(t.entry_count):
        e = &t.entries[i]
        if e.text.length != length and not (e.flags & PREFIX and e.text.length < length):
            continue
        if (head ^ e.text.head) & e.text.mask or (e.text.length > 8 and memcmp(start + 8, e.text.at + 8, e.text.length - 8) != 0):
            continue
        if not t.has_prefix:
            t.hint = i
        value[0] = e.value
        s.ignore |= (e.flags & IGNORE) != 0
        return True
    value[0] = t.default_value
    return t.default_value != NO_DEFAULT


cdef bint entry_type(State *s, Step *t, const uint8_t *start, const uint8_t *stop, int64_t *value) noexcept nogil:
    """The same for a Content-Type: up to ";", blanks trimmed, in lower case."""
    cdef int64_t i, length
    cdef uint64_t head
    cdef const Entry *e
    stop = find1(start, stop, 59)
    strip(&start, &stop)
    length = stop - start
    head = lower64(load_part(start, 8 if length > 8 else length, s.end))
    for i in range(t.entry_count):
        e = &t.entries[i]
        if e.text.length != length and not (e.flags & PREFIX and e.text.length < length):
            continue
        if stands_lower(&e.text, start, head):
            value[0] = e.value
            s.ignore |= (e.flags & IGNORE) != 0
            return True
    value[0] = t.default_value
    return t.default_value != NO_DEFAULT


cdef inline void put(State *s, int64_t cell, int64_t text, int64_t value, const uint8_t *start, const uint8_t *stop) noexcept nogil:
    if cell >= 0:
        s.cells[cell] = value
    if text >= 0:
        s.cells[text] = start - s.data
        s.cells[text + 1] = stop - s.data


cdef void url(State *s, Step *t, const uint8_t *start, const uint8_t *stop) noexcept nogil:
    """Both cells and both texts of a URL: host, path."""
    cdef const uint8_t *host = start
    cdef const uint8_t *path
    cdef int64_t i
    if nothing(start, stop):
        put(s, t.cell, t.text, 0, start, start)
        put(s, t.cell2, t.text2, 0, start, start)
        return
    i = 0
    while i <= 8 and start + i + 3 <= stop:
        if start[i] == 58 and start[i + 1] == 47 and start[i + 2] == 47:
            host = start + i + 3
            break
        i += 1
    path = find2(host, stop, 47, 63)
    put(s, t.cell, t.text, authority(s, host, path) if t.cell >= 0 else 0, host, path)
    if t.cell2 >= 0 and path == stop:
        i = <int64_t> mix(<const uint8_t *> b"/", 1, s.k0, s.k1, 0, NULL)
    else:
        i = <int64_t> mix(path, stop - path, s.k0, s.k1, 0, s.end) if t.cell2 >= 0 else 0
    put(s, t.cell2, t.text2, i, path, stop)


cdef inline bint convert(State *s, Step *t, const uint8_t *start, const uint8_t *stop) noexcept nogil:
    """Turn the step's field into its cells."""
    cdef int64_t value = 0
    cdef uint64_t number
    cdef int reason = NO_NUMBER
    cdef bint good = True
    cdef const uint8_t *part
    if t.narrow and t.after.length:
        part = seek(&t.after, start, stop)
        start = stop if part == NULL else part + t.after.length
    if t.narrow and t.stop >= 0:
        stop = find1(start, stop, <uint8_t> t.stop)
    if t.convert == TO_NONE:
        pass
    elif t.convert == TO_TIME:
        reason = NO_TIME
        if t.is_epoch:
            good = epoch(s, start, stop, &value)
        else:
            good = same_minute(t, start, stop - start, &value) or moment(t, start, stop, &value)
    elif t.convert == TO_INT:
        good = integer(s, start, stop, &value)
    elif t.convert == TO_DIGITS:
        value = <int64_t> number if all_digits(start, stop - start, &number, s.end) else 0
    elif t.convert == TO_ADDRESS:
        value = address(s, start, stop)
    elif t.convert == TO_ADDRESSES:
        s.list_start, s.list_stop, s.list_step = start, stop, t
    elif t.convert == TO_HASH:
        value = <int64_t> mix(start, stop - start, s.k0, s.k1, 0, s.end) if stop > start else 0
    elif t.convert == TO_HASH_LOWER:
        value = <int64_t> mix(start, stop - start, s.k0, s.k1, 1, s.end) if stop > start else 0
    elif t.convert == TO_ENUM:
        reason = UNKNOWN
        good = entry(s, t, start, stop, &value)
    elif t.convert == TO_ENUM_TYPE:
        reason = UNKNOWN
        good = entry_type(s, t, start, stop, &value)
    elif t.convert == TO_HEX:
        good = hexadecimal(start, stop, &value)
    elif t.convert == TO_IPV4:
        value = ipv4(start, stop)
    elif t.convert == TO_URL:
        url(s, t, start, stop)
        return True
    elif t.convert == TO_AUTHORITY:
        value = authority(s, start, stop)
    elif t.convert == TO_APN:
        value = apn(s, start, stop)
    elif t.convert == TO_PERCENT:
        good = percent(start, stop, &value)
    if not good:
        fail(s, reason, start)
        return False
    put(s, t.cell, t.text, value, start, stop)
    return True


# ----------------------------------------------------------------------------------------------------------------------- steps


cdef const uint8_t *quoted(State *s, Step *t, const uint8_t *at) noexcept nogil:
    """The closing quote of the field at `at`; NULL: failed, or more is needed."""
    cdef const uint8_t *limit
    cdef const uint8_t *stop = at + 1
    if at >= s.end or at[0] != 34:
        return fail(s, QUOTE, at)
    if t.a:
        limit = at + SPAN if s.end - at > SPAN else s.end
    else:
        limit = s.end
    while True:
        stop = find_quote(stop, limit)
        if stop >= limit:
            break
        if stop[0] == 34:
            if stop + 1 >= limit or stop[1] != 34:
                break
            stop += 2
        elif stop[0] == 92:
            if not t.a and stop + 1 < limit and stop[1] == 10:
                break
            stop += 2
        elif t.a:
            stop += 1
        else:
            break
    if t.a and not s.final and ((stop >= limit and limit == s.end) or (stop < limit and stop + 1 >= s.end)):
        return more(s)
    if stop >= limit or stop[0] != 34:
        return fail(s, QUOTE, at)
    return stop


cdef const uint8_t *over_lines(State *s, Step *t, const uint8_t *at) noexcept nogil:
    """Where the literal stands before a line's end; NULL: failed, or more is needed."""
    cdef const uint8_t *limit = at + SPAN if s.end - at > SPAN else s.end
    cdef const uint8_t *stop = at
    while True:
        stop = seek(&t.literal, stop, limit)
        if stop == NULL:
            break
        if not complete(s, stop + t.literal.length):
            return more(s)
        if at_line_end(s, stop + t.literal.length):
            return stop
        stop += 1
    if limit == s.end and not s.final:
        return more(s)
    return fail(s, NO_UNTIL, at)


cdef const uint8_t *take(State *s, Step *t, const uint8_t *at) noexcept nogil:
    """Take the step's field at `at` and convert it; where the next step goes on. NULL: failed, or (reason 0) more is needed."""
    cdef const uint8_t *start = at
    cdef const uint8_t *stop
    cdef const uint8_t *after
    cdef int64_t count
    if t.op == OP_LITERAL:
        return at + t.literal.length if stands(&t.literal, at, s.end) else fail(s, NO_LITERAL, at)
    if t.op == OP_UNTIL:
        stop = find_in_line(&t.literal, at, s.end, &s.line_end)
        if stop == NULL:
            s.line_from = at
            return fail(s, NO_UNTIL, at)
        after = stop + t.literal.length
    elif t.op == OP_FIXED:
        stop = after = at + t.a
        if t.convert == TO_TIME and not t.narrow and t.a <= s.end - at:
            if same_minute(t, at, t.a, &count):  # then no line end stands in it
                s.last_start, s.last_stop = at, stop
                put(s, t.cell, t.text, count, at, stop)
                return stop
        if t.a > text_end(s, at) - at:
            return fail(s, SHORT, at)
    elif t.op == OP_REST:
        stop = after = text_end(s, at)
    elif t.op == OP_AGAIN:
        start, stop, after = s.last_start, s.last_stop, at
    elif t.op == OP_QUOTED:
        stop = quoted(s, t, at)
        if stop == NULL:
            return NULL
        start = at + 1
        after = stop + 1
    elif t.op == OP_LAST:
        after = text_end(s, at)
        stop = after - t.literal.length
        while stop >= at and (stop[0] != t.literal.at[0] or not stands(&t.literal, stop, after)):
            stop -= 1
        if stop < at:
            return fail(s, NO_UNTIL, at)
        after = stop + t.literal.length
    elif t.op == OP_COUNTED:
        count = s.cells[t.a]
        if count <= LONGEST and (t.b == TWICE or (t.b >= 0 and (s.cells[t.b] == 1 or s.cells[t.b] == 2))):
            count *= 2
        if count < 0 or count > LONGEST:
            return fail(s, COUNT, at)
        if count + t.literal.length > s.end - at:
            if not s.final:
                return more(s)
            if count > s.end - at:
                return fail(s, COUNT, at)
        stop = at + count
        if not stands(&t.literal, stop, s.end):
            return fail(s, COUNT, at)
        after = stop + t.literal.length
    elif t.op == OP_LINES:
        stop = over_lines(s, t, at)
        if stop == NULL:
            return NULL
        after = stop + t.literal.length
    elif t.op == OP_OPTIONAL:
        return at + t.literal.length if stands(&t.literal, at, s.end) else at
    else:  # OP_BLANKS
        while at < s.end and (at[0] == 32 or at[0] == 9):
            at += 1
        return at
    s.last_start, s.last_stop = start, stop
    if t.convert == TO_NONE and not t.narrow:  # a text, or nothing
        if t.text >= 0:
            s.cells[t.text] = start - s.data
            s.cells[t.text + 1] = stop - s.data
        return after
    return after if convert(s, t, start, stop) else NULL


# --------------------------------------------------------------------------------------------------------------------- records


cdef inline bint begin(State *s, int64_t form) noexcept nogil:
    """A fresh row of the form's constants and defaults; False without memory."""
    cdef int64_t room
    cdef void *grown
    if s.rows >= s.room:
        room = s.room * 2
        grown = realloc(s.out, room * s.width * sizeof(int64_t))
        if grown == NULL:
            return False
        s.out = <int64_t *> grown
        grown = realloc(s.offsets, room * sizeof(int64_t))
        if grown == NULL:
            return False
        s.offsets = <int64_t *> grown
        s.room = room
    s.cells = s.out + s.rows * s.width
    memcpy(s.cells, s.initial + form * s.width, s.width * sizeof(int64_t))
    s.list_start = NULL
    s.ignore = (s.forms[form].flags & IGNORE) != 0
    return True


cdef inline bint emit(State *s, const uint8_t *record) noexcept nogil:
    """Keep the row, once for each of its receivers; False without memory."""
    cdef const uint8_t *at
    cdef const uint8_t *piece
    cdef const uint8_t *stop
    cdef const uint8_t *end
    cdef int64_t first
    if s.ignore:
        return True
    if s.list_start == NULL:
        s.offsets[s.rows] = record - s.data
        s.rows += 1
        return True
    at = s.list_start
    first = s.rows
    while True:
        if s.rows > first:
            if not begin(s, 0):
                return False
            memcpy(s.cells, s.cells - s.width, s.width * sizeof(int64_t))
        end = find1(at, s.list_stop, 44)
        piece, stop = at, end
        strip(&piece, &stop)
        put(s, s.list_step.cell, s.list_step.text, address(s, piece, stop), piece, stop)
        s.offsets[s.rows] = record - s.data
        s.rows += 1
        if end >= s.list_stop:
            return True
        at = end + 1


cdef bint reject(State *s, int reason, int64_t step, const uint8_t *where, const uint8_t *start, const uint8_t *end) noexcept nogil:
    cdef int64_t room
    cdef void *grown
    cdef int64_t *row
    if s.reject_count >= s.reject_room:
        room = s.reject_room * 2
        grown = realloc(s.rejects, room * REJECT_WIDTH * sizeof(int64_t))
        if grown == NULL:
            return False
        s.rejects = <int64_t *> grown
        s.reject_room = room
    row = s.rejects + s.reject_count * REJECT_WIDTH
    row[0], row[1], row[2], row[3], row[4] = reason, step, where - s.data, start - s.data, end - s.data
    s.reject_count += 1
    return True


cdef inline const uint8_t *skip(State *s, const uint8_t *at) noexcept nogil:
    """Pass over NUL bytes and blank lines."""
    while at < s.end:
        if at[0] == 0 or at[0] == 10:
            at += 1
        elif at[0] == 13 and (at[1] == 10 if at + 1 < s.end else s.final):
            at += 2 if at + 1 < s.end else 1
        else:
            break
        s.skipped += 1
    return at


cdef Outcome run_form(State *s, int64_t number, const uint8_t **at) noexcept nogil:
    """Read the record at `at` by one form; where it fits `at` goes to the next record."""
    cdef const uint8_t *p = at[0]
    cdef int64_t step
    s.last_start = s.last_stop = p
    for step in range(s.forms[number].first, s.forms[number].end):
        p = take(s, &s.steps[step], p)
        if p == NULL:
            if s.reason == 0 or not complete(s, s.failed):
                return MORE
            s.failed_step = step
            return FAILS
    if p < s.end and p[0] == 10:
        at[0] = p + 1
        return FITS
    if not complete(s, p):
        return MORE
    if not at_line_end(s, p):
        fail(s, TRAILING, p)
        s.failed_step = s.forms[number].end - 1
        return FAILS
    at[0] = newline(s, p) + 1 if newline(s, p) < s.end else s.end
    return FITS


cdef Outcome read_line(State *s, const uint8_t **at) noexcept nogil:
    """One record by the first form that fits, or a reject by the one that got furthest."""
    cdef const uint8_t *start = at[0]
    cdef const uint8_t *worst = NULL
    cdef const uint8_t *end
    cdef int reason = 0
    cdef int64_t step = 0, form
    cdef Outcome outcome
    for form in range(s.form_count):
        if not begin(s, form):
            return NO_MEMORY
        outcome = run_form(s, form, at)
        if outcome == FITS:
            return FITS if emit(s, start) else NO_MEMORY
        if outcome == MORE:
            return MORE
        if worst == NULL or s.failed > worst:
            worst, reason, step = s.failed, s.reason, s.failed_step
    end = text_end(s, worst)
    at[0] = newline(s, worst) + 1 if newline(s, worst) < s.end else s.end
    return FAILS if reject(s, reason, step, worst, start, end) else NO_MEMORY


# ---------------------------------------------------------------------------------------------------------------------- blocks


cdef inline int64_t attribute_step(State *s, const uint8_t *name, int64_t length) noexcept nogil:
    """The step of an attribute, −1 for one the table does not have."""
    cdef uint64_t slot = mix(name, length, 0, 0, 0, s.end) % <uint64_t> s.slot_count
    cdef const int64_t *row
    while s.slots[slot] >= 0:
        row = s.attributes + 3 * s.slots[slot]
        if row[1] == length and memcmp(s.literals + row[0], name, length) == 0:
            return row[2]
        slot = (slot + 1) % <uint64_t> s.slot_count
    return -1


cdef int64_t attribute(State *s, const uint8_t *at, const uint8_t *end) noexcept nogil:
    """One `Name = value` line: −1 when it is read, else the step that failed."""
    cdef const uint8_t *equals
    cdef int64_t step
    while at < end and (at[0] == 32 or at[0] == 9):
        at += 1
    equals = at
    while True:
        equals = find1(equals, end, 32)
        if end - equals < 3:
            fail(s, NO_ATTRIBUTE, at)
            return 0
        if equals[1] == 61 and equals[2] == 32:
            break
        equals += 1
    step = attribute_step(s, at, equals - at)
    if step < 0:
        return -1
    at = equals + 3
    if at < end and at[0] == 34:
        if end - at < 2 or (end - 1)[0] != 34:
            fail(s, QUOTE, at)
            return step
        at += 1
        end -= 1
    s.seen[step] = 1
    while True:
        if not convert(s, &s.steps[step], at, end):
            return step
        step += 1
        if s.steps[step].op != OP_AGAIN:
            return -1


cdef Outcome read_block(State *s, const uint8_t **record) noexcept nogil:
    """One block; it ends behind its blank line. A line that is not indented breaks it off and begins the next."""
    cdef const uint8_t *start = record[0]
    cdef const uint8_t *at = start
    cdef const uint8_t *end
    cdef const uint8_t *next
    cdef const uint8_t *where = NULL
    cdef int reason = 0
    cdef int64_t step = 0, i, failed
    cdef Outcome outcome
    for i in range(s.attribute_count):
        s.seen[s.attributes[3 * i + 2]] = 0
    if not begin(s, 0):
        return NO_MEMORY
    outcome = run_form(s, 0, &at)
    if outcome == MORE:
        return MORE
    if outcome == FAILS:
        reason, step, where = s.reason, s.failed_step, s.failed
        if not complete(s, start):
            return MORE
        at = newline(s, start) + 1 if newline(s, start) < s.end else s.end
    while True:
        if at >= s.end:
            if not s.final:
                return MORE
            end = next = at
            break
        if not complete(s, at):
            return MORE
        end = text_end(s, at)
        next = newline(s, at) + 1 if newline(s, at) < s.end else s.end
        if end == at:
            break
        if at[0] != 32 and at[0] != 9:
            if reason == 0:
                reason, step, where = UNINDENTED, 0, at
            end = next = at
            break
        if reason == 0:
            failed = attribute(s, at, end)
            if failed >= 0:
                reason, step, where = s.reason, failed, s.failed
        at = next
    if reason == 0:
        for i in range(s.attribute_count):
            step = s.attributes[3 * i + 2]
            if s.steps[step].b == 1 and not s.seen[step]:
                reason, where = MISSING, start
                break
    record[0] = next
    if reason == 0:
        return FITS if emit(s, start) else NO_MEMORY
    return FAILS if reject(s, reason, step, where, start, end) else NO_MEMORY


cdef Outcome read_all(State *s, const uint8_t **at) noexcept nogil:
    """Records until the data ends or one is not complete; `at` stays where the next scan begins."""
    cdef Outcome outcome
    while True:
        at[0] = skip(s, at[0])
        if at[0] >= s.end:
            return FITS
        outcome = read_block(s, at) if s.attribute_count else read_line(s, at)
        if outcome == MORE or outcome == NO_MEMORY:
            return outcome
        s.lines += 1


# ----------------------------------------------------------------------------------------------------------------- the Python door


cdef class _Memory:
    """Memory from malloc, freed with the array that looks at it."""

    cdef void *at
    cdef Py_ssize_t size

    def __getbuffer__(self, Py_buffer *view, int flags):
        view.buf = self.at
        view.obj = self
        view.len = self.size
        view.readonly = 0
        view.itemsize = 1
        view.format = b"B"
        view.ndim = 1
        view.shape = &self.size
        view.strides = &view.itemsize
        view.suboffsets = NULL
        view.internal = NULL

    def __dealloc__(self):
        free(self.at)


cdef object as_array(int64_t **at, int64_t count):
    """int64[count] over the memory at `at`, which is given away."""
    cdef _Memory memory
    if count == 0:
        return np.empty(0, np.int64)
    memory = _Memory.__new__(_Memory)
    memory.at = at[0]
    memory.size = count * sizeof(int64_t)
    at[0] = NULL
    return np.frombuffer(memory, np.int64)


def scan(program, const uint8_t[::1] data, Py_ssize_t start, key, bint final):
    """As `mmsd.fast.scan_py.scan`."""
    cdef const int64_t[:, ::1] steps = program.steps, forms = program.forms, initial = program.initial, entries = program.entries
    cdef const int64_t[:, ::1] attributes = program.attributes
    cdef const int64_t[::1] numbering = program.numbering
    cdef const int32_t[::1] slots = program.slots
    cdef bytes literals = program.literals
    cdef const uint8_t *text = literals
    cdef const uint8_t *at
    cdef State s
    cdef Step *t
    cdef int64_t i, j
    cdef Outcome outcome
    cdef Py_ssize_t size = data.shape[0]
    cdef bytes nothing_at_all = b""
    if start < 0 or start > size:
        raise ValueError("start lies outside the data")
    s.k0, s.k1 = key[0], key[1]
    s.final = final
    s.data = &data[0] if size else <const uint8_t *> nothing_at_all
    s.end = s.data + size
    for i in range(4):
        s.numbering[i] = numbering[i]
    s.initial, s.width = &initial[0, 0], initial.shape[1]
    s.literals = text
    s.attribute_count = attributes.shape[0]
    s.attributes = &attributes[0, 0] if s.attribute_count else NULL
    s.slots, s.slot_count = &slots[0], slots.shape[0]
    s.form_count = forms.shape[0]
    s.line_end = s.line_from = NULL
    s.rows = s.reject_count = s.lines = s.skipped = 0
    s.room = (size - start) // 128 + 16
    s.reject_room = 16
    s.steps = <Step *> calloc(steps.shape[0] + 1, sizeof(Step))
    s.forms = <Form *> calloc(s.form_count, sizeof(Form))
    s.entries = <Entry *> calloc(entries.shape[0] + 1, sizeof(Entry))
    s.seen = <uint8_t *> calloc(steps.shape[0] + 1, 1)
    s.out = <int64_t *> malloc(s.room * s.width * sizeof(int64_t))
    s.offsets = <int64_t *> malloc(s.room * sizeof(int64_t))
    s.rejects = <int64_t *> malloc(s.reject_room * REJECT_WIDTH * sizeof(int64_t))
    try:
        if not (s.steps and s.forms and s.entries and s.seen and s.out and s.offsets and s.rejects):
            raise MemoryError
        for i in range(entries.shape[0]):
            set_text(&s.entries[i].text, text + entries[i, 0], entries[i, 1])
            s.entries[i].value, s.entries[i].flags = entries[i, 2], <int> entries[i, 3]
        for i in range(s.form_count):
            s.forms[i].first, s.forms[i].end, s.forms[i].flags = forms[i, 0], forms[i, 1], <int> forms[i, 2]
        for i in range(steps.shape[0]):
            t = &s.steps[i]
            t.op, t.convert, t.stop = <int> steps[i, 0], <int> steps[i, 5], <int> steps[i, 10]
            set_text(&t.literal, text + steps[i, 1], steps[i, 2])
            set_text(&t.after, text + steps[i, 8], steps[i, 9])
            t.narrow = t.after.length > 0 or t.stop >= 0
            t.a, t.b, t.cell, t.text, t.cell2, t.text2 = steps[i, 3], steps[i, 4], steps[i, 6], steps[i, 7], steps[i, 14], steps[i, 15]
            t.default_value = steps[i, 13]
            t.hint = t.cached_length = -1
            if t.convert == TO_TIME:
                t.form, t.form_length = text + steps[i, 11], steps[i, 12]
                t.is_epoch = t.form_length == 5 and memcmp(t.form, b"%s.%f", 5) == 0
            else:
                t.entries, t.entry_count = s.entries + steps[i, 11], steps[i, 12]
                for j in range(t.entry_count):
                    t.has_prefix |= t.entries[j].flags & PREFIX
        at = s.data + start
        with nogil:
            outcome = read_all(&s, &at)
        if outcome == NO_MEMORY:
            raise MemoryError
        return Cells(
            as_array(&s.out, s.rows * s.width).reshape(-1, s.width),
            as_array(&s.offsets, s.rows),
            as_array(&s.rejects, s.reject_count * REJECT_WIDTH).reshape(-1, REJECT_WIDTH),
            at - s.data,
            s.lines,
            s.skipped,
        )
    finally:
        free(s.steps)
        free(s.forms)
        free(s.entries)
        free(s.seen)
        free(s.out)
        free(s.offsets)
        free(s.rejects)


def has_avx2():
    """May this processor and its system run the build for AVX2?"""
    return runs_avx2()


def hash64(const uint8_t[::1] data, key):
    """As `mmsd.fast.hash_py.hash64`."""
    cdef uint64_t k0 = key[0], k1 = key[1]
    cdef Py_ssize_t size = data.shape[0]
    cdef const uint8_t *at = &data[0] if size else NULL
    return mix(at, size, k0, k1, 0, at + size)


def hash64_many(const uint8_t[::1] data, const int64_t[::1] start, const int64_t[::1] stop, key):
    """As `mmsd.fast.hash_py.hash64_many`."""
    cdef uint64_t k0 = key[0], k1 = key[1]
    cdef Py_ssize_t i, rows = start.shape[0], size = data.shape[0]
    cdef const uint8_t *at = &data[0] if size else NULL
    out = np.zeros(rows, np.uint64)
    cdef uint64_t[::1] hashes = out
    if stop.shape[0] != rows:
        raise ValueError("start and stop differ in length")
    for i in range(rows):
        if start[i] < 0 or stop[i] > size or start[i] > stop[i]:
            raise ValueError("a slice lies outside the data")
    with nogil:
        for i in range(rows):
            if stop[i] > start[i]:
                hashes[i] = mix(at + start[i], stop[i] - start[i], k0, k1, 0, at + size)
    return out


def combine(const uint64_t[::1] first, const uint64_t[::1] second, key):
    """As `mmsd.fast.hash_py.combine`."""
    cdef uint64_t k0 = key[0], k1 = key[1]
    cdef Py_ssize_t i, rows = first.shape[0]
    cdef uint8_t both[16]
    cdef int j
    out = np.zeros(rows, np.uint64)
    cdef uint64_t[::1] hashes = out
    if second.shape[0] != rows:
        raise ValueError("the arrays differ in length")
    with nogil:
        for i in range(rows):
            if second[i]:
                for j in range(8):
                    both[j] = <uint8_t> (first[i] >> 8 * j)
                    both[8 + j] = <uint8_t> (second[i] >> 8 * j)
                hashes[i] = mix(both, 16, k0, k1, 0, &both[0] + 16)
    return out
