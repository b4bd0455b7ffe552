"""The express lane, compiled: mmsd/fast/express_py.py says what each method does, and why."""

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

import numpy as np

from mmsd.fast.express_py import Survey
from mmsd.fast.trace import MEASURED as MEASURED_DTYPE
from mmsd.fast.trace import SAID as SAID_DTYPE
from mmsd.fast.trace import TRACE as TRACE_DTYPE
from mmsd.model import CLOSED as CLOSED_DTYPE

cdef extern from *:
    """
    #define prefetch(p) __builtin_prefetch(p)
    static inline int highest(unsigned long long v) { return 63 - __builtin_clzll(v); }
    """
    void prefetch(const void*) nogil
    int highest(unsigned long long) nogil

ctypedef int64_t i64
ctypedef uint64_t u64

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
    uint32_t room  # in memory: the next of this subscriber; packed: 0

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
    i64 hour
    i64 node
    i64 city
    i64 n
    i64 notified
    i64 retrieved

cdef struct Sub:
    u64 key  # 0: empty
    int32_t rows  # newest first; -1: none
    uint32_t said
    i64 newest  # of his rows
    i64 moved  # newest of those that are about a message
    uint32_t lines
    uint32_t group  # in which his past lies in the store; 0: here
    uint8_t touched
    uint8_t slow

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

cdef enum:
    MOST_LINES = 64
    MOST_THREADS = 12
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
    ORIGIN = 201
    GET = 1
    POST = 2
    NOT_MMS_FORM = 4
    MMS = 2
    HTML = 3
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

cdef i64 NEVER = 1LL << 62
cdef i64 SECOND = 1000000
cdef i64 HOUR = 3600000000
cdef u64 NOT_A_NUMBER = 1ULL << 63


# -------------------------------------------------------------------------------------------------------------- small sets

cdef inline u64 mixed(u64 key) noexcept nogil:
    key = (key ^ (key >> 32)) * 0x9E3779B97F4A7C15ULL
    return key ^ (key >> 29)


cdef struct Set:
    u64* keys  # 0: empty; the value 0 is never a member
    uint16_t* values
    u64 mask
    u64 n


cdef int set_make(Set* s, u64 room) except -1:
    s.keys = <u64*>calloc(room, 8)
    s.values = <uint16_t*>calloc(room, 2)
    if s.keys == NULL or s.values == NULL:
        raise MemoryError
    s.mask, s.n = room - 1, 0
    return 0


cdef void set_free(Set* s) noexcept:
    free(s.keys)
    free(s.values)
    s.keys, s.values = NULL, NULL


cdef int set_put(Set* s, u64 key, int value) except -1:
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
    cdef bint sms, gateway
    cdef Set cities, ours, suspects, seeds
    cdef int lengths[20]
    cdef int n_lengths
    # subscribers
    cdef Sub* subs
    cdef u64 mask, n_subs
    # rows
    cdef Row* rows
    cdef int32_t* next_row
    cdef uint8_t* fresh_row
    cdef int32_t n_rows, room_rows, free_rows, live_rows
    cdef int32_t* new_rows
    cdef i64 n_new_rows, room_new_rows
    # said
    cdef Said* saids
    cdef uint8_t* fresh_said
    cdef uint32_t n_saids, room_saids, free_saids, live_saids
    cdef uint32_t* new_saids
    cdef i64 n_new_saids, room_new_saids
    # lists
    cdef u64* touched
    cdef i64 n_touched, room_touched
    cdef u64* gone
    cdef i64 n_gone, room_gone
    cdef Wake* heap
    cdef i64 n_heap, room_heap
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
        self.subs = <Sub*>calloc(self.mask + 1, sizeof(Sub))
        self.counts_mask = 255
        self.counts = <Count*>calloc(self.counts_mask + 1, sizeof(Count))
        if self.subs == NULL or self.counts == NULL:
            raise MemoryError
        self.free_rows = -1
        self.n_saids = 1  # 0 is none
        set_make(&self.cities, 256)
        set_make(&self.ours, 64)
        set_make(&self.suspects, 64)
        set_make(&self.seeds, 64)

    def __dealloc__(self):
        for pointer in (
            <size_t>self.subs, <size_t>self.counts, <size_t>self.rows, <size_t>self.next_row, <size_t>self.fresh_row,
            <size_t>self.new_rows, <size_t>self.saids, <size_t>self.fresh_said, <size_t>self.new_saids, <size_t>self.touched,
            <size_t>self.gone, <size_t>self.heap, <size_t>self.odd, <size_t>self.closed, <size_t>self.closed_nodes,
            <size_t>self.domains, <size_t>self.nodes, <size_t>self.measured,
        ):
            free(<void*><size_t>pointer)
        set_free(&self.cities)
        set_free(&self.ours)
        set_free(&self.suspects)
        set_free(&self.seeds)

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

    def set_covered(self, bint sms, bint gateway):
        if sms != self.sms or gateway != self.gateway:
            self.sms, self.gateway = sms, gateway
            self.touch_all()

    def touch_all(self):
        cdef u64 i
        for i in range(self.mask + 1):
            if self.subs[i].key and not self.subs[i].slow:
                self.touch(&self.subs[i])

    def __len__(self):
        return self.live_saids

    # ------------------------------------------------------------------------------------------------------------- memory

    cdef inline Sub* find(self, u64 key) noexcept nogil:
        cdef u64 i = mixed(key) & self.mask
        while self.subs[i].key:
            if self.subs[i].key == key:
                return &self.subs[i]
            i = (i + 1) & self.mask
        return NULL

    cdef Sub* make(self, u64 key) except NULL nogil:
        """The subscriber, made when he is new. Others may move."""
        cdef u64 i, j, old
        cdef Sub* wider
        cdef Sub* was
        if (self.n_subs + 1) * 5 > (self.mask + 1) * 3:
            old = self.mask
            wider = <Sub*>calloc((old + 1) * 2, sizeof(Sub))
            if wider == NULL:
                starve()
            was, self.subs, self.mask = self.subs, wider, (old + 1) * 2 - 1
            for j in range(old + 1):
                if was[j].key:
                    i = mixed(was[j].key) & self.mask
                    while wider[i].key:
                        i = (i + 1) & self.mask
                    wider[i] = was[j]
            free(was)
        i = mixed(key) & self.mask
        while self.subs[i].key:
            if self.subs[i].key == key:
                return &self.subs[i]
            i = (i + 1) & self.mask
        memset(&self.subs[i], 0, sizeof(Sub))
        self.subs[i].key, self.subs[i].rows = key, -1
        self.n_subs += 1
        return &self.subs[i]

    cdef void unmake(self, u64 key) noexcept nogil:
        """Takes a subscriber out; those behind him move up."""
        cdef u64 i = mixed(key) & self.mask, j, home
        while self.subs[i].key != key:
            if not self.subs[i].key:
                return
            i = (i + 1) & self.mask
        self.n_subs -= 1
        j = i
        while True:
            j = (j + 1) & self.mask
            if not self.subs[j].key:
                break
            home = mixed(self.subs[j].key) & self.mask
            if ((j - home) & self.mask) >= ((j - i) & self.mask):
                self.subs[i] = self.subs[j]
                i = j
        self.subs[i].key = 0

    cdef int32_t new_row(self, Sub* sub, const Row* row) except -1 nogil:
        cdef int32_t i, room
        if self.free_rows >= 0:
            i = self.free_rows
            self.free_rows = self.next_row[i]
        else:
            if self.n_rows == self.room_rows:
                room = max(4096, self.room_rows + self.room_rows // 2)
                self.rows = <Row*>grown(self.rows, room * <size_t>sizeof(Row))
                self.next_row = <int32_t*>grown(self.next_row, room * <size_t>4)
                self.fresh_row = <uint8_t*>grown(self.fresh_row, room)
                memset(self.fresh_row + self.room_rows, 0, room - self.room_rows)
                self.room_rows = room
            i = self.n_rows
            self.n_rows += 1
        self.rows[i] = row[0]
        self.next_row[i] = sub.rows
        sub.rows = i
        sub.lines += 1
        if row.at > sub.newest:
            sub.newest = row.at
        if row.at > sub.moved and of_message(row.kind):
            sub.moved = row.at
        self.live_rows += 1
        self.note_row(i)
        return i

    cdef int note_row(self, int32_t i) except -1 nogil:
        if not self.fresh_row[i]:
            self.fresh_row[i] = 1
            if self.n_new_rows == self.room_new_rows:
                self.room_new_rows = max(1024, self.room_new_rows * 2)
                self.new_rows = <int32_t*>grown(self.new_rows, self.room_new_rows * 4)
            self.new_rows[self.n_new_rows] = i
            self.n_new_rows += 1
        return 0

    cdef inline void free_row(self, int32_t i) noexcept nogil:
        self.rows[i].subscriber = 0
        self.next_row[i] = self.free_rows
        self.free_rows = i
        self.live_rows -= 1

    cdef uint32_t new_said(self, Sub* sub, const Said* said) except 0 nogil:
        cdef uint32_t i, room
        if self.free_saids:
            i = self.free_saids
            self.free_saids = self.saids[i].room
        else:
            if self.n_saids >= self.room_saids:
                room = max(1024, self.room_saids + self.room_saids // 2)
                self.saids = <Said*>grown(self.saids, room * <size_t>sizeof(Said))
                self.fresh_said = <uint8_t*>grown(self.fresh_said, room)
                memset(self.fresh_said + self.room_saids, 0, room - self.room_saids)
                self.room_saids = room
            i = self.n_saids
            self.n_saids += 1
        self.saids[i] = said[0]
        self.saids[i].room = sub.said
        sub.said = i
        self.live_saids += 1
        self.note_said(i)
        return i

    cdef int note_said(self, uint32_t i) except -1 nogil:
        if not self.fresh_said[i]:
            self.fresh_said[i] = 1
            if self.n_new_saids == self.room_new_saids:
                self.room_new_saids = max(1024, self.room_new_saids * 2)
                self.new_saids = <uint32_t*>grown(self.new_saids, self.room_new_saids * 4)
            self.new_saids[self.n_new_saids] = i
            self.n_new_saids += 1
        return 0

    cdef inline void free_said(self, uint32_t i) noexcept nogil:
        self.saids[i].subscriber = 0
        self.saids[i].room = self.free_saids
        self.free_saids = i
        self.live_saids -= 1

    cdef void free_all(self, Sub* sub) noexcept nogil:
        """His rows and what was said of him."""
        cdef int32_t i = sub.rows, after
        cdef uint32_t s = sub.said, then
        while i >= 0:
            after = self.next_row[i]
            self.free_row(i)
            i = after
        while s:
            then = self.saids[s].room
            self.free_said(s)
            s = then
        sub.rows, sub.said, sub.lines, sub.newest, sub.moved = -1, 0, 0, 0, 0

    cdef int touch(self, Sub* sub) except -1 nogil:
        if not sub.touched:
            sub.touched = 1
            if self.n_touched == self.room_touched:
                self.room_touched = max(1024, self.room_touched * 2)
                self.touched = <u64*>grown(self.touched, self.room_touched * 8)
            self.touched[self.n_touched] = sub.key
            self.n_touched += 1
        return 0

    cdef int forget(self, u64 key) except -1 nogil:
        if self.n_gone == self.room_gone:
            self.room_gone = max(1024, self.room_gone * 2)
            self.gone = <u64*>grown(self.gone, self.room_gone * 8)
        self.gone[self.n_gone] = key
        self.n_gone += 1
        return 0

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

    def take(self, rows, i64 horizon):
        rows = np.ascontiguousarray(rows)
        cdef i64 n = len(rows), i
        left = np.zeros(n, np.bool_)
        if not n:
            return left
        cdef const unsigned char[::1] octets = rows.view(np.uint8)
        cdef uint8_t[::1] mask = left.view(np.uint8)
        cdef const Row* row = <const Row*>&octets[0]
        cdef Sub* sub
        cdef uint32_t s
        cdef bint late
        with nogil:
            for i in range(n):
                if i + 12 < n:
                    prefetch(&self.subs[mixed(row[i + 12].subscriber) & self.mask])
                sub = self.make(row[i].subscriber)
                if sub.slow:
                    mask[i] = 1
                    continue
                self.new_row(sub, &row[i])
                if not sub.touched:
                    late = not waits(row[i].kind) or row[i].at <= horizon
                    s = sub.said
                    while s and not late:
                        late = row[i].at <= self.saids[s].settled
                        s = self.saids[s].room
                    if late:
                        self.touch(sub)
                if row[i].kind == ATTEMPT and row[i].a == POST and row[i].b == MMS:
                    self.wake(row[i].at + self.join + self.skew, row[i].subscriber)
        return left

    # ------------------------------------------------------------------------------------------------------------ judging

    def survey(self, i64 horizon):
        cdef Sub* sub
        cdef i64 i, n
        cdef u64 place
        self.n_odd = self.n_closed = self.n_measured = 0
        self.n_counts = 0
        memset(self.counts, 0, (self.counts_mask + 1) * sizeof(Count))
        with nogil:
            self.wake_due(horizon)
            n = self.n_touched
            for i in range(n):
                if i + 16 < n:
                    prefetch(&self.subs[mixed(self.touched[i + 16]) & self.mask])
                if i + 8 < n:
                    sub = self.find(self.touched[i + 8])
                    if sub != NULL and sub.rows >= 0:
                        prefetch(&self.rows[sub.rows])
                        prefetch(&self.rows[sub.rows].size)
                        prefetch(&self.next_row[sub.rows])
                sub = self.find(self.touched[i])
                if sub == NULL or sub.slow or not sub.touched:
                    continue
                sub.touched, sub.group = 0, 0  # what is still away is gone
                if not self.judge(sub, horizon):
                    if self.n_odd == self.room_odd:
                        self.room_odd = max(1024, self.room_odd * 2)
                        self.odd = <u64*>grown(self.odd, self.room_odd * 8)
                    self.odd[self.n_odd] = sub.key
                    self.n_odd += 1
            self.n_touched = 0
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

    cdef bint judge(self, Sub* sub, i64 horizon) except -1 nogil:
        """Says what is to be said of him; False, and nothing is said, when he is not for this lane."""
        cdef Row* row[MOST_LINES]
        cdef Thread threads[MOST_THREADS]
        cdef Leg legs[MOST_THREADS]
        cdef Verdict verdicts[MOST_THREADS]
        cdef int n = 0, nt = 0, nl = 0, i, j, k, near, domain
        cdef int32_t r = sub.rows
        cdef Row* x
        cdef Thread* t
        cdef i64 wake = NEVER, until
        cdef bint sent
        cdef uint32_t s
        while r >= 0:
            if n == MOST_LINES:
                return False
            x = &self.rows[r]
            r = self.next_row[r]
            i = n
            while i and before(x, row[i - 1]):
                row[i] = row[i - 1]
                i -= 1
            row[i] = x
            n += 1
        for i in range(n):
            x = row[i]
            if x.kind == SUBMIT:
                if x.c or (self.seeds.n and set_get(&self.seeds, x.message) >= 0):
                    return False
                if self.thread_of(threads, nt, x) < 0:
                    if nt == MOST_THREADS:
                        return False
                    t = &threads[nt]
                    memset(t, 0, sizeof(Thread))
                    t.opened, t.domain, t.leg = x, self.domains[x.feed], -1
                    t.notice = t.reported = t.got = t.first_answer = t.first_word = NEVER
                    t.size = t.least = -1
                    nt += 1
            elif x.kind == PUSH:
                if x.c:
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
        if nt or nl:
            for i in range(n):
                x = row[i]
                if x.kind == NOTIFY:
                    j = self.thread_of(threads, nt, x)
                    if j >= 0 and x.at < threads[j].notice:
                        sent = False
                        domain = self.domains[x.feed]
                        for k in range(n):
                            if row[k].kind == ORIGIN and row[k].message == x.message and self.domains[row[k].feed] == domain:
                                sent = True
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
                if horizon > until:
                    return False
                wake = min(wake, until + 1)
        for i in range(n):
            x = row[i]
            if x.kind == FETCH:
                j = self.thread_of(threads, nt, x)
                if j < 0:
                    until = x.at + self.join + self.skew
                    if horizon > until:
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
                if x.status == REJECTED or x.status == UNRECOGNISED:
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
                for j in range(nt):
                    t = &threads[j]
                    if t.opened.message == x.message and (t.opened.other == x.other or not x.other or not t.opened.other):
                        if not t.final:
                            t.final = x.at
                        t.final_last = x.at
                        break
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
        s = sub.said
        while s:
            j = 0
            while j < nt and (threads[j].opened.message != self.saids[s].identity or threads[j].domain != self.saids[s].domain):
                j += 1
            if j == nt:
                return False
            s = self.saids[s].room
        if wake < NEVER:
            self.wake(wake, sub.key)
        for i in range(nt):
            self.say(sub, &verdicts[i])
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
        if not self.gateway or post.b == NOT_MMS_FORM:
            return NEVER
        if set_get(&self.ours, post.authority) < 0:
            if post.b == MMS or set_get(&self.suspects, post.authority) >= 0:
                return -1
            for i in range(n):
                if row[i].kind == ATTEMPT and row[i].a == GET:
                    if row[i].authority == post.authority:
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

    cdef int say(self, Sub* sub, const Verdict* v) except -1 nogil:
        cdef Said now
        cdef Said* old = NULL
        cdef uint32_t s = sub.said
        cdef Thread* t = v.thread
        cdef bint changed, counted
        cdef i64 due = 0
        while s:
            if self.saids[s].identity == t.opened.message and self.saids[s].domain == t.domain:
                old = &self.saids[s]
                break
            s = self.saids[s].room
        memset(&now, 0, sizeof(Said))
        now.subscriber, now.identity, now.began, now.due = sub.key, t.opened.message, t.opened.at, v.due
        now.closed, now.settled, now.stamp, now.domain = v.closed, v.settled, v.stamp, t.domain
        now.node = self.nodes[t.opened.feed]
        now.city = old.city if old != NULL else self.city(t.opened.other)
        now.rule, now.confidence, now.bin, now.own = v.rule, v.confidence, v.bin, t.opened.d == 1
        now.notified, now.retrieved = v.notified_ms, v.retrieved_ms
        if old != NULL:
            counted = packed(old) != packed(&now)
            changed = counted or old.confidence != now.confidence or old.closed != now.closed or old.stamp != now.stamp
            changed = changed or old.notified != now.notified or old.retrieved != now.retrieved
            if not changed and old.due == now.due and old.settled == now.settled and old.began == now.began:
                return 0
            if counted:
                self.count(old, -1)
                self.count(&now, 1)
            due = old.due
        else:
            changed = True
            self.count(&now, 1)
        if changed and old != NULL and old.closed:
            self.measure(old, -1)
        if changed and now.closed:
            self.measure(&now, 1)
        if v.closed and changed:
            self.close(sub, v, now.node)
        if v.due < NEVER and v.due != due:
            self.wake(v.due, sub.key)
        if old != NULL:
            now.room = old.room
            old[0] = now
            self.note_said(s)
        else:
            self.new_said(sub, &now)
        return 0

    cdef int measure(self, const Said* said, i64 n) except -1 nogil:
        cdef Measured* m
        if self.n_measured == self.room_measured:
            self.room_measured = max(1024, self.room_measured * 2)
            self.measured = <Measured*>grown(self.measured, self.room_measured * <size_t>sizeof(Measured))
        m = &self.measured[self.n_measured]
        m.hour, m.node, m.city, m.n = said.began // HOUR, said.node, said.city, n
        m.notified, m.retrieved = said.notified, said.retrieved
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

    cdef object rows_of(self, u64* keys, i64 n_keys):
        """TRACE rows of these numbers."""
        cdef i64 n = 0, i, k
        cdef int32_t r
        cdef Sub* sub
        for i in range(n_keys):
            sub = self.find(keys[i])
            r = sub.rows if sub != NULL else -1
            while r >= 0:
                n += 1
                r = self.next_row[r]
        found = np.empty(n, TRACE_DTYPE)
        if not n:
            return found
        cdef unsigned char[::1] octets = found.view(np.uint8)
        cdef Row* out = <Row*>&octets[0]
        k = 0
        for i in range(n_keys):
            sub = self.find(keys[i])
            r = sub.rows if sub != NULL else -1
            while r >= 0:
                out[k] = self.rows[r]
                k += 1
                r = self.next_row[r]
        return found

    def traces(self, number):
        cdef u64 key = number
        return self.rows_of(&key, 1)

    def wanted(self, i64 horizon):
        cdef Sub* sub
        cdef i64 i, n = 0
        self.wake_due(horizon)
        numbers = np.empty(self.n_touched, np.uint64)
        groups = np.empty(self.n_touched, np.uint32)
        cdef u64[::1] out = numbers
        cdef uint32_t[::1] of = groups
        for i in range(self.n_touched):
            sub = self.find(self.touched[i])
            if sub != NULL and sub.touched and sub.group:
                out[n], of[n] = sub.key, sub.group
                n += 1
        return numbers[:n], groups[:n]

    cdef int wake_due(self, i64 horizon) except -1 nogil:
        cdef Sub* sub
        while self.n_heap and self.heap[0].due <= horizon:
            sub = self.find(self.woken())
            if sub != NULL and not sub.slow:
                self.touch(sub)
        return 0

    def due(self, i64 horizon):
        return self.n_touched > 0 or (self.n_heap > 0 and self.heap[0].due <= horizon)

    def ask(self, u64 number):
        cdef Sub* sub = self.find(number)
        if sub == NULL or sub.slow or not (sub.said or sub.group):
            return False
        self.touch(sub)
        return True

    def spill(self, numbers, group):
        rows, said = self.drop(numbers)
        self.place_cold(np.array(numbers, np.uint64), np.full(len(numbers), NEVER), group)
        return rows, said

    def place_cold(self, numbers, dues, group):
        cdef const u64[::1] keys = numbers
        cdef const i64[::1] due = dues
        cdef i64 i
        cdef Sub* sub
        for i in range(len(keys)):
            sub = self.make(keys[i])
            sub.slow, sub.touched, sub.group = 0, 0, group
            if due[i] < NEVER:
                self.wake(due[i], keys[i])

    def revive(self, numbers, rows, said):
        cdef const u64[::1] keys = np.ascontiguousarray(numbers)
        cdef i64 i
        cdef Sub* sub
        for i in range(len(keys)):
            sub = self.find(keys[i])
            if sub != NULL and sub.group:
                sub.group = 0
                self.touch(sub)
        self.fold(np.ascontiguousarray(rows).view(np.uint8), np.ascontiguousarray(said).view(np.uint8))

    def expire(self, groups):
        cdef u64 i
        cdef u64 key
        over = set(groups)
        if not over:
            return
        alone = []
        for i in range(self.mask + 1):
            if self.subs[i].key and self.subs[i].group and self.subs[i].group in over:
                self.subs[i].group = 0
                if self.subs[i].rows < 0 and not self.subs[i].said:
                    alone.append(self.subs[i].key)
        for key in alone:
            self.unmake(key)

    def drop(self, numbers):
        cdef u64[::1] keys = np.array(numbers, np.uint64)
        cdef i64 n = len(keys), i, k = 0
        cdef Sub* sub
        cdef uint32_t s
        if not n:
            return np.empty(0, TRACE_DTYPE), np.empty(0, SAID_DTYPE)
        rows = self.rows_of(&keys[0], n)
        said = np.empty(0, SAID_DTYPE)
        for i in range(n):
            sub = self.find(keys[i])
            s = sub.said if sub != NULL else 0
            while s:
                k += 1
                s = self.saids[s].room
        cdef unsigned char[::1] octets
        cdef Said* out
        if k:
            said = np.empty(k, SAID_DTYPE)
            octets = said.view(np.uint8)
            out = <Said*>&octets[0]
            k = 0
            for i in range(n):
                sub = self.find(keys[i])
                s = sub.said if sub != NULL else 0
                while s:
                    out[k] = self.saids[s]
                    out[k].room = 0
                    k += 1
                    s = self.saids[s].room
        for i in range(n):
            sub = self.make(keys[i])
            if not sub.slow:
                if sub.rows >= 0 or sub.said:
                    self.forget(keys[i])
                self.free_all(sub)
                sub.slow, sub.touched = 1, 0
        return rows, said

    def set_slow(self, numbers):
        cdef u64 i
        cdef u64 number
        cdef Sub* sub
        wanted = set(numbers)
        free_again = []
        for i in range(self.mask + 1):
            if self.subs[i].key and self.subs[i].slow and self.subs[i].key not in wanted:
                free_again.append(self.subs[i].key)
        for number in free_again:
            sub = self.find(number)
            sub.slow = 0
            if sub.rows < 0 and not sub.said and not sub.group:
                self.unmake(number)
        for number in wanted:
            sub = self.make(number)
            sub.slow = 1

    def tidy(self, i64 quiet, i64 old, bint heard):
        cdef u64 i, j
        cdef Sub* sub
        cdef int32_t r, after, kept
        cdef uint32_t s, then
        cdef bint done, dropped
        cdef i64 k
        cdef u64 key
        cdef u64[::1] keys
        # a number that goes moves others up: they are listed first
        listed = np.empty(self.n_subs, np.uint64)
        waiting = []
        if not self.n_subs:
            return np.empty(0, np.uint64)
        keys = listed
        k = 0
        for i in range(self.mask + 1):
            sub = &self.subs[i]
            if not sub.key or sub.slow or sub.group:
                continue
            if (sub.moved < quiet and not sub.touched) if sub.said else (sub.newest < old or sub.lines > MOST_KEPT):
                keys[k] = sub.key
                k += 1
        for i in range(k):
            key = keys[i]
            sub = self.find(key)
            if sub.said:
                done = heard
                s = sub.said
                while s:
                    if not self.mild[self.saids[s].rule] or not self.saids[s].closed:
                        done = False
                    s = self.saids[s].room
                if not done:
                    waiting.append(key)
                    continue
                s = sub.said
                while s:
                    then = self.saids[s].room
                    self.free_said(s)
                    s = then
                sub.said = 0
                dropped = True
            else:
                done = dropped = False
            kept = -1
            sub.lines, sub.moved = 0, 0
            r = sub.rows
            while r >= 0:
                after = self.next_row[r]
                if self.rows[r].at < old or (done and of_message(self.rows[r].kind)):
                    self.free_row(r)
                    dropped = True
                else:
                    self.next_row[r] = kept
                    kept = r
                    sub.lines += 1
                    if of_message(self.rows[r].kind):
                        sub.moved = max(sub.moved, self.rows[r].at)
                r = after
            sub.rows = kept
            if not dropped:
                continue
            self.forget(key)
            while kept >= 0:
                self.note_row(kept)
                kept = self.next_row[kept]
            if sub.rows < 0:
                self.unmake(key)
        self.prune_heap(quiet)
        return np.array(sorted(waiting), np.uint64)

    cdef int prune_heap(self, i64 quiet) except -1:
        """Drops wake-ups that nobody waits for any more, when they are most of them."""
        cdef i64 n = self.n_heap, i
        cdef Sub* sub
        cdef uint32_t s
        cdef Wake* was
        cdef bint wanted
        if n < 4096 or n < 4 * <i64>self.live_saids:
            return 0
        was, self.heap, self.n_heap, self.room_heap = self.heap, NULL, 0, 0
        for i in range(n):
            sub = self.find(was[i].key)
            if sub == NULL or sub.slow:
                continue
            wanted = sub.group != 0 or not sub.said or was[i].due < quiet + 2 * HOUR
            s = sub.said
            while s:
                wanted = wanted or self.saids[s].due == was[i].due
                s = self.saids[s].room
            if wanted:
                self.wake(was[i].due, was[i].key)
        free(was)
        return 0

    def holds(self, numbers):
        cdef const u64[:] keys = numbers
        cdef i64 i, n = len(keys)
        cdef Sub* sub
        found = np.zeros(n, np.uint8)
        cdef uint8_t[::1] out = found
        with nogil:
            for i in range(n):
                sub = self.find(keys[i])
                if sub != NULL:
                    out[i] = 2 if sub.group else 1 if sub.said else 0
        return found

    def keys(self):
        cdef int32_t i
        cdef Row* x
        cdef Set found
        set_make(&found, 1024)
        try:
            for i in range(self.n_rows):
                x = &self.rows[i]
                if x.subscriber:
                    set_put(&found, x.message, 0)
                    set_put(&found, x.transaction, 0)
                    set_put(&found, x.authority, 0)
                    set_put(&found, x.path, 0)
                    if x.other & NOT_A_NUMBER:
                        set_put(&found, x.other, 0)
                    if x.subscriber & NOT_A_NUMBER:
                        set_put(&found, x.subscriber, 0)
            slots = copied(found.keys, found.mask + 1, np.dtype(np.uint64))
        finally:
            set_free(&found)
        return np.sort(slots[slots != 0])

    # -------------------------------------------------------------------------------------------------------- durability

    def delta(self):
        cdef i64 i, k = 0
        cdef int32_t r
        cdef uint32_t s
        gone = copied(self.gone, self.n_gone, np.dtype(np.uint64)).tobytes()
        rows = bytearray(self.n_new_rows * sizeof(Row))
        cdef unsigned char[::1] octets
        if self.n_new_rows:
            octets = rows
            for i in range(self.n_new_rows):
                r = self.new_rows[i]
                if self.rows[r].subscriber and self.fresh_row[r]:
                    memcpy(&octets[k * sizeof(Row)], &self.rows[r], sizeof(Row))
                    k += 1
                self.fresh_row[r] = 0
        packed_rows = memoryview(rows)[: k * sizeof(Row)]
        said = bytearray(self.n_new_saids * sizeof(Said))
        k = 0
        if self.n_new_saids:
            octets = said
            for i in range(self.n_new_saids):
                s = self.new_saids[i]
                if self.saids[s].subscriber and self.fresh_said[s]:
                    memcpy(&octets[k * sizeof(Said)], &self.saids[s], sizeof(Said))
                    (<Said*>&octets[k * sizeof(Said)]).room = 0
                    k += 1
                self.fresh_said[s] = 0
        packed_said = memoryview(said)[: k * sizeof(Said)]
        self.n_gone = self.n_new_rows = self.n_new_saids = 0
        return gone, packed_rows, packed_said

    def forget_changes(self):
        cdef i64 i
        for i in range(self.n_new_rows):
            self.fresh_row[self.new_rows[i]] = 0
        for i in range(self.n_new_saids):
            self.fresh_said[self.new_saids[i]] = 0
        self.n_gone = self.n_new_rows = self.n_new_saids = 0

    def snapshot(self):
        self.forget_changes()
        rows = said = b""
        if self.n_rows:
            rows = memoryview(<unsigned char[: self.n_rows * sizeof(Row)]><unsigned char*>self.rows)
        if self.n_saids > 1:
            said = memoryview(<unsigned char[: (self.n_saids - 1) * sizeof(Said)]><unsigned char*>&self.saids[1])
        return rows, said

    def load(self, const unsigned char[::1] gone, const unsigned char[::1] rows, const unsigned char[::1] said):
        cdef i64 i
        cdef Sub* sub
        cdef u64 key
        for i in range(len(gone) // 8):
            memcpy(&key, &gone[i * 8], 8)
            sub = self.find(key)
            if sub != NULL:
                self.free_all(sub)
                self.unmake(key)
        self.fold(rows, said)
        self.forget_changes()

    cdef int fold(self, const unsigned char[::1] rows, const unsigned char[::1] said) except -1:
        cdef i64 i
        cdef Sub* sub
        cdef const Said* entry
        cdef const Row* row
        cdef uint32_t s
        cdef u64 key
        for i in range(<i64>(len(rows) // sizeof(Row))):
            row = <const Row*>&rows[i * sizeof(Row)]
            if not row.subscriber:
                continue
            self.new_row(self.make(row.subscriber), row)
        for i in range(<i64>(len(said) // sizeof(Said))):
            entry = <const Said*>&said[i * sizeof(Said)]
            if not entry.subscriber:
                continue
            sub = self.make(entry.subscriber)
            s = sub.said
            while s and (self.saids[s].identity != entry.identity or self.saids[s].domain != entry.domain):
                s = self.saids[s].room
            if s:
                key = self.saids[s].room
                self.saids[s] = entry[0]
                self.saids[s].room = <uint32_t>key
                self.note_said(s)
            else:
                self.new_said(sub, entry)
            if entry.due < NEVER:
                self.wake(entry.due, entry.subscriber)
        return 0


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
