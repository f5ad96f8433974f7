// tmpfs.c -- the nodes of the file trees in memory and their contents.
//
// A directory is a list in order of creation: positions of readdir are sequence numbers, so entries may come and go meanwhile. Looking a name up walks the list,
// which is right for a few hundred temporary files. A file is a table of tables of pages (512 * 512 pages: 1 GB), of which those never written to
// are missing and read as zeros. Memory comes from the page allocator, not from the heap: the collector has no business here, and what no longer
// fits is ENOSPC instead of the program's end, while there is still some left for the program (page_is_spare). A node that is removed while it is
// open lives on until it is closed, as under Unix; a directory is removed only when it is empty, and from then on nothing gets into it. It keeps the
// directory that it was in, which may be removed as well: ".." leads there, as under Linux.
//
// Lock: files.c's, held by every caller.
#include "tmpfs.h"

Node tmpfs_tmp = {.kind = NODE_DIRECTORY, .mode = 01777, .ino = 2, .name_len = 3, .name = "tmp"};
Node tmpfs_dev = {.kind = NODE_DIRECTORY, .mode = 0555, .ino = 3, .name_len = 3, .name = "dev"};

static RecPool nodes = REC_POOL(sizeof(Node));
static uint64_t next_ino = 16, next_seq = 1;

#define TABLE 512u // pointers in a page

static void stamp(Node *n) { n->mtime_ns = plat_wall_ns(); }

void tmpfs_init(void) {
    static const struct { const char *name; Device device; } devices[] = {
        {"null", DEVICE_NULL}, {"zero", DEVICE_ZERO}, {"random", DEVICE_RANDOM}, {"urandom", DEVICE_RANDOM}};
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        size_t n = 0;
        while (devices[i].name[n])
            n++;
        Node *node = tmpfs_create(&tmpfs_dev, devices[i].name, n, NODE_DEVICE, 0666);
        if (node) node->device = devices[i].device;
    }
    stamp(&tmpfs_tmp);
    stamp(&tmpfs_dev);
}

// ---- directories

Node *tmpfs_lookup(const Node *dir, const char *name, size_t n) {
    for (Node *child = dir->first; child; child = child->next)
        if (child->name_len == n && memcmp(child->name, name, n) == 0) return child;
    return NULL;
}

const Node *tmpfs_after(const Node *dir, uint64_t seq) {
    const Node *child = dir->first;
    while (child && child->seq <= seq)
        child = child->next;
    return child;
}

static void append(Node *dir, Node *node, const char *name, size_t n) {
    memmove(node->name, name, n);
    node->name[n] = 0;
    node->name_len = (uint8_t)n;
    node->parent = dir;
    node->next = NULL;
    node->seq = next_seq++;
    if (dir->last)
        dir->last->next = node;
    else
        dir->first = node;
    dir->last = node;
    stamp(dir);
}

static void detach(Node *node) {
    Node *dir = node->parent, *before = NULL;
    for (Node *child = dir->first; child != node; child = child->next)
        before = child;
    if (before)
        before->next = node->next;
    else
        dir->first = node->next;
    if (dir->last == node) dir->last = before;
    stamp(dir);
}

Node *tmpfs_create(Node *dir, const char *name, size_t n, NodeKind kind, uint32_t mode) {
    Node *node = page_is_spare() ? rec_alloc(&nodes) : NULL;
    if (!node) return NULL;
    memset(node, 0, sizeof *node);
    node->kind = (uint8_t)kind;
    node->mode = (uint16_t)(mode & 07777);
    node->ino = next_ino++;
    stamp(node);
    node->atime_ns = node->mtime_ns;
    append(dir, node, name, n);
    return node;
}

bool tmpfs_is_removed(const Node *node) { return node->removed; }

// The node, if nobody needs it any more, and then the removed directories above that it kept.
static void reclaim(Node *node) {
    while (node->removed && !node->open) {
        Node *above = node->kind == NODE_DIRECTORY ? node->parent : NULL;
        RT_ASSERT_ALWAYS(!node->first);
        tmpfs_truncate(node, 0);
        rec_free(&nodes, node);
        if (!above) break;
        above->open--;
        node = above;
    }
}

void tmpfs_unlink(Node *node) {
    detach(node);
    node->removed = true;
    if (node->kind == NODE_DIRECTORY) node->parent->open++;
    else node->parent = NULL;
    reclaim(node);
}

void tmpfs_release(Node *node) {
    node->open--;
    reclaim(node);
}

bool tmpfs_is_inside(const Node *node, const Node *dir) {
    while (node && node != dir)
        node = node->parent;
    return node != NULL;
}

void tmpfs_move(Node *node, Node *dir, const char *name, size_t n) {
    detach(node);
    append(dir, node, name, n);
}

// ---- contents

static uint8_t *page_at(const Node *file, uint64_t i) { return file->pages && file->pages[i / TABLE] ? file->pages[i / TABLE][i % TABLE] : NULL; }

static void *zero_page(void) {
    void *p = page_is_spare() ? page_alloc(1) : NULL;
    if (p) memset(p, 0, PAGE_SIZE);
    return p;
}

// Page i, made if it is missing. NULL: no memory.
static uint8_t *page_make(Node *file, uint64_t i) {
    if (!file->pages && !(file->pages = zero_page())) return NULL;
    uint8_t ***table = &file->pages[i / TABLE];
    if (!*table && !(*table = zero_page())) return NULL;
    uint8_t **page = &(*table)[i % TABLE];
    if (!*page) *page = zero_page();
    return *page;
}

size_t tmpfs_read(const Node *file, void *buf, size_t n, uint64_t at) {
    if (at >= file->size) return 0;
    if (n > file->size - at) n = file->size - at;
    for (size_t done = 0; done < n;) {
        size_t in = (at + done) % PAGE_SIZE, piece = PAGE_SIZE - in < n - done ? PAGE_SIZE - in : n - done;
        const uint8_t *page = page_at(file, (at + done) / PAGE_SIZE);
        if (page)
            memcpy((uint8_t *)buf + done, page + in, piece);
        else
            memset((uint8_t *)buf + done, 0, piece);
        done += piece;
    }
    return n;
}

intptr_t tmpfs_write(Node *file, const void *buf, size_t n, uint64_t at) {
    if (n == 0) return 0;
    if (at >= FILE_MAX) return -EFBIG;
    if (n > FILE_MAX - at) n = FILE_MAX - at;
    size_t done = 0;
    while (done < n) {
        size_t in = (at + done) % PAGE_SIZE, piece = PAGE_SIZE - in < n - done ? PAGE_SIZE - in : n - done;
        uint8_t *page = page_make(file, (at + done) / PAGE_SIZE);
        if (!page) break;
        memcpy(page + in, (const uint8_t *)buf + done, piece);
        done += piece;
    }
    if (at + done > file->size && done) file->size = at + done;
    if (!done) return -ENOSPC;
    stamp(file);
    return (intptr_t)done;
}

int tmpfs_truncate(Node *file, uint64_t size) {
    if (size > FILE_MAX) return -EFBIG;
    if (size < file->size && file->pages) {
        // The rest of the last page is cleared: it reads as zeros when the file grows again.
        uint8_t *page = size % PAGE_SIZE ? page_at(file, size / PAGE_SIZE) : NULL;
        if (page) memset(page + size % PAGE_SIZE, 0, PAGE_SIZE - size % PAGE_SIZE);
        uint64_t keep = (size + PAGE_SIZE - 1) / PAGE_SIZE, end = (file->size + PAGE_SIZE - 1) / PAGE_SIZE;
        for (uint64_t t = keep / TABLE; t <= (end - 1) / TABLE; t++) {
            uint8_t **table = file->pages[t];
            if (!table) continue;
            uint64_t from = t == keep / TABLE ? keep % TABLE : 0;
            for (uint64_t i = from; i < TABLE; i++)
                if (table[i]) {
                    page_free(table[i], 1);
                    table[i] = NULL;
                }
            if (from == 0) {
                page_free(table, 1);
                file->pages[t] = NULL;
            }
        }
        if (keep == 0) {
            page_free(file->pages, 1);
            file->pages = NULL;
        }
    }
    file->size = size;
    stamp(file);
    return 0;
}
