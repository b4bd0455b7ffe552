"""The plain shapes of MMS headers and parts, compiled: mmsd/fast/wire_py.py says what each function does."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from cpython.ref cimport Py_INCREF, PyObject
from cpython.tuple cimport PyTuple_Check, PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_DecodeLatin1
from libc.string cimport memchr

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        object (*tp_alloc)(PyTypeObject*, Py_ssize_t)
    unsigned long Py_TPFLAGS_TUPLE_SUBCLASS
    bint PyType_FastSubclass(PyTypeObject*, unsigned long)
    bint PyType_Check(PyObject*)

ctypedef const unsigned char* octets

cdef enum:
    LEAVE = 0
    OCTET = 1
    TEXT = 2
    STRING = 3
    INTEGER = 4
    MOMENT = 5
    FROM = 6
    CLASS = 7
    TYPE = 8
    PLAIN = 0
    MEDIA = 1
    ODD = 2
    FIELDS = 10_000
    PARAMETERS = 64

cdef long long LARGEST = (1LL << 40) - 1
cdef bytes EMPTY = b""


cdef inline bint is_tuple(object kind):
    return PyType_FastSubclass(<PyTypeObject*>kind, Py_TPFLAGS_TUPLE_SUBCLASS)


cdef inline bint are_kinds(object kinds):
    """A `Kinds`."""
    cdef PyObject* make
    if not PyTuple_Check(kinds) or PyTuple_GET_SIZE(kinds) != 3:
        return False
    make = PyTuple_GET_ITEM(kinds, 2)
    return PyType_Check(make) and is_tuple(<object>make)


cdef inline void put(object to, Py_ssize_t place, object value):
    Py_INCREF(value)
    PyTuple_SET_ITEM(to, place, value)


cdef inline object make2(object kind, object a, object b):
    """A NamedTuple, without its own __new__ written in Python."""
    cdef object value = (<PyTypeObject*>kind).tp_alloc(<PyTypeObject*>kind, 2)
    put(value, 0, a)
    put(value, 1, b)
    return value


cdef inline object make4(object kind, object a, object b, object c, object d):
    cdef object value = (<PyTypeObject*>kind).tp_alloc(<PyTypeObject*>kind, 4)
    put(value, 0, a)
    put(value, 1, b)
    put(value, 2, c)
    put(value, 3, d)
    return value


cdef inline object raw(octets p, Py_ssize_t start, Py_ssize_t stop):
    return PyBytes_FromStringAndSize(<const char*>p + start, stop - start)


cdef inline Py_ssize_t nul_of(octets p, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef const void* found = memchr(p + start, 0, stop - start)
    return -1 if found == NULL else <octets>found - p


cdef inline bint in_text(unsigned char first) noexcept nogil:
    return 0x20 <= first < 0x80


cdef inline bint is_wide(long long charset) noexcept nogil:
    return charset == 1000 or 1013 <= charset <= 1015


cdef inline long long uintvar(octets p, Py_ssize_t* at, Py_ssize_t stop) noexcept nogil:
    """Moves `at` behind it; −1, and `at` stays, when it is none."""
    cdef long long value = 0
    cdef Py_ssize_t place = at[0], last = min(place + 5, stop)
    while place < last:
        value = value << 7 | p[place] & 0x7F
        place += 1
        if p[place - 1] < 0x80:
            at[0] = place
            return value
    return -1


cdef inline Py_ssize_t value_stop(octets p, Py_ssize_t* at, Py_ssize_t stop) noexcept nogil:
    """Behind a Value-length: `at` moves to its value, the place behind that is answered; −1 when it lies behind `stop`."""
    cdef Py_ssize_t place = at[0] + 1
    cdef long long size = p[at[0]]
    if size >= 0x1F:
        size = uintvar(p, &place, stop)
        if size < 0:
            at[0] = place
            return -1
    at[0] = place
    return place + <Py_ssize_t>size if size <= stop - place else -1


cdef inline long long integer(octets p, Py_ssize_t* at, Py_ssize_t stop) noexcept nogil:
    """Moves `at` behind it; −1, and `at` stays, when it is none or too large."""
    cdef Py_ssize_t place = at[0], last
    cdef unsigned long long value = 0
    if place >= stop:
        return -1
    if p[place] >= 0x80:
        at[0] = place + 1
        return p[place] & 0x7F
    last = place + 1 + p[place]
    if not 1 <= p[place] <= 8 or last > stop:
        return -1
    place += 1
    while place < last:
        value = value << 8 | p[place]
        place += 1
    if value > <unsigned long long>LARGEST:
        return -1
    at[0] = last
    return <long long>value


cdef object encoded(octets p, Py_ssize_t* at, Py_ssize_t end, object text):
    cdef Py_ssize_t start = at[0], stop = value_stop(p, &start, end)
    cdef long long charset
    if stop <= start or p[stop - 1]:
        return None
    charset = integer(p, &start, stop)
    if charset < 0 or start >= stop:
        return None
    start += p[start] == 0x7F
    at[0] = stop
    if not (is_wide(charset) and (stop - start) % 2 == 0):
        stop -= 1
    return make2(text, raw(p, start, max(start, stop)), charset)


cdef object sender(octets p, Py_ssize_t* at, Py_ssize_t end, object text):
    cdef Py_ssize_t start = at[0], stop = value_stop(p, &start, end)
    cdef object value
    if stop <= start:
        return None
    if p[start] == 0x81 and start + 1 == stop:
        at[0] = stop
        return 0x81
    start += 1
    if p[start - 1] != 0x80 or start == stop or p[start] >= 0x80 or p[stop - 1]:
        return None
    if p[start] >= 0x20:
        at[0] = stop
        start += p[start] == 0x7F
        return make2(text, raw(p, start, max(start, stop - 1)), 0)
    value = encoded(p, &start, stop, text)
    if value is None or start != stop:
        return None
    at[0] = stop
    return value


def read_fields(
    bytes data not None, Py_ssize_t at, bytes forms not None, type text not None, type moment not None, object kinds, list headers not None
):
    cdef octets p = <octets>PyBytes_AS_STRING(data)
    cdef octets shapes = <octets>PyBytes_AS_STRING(forms)
    cdef Py_ssize_t end = PyBytes_GET_SIZE(data), start, stop, nul
    cdef unsigned long long low = 0, high = 0
    cdef unsigned char code, first, form
    cdef long long number
    cdef object value
    if at < 0 or PyBytes_GET_SIZE(forms) < 128:
        raise ValueError("a place from 0 on and 128 forms")
    if not is_tuple(text) or not is_tuple(moment) or not are_kinds(kinds):
        raise ValueError("values are NamedTuples")
    while at + 1 < end and p[at] >= 0x80 and PyList_GET_SIZE(headers) < FIELDS:
        code, start, first = p[at], at + 1, p[at + 1]
        form = shapes[code - 0x80]
        stop = start + 1
        value = None
        if form == OCTET or form == CLASS and first >= 0x80:
            if first >= 0x80:
                value = first
        elif form == TEXT or form == CLASS or form == STRING and (first >= 0x20 or first == 0):
            if in_text(first) or first == 0 and form != CLASS:
                nul = nul_of(p, start, end)
                if nul >= 0:
                    stop = nul + 1
                    value = raw(p, start + (first == 0x7F and form != CLASS), nul)
                    if form == STRING:
                        value = make2(text, value, 0)
        elif form == STRING:
            stop = start
            value = encoded(p, &stop, end, text)
        elif form == INTEGER:
            stop = start
            number = integer(p, &stop, end)
            if number >= 0:
                value = number
        elif form == MOMENT:
            if 2 <= first <= 30 and start + 1 + first <= end and (p[start + 1] == 0x80 or p[start + 1] == 0x81):
                nul = start + 2
                stop = start + 1 + first
                number = integer(p, &nul, stop)
                if number >= 0 and nul == stop:
                    value = make2(moment, number, p[start + 1] == 0x81)
        elif form == FROM:
            if first < 0x20:
                stop = start
                value = sender(p, &stop, end, text)
        elif form == TYPE:
            stop = start
            value = content_type(p, &stop, end, kinds)
        if value is None:
            break
        headers.append((code, value))
        if code < 0xC0:
            low |= 1ULL << (code - 0x80)
        else:
            high |= 1ULL << (code - 0xC0)
        at = stop
        if form == TYPE:
            break
    return at, (<object>high << 64 | low if high else low)


cdef inline str media_of(octets p, Py_ssize_t* at, Py_ssize_t stop, tuple names):
    """A name by its number, or as text; None, and `at` stays, when it is neither."""
    cdef Py_ssize_t place = at[0], nul
    cdef unsigned char first
    if place >= stop:
        return None
    first = p[place]
    if first >= 0x80:
        if (first & 0x7F) >= PyTuple_GET_SIZE(names):
            return None
        at[0] = place + 1
        return <str>PyTuple_GET_ITEM(names, first & 0x7F)
    if first < 0x20:
        return None
    nul = nul_of(p, place, stop)
    if nul < 0:
        return None
    at[0] = nul + 1
    place += first == 0x7F
    return PyUnicode_DecodeLatin1(<const char*>p + place, nul - place, NULL)


cdef inline object bare(octets p, Py_ssize_t start, Py_ssize_t stop):
    if start < stop and p[start] == 0x22:
        start += 1
    if start < stop and p[stop - 1] == 0x22:
        stop -= 1
    return raw(p, start, stop)


cdef object content_type(octets p, Py_ssize_t* place, Py_ssize_t stop, object kinds):
    cdef tuple names = <tuple>PyTuple_GET_ITEM(kinds, 0), parameters = <tuple>PyTuple_GET_ITEM(kinds, 1), row
    cdef object make = <object>PyTuple_GET_ITEM(kinds, 2), value
    cdef Py_ssize_t at = place[0], nul
    cdef long form
    cdef long long number
    cdef unsigned char first
    cdef list found
    cdef str media, name, other
    if at >= stop:
        return None
    if p[at] >= 0x20:
        media = media_of(p, &at, stop, names)
        if media is None:
            return None
        place[0] = at
        return make2(make, media, ())
    stop = value_stop(p, &at, stop)
    media = media_of(p, &at, stop, names)
    if media is None:
        return None
    found = []
    while at < stop:
        first = p[at]
        if first >= 0x80:
            if (first & 0x7F) >= PyTuple_GET_SIZE(parameters):
                return None
            row = <tuple>PyTuple_GET_ITEM(parameters, first & 0x7F)
            name = <str>PyTuple_GET_ITEM(row, 0)
            form = <object>PyTuple_GET_ITEM(row, 1)
            at += 1
        else:
            name = media_of(p, &at, stop, ())
            if name is None:
                return None
            form = PLAIN
        if at >= stop or form == ODD or PyList_GET_SIZE(found) == PARAMETERS:
            return None
        first = p[at]
        if form == MEDIA:
            if first >= 0x80:
                other = media_of(p, &at, stop, names)
                if other is None:
                    return None
                value = other.encode("latin-1")
            else:
                nul = nul_of(p, at, stop)
                if first < 0x20 or nul < 0:
                    return None
                value = bare(p, at + (first == 0x7F), nul)
                at = nul + 1
        elif first == 0:
            value = EMPTY
            at += 1
        elif in_text(first):
            nul = nul_of(p, at, stop)
            if nul < 0:
                return None
            value = bare(p, at + (first == 0x7F), nul)
            at = nul + 1
        else:
            number = integer(p, &at, stop)
            if number < 0:
                return None
            value = number
        found.append((name, value))
    place[0] = stop
    return make2(make, media, tuple(found))


def read_content_type(bytes data not None, Py_ssize_t at, Py_ssize_t stop, object kinds):
    cdef object value
    if at < 0 or stop > PyBytes_GET_SIZE(data) or not are_kinds(kinds):
        raise ValueError("places within the data")
    value = content_type(<octets>PyBytes_AS_STRING(data), &at, stop, kinds)
    return None if value is None else (value, at)


def read_parts(
    bytes data not None, Py_ssize_t at, Py_ssize_t stop, Py_ssize_t count, object kinds, tuple names not None,
    type make not None, list parts not None,
):
    cdef octets p = <octets>PyBytes_AS_STRING(data)
    cdef Py_ssize_t start, body_at, place, nul
    cdef long long header_size, body_size
    cdef object view = memoryview(data), typed, headers
    cdef list found
    cdef str name
    if at < 0 or stop > PyBytes_GET_SIZE(data) or PyTuple_GET_SIZE(names) < 128 or not is_tuple(make) or not are_kinds(kinds):
        raise ValueError("places within the data and 128 names")
    while PyList_GET_SIZE(parts) < count and at < stop:
        start = at
        header_size = uintvar(p, &start, stop)
        body_size = uintvar(p, &start, stop) if header_size >= 0 else -1
        if body_size < 0 or header_size + body_size > stop - start:
            break
        body_at, place = start + <Py_ssize_t>header_size, start
        typed = content_type(p, &place, body_at, kinds)
        if typed is None:
            break
        headers = ()
        if place < body_at:
            found = []
            while place < body_at - 1 and p[place] >= 0x80 and in_text(p[place + 1]) and PyList_GET_SIZE(found) < PARAMETERS:
                name = <str>PyTuple_GET_ITEM(names, p[place] & 0x7F)
                nul = nul_of(p, place + 1, body_at)
                if not name or nul < 0:
                    break
                found.append((name, raw(p, place + 1 + (p[place + 1] == 0x7F), nul)))
                place = nul + 1
            if place != body_at:
                break
            headers = tuple(found)
        at = body_at + <Py_ssize_t>body_size
        parts.append(make4(make, typed, headers, view[body_at:at], body_at))
    return at
