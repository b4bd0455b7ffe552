"""Texts behind hashes, and keyed hashes of numbers, compiled: mmsd/fast/texts_py.py and blind_py.py say what each does."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy

import numpy as np

cdef enum:
    HEAD = 10

cdef struct Slot:
    uint64_t key  # 0: empty
    uint64_t at  # of its head in the heap


cdef inline uint64_t mixed(uint64_t key) noexcept nogil:
    key = (key ^ (key >> 32)) * 0x9E3779B97F4A7C15ULL
    return key ^ (key >> 29)


cdef inline bint within(const uint64_t[::1] keys, uint64_t key) noexcept nogil:
    cdef Py_ssize_t low = 0, high = keys.shape[0], middle
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low < keys.shape[0] and keys[low] == key


cdef class Texts:
    """Heads and texts one behind the other as they came; `fresh` is what stands behind a mark."""

    cdef Slot* slots
    cdef uint64_t mask, n
    cdef uint8_t* heap
    cdef uint64_t end, room, mark

    def __cinit__(self):
        self.mask = 1023
        self.slots = <Slot*>calloc(self.mask + 1, sizeof(Slot))
        if self.slots == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.slots)
        free(self.heap)

    cdef inline Slot* find(self, uint64_t key) noexcept nogil:
        """Its slot, or the empty one where it would stand."""
        cdef uint64_t i = mixed(key) & self.mask
        while self.slots[i].key and self.slots[i].key != key:
            i = (i + 1) & self.mask
        return &self.slots[i]

    cdef int widen(self) except -1:
        cdef Slot* was = self.slots
        cdef uint64_t old = self.mask, i
        self.mask = (old + 1) * 2 - 1
        self.slots = <Slot*>calloc(self.mask + 1, sizeof(Slot))
        if self.slots == NULL:
            self.slots, self.mask = was, old
            raise MemoryError
        for i in range(old + 1):
            if was[i].key:
                self.find(was[i].key)[0] = was[i]
        free(was)
        return 0

    cdef int add(self, uint64_t key, const uint8_t* text, uint64_t length) except -1:
        cdef Slot* slot = self.find(key)
        cdef uint64_t room
        cdef void* wider
        if slot.key or not key:
            return 0
        if (self.n + 1) * 5 > (self.mask + 1) * 3:
            self.widen()
            slot = self.find(key)
        if self.end + HEAD + length > self.room:
            room = max(self.end + HEAD + length, self.room + self.room // 2, <uint64_t>4096)
            wider = realloc(self.heap, room)
            if wider == NULL:
                raise MemoryError
            self.heap, self.room = <uint8_t*>wider, room
        slot.key, slot.at = key, self.end
        self.n += 1
        memcpy(&self.heap[self.end], &key, 8)
        self.heap[self.end + 8], self.heap[self.end + 9] = length & 0xFF, length >> 8
        if length:
            memcpy(&self.heap[self.end + HEAD], text, length)
        self.end += HEAD + length
        return 0

    cdef inline uint64_t length(self, uint64_t at) noexcept nogil:
        return self.heap[at + 8] | <uint64_t>self.heap[at + 9] << 8

    cdef bytes text(self, uint64_t at):
        return (<char*>&self.heap[at + HEAD])[: self.length(at)]

    def __len__(self):
        return self.n

    def __contains__(self, key):
        return key != 0 and self.find(key).key != 0

    def __getitem__(self, key):
        cdef Slot* slot = self.find(key)
        if not slot.key:
            raise KeyError(key)
        return self.text(slot.at)

    def get(self, key, default=b""):
        cdef Slot* slot = self.find(key)
        return self.text(slot.at) if slot.key else default

    def items(self):
        cdef uint64_t at = 0, key
        found = []
        while at < self.end:
            memcpy(&key, &self.heap[at], 8)
            found.append((int(key), self.text(at)))
            at += HEAD + self.length(at)
        return iter(found)

    def put(self, key, bytes text):
        self.add(key, <const uint8_t*><const char*>text, min(len(text), 65535))

    def keep(self, const uint64_t[:] keys, const uint8_t[::1] data, const int64_t[:] start, const int64_t[:] stop, uint64_t limit):
        cdef Py_ssize_t i, n = len(keys)
        cdef uint64_t last = 0
        cdef int64_t length
        if start.shape[0] != n or stop.shape[0] != n:
            raise ValueError("keys, start and stop differ in length")
        for i in range(n):
            if keys[i] != last and keys[i]:
                if start[i] < 0 or stop[i] > data.shape[0]:
                    raise ValueError("a text lies outside the data")
                last = keys[i]
                length = min(<int64_t>min(limit, <uint64_t>65535), stop[i] - start[i])
                self.add(last, &data[start[i]] if length > 0 else NULL, max(length, 0))

    def retain(self, const uint64_t[::1] keys, const uint64_t[::1] more):
        cdef uint64_t at = 0, to = 0, key, size, mark = 0, i
        for i in range(self.mask + 1):
            self.slots[i].key = 0
        self.n = 0
        while at < self.end:
            if at <= self.mark:
                mark = to
            memcpy(&key, &self.heap[at], 8)
            size = HEAD + self.length(at)
            if within(keys, key) or within(more, key):
                for i in range(size):  # may overlap
                    self.heap[to + i] = self.heap[at + i]
                slot = self.find(key)
                slot.key, slot.at = key, to
                self.n += 1
                to += size
            at += size
        self.mark = mark if self.mark < self.end else to
        self.end = to

    def fresh(self):
        return (<char*>self.heap)[self.mark : self.end] if self.end > self.mark else b""

    def forget_changes(self):
        self.mark = self.end

    def packed(self):
        return (<char*>self.heap)[: self.end] if self.end else b""

    def some(self, const uint64_t[::1] keys):
        cdef Py_ssize_t i
        cdef Slot* slot
        found = []
        for i in range(keys.shape[0]):
            slot = self.find(keys[i])
            if slot.key:
                found.append((<char*>&self.heap[slot.at])[: HEAD + self.length(slot.at)])
        return b"".join(found)

    def load(self, const uint8_t[::1] packed):
        cdef uint64_t at = 0, key, length, mark = self.mark
        cdef bint whole = self.mark == self.end
        while at + HEAD <= <uint64_t>len(packed):
            memcpy(&key, &packed[at], 8)
            length = packed[at + 8] | <uint64_t>packed[at + 9] << 8
            if length > <uint64_t>len(packed) - at - HEAD:
                break
            self.add(key, &packed[at + HEAD] if length else NULL, length)
            at += HEAD + length
        self.mark = self.end if whole else mark
        if at < <uint64_t>len(packed):
            raise ValueError("a text is cut short")


# --------------------------------------------------------------------------------------------------------------------- SipHash

cdef inline uint64_t rotated(uint64_t value, int by) noexcept nogil:
    return value << by | value >> (64 - by)


cdef inline void mix(uint64_t* v) noexcept nogil:
    v[0] += v[1]
    v[2] += v[3]
    v[1] = rotated(v[1], 13) ^ v[0]
    v[3] = rotated(v[3], 16) ^ v[2]
    v[0] = rotated(v[0], 32)
    v[2] += v[1]
    v[0] += v[3]
    v[1] = rotated(v[1], 17) ^ v[2]
    v[3] = rotated(v[3], 21) ^ v[0]
    v[2] = rotated(v[2], 32)


cdef uint64_t sip(const uint8_t* data, Py_ssize_t n, uint64_t k0, uint64_t k1) noexcept nogil:
    cdef uint64_t v[4]
    cdef uint64_t word
    cdef Py_ssize_t at = 0, i
    v[0], v[1] = k0 ^ 0x736F6D6570736575ULL, k1 ^ 0x646F72616E646F6DULL
    v[2], v[3] = k0 ^ 0x6C7967656E657261ULL, k1 ^ 0x7465646279746573ULL
    while at + 8 <= n:
        memcpy(&word, data + at, 8)
        v[3] ^= word
        mix(v)
        mix(v)
        v[0] ^= word
        at += 8
    word = <uint64_t>(n & 0xFF) << 56
    for i in range(n - at):
        word |= <uint64_t>data[at + i] << (8 * i)
    v[3] ^= word
    mix(v)
    mix(v)
    v[0] ^= word
    v[2] ^= 0xFF
    for i in range(4):
        mix(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


cdef const char* octets_of_key(bytes key) except NULL:
    if len(key) != 16:
        raise ValueError("a key has 16 octets")
    return key


def siphash(const uint8_t[::1] data, bytes key):
    cdef uint64_t k0, k1
    cdef const char* octets = octets_of_key(key)
    memcpy(&k0, octets, 8)
    memcpy(&k1, octets + 8, 8)
    return sip(&data[0] if len(data) else NULL, len(data), k0, k1)


def blind_numbers(numbers, bytes key):
    cdef const uint64_t[:] given = numbers
    cdef Py_ssize_t i, n = len(numbers), at
    cdef uint64_t k0, k1, rest
    cdef const char* octets = octets_of_key(key)
    cdef uint8_t digits[24]
    found = np.empty(n, np.uint64)
    cdef uint64_t[::1] out = found
    memcpy(&k0, octets, 8)
    memcpy(&k1, octets + 8, 8)
    with nogil:
        for i in range(n):
            at, rest = 24, given[i]
            while rest:
                at -= 1
                digits[at] = 48 + rest % 10
                rest //= 10
            out[i] = sip(&digits[at], 24 - at, k0, k1)
            if not out[i]:
                out[i] = 1
    return found
