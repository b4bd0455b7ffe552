# Portraits of the express lane's subscribers, packed and unpacked: mmsd/fast/portrait_py.py says how they look. Included by express_c.pyx.
#
# Reading a field takes eight octets and cuts off what is not its own, so eight more must be readable behind whatever is unpacked.

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

ctypedef int64_t i64
ctypedef uint64_t u64

cdef extern from "portrait.h":
    int nibble(u64 word, int place) nogil
    const uint8_t* take_fields(const uint8_t* at, u64 word, u64* field, int n) nogil
    int span_of(u64 word, int n) nogil
    u64 word_of(const u64* field, int n) nogil
    uint8_t* put_fields(uint8_t* to, u64 word, const u64* field, int n) nogil
    void take_octets(uint8_t* to, const uint8_t* octets, size_t n) nogil

cdef struct Row:  # trace.TRACE
    u64 subscriber
    i64 at
    i64 where
    u64 message
    u64 transaction
    u64 other
    u64 link
    u64 path
    u64 authority
    i64 extra
    i64 size
    int32_t status
    int32_t error
    uint16_t feed
    uint8_t kind
    uint8_t code_set
    uint8_t a
    uint8_t b
    uint8_t c
    uint8_t d
    uint32_t seed
    uint32_t room

cdef struct Said:  # trace.SAID
    u64 subscriber
    u64 identity
    i64 began
    i64 due
    i64 closed
    i64 settled
    u64 stamp
    int32_t domain
    uint16_t node
    uint16_t city
    uint8_t rule
    uint8_t confidence
    int8_t bin
    uint8_t own
    int32_t notified
    int32_t retrieved
    uint32_t room

cdef struct Text:
    const uint8_t* octets
    uint8_t length

cdef struct Named:  # the line that others are told relative to
    i64 at
    i64 where
    u64 message
    u64 other
    bint spoken  # it has the text of its message

cdef struct Reader:
    const uint8_t* at
    const uint8_t* end
    u64 subscriber
    Named named

cdef struct Draft:  # a record before it is written where it belongs: what was just written cannot be read again at once
    u64 word
    u64 field[16]

cdef enum:
    SAME = 15
    ENDLESS = 14
    FIELDS = 16
    TEXT_OF_MESSAGE = 14
    TEXT_OF_TRANSACTION = 15
    LONGEST_TEXT = 200
    BEYOND = 8  # octets behind a record that are written over
    ORIGIN = 201
    WHOLE = 0
    GROWN = 1

cdef packed struct PortraitHead:
    u64 number
    uint16_t told
    uint8_t said
    uint8_t how
    uint32_t octets

cdef i64 NEVER = 1LL << 62


cdef inline u64 zigzag(i64 value) noexcept nogil:
    return (<u64>value << 1) ^ <u64>(value >> 63)


cdef inline i64 unzigzag(u64 value) noexcept nogil:
    return <i64>(value >> 1) ^ -<i64>(value & 1)


cdef inline int octets_of_text(const Text* text) noexcept nogil:
    return 1 + text.length if text.length else 0


cdef inline uint8_t* put_text(uint8_t* to, const Text* text) noexcept nogil:
    if text.length:
        to[0] = text.length
        take_octets(to + 1, text.octets, text.length)
        to += 1 + text.length
    return to


cdef inline int draft_line(Draft* draft, const Row* row, const Named* named, const Text* message, const Text* transaction) noexcept nogil:
    """How many octets `put_line` will write."""
    cdef bint same = row.message != 0 and row.message == named.message
    cdef bint alone = row.message != 0 and not same
    cdef bint answers = row.other != 0 and not alone and row.other == named.other
    cdef u64* field = draft.field
    field[0] = zigzag(row.at if alone else <i64>(<u64>row.at - <u64>named.at))
    field[1] = zigzag(row.where if alone else <i64>(<u64>row.where - <u64>named.where))
    field[2] = 0 if same else row.message
    field[3] = row.transaction
    field[4] = 0 if answers else row.other
    field[5], field[6], field[7] = row.link, row.path, row.authority
    field[8], field[9], field[10], field[11] = zigzag(row.extra), zigzag(row.size), zigzag(row.status), zigzag(row.error)
    field[12] = <u64>row.feed << 16 | <u64>row.code_set << 8 | row.kind
    field[13] = row.a | <u64>row.b << 8 | <u64>row.c << 16 | <u64>row.d << 24 | <u64>row.seed << 32
    draft.word = word_of(field, TEXT_OF_MESSAGE) | (<u64>SAME << 8 if same else 0) | (<u64>SAME << 16 if answers else 0)
    draft.word |= <u64>(message.length != 0) << 4 * TEXT_OF_MESSAGE | <u64>(transaction.length != 0) << 4 * TEXT_OF_TRANSACTION
    return 8 + span_of(draft.word, TEXT_OF_MESSAGE) + octets_of_text(message) + octets_of_text(transaction)


cdef inline void put_line(uint8_t* to, const Draft* draft, const Text* message, const Text* transaction) noexcept nogil:
    memcpy(to, &draft.word, 8)
    to = put_fields(to + 8, draft.word, draft.field, TEXT_OF_MESSAGE)
    put_text(put_text(to, message), transaction)


cdef inline void begin(Reader* reader, u64 subscriber, const uint8_t* lines, u64 octets) noexcept nogil:
    reader.at, reader.end, reader.subscriber = lines, lines + octets, subscriber
    name_none(&reader.named)


cdef inline void name_none(Named* named) noexcept nogil:
    named.at = named.where = 0
    named.message = named.other = 0
    named.spoken = False


cdef inline const uint8_t* read_text(const uint8_t* at, u64 word, int place, Text* text) noexcept nogil:
    """Where the next one begins."""
    text.length = 0
    if nibble(word, place):
        text.length, text.octets = at[0], at + 1
        at += 1 + at[0]
    return at


cdef inline void read_line(Reader* reader, Row* row, Text* texts) noexcept nogil:
    """The next line, and its two texts."""
    cdef u64 field[FIELDS]
    cdef u64 word
    cdef Named* named = &reader.named
    cdef const uint8_t* at
    cdef bint alone
    memcpy(&word, reader.at, 8)
    at = take_fields(reader.at + 8, word, field, TEXT_OF_MESSAGE)
    at = read_text(at, word, TEXT_OF_MESSAGE, &texts[0])
    reader.at = read_text(at, word, TEXT_OF_TRANSACTION, &texts[1])
    alone = field[2] != 0
    if alone:
        name_none(named)
    row.subscriber = reader.subscriber
    row.at = <i64>(<u64>unzigzag(field[0]) + <u64>named.at)
    row.where = <i64>(<u64>unzigzag(field[1]) + <u64>named.where)
    row.message = named.message if nibble(word, 2) == SAME else field[2]
    row.transaction = field[3]
    row.other = named.other if nibble(word, 4) == SAME else field[4]
    row.link, row.path, row.authority = field[5], field[6], field[7]
    row.extra, row.size = unzigzag(field[8]), unzigzag(field[9])
    row.status, row.error = <int32_t>unzigzag(field[10]), <int32_t>unzigzag(field[11])
    row.feed, row.code_set, row.kind = <uint16_t>(field[12] >> 16), <uint8_t>(field[12] >> 8), <uint8_t>field[12]
    row.a, row.b, row.c, row.d = <uint8_t>field[13], <uint8_t>(field[13] >> 8), <uint8_t>(field[13] >> 16), <uint8_t>(field[13] >> 24)
    row.seed, row.room = <uint32_t>(field[13] >> 32), 0
    if alone:
        named.at, named.where, named.message, named.other = row.at, row.where, row.message, row.other
        named.spoken = texts[0].length != 0


cdef inline void read_named(const uint8_t* line, Named* named) noexcept nogil:
    """A line that stands for itself."""
    cdef u64 field[FIELDS]
    cdef u64 word
    memcpy(&word, line, 8)
    take_fields(line + 8, word, field, 5)
    named.at, named.where, named.message, named.other = unzigzag(field[0]), unzigzag(field[1]), field[2], field[4]
    named.spoken = nibble(word, TEXT_OF_MESSAGE) != 0


cdef inline bint stands_alone(const uint8_t* line) noexcept nogil:
    """Whether it spells its message."""
    return 0 < (line[1] & 15) <= 8


cdef inline const uint8_t* behind(const uint8_t* line) noexcept nogil:
    """Where the line after this one begins."""
    cdef u64 word
    memcpy(&word, line, 8)
    line += 8 + span_of(word, TEXT_OF_MESSAGE)
    if nibble(word, TEXT_OF_MESSAGE):
        line += 1 + line[0]
    if nibble(word, TEXT_OF_TRANSACTION):
        line += 1 + line[0]
    return line


cdef inline bint odd(u64 word, int n, u64 same, u64 endless) noexcept nogil:
    """Whether one of the first n nibbles says what no field is: more than eight octets, or SAME or ENDLESS where these two masks of nibbles
    have no bit."""
    cdef u64 more = word >> 3 & (word | word >> 1 | word >> 2) & 0x1111111111111111ULL
    cdef u64 both = word >> 3 & word >> 2 & word >> 1
    more &= ~(both & word & same | both & ~word & endless)
    return more & (~(<u64>0) >> (64 - 4 * n)) != 0


cdef const uint8_t* sound_line(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """Where the line after this one begins; NULL: here is no whole line."""
    cdef u64 word
    cdef int place
    if end - at < 8:
        return NULL
    memcpy(&word, at, 8)
    if odd(word, TEXT_OF_MESSAGE, 0x10100, 0):
        return NULL
    at += 8 + span_of(word, TEXT_OF_MESSAGE)
    for place in range(TEXT_OF_MESSAGE, FIELDS):
        if nibble(word, place):
            if at >= end:
                return NULL
            at += 1 + at[0]
    return at if at <= end else NULL


cdef bint sound_lines(const uint8_t* lines, u64 octets) noexcept nogil:
    """Whether these octets are lines. What comes from a disk is asked before it is read: a portrait may say that it goes on for ever."""
    cdef const uint8_t* at = lines
    while at != NULL and at < lines + octets:
        at = sound_line(at, lines + octets)
    return at != NULL


cdef bint sound_said(const uint8_t* told, u64 octets, int n, const uint8_t* lines, u64 of_lines) noexcept nogil:
    """Whether these octets are so many saids, each told relative to one of these (sound) lines that spells its message, or to none."""
    cdef u64 field[FIELDS]
    cdef u64 word
    cdef const uint8_t* at = told
    cdef const uint8_t* end = told + octets
    cdef const uint8_t* line
    while n:
        if end - at < 8:
            return False
        memcpy(&word, at, 8)
        if odd(word, FIELDS, 0x1, 0x100) or end - at < 8 + span_of(word, FIELDS):
            return False
        at = take_fields(at + 8, word, field, FIELDS)
        if (nibble(word, 0) == SAME) != (field[15] != 0):
            return False
        if field[15]:
            line = lines
            while line < lines + of_lines and <u64>(line - lines) + 1 < field[15]:
                line = behind(line)
            if line >= lines + of_lines or <u64>(line - lines) + 1 != field[15] or not stands_alone(line):
                return False
        n -= 1
    return at == end


cdef u64 spelled(const uint8_t* lines, u64 octets, u64 message, Named* named) noexcept nogil:
    """1 + the place of the first line that spells this message, which goes to `named`; 0: none does."""
    cdef const uint8_t* at = lines
    while message and at < lines + octets:
        if stands_alone(at):
            read_named(at, named)
            if named.message == message:
                return <u64>(at - lines) + 1
        at = behind(at)
    name_none(named)
    return 0


cdef int draft_said(Draft* draft, const Said* said, u64 place, const Named* named) noexcept nogil:
    """How many octets `put_said` will write. `place` and `named` as `spelled` tells them."""
    cdef bint endless = said.due == NEVER
    cdef u64* field = draft.field
    field[0] = 0 if place else said.identity
    field[1] = zigzag(said.began - named.at)
    field[2] = 0 if endless else zigzag(said.due - said.began)
    field[3] = zigzag(said.closed - said.began) + 1 if said.closed else 0
    field[4] = zigzag(said.settled - said.closed)
    field[5], field[6], field[7], field[8] = said.stamp, <u64>said.domain, said.node, said.city
    field[9], field[10], field[11], field[12] = said.rule, said.confidence, zigzag(said.bin), said.own
    field[13], field[14], field[15] = zigzag(said.notified), zigzag(said.retrieved), place
    draft.word = word_of(field, FIELDS) | (SAME if place else 0) | (<u64>ENDLESS << 8 if endless else 0)
    return 8 + span_of(draft.word, FIELDS)


cdef inline uint8_t* put_said(uint8_t* to, const Draft* draft) noexcept nogil:
    """Where the next one begins."""
    memcpy(to, &draft.word, 8)
    return put_fields(to + 8, draft.word, draft.field, FIELDS)


cdef const uint8_t* read_said(const uint8_t* at, u64 subscriber, const uint8_t* lines, Said* said) noexcept nogil:
    """Where the next one begins."""
    cdef u64 field[FIELDS]
    cdef u64 word
    cdef Named named
    memcpy(&word, at, 8)
    at = take_fields(at + 8, word, field, FIELDS)
    if field[15]:
        read_named(lines + field[15] - 1, &named)
    else:
        name_none(&named)
    said.subscriber, said.identity = subscriber, named.message if nibble(word, 0) == SAME else field[0]
    said.began = unzigzag(field[1]) + named.at
    said.due = NEVER if nibble(word, 2) == ENDLESS else unzigzag(field[2]) + said.began
    said.closed = unzigzag(field[3] - 1) + said.began if field[3] else 0
    said.settled = unzigzag(field[4]) + said.closed
    said.stamp, said.domain, said.node, said.city = field[5], <int32_t>field[6], <uint16_t>field[7], <uint16_t>field[8]
    said.rule, said.confidence, said.bin = <uint8_t>field[9], <uint8_t>field[10], <int8_t>unzigzag(field[11])
    said.own, said.notified, said.retrieved, said.room = <uint8_t>field[12], <int32_t>unzigzag(field[13]), <int32_t>unzigzag(field[14]), 0
    return at
