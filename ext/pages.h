/* Memory for tables of a hundred megabytes that are read at random. Such a read costs twice as much where the processor has to look for a
 * page of 4 KiB first, so Linux is asked for large ones; and an array that grows is given its addresses at once and its memory as it is
 * touched, because to move it would hold it twice. Elsewhere it is plain calloc and realloc. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __linux__
#include <sys/mman.h>

#define LARGE_PAGE ((size_t)2 << 20)

static void *mapped(size_t octets, size_t plain)
{
    char *found = mmap(NULL, octets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (found == MAP_FAILED)
        return NULL;
    char *large = (char *)(((uintptr_t)found + plain + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1));
    if (large < found + octets)
        madvise(large, found + octets - large, MADV_HUGEPAGE); /* refused: then pages are small */
    return found;
}

/* Addresses for as much as may be had up to `most`, all zero; *room says how much. The first megabytes are of small pages. */
static void *reserved(size_t most, size_t *room)
{
    for (*room = most; *room >= LARGE_PAGE; *room /= 2) {
        void *found = mapped(*room, 2 * LARGE_PAGE);
        if (found)
            return found;
    }
    return NULL;
}

static void unreserved(void *octets, size_t room)
{
    if (octets)
        munmap(octets, room);
}

static void *made_zero(size_t octets) { return octets < 2 * LARGE_PAGE ? calloc(octets, 1) : mapped(octets, 0); }

static void unmade(void *table, size_t octets)
{
    if (octets < 2 * LARGE_PAGE)
        free(table);
    else if (table)
        munmap(table, octets);
}

#else

static void *reserved(size_t most, size_t *room)
{
    for (*room = most; *room; *room /= 2) {
        void *found = malloc(*room);
        if (found)
            return found;
    }
    return NULL;
}

static void unreserved(void *octets, size_t room) { (void)room; free(octets); }
static void *made_zero(size_t octets) { return calloc(octets, 1); }
static void unmade(void *table, size_t octets) { (void)octets; free(table); }

#endif
