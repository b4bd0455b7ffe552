"""The express lane, compiled: mmsd/fast/express_py.py says what each method does, and why.

A subscriber stands in memory as he is packed: a block of the arena with a head, his lines as they came, and what was said. Adding a line
writes some thirty octets behind those of one block; judging reads one block from its beginning to its end.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

import numpy as np

from mmsd.fast.express_py import Spilled, Survey, Taken
from mmsd.fast.trace import MEASURED as MEASURED_DTYPE
from mmsd.fast.trace import SAID as SAID_DTYPE
from mmsd.fast.trace import TRACE as TRACE_DTYPE
from mmsd.model import CLOSED as CLOSED_DTYPE
from mmsd.model import COLUMNS

include "portrait.pxi"

cdef extern from *:
    """
    #define prefetch(p) __builtin_prefetch(p)
    static inline int highest(unsigned long long v) { return 63 - __builtin_clzll(v); }
    """
    void prefetch(const void*) nogil
    int highest(unsigned long long) nogil

cdef extern from "pages.h":
    void* reserved(size_t most, size_t* room) nogil
    void unreserved(void* octets, size_t room) nogil
    void* made_zero(size_t octets) nogil
    void unmade(void* table, size_t octets) nogil

cdef struct Closed:  # model.CLOSED
    i64 at
    i64 closed
    u64 receiver
    u64 sender
    u64 message
    u64 leg
    i64 pushed
    i64 retrieved
    uint8_t outcome
    uint8_t cause
    uint8_t rule
    uint8_t node
    int32_t size

cdef struct Measured:  # trace.MEASURED
    u64 receiver
    i64 began
    i64 closed
    i64 n
    i64 notified
    i64 retrieved
    uint16_t node
    uint16_t city
    uint32_t rule

cdef struct Sub:  # head of a subscriber's block; behind it his lines, and behind them what was said
    u64 key  # 0: the block is free
    uint32_t settled  # lines up to that second may change what was said
    uint32_t known  # bits of the messages and pushes in the store
    uint32_t newest  # second of his newest line
    uint32_t moved  # second of the newest line about a message
    uint32_t group  # in which the last part of his past lies in the store; 0: all is here. Of a free block: the next one
    uint32_t octets  # of his lines
    uint32_t packed  # of those, in the last delta or snapshot
    uint32_t named  # 1 + place of the line that the next is told relative to; 0: none
    uint32_t look  # as in `looks`
    uint32_t due  # second of the first deadline of what lies in the store
    uint16_t told  # octets of what was said
    uint16_t lines
    uint8_t said  # how many
    uint8_t room  # class of the block
    uint8_t flags
    uint8_t past  # deliveries in the store, at most

cdef struct Slot:
    uint32_t block  # unit of the arena where his block begins; 0: empty
    uint32_t mix  # of his key: it tells his slot, and him from most others, without a look at his block

cdef struct Wake:
    i64 due
    u64 key

cdef struct Count:
    u64 key
    i64 n

cdef struct Leg:
    Row* first
    Row* pushes[16]
    int n
    int thread

cdef struct Thread:
    Row* opened
    int domain
    int leg
    i64 notice
    i64 notified
    i64 fetched
    i64 fetched_last
    i64 size
    i64 least
    i64 reported
    i64 got
    i64 final
    i64 final_last
    i64 answered  # newest answer
    i64 first_answer
    i64 first_word  # first answer that is not Deferred
    uint8_t confirmed
    uint8_t deferred
    uint8_t word

cdef struct Verdict:
    Thread* thread
    i64 due
    i64 closed
    i64 settled
    u64 stamp
    u64 leg
    i64 pushed
    i64 retrieved
    i64 size
    int32_t notified_ms
    int32_t retrieved_ms
    int rule
    int confidence
    int bin

cdef struct Spoken:  # the texts of one column of records
    const uint8_t* data
    const i64* start
    const i64* stop

cdef enum:
    TOUCHED = 1
    SLOW = 2
    FRESH = 4
    DONE = 8  # all that was said is said for good, and closed
    ASKED = 16  # what lies in the store has to come back before anything more is said
    UNIT = 16
    CLASSES = 128
    SMALLEST = 64
    STEP = 16
    OF_A_MESSAGE = 248  # a delivery is some so many octets in the end: a block that grew leaves smaller ones behind that may find nobody
    OF_A_LINE = 50  # and a line so many
    SPARE = 32  # what grows has so much more room at once
    STEPPED = 512  # blocks up to this grow by STEP, larger ones by a quarter
    PIECE = 1 << 20
    MOST_LINES = 256
    MOST_THREADS = 48
    MOST_PUSHES = 16
    MOST_KEPT = 16
    ODD = 255
    SUBMIT = 1
    NOTIFY = 2
    PUSH = 3
    PUSH_REPORT = 4
    RESPONSE = 5
    FETCH = 6
    FETCH_FAILED = 7
    REPORT = 8
    FORWARD = 10
    SENT_OUT = 11
    EXPIRE = 12
    ATTEMPT = 13
    GET = 1
    POST = 2
    NOT_MMS_FORM = 4
    MMS = 2
    HTML = 3
    MM7 = 7
    DELIVERED = 2
    RETRIEVED = 129
    REJECTED = 130
    DEFERRED = 131
    UNRECOGNISED = 132
    FETCHED_BIT = 1
    CONFIRMED_BIT = 2
    POSTPONED_BIT = 4
    OVER_BIT = 8
    LATE_BIT = 16
    UNREPORTED_BIT = 32
    WATCHED_BIT = 64
    SIGHTS = 128
    LAST_RULE = 31
    LAST_LABEL = 65535

cdef str DAMAGED = "a portrait is damaged"
cdef u64 MOST_OCTETS = <u64>16 << 30  # of the arena: a hundred million subscribers
cdef i64 SECOND = 1000000
cdef i64 HOUR = 3600000000
cdef u64 NOT_A_NUMBER = 1ULL << 63
cdef uint32_t LAST_SECOND = 0xFFFFFFFF


# -------------------------------------------------------------------------------------------------------------- small sets

cdef inline u64 mixed(u64 key) noexcept nogil:
    key = (key ^ (key >> 32)) * 0x9E3779B97F4A7C15ULL
    return key ^ (key >> 29)


cdef struct Set:
    u64* keys  # 0: empty; the value 0 is never a member
    uint16_t* values
    u64 mask
    u64 n


cdef int set_make(Set* s, u64 room) except -1 nogil:
    s.keys = <u64*>calloc(room, 8)
    s.values = <uint16_t*>calloc(room, 2)
    if s.keys == NULL or s.values == NULL:
        starve()
    s.mask, s.n = room - 1, 0
    return 0


cdef void set_free(Set* s) noexcept nogil:
    free(s.keys)
    free(s.values)
    s.keys, s.values = NULL, NULL


cdef int set_put(Set* s, u64 key, int value) except -1 nogil:
    cdef Set wider
    cdef u64 i
    if not key:
        return 0
    if s.n * 2 > s.mask:
        set_make(&wider, (s.mask + 1) * 2)
        for i in range(s.mask + 1):
            if s.keys[i]:
                set_put(&wider, s.keys[i], s.values[i])
        set_free(s)
        s[0] = wider
    i = mixed(key) & s.mask
    while s.keys[i] and s.keys[i] != key:
        i = (i + 1) & s.mask
    if not s.keys[i]:
        s.n += 1
    s.keys[i], s.values[i] = key, value
    return 0


cdef inline int set_get(const Set* s, u64 key) noexcept nogil:
    """Its value, or −1."""
    cdef u64 i = mixed(key) & s.mask
    if not key:
        return -1
    while s.keys[i]:
        if s.keys[i] == key:
            return s.values[i]
        i = (i + 1) & s.mask
    return -1


cdef inline u64 stamp(i64 pushed, i64 retrieved, u64 leg, i64 size) noexcept nogil:
    return (
        <u64>pushed * 0x9E3779B97F4A7C15ULL + <u64>retrieved * 0xC2B2AE3D27D4EB4FULL + leg * 0x165667B19E3779F9ULL + <u64>size
    )


cdef inline int32_t in_ms(i64 micros) noexcept nogil:
    """A clock that went backwards between two nodes counts as no delay."""
    return <int32_t>min(max(micros, 0) // 1000, <i64>0x7FFFFFFF)


cdef inline u64 asked_of(const Row* attempt) noexcept nogil:
    """The authority a handset asked for."""
    return attempt.transaction if attempt.transaction else attempt.authority


cdef inline bint waits(int kind) noexcept nogil:
    return kind == NOTIFY or kind == PUSH_REPORT or kind == ATTEMPT or kind == ORIGIN


cdef inline bint of_message(int kind) noexcept nogil:
    return (SUBMIT <= kind <= REPORT) or (FORWARD <= kind <= EXPIRE)


cdef inline bint before(const Row* a, const Row* b) noexcept nogil:
    if a.at != b.at:
        return a.at < b.at
    if a.feed != b.feed:
        return a.feed < b.feed
    return a.where < b.where


cdef inline uint32_t mixed_32(u64 key) noexcept nogil:
    return <uint32_t>(mixed(key) >> 16)


cdef inline uint32_t second(i64 at) noexcept nogil:
    return <uint32_t>min(max(at, 0) // SECOND, <i64>LAST_SECOND)


cdef inline uint32_t bits_of(const Row* row) noexcept nogil:
    """Three bits of the message that a submit names, or of the transaction that a push does; 0 for other lines."""
    cdef u64 name
    if row.kind != SUBMIT and row.kind != PUSH:
        return 0
    name = row.message if row.kind == SUBMIT else row.transaction
    return <uint32_t>1 << (name >> 40 & 31) | <uint32_t>1 << (name >> 45 & 31) | <uint32_t>1 << (name >> 50 & 31)


cdef inline bint knows(uint32_t known, const Row* row) noexcept nogil:
    """Whether the message or push of this line may be one of those."""
    cdef uint32_t bits = bits_of(row)
    return bits != 0 and known & bits == bits


cdef inline void prefetch_block(const uint8_t* block) noexcept nogil:
    cdef int at
    for at in range(0, 320, 64):
        prefetch(block + at)


cdef inline uint8_t* lines_of(Sub* sub) noexcept nogil:
    return <uint8_t*>sub + sizeof(Sub)


# ------------------------------------------------------------------------------------------------------------------- the arena

cdef struct Arena:  # blocks of a few sizes; a freed one waits for the next of its size. It never moves
    uint8_t* octets
    size_t room
    uint32_t used  # units
    uint32_t vacant[CLASSES]  # first free block of each class
    uint32_t units[CLASSES]


cdef int arena_make(Arena* a) except -1:
    cdef u64 size = SMALLEST
    cdef int i
    for i in range(CLASSES):
        a.units[i] = <uint32_t>min(size // UNIT, <u64>0xFFFFFFFF)
        size = size + STEP if size < STEPPED else (size + size // 4 + UNIT - 1) // UNIT * UNIT
    a.octets = <uint8_t*>reserved(MOST_OCTETS, &a.room)
    if a.octets == NULL:
        raise MemoryError
    a.used = 1  # 0 is none
    return 0


cdef inline int class_of(const Arena* a, u64 octets) noexcept nogil:
    cdef int i
    if octets <= STEPPED:
        return <int>((octets - SMALLEST + STEP - 1) // STEP) if octets > SMALLEST else 0
    i = (STEPPED - SMALLEST) // STEP
    while <u64>a.units[i] * UNIT < octets:
        i += 1
    return i


cdef uint32_t allotted(Arena* a, int room) except 0 nogil:
    """A block of this class; what stood in it still does."""
    cdef uint32_t block = a.vacant[room]
    if block:
        a.vacant[room] = (<Sub*>&a.octets[<u64>block * UNIT]).group
        prefetch_block(&a.octets[<u64>a.vacant[room] * UNIT])  # the next of its size will be asked for soon
        return block
    block = a.used
    if (<u64>block + a.units[room] + 1) * UNIT > a.room:  # and what is read beyond a field
        starve()
    a.used += a.units[room]
    return block


cdef inline void vacate(Arena* a, uint32_t block) noexcept nogil:
    cdef Sub* sub = <Sub*>&a.octets[<u64>block * UNIT]
    sub.key = 0
    sub.group = a.vacant[sub.room]
    a.vacant[sub.room] = block


# -------------------------------------------------------------------------------------------------------------------- the lane

@cython.final  # so that its methods are called, and put in place, without a look at a table
cdef class Express:
    cdef i64 skew, join, answer, window, grace, confirm, late, unlogged
    cdef uint8_t rules[SIGHTS]
    cdef uint8_t confidences[SIGHTS]
    cdef uint8_t closes[256]
    cdef uint8_t causes[256]
    cdef uint8_t mild[256]
    cdef int32_t* domains
    cdef uint16_t* nodes
    cdef int feeds
    cdef bint sms, gateway, covered, accounts, seeded
    cdef Set cities, ours, suspects, seeds, holders, own
    cdef int lengths[20]
    cdef int n_lengths
    # subscribers
    cdef Arena arena
    cdef Slot* slots
    cdef uint32_t* looks  # by slot: the second since which `tidy` may have something to do with him, or earlier
    cdef u64 mask, n_subs
    cdef i64 live_saids
    cdef set slow
    # lists
    cdef u64* touched
    cdef i64 n_touched, room_touched
    cdef u64* absent  # those touched whose past lay in the store then
    cdef i64 n_absent, room_absent
    cdef u64* fresh
    cdef i64 n_fresh, room_fresh
    cdef Wake* heap
    cdef i64 n_heap, room_heap, n_pruned  # n_pruned: how many were left when it was pruned last
    cdef u64* odd
    cdef i64 n_odd, room_odd
    cdef Closed* closed
    cdef uint16_t* closed_nodes
    cdef i64 n_closed, room_closed
    cdef Measured* measured
    cdef i64 n_measured, room_measured
    cdef Count* counts
    cdef u64 counts_mask, n_counts

    def __cinit__(self):
        self.mask = 1023
        self.slots = <Slot*>made_zero((self.mask + 1) * sizeof(Slot))
        self.looks = <uint32_t*>made_zero((self.mask + 1) * 4)
        self.counts_mask = 255
        self.counts = <Count*>calloc(self.counts_mask + 1, sizeof(Count))
        if self.slots == NULL or self.looks == NULL or self.counts == NULL:
            raise MemoryError
        self.slow = set()
        arena_make(&self.arena)
        set_make(&self.cities, 256)
        set_make(&self.ours, 64)
        set_make(&self.suspects, 64)
        set_make(&self.seeds, 64)
        set_make(&self.holders, 64)
        set_make(&self.own, 64)

    def __dealloc__(self):
        for pointer in (
            <size_t>self.counts, <size_t>self.fresh, <size_t>self.touched, <size_t>self.absent, <size_t>self.heap, <size_t>self.odd, <size_t>self.closed, <size_t>self.closed_nodes,
            <size_t>self.domains, <size_t>self.nodes, <size_t>self.measured,
        ):
            free(<void*><size_t>pointer)
        unreserved(self.arena.octets, self.arena.room)
        unmade(self.slots, (self.mask + 1) * sizeof(Slot))
        unmade(self.looks, (self.mask + 1) * 4)
        set_free(&self.cities)
        set_free(&self.ours)
        set_free(&self.suspects)
        set_free(&self.seeds)
        set_free(&self.holders)
        set_free(&self.own)

    def __init__(self, laws):
        cdef int i
        self.skew, self.join, self.answer, self.window = laws.skew, laws.join, laws.answer, laws.window
        self.grace, self.confirm, self.late, self.unlogged = laws.grace, laws.confirm, laws.late, laws.unlogged
        for i in range(SIGHTS):
            if laws.rules[i] > LAST_RULE and laws.rules[i] != ODD:
                raise ValueError(f"row {laws.rules[i]} does not fit the key of a count")
            self.rules[i], self.confidences[i] = laws.rules[i], laws.confidences[i]
        for i in range(len(laws.closes)):
            self.closes[i], self.causes[i], self.mild[i] = laws.closes[i], laws.causes[i], laws.mild[i]

    # ------------------------------------------------------------------------------------------------------ what is known

    def set_feeds(self, domains, nodes):
        cdef int n = len(domains)
        self.domains = <int32_t*>realloc(self.domains, max(n, 1) * sizeof(int32_t))
        self.nodes = <uint16_t*>realloc(self.nodes, max(n, 1) * sizeof(uint16_t))
        if self.domains == NULL or self.nodes == NULL:
            raise MemoryError
        for i in range(n):
            self.domains[i], self.nodes[i] = domains[i], nodes[i]
        self.feeds = n

    def set_cities(self, prefixes):
        set_free(&self.cities)
        set_make(&self.cities, 256)
        lengths = sorted({len(prefix) for prefix, _ in prefixes if 0 < len(prefix) < 20}, reverse=True)
        self.n_lengths = len(lengths)
        for i, length in enumerate(lengths):
            self.lengths[i] = length
        for prefix, label in prefixes:
            if label > LAST_LABEL:
                raise ValueError(f"label {label} does not fit a packed row")
            if 0 < len(prefix) < 20:
                set_put(&self.cities, <u64>len(prefix) << 58 ^ <u64>int(prefix), label)

    def set_ours(self, authorities):
        set_free(&self.ours)
        set_make(&self.ours, 64)
        for authority in authorities:
            set_put(&self.ours, authority, 0)

    def add_suspects(self, authorities):
        for authority in authorities:
            set_put(&self.suspects, authority, 0)

    def add_seeds(self, messages):
        for message in messages:
            set_put(&self.seeds, message, 0)

    def add_holders(self, numbers):
        for number in numbers:
            set_put(&self.holders, number, 0)

    def set_asked(self, own, *, bint accounts, bint seeds):
        set_free(&self.own)
        set_make(&self.own, 64)
        for sender in own:
            set_put(&self.own, sender, 0)
        self.accounts, self.seeded = accounts, seeds

    def set_covered(self, bint sms, bint gateway):
        if sms != self.sms or gateway != self.gateway:
            self.sms, self.gateway = sms, gateway
            if self.covered:
                self.touch_all()
            else:
                self.touch_here()
        self.covered = True

    def touch_all(self):
        cdef u64 i
        for i in range(self.mask + 1):
            if self.slots[i].block and not self.at(i).flags & SLOW:
                self.call(self.at(i))

    def touch_here(self):
        cdef u64 i
        for i in range(self.mask + 1):
            if self.slots[i].block and not self.at(i).flags & SLOW and self.at(i).octets:
                self.touch(self.at(i))

    def __len__(self):
        return self.live_saids

    # -------------------------------------------------------------------------------------------------------- subscribers

    cdef inline Sub* at(self, u64 i) noexcept nogil:
        """Who stands in this slot, until his block becomes too small."""
        return <Sub*>&self.arena.octets[<u64>self.slots[i].block * UNIT]

    cdef inline i64 find(self, u64 key) noexcept nogil:
        """His slot, or −1."""
        cdef uint32_t mix = mixed_32(key)
        cdef u64 i = mix & self.mask
        while self.slots[i].block:
            if self.slots[i].mix == mix and self.at(i).key == key:
                return <i64>i
            i = (i + 1) & self.mask
        return -1

    cdef Sub* sub_of(self, u64 key) noexcept nogil:
        cdef i64 i = self.find(key)
        return self.at(<u64>i) if i >= 0 else NULL

    cdef i64 make(self, u64 key, u64 octets) except -1 nogil:
        """His slot, made when he is new, with room for so many octets. Others may move."""
        cdef i64 found = self.find(key)
        cdef u64 i, j, old
        cdef uint32_t mix = mixed_32(key)
        cdef Slot* were
        cdef uint32_t* looked
        cdef uint32_t block
        cdef Sub* sub
        cdef int room
        if found >= 0:
            return found
        if (self.n_subs + 1) * 5 > (self.mask + 1) * 3:
            old, were, looked = self.mask, self.slots, self.looks
            self.slots = <Slot*>cleared((old + 1) * 2 * sizeof(Slot))
            self.looks = <uint32_t*>cleared((old + 1) * 2 * 4)
            self.mask = (old + 1) * 2 - 1
            for j in range(old + 1):
                if were[j].block:
                    i = were[j].mix & self.mask
                    while self.slots[i].block:
                        i = (i + 1) & self.mask
                    self.slots[i], self.looks[i] = were[j], looked[j]
            unmade(were, (old + 1) * sizeof(Slot))
            unmade(looked, (old + 1) * 4)
        room = class_of(&self.arena, sizeof(Sub) + octets)
        block = allotted(&self.arena, room)
        i = mix & self.mask
        while self.slots[i].block:
            i = (i + 1) & self.mask
        self.slots[i].block, self.slots[i].mix = block, mix
        sub = self.at(i)
        memset(sub, 0, sizeof(Sub))
        sub.key, sub.room = key, room
        sub.look = sub.due = self.looks[i] = LAST_SECOND
        self.n_subs += 1
        return <i64>i

    cdef void unmake(self, u64 i) noexcept nogil:
        """Takes a subscriber out; those behind him move up."""
        cdef u64 j = i, home
        vacate(&self.arena, self.slots[i].block)
        self.n_subs -= 1
        while True:
            j = (j + 1) & self.mask
            if not self.slots[j].block:
                break
            home = self.slots[j].mix & self.mask
            if ((j - home) & self.mask) >= ((j - i) & self.mask):
                self.slots[i], self.looks[i] = self.slots[j], self.looks[j]
                i = j
        self.slots[i].block = 0

    cdef Sub* widened(self, u64 i, u64 more) except NULL nogil:
        """The same with room for so many octets more, and BEYOND."""
        cdef Sub* sub = self.at(i)
        cdef Sub* now
        cdef u64 used = sizeof(Sub) + sub.octets + sub.told
        cdef int room
        cdef uint32_t block, was = self.slots[i].block
        if used + more + BEYOND <= <u64>self.arena.units[sub.room] * UNIT:
            return sub
        room = class_of(&self.arena, used + more + SPARE)
        block = allotted(&self.arena, room)
        sub, now = self.at(i), <Sub*>&self.arena.octets[<u64>block * UNIT]
        memcpy(now, sub, used)
        now.room = room
        self.slots[i].block = block
        vacate(&self.arena, was)
        return now

    cdef void look_at(self, u64 i, uint32_t since) noexcept nogil:
        """`tidy` looks at him once it asks for who is quiet since later than that."""
        self.at(i).look = self.looks[i] = since

    cdef int add(self, u64 i, const Row* row, const Text* message, const Text* transaction) except -1 nogil:
        """A line behind his others."""
        cdef Draft draft
        cdef Named named
        cdef Text nothing
        cdef Sub* sub = self.at(i)
        cdef uint8_t* to
        cdef u64 beyond
        cdef int octets
        cdef bint alone
        cdef uint32_t now = second(row.at)
        if sub.named:
            read_named(lines_of(sub) + sub.named - 1, &named)
        else:
            name_none(&named)
        nothing.length = 0
        alone = row.message != 0 and row.message != named.message
        if not row.message or row.kind == ORIGIN or (not alone and named.spoken):
            message = &nothing
        if not row.transaction or row.kind == ORIGIN:
            transaction = &nothing
        octets = draft_line(&draft, row, &named, message, transaction)
        sub = self.widened(i, octets)
        to = lines_of(sub) + sub.octets
        if sub.told:
            take_octets(to + octets, to, sub.told)
            memcpy(&beyond, to + octets, BEYOND)
            put_line(to, &draft, message, transaction)
            memcpy(to + octets, &beyond, BEYOND)
        else:  # what is behind is nobody's, and may be far from the cache
            put_line(to, &draft, message, transaction)
        if alone:
            sub.named = sub.octets + 1
        sub.octets += octets
        sub.lines += sub.lines < 0xFFFF
        sub.newest = max(sub.newest, now)
        if of_message(row.kind):
            sub.moved = max(sub.moved, now)
        if now < sub.look or sub.lines == MOST_KEPT + 1:
            self.look_at(i, now if sub.lines <= MOST_KEPT else 0)
        self.note(sub)
        return 0

    cdef int tell(self, u64 i, const Said* said, int n) except -1 nogil:
        """All that was said of his, in place of what was."""
        cdef Draft drafts[MOST_THREADS * 2]
        cdef int octets = 0, k
        cdef Named named
        cdef u64 place
        cdef uint8_t* to
        cdef Sub* sub = self.at(i)
        cdef uint8_t done = DONE
        cdef uint32_t settled = 0
        for k in range(n):
            place = spelled(lines_of(sub), sub.octets, said[k].identity, &named)
            octets += draft_said(&drafts[k], &said[k], place, &named)
            settled = max(settled, second(said[k].settled))
            if not self.mild[said[k].rule] or not said[k].closed:
                done = 0
        sub = self.widened(i, max(octets - sub.told, 0))
        to = lines_of(sub) + sub.octets
        for k in range(n):
            to = put_said(to, &drafts[k])
        self.live_saids += n - sub.said
        sub.told, sub.said, sub.settled = octets, n, settled
        sub.flags = (sub.flags & ~DONE) | done
        self.note(sub)
        return 0

    cdef void clear(self, u64 i) noexcept nogil:
        """His lines and what was said of him."""
        cdef Sub* sub = self.at(i)
        self.live_saids -= sub.said
        sub.octets = sub.packed = sub.named = sub.newest = sub.moved = 0
        sub.told = sub.lines = sub.said = 0
        sub.settled = 0

    cdef int note(self, Sub* sub) except -1 nogil:
        """His portrait changed."""
        if not sub.flags & FRESH:
            sub.flags |= FRESH
            self.note_key(sub.key)
        return 0

    cdef int note_key(self, u64 key) except -1 nogil:
        if self.n_fresh == self.room_fresh:
            self.room_fresh = max(1024, self.room_fresh * 2)
            self.fresh = <u64*>grown(self.fresh, self.room_fresh * 8)
        self.fresh[self.n_fresh] = key
        self.n_fresh += 1
        return 0

    cdef int touch(self, Sub* sub) except -1 nogil:
        if not sub.flags & TOUCHED:
            sub.flags |= TOUCHED
            if self.n_touched == self.room_touched:
                self.room_touched = max(1024, self.room_touched * 2)
                self.touched = <u64*>grown(self.touched, self.room_touched * 8)
            self.touched[self.n_touched] = sub.key
            self.n_touched += 1
            if sub.group:
                self.miss(sub.key)
        return 0

    cdef int miss(self, u64 key) except -1 nogil:
        if self.n_absent == self.room_absent:
            self.room_absent = max(1024, self.room_absent * 2)
            self.absent = <u64*>grown(self.absent, self.room_absent * 8)
        self.absent[self.n_absent] = key
        self.n_absent += 1
        return 0

    cdef int call(self, Sub* sub) except -1 nogil:
        """The same, and what lies in the store is asked for."""
        if sub.group:
            sub.flags |= ASKED
        return self.touch(sub)

    cdef void stay(self, u64 i) noexcept nogil:
        """Nothing of his lies in the store."""
        cdef Sub* sub = self.at(i)
        sub.group, sub.due, sub.known, sub.past = 0, LAST_SECOND, 0, 0
        sub.flags &= ~ASKED
        self.look_at(i, 0)

    cdef int wake(self, i64 due, u64 key) except -1 nogil:
        cdef i64 i, parent
        if self.n_heap == self.room_heap:
            self.room_heap = max(1024, self.room_heap * 2)
            self.heap = <Wake*>grown(self.heap, self.room_heap * <size_t>sizeof(Wake))
        i = self.n_heap
        self.n_heap += 1
        while i:
            parent = (i - 1) >> 1
            if self.heap[parent].due <= due:
                break
            self.heap[i] = self.heap[parent]
            i = parent
        self.heap[i].due, self.heap[i].key = due, key
        return 0

    cdef u64 woken(self) noexcept nogil:
        """Takes the earliest out of the heap, which is not empty."""
        cdef u64 key = self.heap[0].key
        cdef Wake last
        cdef i64 i = 0, child
        self.n_heap -= 1
        last = self.heap[self.n_heap]
        while True:
            child = 2 * i + 1
            if child >= self.n_heap:
                break
            if child + 1 < self.n_heap and self.heap[child + 1].due < self.heap[child].due:
                child += 1
            if self.heap[child].due >= last.due:
                break
            self.heap[i] = self.heap[child]
            i = child
        self.heap[i] = last
        return key

    # ---------------------------------------------------------------------------------------------------------- taking in

    cdef bint kept(self, const Row* row, i64 horizon, const Text* message, const Text* transaction) except -1 nogil:
        """Keeps one row, or says that it is somebody else's."""
        cdef u64 i = self.make(row.subscriber, OF_A_MESSAGE if of_message(row.kind) else OF_A_LINE)
        cdef Sub* sub = self.at(i)
        if sub.flags & SLOW:
            return False
        self.add(i, row, message, transaction)
        sub = self.at(i)
        if sub.group and (row.at <= horizon or knows(sub.known, row)):  # what lies there may be younger, or the same
            sub.flags |= ASKED
        if not waits(row.kind) or row.at <= horizon or (sub.said and second(row.at) <= sub.settled):
            self.touch(sub)
        if row.kind == ATTEMPT and row.a == POST and row.b == MMS:
            self.wake(row.at + self.join + self.skew, row.subscriber)
        return True

    cdef inline Sub* foreseen(self, u64 soon, u64 later) noexcept nogil:
        """Has the slot of the one number fetched into the cache; where the block of the other begins, or NULL."""
        cdef uint32_t mix = mixed_32(soon)
        cdef u64 i = mix & self.mask
        prefetch(&self.slots[mixed_32(later) & self.mask])
        while self.slots[i].block and self.slots[i].mix != mix:
            i = (i + 1) & self.mask
        return self.at(i) if self.slots[i].block else NULL

    cdef inline void foresee(self, u64 soon, u64 later) noexcept nogil:
        """Has what is needed of these two numbers fetched into the cache."""
        cdef Sub* sub = self.foreseen(soon, later)
        if sub != NULL:
            prefetch_block(<uint8_t*>sub)

    cdef inline void foresee_head(self, u64 soon, u64 later) noexcept nogil:
        """The same where his lines need not be read."""
        cdef Sub* sub = self.foreseen(soon, later)
        if sub != NULL:
            prefetch(sub)

    def take(self, rows, i64 horizon):
        rows = np.ascontiguousarray(rows)
        cdef i64 n = len(rows), i
        left = np.zeros(n, np.bool_)
        if not n:
            return left
        cdef const unsigned char[::1] octets = rows.view(np.uint8)
        cdef uint8_t[::1] mask = left.view(np.uint8)
        cdef const Row* row = <const Row*>&octets[0]
        cdef Text nothing
        nothing.length = 0
        with nogil:
            for i in range(n):
                if i + 12 < n:
                    self.foresee(row[i + 6].subscriber, row[i + 12].subscriber)
                mask[i] = not self.kept(&row[i], horizon, &nothing, &nothing)
        return left

    def take_records(self, int feed, records, i64 horizon):
        cdef i64 n = records.rows, i, n_rest = 0, n_left = 0, n_parties = 0, room_left = 0, record = -1
        cdef int kind, k, n_made
        cdef u64 sender, receiver
        cdef bint known
        held = []
        cdef const i64* at = <const i64*>self.column(records, "at", held)
        cdef const i64* where = <const i64*>self.column(records, "where", held)
        cdef const uint8_t* kinds = <const uint8_t*>self.column(records, "kind", held)
        cdef const u64* senders = <const u64*>self.column(records, "sender", held)
        cdef const u64* receivers = <const u64*>self.column(records, "receiver", held)
        cdef const u64* messages = <const u64*>self.column(records, "message", held)
        cdef const u64* transactions = <const u64*>self.column(records, "transaction", held)
        cdef const u64* links = <const u64*>self.column(records, "link", held)
        cdef const u64* locations = <const u64*>self.column(records, "location", held)
        cdef const u64* authorities = <const u64*>self.column(records, "authority", held)
        cdef const i64* expires = <const i64*>self.column(records, "expires", held)
        cdef const i64* sizes = <const i64*>self.column(records, "size", held)
        cdef const int32_t* statuses = <const int32_t*>self.column(records, "status", held)
        cdef const int32_t* errors = <const int32_t*>self.column(records, "push_error", held)
        cdef const uint8_t* code_sets = <const uint8_t*>self.column(records, "code_set", held)
        cdef const uint8_t* states = <const uint8_t*>self.column(records, "push_state", held)
        cdef const uint8_t* pdus = <const uint8_t*>self.column(records, "pdu", held)
        cdef const uint8_t* interfaces = <const uint8_t*>self.column(records, "interface", held)
        cdef Spoken spoken[2]
        spoken[0] = self.spoken(records, "message", held)
        spoken[1] = self.spoken(records, "transaction", held)
        cdef Text texts[2]
        cdef Row made[2]
        cdef Row* x = &made[0]
        cdef Row* left = NULL
        cdef i64* left_places = NULL
        cdef Set met
        rest, parties = np.empty(n, np.int64), np.empty(n, np.int64)
        cdef i64[::1] rest_out = rest
        cdef i64[::1] parties_out = parties
        set_make(&met, 64)
        try:
            with nogil:
                for i in range(n):
                    if i + 24 < n:
                        self.foresee(receivers[i + 12], receivers[i + 24])
                        if kinds[i + 24] == SUBMIT and senders != NULL:
                            prefetch(&self.slots[mixed_32(senders[i + 24]) & self.mask])
                        if kinds[i + 12] == SUBMIT and senders != NULL:
                            self.foresee(senders[i + 12], senders[i + 12])
                        for k in range(2):
                            if spoken[k].data != NULL:
                                prefetch(spoken[k].data + spoken[k].start[i + 12])
                    kind, sender, receiver = kinds[i], senders[i] if senders != NULL else 0, receivers[i]
                    known = False
                    if kind == SUBMIT:
                        known = not (self.seeded or (expires != NULL and expires[i] > 0))
                        known = known and not (self.accounts and interfaces != NULL and interfaces[i] == MM7)
                    elif kind == NOTIFY:
                        known = not ((expires != NULL and expires[i] > 0) or (locations != NULL and locations[i] != 0))
                    elif kind == FETCH:
                        known = True
                    elif kind == RESPONSE:
                        known = messages == NULL or not messages[i]
                    if not known or not receiver:
                        rest_out[n_rest] = i
                        n_rest += 1
                        continue
                    memset(x, 0, sizeof(Row))
                    x.subscriber, x.other, x.at, x.where, x.kind, x.feed = receiver, sender, at[i], where[i], kind, feed
                    x.message = messages[i] if messages != NULL else 0
                    x.transaction = transactions[i] if transactions != NULL else 0
                    x.link = links[i] if links != NULL else 0
                    x.path = locations[i] if locations != NULL else 0
                    x.authority = authorities[i] if authorities != NULL else 0
                    x.extra = expires[i] if expires != NULL else 0
                    x.size = sizes[i] if sizes != NULL else -1
                    x.status = statuses[i] if statuses != NULL else -1
                    x.error = errors[i] if errors != NULL else -1
                    x.code_set = code_sets[i] if code_sets != NULL else 0
                    x.b = states[i] if states != NULL else 0
                    x.a = pdus[i] if pdus != NULL else 0
                    if not x.a and interfaces != NULL:
                        x.a = interfaces[i]
                    x.d = self.own.n != 0 and set_get(&self.own, sender) >= 0
                    text_of(&texts[0], &spoken[0], i)
                    text_of(&texts[1], &spoken[1], i)
                    n_made = 1
                    if kind == SUBMIT and sender and not sender & NOT_A_NUMBER and x.where != record:
                        record = x.where
                        made[1] = x[0]
                        made[1].subscriber, made[1].other, made[1].kind = sender, receiver, ORIGIN
                        n_made = 2
                    for k in range(n_made):
                        if not self.kept(&made[k], horizon, &texts[0], &texts[1]):
                            if n_left == room_left:
                                room_left = max(64, room_left * 2)
                                left = <Row*>grown(left, room_left * <size_t>sizeof(Row))
                                left_places = <i64*>grown(left_places, room_left * 8)
                            left[n_left], left_places[n_left] = made[k], i
                            n_left += 1
                    if ((receiver | sender) & NOT_A_NUMBER) and self.unmet(&met, receiver, sender):
                        parties_out[n_parties] = i
                        n_parties += 1
            return Taken(
                rest[:n_rest], copied(left, n_left, TRACE_DTYPE), copied(left_places, n_left, np.dtype(np.int64)), parties[:n_parties]
            )
        finally:
            free(left)
            free(left_places)
            set_free(&met)

    cdef bint unmet(self, Set* met, u64 receiver, u64 sender) except -1 nogil:
        """Whether one of the two is no number and new."""
        cdef bint new = False
        if receiver & NOT_A_NUMBER and set_get(met, receiver) < 0:
            set_put(met, receiver, 0)
            new = True
        if sender & NOT_A_NUMBER and set_get(met, sender) < 0:
            set_put(met, sender, 0)
            new = True
        return new

    cdef void* column(self, records, str name, list held) except? NULL:
        """Where the column begins; NULL: the dialect has none. `held` keeps it alive."""
        found = records.columns.get(name)
        if found is None:
            return NULL
        found = np.ascontiguousarray(found, COLUMNS[name])
        held.append(found)
        cdef const unsigned char[::1] octets = found.view(np.uint8)
        return <void*>&octets[0] if len(octets) else NULL

    cdef Spoken spoken(self, records, str name, list held):
        cdef Spoken found
        cdef const unsigned char[::1] data
        cdef const i64[::1] start, stop
        found.data, found.start, found.stop = NULL, NULL, NULL
        text = records.texts.get(name)
        if text is not None and records.rows and len(text.data):
            first, last = np.ascontiguousarray(text.start), np.ascontiguousarray(text.stop)
            held += [first, last]
            data, start, stop = text.data, first, last
            found.data, found.start, found.stop = &data[0], &start[0], &stop[0]
        return found

    # ------------------------------------------------------------------------------------------------------------ judging

    def survey(self, i64 horizon):
        cdef Sub* sub
        cdef i64 i, n, found, again = 0
        cdef u64 place
        self.n_odd = self.n_closed = self.n_measured = 0
        self.n_counts = 0
        memset(self.counts, 0, (self.counts_mask + 1) * sizeof(Count))
        with nogil:
            self.wake_due(horizon)
            n = self.n_touched
            for i in range(n):
                if i + 12 < n:
                    self.foresee(self.touched[i + 6], self.touched[i + 12])
                found = self.find(self.touched[i])
                if found < 0:
                    continue
                sub = self.at(found)
                if sub.flags & SLOW or not sub.flags & TOUCHED:
                    continue
                if not sub.flags & ASKED and self.judge(found, horizon, False):
                    sub = self.at(found)
                    sub.flags &= ~TOUCHED
                    if sub.group:
                        self.look_at(found, 0)
                    continue
                if sub.group:  # the next survey has his past
                    sub.flags |= ASKED
                    self.touched[again] = sub.key
                    again += 1
                    continue
                sub.flags &= ~TOUCHED
                if self.n_odd == self.room_odd:
                    self.room_odd = max(1024, self.room_odd * 2)
                    self.odd = <u64*>grown(self.odd, self.room_odd * 8)
                self.odd[self.n_odd] = self.touched[i]
                self.n_odd += 1
            self.n_touched = again
            self.n_absent = 0
            for i in range(again):
                self.miss(self.touched[i])
        counts = {}
        for place in range(self.counts_mask + 1):
            if self.counts[place].key and self.counts[place].n:
                counts[unpacked(self.counts[place].key)] = self.counts[place].n
        return Survey(
            counts, copied(self.closed, self.n_closed, CLOSED_DTYPE), copied(self.closed_nodes, self.n_closed, np.dtype(np.uint16)),
            np.unique(copied(self.odd, self.n_odd, np.dtype(np.uint64))), copied(self.measured, self.n_measured, MEASURED_DTYPE),
        )

    cdef int count(self, const Said* said, i64 n) except -1 nogil:
        cdef u64 key = packed(said), i, j
        cdef Count* was
        cdef u64 old
        if self.n_counts * 2 > self.counts_mask:
            was, old = self.counts, self.counts_mask
            self.counts_mask = (old + 1) * 2 - 1
            self.counts = <Count*>calloc(self.counts_mask + 1, sizeof(Count))
            if self.counts == NULL:
                starve()
            for j in range(old + 1):
                if was[j].key:
                    i = mixed(was[j].key) & self.counts_mask
                    while self.counts[i].key:
                        i = (i + 1) & self.counts_mask
                    self.counts[i] = was[j]
            free(was)
        i = mixed(key) & self.counts_mask
        while self.counts[i].key and self.counts[i].key != key:
            i = (i + 1) & self.counts_mask
        if not self.counts[i].key:
            self.counts[i].key = key
            self.n_counts += 1
        self.counts[i].n += n
        return 0

    cdef int city(self, u64 number) noexcept nogil:
        cdef u64 rest = number, part
        cdef int digits = 0, i, j, label
        if number & NOT_A_NUMBER or not self.n_lengths:
            return 0
        while rest:
            rest //= 10
            digits += 1
        for i in range(self.n_lengths):
            if self.lengths[i] <= digits:
                part = number
                for j in range(digits - self.lengths[i]):
                    part //= 10
                label = set_get(&self.cities, <u64>self.lengths[i] << 58 ^ part)
                if label >= 0:
                    return label
        return 0

    cdef inline int thread_of(self, Thread* threads, int n, const Row* row) noexcept nogil:
        cdef int i, domain = self.domains[row.feed]
        for i in range(n):
            if threads[i].opened.message == row.message and threads[i].domain == domain:
                return i
        return -1

    cdef bint judge(self, u64 place, i64 horizon, bint dry) except -1 nogil:
        """Says what is to be said of whom stands there, unless `dry`; False, and nothing is said, when he is not for this lane, or not
        without what lies in the store."""
        cdef Row lines[MOST_LINES]
        cdef Row* row[MOST_LINES]
        cdef Said was[MOST_THREADS]
        cdef Said now[MOST_THREADS]
        cdef Thread threads[MOST_THREADS]
        cdef Leg legs[MOST_THREADS]
        cdef Verdict verdicts[MOST_THREADS]
        cdef int n = 0, nt = 0, nl = 0, i, j, k, near, domain
        cdef Sub* sub = self.at(place)
        cdef Reader reader
        cdef Text texts[2]
        cdef const uint8_t* told
        cdef Row* x
        cdef Thread* t
        cdef i64 wake = NEVER, until
        cdef bint sent, changed = False, away = sub.group != 0
        if sub.lines > MOST_LINES or sub.said > MOST_THREADS:
            return False
        begin(&reader, sub.key, lines_of(sub), sub.octets)
        while reader.at < reader.end:
            x = &lines[n]
            read_line(&reader, x, texts)
            i = n
            while i and before(x, row[i - 1]):
                row[i] = row[i - 1]
                i -= 1
            row[i] = x
            n += 1
        told = reader.end
        for i in range(sub.said):
            told = read_said(told, sub.key, lines_of(sub), &was[i])
        for i in range(n):
            x = row[i]
            if x.kind == SUBMIT:
                if x.seed or (self.seeds.n and set_get(&self.seeds, x.message) >= 0):
                    return False
                if self.thread_of(threads, nt, x) < 0:
                    if nt + sub.past >= MOST_THREADS:
                        return False
                    t = &threads[nt]
                    memset(t, 0, sizeof(Thread))
                    t.opened, t.domain, t.leg = x, self.domains[x.feed], -1
                    t.notice = t.reported = t.got = t.first_answer = t.first_word = NEVER
                    t.size = t.least = -1
                    nt += 1
            elif x.kind == PUSH:
                if x.seed:
                    return False
                j = 0
                while j < nl and legs[j].first.transaction != x.transaction:
                    j += 1
                if j == nl:
                    if nl == MOST_THREADS:
                        return False
                    legs[j].first, legs[j].n, legs[j].thread = x, 0, -1
                    nl += 1
                if legs[j].n == MOST_PUSHES:
                    return False
                legs[j].pushes[legs[j].n] = x
                legs[j].n += 1
            elif x.kind == REPORT:
                if x.status != RETRIEVED:
                    return False
            elif not (waits(x.kind) or x.kind == FETCH or x.kind == RESPONSE):
                return False
        if nt or nl or away:
            for i in range(n):
                x = row[i]
                if x.kind == NOTIFY:
                    j = self.thread_of(threads, nt, x)
                    if (away and j < 0) or (j >= 0 and x.at < threads[j].notice):
                        sent = False
                        domain = self.domains[x.feed]
                        for k in range(n):
                            if row[k].kind == ORIGIN and row[k].message == x.message and self.domains[row[k].feed] == domain:
                                sent = True
                        if not sent and j < 0:
                            return False
                        if not sent:
                            threads[j].notice = x.at
        for i in range(nl):
            near = -1
            for j in range(nt):
                if self.announces(&threads[j], legs[i].first):
                    if near >= 0:
                        return False
                    near = j
            if near >= 0:
                if threads[near].leg >= 0:
                    return False
                threads[near].leg, legs[i].thread = i, near
            else:
                until = legs[i].first.at + self.join + self.skew
                if horizon > until or away:
                    return False
                wake = min(wake, until + 1)
        for i in range(n):
            x = row[i]
            if x.kind == FETCH:
                j = self.thread_of(threads, nt, x)
                if j < 0:
                    until = x.at + self.join + self.skew
                    if horizon > until or away:
                        return False
                    wake = min(wake, until + 1)
                    continue
                t = &threads[j]
                if not t.fetched:
                    t.fetched = x.at
                t.fetched_last = x.at
                if t.size < 0 and 0 <= x.size < 1LL << 31:
                    t.size = x.size
                if x.size > 0 and (t.least < 0 or x.size < t.least):
                    t.least = x.size
        for i in range(n):
            x = row[i]
            if x.kind == NOTIFY:
                j = self.thread_of(threads, nt, x)
                if j >= 0 and (not threads[j].fetched or x.at <= threads[j].fetched) and not threads[j].notified:
                    threads[j].notified = x.at
            elif x.kind == RESPONSE:
                if x.status == REJECTED or x.status == UNRECOGNISED or (away and not self.surely_answered(threads, nt, legs, nl, x)):
                    return False
                j = self.answered(threads, nt, legs, nl, x)
                if j >= 0:
                    t = &threads[j]
                    t.answered = max(t.answered, x.at)
                    t.first_answer = min(t.first_answer, x.at)
                    if x.status != DEFERRED:
                        t.first_word = min(t.first_word, x.at)
                        t.word = 1
                    else:
                        t.deferred = 1
                    if x.status == RETRIEVED or x.status == -1:
                        t.confirmed = 1
            elif x.kind == REPORT:
                j = 0
                while j < nt:
                    t = &threads[j]
                    if t.opened.message == x.message and (t.opened.other == x.other or not x.other or not t.opened.other):
                        if not t.final:
                            t.final = x.at
                        t.final_last = x.at
                        break
                    j += 1
                if away and j == nt:
                    return False
            elif away and self.of_the_past(legs, nl, x):
                return False
            elif x.kind == PUSH_REPORT:
                if x.b == DELIVERED:
                    for j in range(nl):
                        if legs[j].thread >= 0 and self.reports(&legs[j], x):
                            t = &threads[legs[j].thread]
                            t.reported = min(t.reported, x.at)
            elif x.kind == ATTEMPT and x.a != POST:
                for j in range(nl):
                    if legs[j].thread >= 0 and x.path:
                        for k in range(legs[j].n):
                            if legs[j].pushes[k].path == x.path:
                                t = &threads[legs[j].thread]
                                t.got = min(t.got, x.at)
                                break
            elif x.kind == ATTEMPT:
                until = self.posted(row, n, legs, nl, x, horizon)
                if until < 0:
                    return False
                wake = min(wake, until)
        for i in range(nt):
            if not self.verdict(&threads[i], legs, row, n, horizon, &verdicts[i]):
                return False
        for i in range(sub.said):
            j = 0
            while j < nt and (threads[j].opened.message != was[i].identity or threads[j].domain != was[i].domain):
                j += 1
            if j == nt:
                return False
        if dry:
            return True
        if wake < NEVER:
            self.wake(wake, sub.key)
        for i in range(nt):
            changed |= self.say(sub, &verdicts[i], was, &now[i])
        if changed:
            self.tell(place, now, nt)
        return True

    cdef bint announces(self, const Thread* t, const Row* push) noexcept nogil:
        cdef u64 sender = t.opened.other, origin = push.other
        cdef i64 apart
        if t.notice == NEVER or t.opened.at > push.at + self.skew:
            return False
        apart = t.notice - push.at
        if apart > self.join or -apart > self.join:
            return False
        if not sender or not origin or sender == origin:
            return True
        return (sender & NOT_A_NUMBER) != 0 and (origin & NOT_A_NUMBER) != 0

    cdef int answered(self, Thread* threads, int nt, Leg* legs, int nl, const Row* answer) noexcept nogil:
        cdef int i, best = -1, waiting = 0, only = -1
        for i in range(nl):
            if legs[i].first.transaction == answer.transaction:
                return legs[i].thread
        if self.sms:
            return -1
        for i in range(nt):
            if threads[i].leg >= 0 or threads[i].word:
                continue
            if threads[i].fetched:
                if threads[i].fetched <= answer.at + SECOND and (best < 0 or threads[i].fetched > threads[best].fetched):
                    best = i
            elif threads[i].opened.at <= answer.at:
                waiting += 1
                only = i
        if (answer.status == RETRIEVED or answer.status == -1) and best >= 0:
            return best
        return only if waiting == 1 else -1

    cdef bint surely_answered(self, Thread* threads, int nt, Leg* legs, int nl, const Row* answer) noexcept nogil:
        """Whether the delivery that is here would be given this answer whatever lies in the store."""
        cdef int i
        for i in range(nl):
            if legs[i].first.transaction == answer.transaction:
                return True
        if answer.status != RETRIEVED and answer.status != -1:
            return False
        i = self.answered(threads, nt, legs, nl, answer)
        return i >= 0 and threads[i].fetched != 0 and threads[i].fetched <= answer.at + SECOND

    cdef bint of_the_past(self, Leg* legs, int nl, const Row* row) noexcept nogil:
        """Whether a report of a push, or a request, is none of these pushes', and so may be one of those in the store."""
        cdef int i, k
        if row.kind == PUSH_REPORT:
            for i in range(nl):
                if self.reports(&legs[i], row):
                    return False
            return True
        if row.kind != ATTEMPT:
            return False
        if row.a == POST:
            return self.gateway and set_get(&self.ours, asked_of(row)) < 0
        for i in range(nl):
            for k in range(legs[i].n):
                if legs[i].pushes[k].path and legs[i].pushes[k].path == row.path:
                    return False
        return True

    cdef bint reports(self, const Leg* leg, const Row* report) noexcept nogil:
        cdef int i
        cdef i64 until
        for i in range(leg.n):
            if leg.pushes[i].link == report.link:
                until = NEVER if leg.pushes[i].link else leg.pushes[i].at + SECOND
                if leg.pushes[i].at - self.skew <= report.at <= until:
                    return True
        return False

    cdef i64 posted(self, Row** row, int n, Leg* legs, int nl, const Row* post, i64 horizon) noexcept nogil:
        cdef int i, j, k
        cdef i64 apart
        cdef u64 asked = asked_of(post)
        if not self.gateway or post.b == NOT_MMS_FORM:
            return NEVER
        if set_get(&self.ours, asked) < 0:
            if set_get(&self.ours, post.authority) >= 0 or post.b == MMS or set_get(&self.suspects, asked) >= 0:
                return -1
            for i in range(n):
                if row[i].kind == ATTEMPT and row[i].a == GET:
                    if asked_of(row[i]) == asked:
                        return -1
                    apart = post.at - row[i].at
                    if 0 <= apart <= self.answer:
                        for j in range(nl):
                            for k in range(legs[j].n):
                                if legs[j].pushes[k].path == row[i].path:
                                    return -1
            return NEVER
        if not 200 <= post.status < 300 or post.c == HTML:
            return -1
        if post.b != MMS:
            return NEVER
        for i in range(n):
            if row[i].kind == RESPONSE or row[i].kind == ORIGIN:
                apart = row[i].at - post.at
                if -self.join <= apart <= self.join:
                    return NEVER
        return -1 if horizon >= post.at + self.unlogged else post.at + self.unlogged

    cdef bint verdict(self, Thread* t, Leg* legs, Row** row, int n, i64 horizon, Verdict* v) noexcept nogil:
        cdef i64 began = t.opened.at, retrieved = t.fetched, expiry = 0, deadline, due, first, reported, newest
        cdef Leg* leg = &legs[t.leg] if t.leg >= 0 else NULL
        cdef int i, sight, rule
        cdef bint over
        if t.final and not retrieved:
            return False
        if leg != NULL:
            for i in range(leg.n):
                expiry = max(expiry, leg.pushes[i].extra)
        if not expiry:
            expiry = began + self.window
        deadline = t.final if t.final else expiry + self.grace
        due = min(max(deadline, retrieved), retrieved + self.confirm) if retrieved else deadline
        over = horizon >= due + self.skew
        if over and not retrieved:
            return False
        if retrieved and not t.confirmed and leg != NULL and self.torn(t, leg, row, n, max(due, retrieved) + self.skew):
            return False
        sight = FETCHED_BIT if retrieved else 0
        if t.confirmed:
            sight |= CONFIRMED_BIT
        elif t.deferred:
            sight |= POSTPONED_BIT
        if over:
            sight |= OVER_BIT
        if retrieved:
            reported = t.reported if t.reported <= retrieved else NEVER
            first = min(min(reported, retrieved), t.first_answer)
            if first - began > self.late:
                sight |= LATE_BIT
            if reported == NEVER:
                sight |= UNREPORTED_BIT
        if self.gateway:
            sight |= WATCHED_BIT
        rule = self.rules[sight]
        if rule == ODD or (self.closes[rule] and t.opened.d == 1):
            return False
        v.thread, v.rule, v.confidence = t, rule, self.confidences[sight]
        v.closed = v.settled = 0
        v.due = due + self.skew
        if self.closes[rule]:
            v.due = NEVER
            if t.confirmed:
                v.closed = max(t.first_word, retrieved)
            else:
                v.closed = t.final if t.final else due
            newest = max(max(began, t.fetched_last), max(t.final_last, t.answered))
            if leg != NULL:
                newest = max(newest, leg.pushes[leg.n - 1].at)
            v.settled = max(v.closed, newest) + self.join + self.skew
        first = min(min(t.reported, t.got), min(t.first_answer, retrieved if retrieved else NEVER))
        v.notified_ms = in_ms(first - began) if first < NEVER and (not v.settled or first <= v.settled) else -1
        v.retrieved_ms = in_ms(retrieved - began) if retrieved else -1
        v.pushed = leg.first.at if leg != NULL else t.notified
        v.retrieved = retrieved
        v.leg = leg.first.transaction if leg != NULL else 0
        v.size = t.size
        if leg != NULL:
            for i in range(leg.n):
                if v.size < 0 and 0 <= leg.pushes[i].size < 1LL << 31:
                    v.size = leg.pushes[i].size
        if v.size < 0 and 0 <= t.opened.size < 1LL << 31:
            v.size = t.opened.size
        v.bin = highest(<u64>(max(retrieved - began, 0) // SECOND + 1)) if retrieved else -1
        v.stamp = stamp(v.pushed, retrieved, v.leg, v.size)
        return True

    cdef bint torn(self, const Thread* t, const Leg* leg, Row** row, int n, i64 until) noexcept nogil:
        cdef int i, k
        cdef bint seen = False
        for i in range(n):
            if row[i].kind == ATTEMPT and row[i].a != POST and row[i].path and row[i].at <= until:
                for k in range(leg.n):
                    if leg.pushes[k].path == row[i].path:
                        if 200 <= row[i].status < 300 and (row[i].size < 0 or row[i].size >= t.least):
                            return False
                        seen = True
                        break
        return seen

    cdef int say(self, const Sub* sub, const Verdict* v, Said* was, Said* now) except -1 nogil:
        """Fills `now`; whether anything of it is new."""
        cdef Said* old = NULL
        cdef Thread* t = v.thread
        cdef bint changed, counted
        cdef i64 due = 0
        cdef int i
        for i in range(sub.said):
            if was[i].identity == t.opened.message and was[i].domain == t.domain:
                old = &was[i]
        memset(now, 0, sizeof(Said))
        now.subscriber, now.identity, now.began, now.due = sub.key, t.opened.message, t.opened.at, v.due
        now.closed, now.settled, now.stamp, now.domain = v.closed, v.settled, v.stamp, t.domain
        now.node = self.nodes[t.opened.feed]
        now.city = old.city if old != NULL else self.city(t.opened.other)
        now.rule, now.confidence, now.bin, now.own = v.rule, v.confidence, v.bin, t.opened.d == 1
        now.notified, now.retrieved = v.notified_ms, v.retrieved_ms
        if old != NULL:
            counted = packed(old) != packed(now)
            changed = counted or old.confidence != now.confidence or old.closed != now.closed or old.stamp != now.stamp
            changed = changed or old.notified != now.notified or old.retrieved != now.retrieved
            if not changed and old.due == now.due and old.settled == now.settled and old.began == now.began:
                return 0
            if counted:
                self.count(old, -1)
                self.count(now, 1)
            due = old.due
        else:
            changed = True
            self.count(now, 1)
        if changed and old != NULL and old.closed:
            self.measure(old, -1)
        if changed and now.closed:
            self.measure(now, 1)
        if v.closed and changed:
            self.close(sub, v, now.node)
        if v.due < NEVER and v.due != due:
            self.wake(v.due, sub.key)
        return 1

    cdef int measure(self, const Said* said, i64 n) except -1 nogil:
        cdef Measured* m
        if self.n_measured == self.room_measured:
            self.room_measured = max(1024, self.room_measured * 2)
            self.measured = <Measured*>grown(self.measured, self.room_measured * <size_t>sizeof(Measured))
        m = &self.measured[self.n_measured]
        m.receiver, m.began, m.closed, m.n = said.subscriber, said.began, said.closed, n
        m.notified, m.retrieved, m.node, m.city, m.rule = said.notified, said.retrieved, said.node, said.city, said.rule
        self.n_measured += 1
        return 0

    cdef int close(self, const Sub* sub, const Verdict* v, uint16_t node) except -1 nogil:
        cdef Closed* c
        if self.n_closed == self.room_closed:
            self.room_closed = max(1024, self.room_closed * 2)
            self.closed = <Closed*>grown(self.closed, self.room_closed * <size_t>sizeof(Closed))
            self.closed_nodes = <uint16_t*>grown(self.closed_nodes, self.room_closed * 2)
        c = &self.closed[self.n_closed]
        c.at, c.closed, c.receiver, c.sender = v.thread.opened.at, v.closed, sub.key, v.thread.opened.other
        c.message, c.leg, c.pushed, c.retrieved = v.thread.opened.message, v.leg, v.pushed, v.retrieved
        c.outcome, c.cause, c.rule, c.node, c.size = 1, self.causes[v.rule], v.rule, 0, v.size
        self.closed_nodes[self.n_closed] = node
        self.n_closed += 1
        return 0

    # ----------------------------------------------------------------------------------------------------- coming and going

    def traces(self, number):
        return self.unpacked([number])[0]

    cdef object unpacked(self, numbers):
        """TRACE and SAID rows of these numbers, and their texts."""
        cdef i64 n = 0, n_told = 0, k = 0, k_told = 0
        cdef Sub* sub
        cdef Reader reader
        cdef Text spoken[2]
        cdef const uint8_t* told
        cdef int i
        cdef Row* out
        cdef Said* out_told
        for number in numbers:
            sub = self.sub_of(number)
            if sub != NULL:
                n_told += sub.said
                begin(&reader, sub.key, lines_of(sub), sub.octets)
                n += lines_in(lines_of(sub), sub.octets)
        rows, said, texts = np.empty(n, TRACE_DTYPE), np.empty(n_told, SAID_DTYPE), []
        cdef unsigned char[::1] octets = rows.view(np.uint8)
        cdef unsigned char[::1] octets_told = said.view(np.uint8)
        out, out_told = <Row*>&octets[0] if n else NULL, <Said*>&octets_told[0] if n_told else NULL
        for number in numbers:
            sub = self.sub_of(number)
            if sub == NULL:
                continue
            begin(&reader, sub.key, lines_of(sub), sub.octets)
            while reader.at < reader.end:
                read_line(&reader, &out[k], spoken)
                if spoken[0].length:
                    texts.append((int(out[k].message), (<const char*>spoken[0].octets)[: spoken[0].length]))
                if spoken[1].length:
                    texts.append((int(out[k].transaction), (<const char*>spoken[1].octets)[: spoken[1].length]))
                k += 1
            told = reader.end
            for i in range(sub.said):
                told = read_said(told, sub.key, lines_of(sub), &out_told[k_told])
                k_told += 1
        return rows, said, texts

    def wanted(self, i64 horizon):
        cdef Sub* sub
        cdef i64 i, found, n = 0
        self.wake_due(horizon)
        numbers = np.empty(self.n_absent, np.uint64)
        groups = np.empty(self.n_absent, np.uint32)
        cdef u64[::1] out = numbers
        cdef uint32_t[::1] of = groups
        for i in range(self.n_absent):
            if i + 12 < self.n_absent:
                self.foresee(self.absent[i + 6], self.absent[i + 12])
            found = self.find(self.absent[i])
            if found < 0:
                continue
            sub = self.at(found)
            if not sub.flags & TOUCHED or not sub.group:
                continue
            if not sub.flags & ASKED and self.judge(found, horizon, True):
                continue
            sub.flags |= ASKED
            out[n], of[n] = sub.key, sub.group
            n += 1
        return numbers[:n], groups[:n]

    cdef int wake_due(self, i64 horizon) except -1 nogil:
        cdef Sub* sub
        while self.n_heap and self.heap[0].due <= horizon:
            sub = self.sub_of(self.woken())
            if sub != NULL and not sub.flags & SLOW:
                if sub.group and sub.due <= second(horizon):
                    sub.flags |= ASKED
                self.touch(sub)
        return 0

    def due(self, i64 horizon):
        return self.n_touched > 0 or (self.n_heap > 0 and self.heap[0].due <= horizon)

    def ask(self, u64 number):
        cdef Sub* sub = self.sub_of(number)
        if sub == NULL or sub.flags & SLOW or not (sub.said or sub.group):
            return False
        self.call(sub)
        return True

    def spill(self, numbers, group):
        cdef const u64[::1] keys = numbers
        cdef i64 n = len(keys), i, found
        cdef u64 total = 0
        cdef uint8_t* to
        cdef Sub* sub
        cdef Said said
        cdef const uint8_t* told
        cdef int k
        cdef Set unsaid
        sizes, dues, befores = np.zeros(n, np.uint32), np.full(n, NEVER, np.int64), np.zeros(n, np.uint32)
        cdef uint32_t[::1] size = sizes
        cdef uint32_t[::1] before = befores
        knowns, pasts = np.zeros(n, np.uint32), np.zeros(n, np.uint8)
        cdef uint32_t[::1] known = knowns
        cdef uint8_t[::1] past = pasts
        cdef i64[::1] due = dues
        for i in range(n):
            if i + 12 < n:
                self.foresee(keys[i + 6], keys[i + 12])
            sub = self.at(self.make(keys[i], 0))
            size[i], before[i] = sizeof(PortraitHead) + sub.octets + sub.told, sub.group
            total += size[i]
        packed = PyBytes_FromStringAndSize(NULL, total)
        to = <uint8_t*>PyBytes_AS_STRING(packed)
        set_make(&unsaid, 64)
        try:
            for i in range(n):
                found = self.find(keys[i])
                sub = self.at(found)
                told = lines_of(sub) + sub.octets
                for k in range(sub.said):
                    told = read_said(told, sub.key, lines_of(sub), &said)
                    due[i] = min(due[i], said.due)
                to = self.drawn(to, sub, WHOLE, 0)
                unspoken(&unsaid, sub.key, lines_of(sub), sub.octets)
                past[i] = <uint8_t>min(sub.past + sub.said, 255)
                known[i] = sub.known | known_by(sub.key, lines_of(sub), sub.octets)
                self.clear(found)
                self.note(sub)
            self.place_cold(numbers, dues, group)
            for i in range(n):
                sub = self.sub_of(keys[i])
                sub.known, sub.past = known[i], past[i]
            return Spilled(sizes, packed, dues, members(&unsaid), befores)
        finally:
            set_free(&unsaid)

    cdef uint8_t* drawn(self, uint8_t* to, const Sub* sub, int how, uint32_t start) noexcept nogil:
        """His portrait, of his lines those from this place on; where the next one begins."""
        cdef PortraitHead head
        head.number, head.told, head.said, head.how, head.octets = sub.key, sub.told, sub.said, how, sub.octets - start
        memcpy(to, &head, sizeof(PortraitHead))
        to += sizeof(PortraitHead)
        memcpy(to, <const uint8_t*>sub + sizeof(Sub) + start, sub.octets - start + sub.told)
        return to + sub.octets - start + sub.told

    def place_cold(self, numbers, dues, group):
        cdef const u64[::1] keys = numbers
        cdef const i64[::1] due = dues
        cdef i64 i, found, last
        cdef Sub* sub
        for i in range(len(keys)):
            found = self.make(keys[i], 0)
            sub = self.at(found)
            if not sub.octets and not sub.told:
                self.shrunk(found)
                sub = self.at(found)
            if sub.flags & SLOW:
                self.slow.discard(keys[i])
            sub.flags &= ~(SLOW | TOUCHED | ASKED)
            sub.group, sub.due, sub.known, sub.past = group, min(sub.due, second(due[i])), LAST_SECOND, MOST_THREADS
            self.look_at(found, 0 if sub.said else LAST_SECOND)
            if due[i] < NEVER:
                self.wake(due[i], keys[i])

    cdef int shrunk(self, u64 i) except -1:
        """The same, empty, in the smallest block."""
        cdef uint32_t block, was = self.slots[i].block
        cdef Sub* sub = self.at(i)
        if sub.room:
            block = allotted(&self.arena, 0)
            sub = <Sub*>&self.arena.octets[<u64>block * UNIT]
            memcpy(sub, self.at(i), sizeof(Sub))
            sub.room = 0
            self.slots[i].block = block
            vacate(&self.arena, was)
        return 0

    def revive(self, numbers, const uint8_t[::1] packed=b"", *, bint ask=True):
        cdef const u64[::1] keys = np.ascontiguousarray(numbers)
        cdef i64 i, found
        cdef Sub* sub
        cdef Set wanted, unsaid
        set_make(&wanted, 64)
        set_make(&unsaid, 64)
        try:
            for i in range(len(keys)):
                set_put(&wanted, keys[i], 0)
                found = self.find(keys[i])
                if found >= 0:
                    sub = self.at(found)
                    if sub.group:
                        self.stay(found)
                        self.touch(sub)
            if len(packed) and self.fold(packed, &wanted, &unsaid if ask else NULL) < len(packed):
                raise ValueError("a portrait is cut short")
            return members(&unsaid)
        finally:
            set_free(&wanted)
            set_free(&unsaid)

    def expire(self, group, numbers):
        cdef const u64[::1] keys = np.ascontiguousarray(numbers)
        cdef i64 i, found
        cdef Sub* sub
        for i in range(len(keys)):
            found = self.find(keys[i])
            if found < 0 or self.at(found).group != group:
                continue
            sub = self.at(found)
            self.stay(found)
            if not sub.octets and not sub.told:
                self.unmake(found)

    def drop(self, numbers):
        cdef u64 key
        cdef i64 i
        cdef Sub* sub
        listed = numbers.tolist()
        found = self.unpacked(listed)
        for number in listed:
            key = number
            self.slow.add(number)
            i = self.make(key, 0)
            sub = self.at(i)
            if sub.octets or sub.told:
                self.note(sub)
            if not sub.flags & SLOW:
                self.clear(i)
                self.shrunk(i)
                sub = self.at(i)
                sub.flags = (sub.flags | SLOW) & ~(TOUCHED | ASKED)
                self.look_at(i, LAST_SECOND)
        return found

    def set_slow(self, numbers):
        cdef i64 i
        cdef Sub* sub
        wanted = set(numbers)
        for number in self.slow - wanted:
            i = self.find(number)
            sub = self.at(i)
            sub.flags &= ~SLOW
            if not sub.octets and not sub.told and not sub.group:
                self.unmake(i)
            else:
                self.look_at(i, 0)
        for number in wanted - self.slow:
            i = self.make(number, 0)
            self.at(i).flags |= SLOW
            self.look_at(i, LAST_SECOND)
        self.slow = wanted

    def tidy(self, i64 quiet, i64 old, bint heard, i64 young=NEVER):
        cdef i64 n = 0, n_waiting = 0
        cdef u64* keys = <u64*>malloc(self.n_subs * 8 + 8)
        if keys == NULL:
            raise MemoryError
        try:
            with nogil:
                n_waiting = self.tidied(quiet, old, heard, young, keys)
            self.prune_heap(quiet)
            return np.sort(copied(keys, n_waiting, np.dtype(np.uint64)))
        finally:
            free(keys)

    cdef i64 tidied(self, i64 quiet, i64 old, bint heard, i64 young, u64* keys) except -1 nogil:
        """How many numbers wait; they stand in `keys`, where there is room for all."""
        cdef uint32_t still = second(quiet), past = second(old), bound = max(still, past)
        cdef u64 i, mask = self.mask
        cdef const uint32_t* looks = self.looks
        cdef i64 k, n = 0, found, waiting = 0
        cdef Sub* sub
        # a number that goes moves others up: their blocks, which stay, are listed first
        for i in range(mask + 1):
            if looks[i] < bound and self.slots[i].block:
                keys[n] = self.slots[i].block
                n += 1
        for k in range(n):
            if k + 16 < n:
                prefetch(&self.arena.octets[keys[k + 16] * UNIT])
            if k + 8 < n:
                prefetch(&self.slots[mixed_32((<Sub*>&self.arena.octets[keys[k + 8] * UNIT]).key) & mask])
            sub = <Sub*>&self.arena.octets[keys[k] * UNIT]
            if sub.flags & SLOW:
                continue
            found = self.find(sub.key)
            if sub.group and not sub.said:  # whatever came since may be about what lies there
                self.look_at(found, LAST_SECOND)
            elif not sub.octets and not sub.told:
                self.unmake(found)
            elif sub.said:
                if sub.flags & TOUCHED:
                    self.look_at(found, 0)
                elif sub.moved >= still:
                    self.look_at(found, later(sub.moved, bound - still))
                elif sub.group or not heard or not sub.flags & DONE or self.may_be_seed(sub, young):
                    keys[waiting] = sub.key
                    waiting += 1
                else:
                    self.live_saids -= sub.said
                    sub.said, sub.told, sub.settled = 0, 0, 0
                    self.shorten(found, old, True, bound - past)
            elif sub.lines > MOST_KEPT or sub.newest < past:
                self.shorten(found, old, False, bound - past)
            else:
                self.look_at(found, later(sub.newest, bound - past))
        return waiting

    cdef bint may_be_seed(self, Sub* sub, i64 young) noexcept nogil:
        """Whether he was sent anything since then by somebody who holds a seed."""
        cdef Reader reader
        cdef Row row
        cdef Text texts[2]
        if not self.holders.n or second(young) > sub.moved:
            return False
        begin(&reader, sub.key, lines_of(sub), sub.octets)
        while reader.at < reader.end:
            read_line(&reader, &row, texts)
            if row.kind == SUBMIT and row.at >= young and set_get(&self.holders, row.other) >= 0:
                return True
        return False

    cdef int shorten(self, u64 i, i64 old, bint done, uint32_t apart) except -1 nogil:
        """Keeps of his lines those since `old`, when they are not `done` and about a message; nothing was said of them."""
        cdef Sub* sub = self.at(i)
        cdef u64 octets = sub.octets
        cdef i64 n = 0, k, j, kept = 0
        cdef Reader reader
        cdef Row row
        cdef Row* rows
        cdef Text texts[2]
        cdef Text* spoken
        cdef uint8_t* lines
        if sub.newest >= second(old):  # else none of them need be read
            begin(&reader, sub.key, lines_of(sub), octets)
            while reader.at < reader.end:
                read_line(&reader, &row, texts)
                n += 1
                kept += row.at >= old and not (done and of_message(row.kind))
        if not kept:
            self.note(sub)
            self.unmake(i)
            return 0
        if kept == n and not done:
            self.look_at(i, 0 if sub.lines > MOST_KEPT else later(sub.newest, apart))
            return 0
        lines = <uint8_t*>malloc(n * (sizeof(Row) + 2 * sizeof(Text)) + octets + 8)
        if lines == NULL:
            starve()
        rows, spoken = <Row*>lines, <Text*>(lines + n * sizeof(Row))
        lines += n * (sizeof(Row) + 2 * sizeof(Text))
        memcpy(lines, lines_of(sub), octets)
        begin(&reader, sub.key, lines, octets)
        for k in range(n):
            read_line(&reader, &rows[k], &spoken[2 * k])
        self.clear(i)
        self.look_at(i, LAST_SECOND)
        self.note(sub)
        for k in range(n):
            if rows[k].at < old or (done and of_message(rows[k].kind)):
                continue
            if rows[k].message and not spoken[2 * k].length:
                for j in range(n):
                    if spoken[2 * j].length and rows[j].message == rows[k].message:
                        spoken[2 * k] = spoken[2 * j]
                        break
            self.add(i, &rows[k], &spoken[2 * k], &spoken[2 * k + 1])
        free(rows)
        sub = self.at(i)
        if sub.lines <= MOST_KEPT:
            self.look_at(i, later(sub.newest, apart))
        return 0

    cdef int prune_heap(self, i64 quiet) except -1:
        """Drops wake-ups that nobody waits for any more, when they are most of them."""
        cdef i64 n = self.n_heap, i
        cdef Sub* sub
        cdef Said said
        cdef const uint8_t* told
        cdef Wake* was
        cdef bint wanted
        cdef int k
        if n < 4096 or n < 4 * self.live_saids or n < 2 * self.n_pruned:
            return 0
        was, self.heap, self.n_heap, self.room_heap = self.heap, NULL, 0, 0
        for i in range(n):
            sub = self.sub_of(was[i].key)
            if sub == NULL or sub.flags & SLOW:
                continue
            wanted = sub.group != 0 or not sub.said or was[i].due < quiet + 2 * HOUR
            told = lines_of(sub) + sub.octets
            for k in range(sub.said):
                told = read_said(told, sub.key, lines_of(sub), &said)
                wanted = wanted or said.due == was[i].due
            if wanted:
                self.wake(was[i].due, was[i].key)
        free(was)
        self.n_pruned = self.n_heap
        return 0

    def holds(self, numbers):
        cdef const u64[:] keys = numbers
        cdef i64 i, n = len(keys)
        cdef Sub* sub
        found = np.zeros(n, np.uint8)
        cdef uint8_t[::1] out = found
        with nogil:
            for i in range(n):
                sub = self.sub_of(keys[i])
                if sub != NULL:
                    out[i] = (2 if sub.group else 0) | (1 if sub.said else 0)
        return found

    def keys(self):
        cdef u64 i
        cdef Row x
        cdef Text spoken[2]
        cdef Reader reader
        cdef Sub* sub
        cdef Set found
        set_make(&found, 1024)
        try:
            for i in range(self.mask + 1):
                if not self.slots[i].block:
                    continue
                sub = self.at(i)
                begin(&reader, sub.key, lines_of(sub), sub.octets)
                while reader.at < reader.end:
                    read_line(&reader, &x, spoken)
                    set_put(&found, x.message, 0)
                    set_put(&found, x.transaction, 0)
                    set_put(&found, x.authority, 0)
                    set_put(&found, x.path, 0)
                    if x.other & NOT_A_NUMBER:
                        set_put(&found, x.other, 0)
                    if x.subscriber & NOT_A_NUMBER:
                        set_put(&found, x.subscriber, 0)
            return members(&found)
        finally:
            set_free(&found)

    # -------------------------------------------------------------------------------------------------------- durability

    def delta(self):
        cdef i64 i = 0
        while i < self.n_fresh:
            piece, i = self.fresh_pieces(i)
            yield piece
        self.n_fresh = 0

    cdef tuple fresh_pieces(self, i64 first):
        """What is new of the numbers from this place in `fresh` on, some PIECE octets of it; the first place that was not looked at."""
        cdef i64 i = first
        cdef u64 used = 0, more, room = PIECE
        cdef Sub* sub
        cdef Sub nobody
        memset(&nobody, 0, sizeof(Sub))
        packed = PyBytes_FromStringAndSize(NULL, room)
        cdef uint8_t* drawn = <uint8_t*>PyBytes_AS_STRING(packed)
        while i < self.n_fresh:
            if i + 12 < self.n_fresh:
                self.foresee(self.fresh[i + 6], self.fresh[i + 12])
            sub = self.sub_of(self.fresh[i])
            if sub == NULL:
                nobody.key = self.fresh[i]
                sub = &nobody
            more = sizeof(PortraitHead) + sub.octets - sub.packed + sub.told
            if used + more > room:
                if used:
                    break
                room = more
                packed = PyBytes_FromStringAndSize(NULL, room)
                drawn = <uint8_t*>PyBytes_AS_STRING(packed)
            used = self.drawn(drawn + used, sub, GROWN if sub.packed else WHOLE, sub.packed) - drawn
            sub.packed = sub.octets
            sub.flags &= ~FRESH
            i += 1
        return packed[:used], i

    def forget_changes(self):
        cdef i64 i
        cdef Sub* sub
        for i in range(self.n_fresh):
            sub = self.sub_of(self.fresh[i])
            if sub != NULL:
                sub.packed = sub.octets
                sub.flags &= ~FRESH
        self.n_fresh = 0

    def snapshot(self):
        cdef u64 i = 0
        self.forget_changes()
        while i <= self.mask:
            piece, i = self.pieces(i)
            if piece:
                yield piece

    cdef tuple pieces(self, u64 i):
        """Portraits of who stands in this slot and in those behind it, some PIECE octets of them; the first slot that was not looked at."""
        cdef u64 total = 0, last = i
        cdef Sub* sub
        cdef uint8_t* to
        while last <= self.mask and total < PIECE:
            if self.slots[last].block:
                sub = self.at(last)
                if sub.octets or sub.told:
                    total += sizeof(PortraitHead) + sub.octets + sub.told
            last += 1
        packed = PyBytes_FromStringAndSize(NULL, total)
        to = <uint8_t*>PyBytes_AS_STRING(packed)
        for i in range(i, last):
            if self.slots[i].block:
                sub = self.at(i)
                if sub.octets or sub.told:
                    to = self.drawn(to, sub, WHOLE, 0)
        return packed, last

    def load(self, const uint8_t[::1] packed):
        cdef i64 folded = self.fold(packed, NULL, NULL) if len(packed) else 0
        self.forget_changes()
        return folded

    cdef i64 fold(self, const uint8_t[::1] packed, const Set* wanted, Set* unsaid) except -1:
        """Portraits as `load` takes them; with `wanted`, those of these numbers behind what there is; with `unsaid`, their texts are asked for.
        How many octets they were: one that is cut off at the end is left."""
        cdef u64 at = 0, next, soon, room = len(packed), i
        cdef PortraitHead head
        cdef Sub* sub
        cdef const uint8_t* lines
        cdef uint8_t* spare = NULL
        cdef u64 spared = 0
        try:
            while at + sizeof(PortraitHead) <= room:
                memcpy(&head, &packed[at], sizeof(PortraitHead))
                next = at + sizeof(PortraitHead) + head.octets + head.told
                if next > room:
                    break
                lines = &packed[at] + sizeof(PortraitHead)
                at = next
                if wanted == NULL and at + sizeof(PortraitHead) <= room:
                    memcpy(&soon, &packed[at], sizeof(soon))
                    prefetch(&self.slots[mixed_32(soon) & self.mask])
                if wanted != NULL and set_get(wanted, head.number) < 0:
                    continue
                if at + 8 > room and head.octets + head.told:  # what is read beyond the last field
                    spared = head.octets + head.told
                    spare = <uint8_t*>grown(spare, spared + 8)
                    memcpy(spare, lines, spared)
                    lines = spare
                if not sound_lines(lines, head.octets):
                    raise ValueError(DAMAGED)
                i = self.make(head.number, head.octets + head.told)
                if wanted == NULL:
                    self.stand(i, &head, lines)
                else:
                    self.join_in(i, &head, lines)
                    if unsaid != NULL:
                        unspoken(unsaid, head.number, lines, head.octets)
                sub = self.at(i)
                if wanted != NULL:
                    self.note(sub)
                elif sub.octets or sub.told or sub.group:
                    sub.packed = sub.octets
                else:
                    self.unmake(i)
        finally:
            free(spare)
        return at

    cdef int stand(self, u64 i, const PortraitHead* head, const uint8_t* lines) except -1:
        """A portrait as it stood when it was packed."""
        cdef Sub* sub = self.at(i)
        cdef Reader reader
        cdef Row row
        cdef Text texts[2]
        cdef Said said
        cdef const uint8_t* told
        cdef uint32_t start, now
        cdef int k
        if head.how == WHOLE:
            self.clear(i)
        self.live_saids -= sub.said
        sub.told, sub.said, sub.settled = 0, 0, 0
        sub = self.widened(i, head.octets + head.told)
        start = sub.octets
        memcpy(lines_of(sub) + start, lines, head.octets + head.told)
        sub.octets += head.octets
        if not sound_said(lines_of(sub) + sub.octets, head.told, head.said, lines_of(sub), sub.octets):
            self.clear(i)
            raise ValueError(DAMAGED)
        begin(&reader, sub.key, lines_of(sub), sub.octets)
        if sub.named:
            read_named(lines_of(sub) + sub.named - 1, &reader.named)
        reader.at += start
        while reader.at < reader.end:
            if stands_alone(reader.at):
                sub.named = <uint32_t>(reader.at - lines_of(sub)) + 1
            read_line(&reader, &row, texts)
            sub.lines += sub.lines < 0xFFFF
            now = second(row.at)
            sub.newest = max(sub.newest, now)
            if of_message(row.kind):
                sub.moved = max(sub.moved, now)
        sub.told, sub.said = head.told, head.said
        self.live_saids += head.said
        sub.flags |= DONE
        told = reader.end
        for k in range(head.said):
            told = read_said(told, sub.key, lines_of(sub), &said)
            sub.settled = max(sub.settled, second(said.settled))
            if not self.mild[said.rule] or not said.closed:
                sub.flags &= ~DONE
            if said.due < NEVER:
                self.wake(said.due, sub.key)
        if sub.group == 0 or sub.said:
            self.look_at(i, 0)
        return 0

    cdef int join_in(self, u64 i, const PortraitHead* head, const uint8_t* lines) except -1:
        """A past behind what there is already."""
        cdef Reader reader
        cdef Row row
        cdef Text texts[2]
        cdef Said said[2 * MOST_THREADS]
        cdef Sub* sub
        cdef const uint8_t* told
        cdef int k, j, n = 0
        if not sound_said(lines + head.octets, head.told, head.said, lines, head.octets):
            raise ValueError(DAMAGED)
        begin(&reader, head.number, lines, head.octets)
        while reader.at < reader.end:
            read_line(&reader, &row, texts)
            self.add(i, &row, &texts[0], &texts[1])
        sub = self.at(i)
        if head.said > MOST_THREADS or sub.said + head.said > 2 * MOST_THREADS:
            raise ValueError("more deliveries than one number may have")
        told = lines_of(sub) + sub.octets
        for k in range(sub.said):
            told = read_said(told, sub.key, lines_of(sub), &said[n])
            n += 1
        told = lines + head.octets
        for k in range(head.said):
            told = read_said(told, head.number, lines, &said[n])
            j = 0
            while said[j].identity != said[n].identity or said[j].domain != said[n].domain:
                j += 1
            said[j] = said[n]
            n += j == n
            if said[j].due < NEVER:
                self.wake(said[j].due, head.number)
        self.tell(i, said, n)
        return 0


cdef uint32_t known_by(u64 subscriber, const uint8_t* lines, u64 octets) noexcept nogil:
    """Bits of all messages and pushes."""
    cdef Reader reader
    cdef Row row
    cdef Text texts[2]
    cdef uint32_t bits = 0
    begin(&reader, subscriber, lines, octets)
    while reader.at < reader.end:
        read_line(&reader, &row, texts)
        bits |= bits_of(&row)
    return bits


cdef int unspoken(Set* found, u64 subscriber, const uint8_t* lines, u64 octets) except -1:
    """Adds hashes that may have a text behind them elsewhere."""
    cdef Reader reader
    cdef Row row
    cdef Text texts[2]
    begin(&reader, subscriber, lines, octets)
    while reader.at < reader.end:
        read_line(&reader, &row, texts)
        if row.message and row.kind != ORIGIN and not texts[0].length and not reader.named.spoken:
            set_put(found, row.message, 0)
        if row.kind != ORIGIN and not texts[1].length:
            set_put(found, row.transaction, 0)
        set_put(found, row.authority, 0)
        set_put(found, row.path, 0)
        if row.other & NOT_A_NUMBER:
            set_put(found, row.other, 0)
        if row.subscriber & NOT_A_NUMBER:
            set_put(found, row.subscriber, 0)
    return 0


cdef object members(const Set* found):
    """Sorted."""
    keys = np.empty(found.n, np.uint64)
    cdef u64[::1] key = keys
    cdef u64 i
    cdef i64 n = 0
    for i in range(found.mask + 1):
        if found.keys[i]:
            key[n] = found.keys[i]
            n += 1
    keys.sort()
    return keys


cdef inline uint32_t later(uint32_t at, uint32_t by) noexcept nogil:
    return at + by if at < LAST_SECOND - by else LAST_SECOND - 1


cdef inline void text_of(Text* text, const Spoken* column, i64 i) noexcept nogil:
    text.length = 0
    if column.data != NULL and column.stop[i] > column.start[i]:
        text.octets = column.data + column.start[i]
        text.length = <uint8_t>min(column.stop[i] - column.start[i], <i64>LONGEST_TEXT)


cdef i64 lines_in(const uint8_t* lines, u64 octets) noexcept nogil:
    cdef const uint8_t* at = lines
    cdef i64 n = 0
    while at < lines + octets:
        at = behind(at)
        n += 1
    return n


cdef void* cleared(size_t octets) except NULL nogil:
    cdef void* found = made_zero(octets)
    if found == NULL:
        starve()
    return found


cdef void* grown(void* was, size_t octets) except NULL nogil:
    cdef void* now = realloc(was, octets)
    if now == NULL:
        starve()
    return now


cdef int starve() except -1 nogil:
    with gil:
        raise MemoryError


cdef inline u64 packed(const Said* said) noexcept nogil:
    """The key of its count: hour 20 bits, node 16, city 16, own 1, rule 5, bin + 1 6; never 0, hours being what they are."""
    return (
        <u64>(said.began // HOUR) << 44 | <u64>said.node << 28 | <u64>said.city << 12 | <u64>said.own << 11
        | <u64>said.rule << 6 | <u64>(said.bin + 1)
    )


cdef tuple unpacked(u64 key):
    return (
        int(key >> 44), int(key >> 28 & 0xFFFF), int(key >> 12 & 0xFFFF), int(key >> 6 & 0x1F), int(key >> 11 & 1), int(key & 0x3F) - 1,
    )


cdef object copied(void* data, i64 n, dtype):
    """A new array of what stands there."""
    found = np.empty(n, dtype)
    if not n:
        return found
    cdef unsigned char[::1] octets = found.view(np.uint8)
    memcpy(&octets[0], data, len(octets))
    return found
