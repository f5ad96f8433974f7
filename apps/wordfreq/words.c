// words.c -- from bytes to words to counts.
//
// A word is a run of the letters A to Z, in lower case. Every word that occurs becomes a string on the heap and part of a slice, as Go's
// strings.Fields would make them: nearly all of it is garbage at once, because the map keeps the first of its kind only.
#include "wordfreq.h"

typedef slice(StringCell) Words;

static bool is_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static String lower(const char *p, size_t n) {
    if (n == 0) return (String){0};
    char *text = make_array(char, (intptr_t)n);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)(p[i] | 32);
    return (String){text, (intptr_t)n};
}

static size_t letters(const char *p, const char *end) {
    const char *start = p;
    while (p < end && is_letter(*p))
        p++;
    return (size_t)(p - start);
}

static Words split(const char *p, const char *end) {
    Words words = {0};
    while (p < end) {
        size_t n = letters(p, end);
        if (n > 0) words = slice_append(StringCell, words, lower(p, n));
        p += n > 0 ? n : 1;
    }
    return words;
}

void count_words(Counts counts, String word, long times) {
    *map_at(counts, word) += times;
}

static int read_piece(Piece *piece, char *text) {
    File file;
    int r = file_open(&file, cell_get(piece->path));
    if (r < 0) return r;
    intptr_t n = file_pread(&file, text, piece->bytes, piece->from);
    file_close(&file);
    return n < 0 ? (int)n : (uint64_t)n == piece->bytes ? 0 : FILE_EINVAL;
}

void count_piece(Piece *piece, Counts counts) {
    char *text = make_array(char, (intptr_t)piece->bytes);
    const char *end = text + piece->bytes;
    piece->error = read_piece(piece, text);
    if (piece->error) return;
    size_t head = letters(text, end), tail = 0;
    cell_set(piece->head, lower(text, head));
    piece->all_letters = head == piece->bytes;
    if (piece->all_letters) return;
    while (is_letter(end[-1 - (intptr_t)tail]))
        tail++;
    cell_set(piece->tail, lower(end - tail, tail));
    Words words = split(text + head, end - tail);
    for (intptr_t i = 0; i < words.n; i++)
        count_words(counts, cell_get(slice_at(words, i)), 1);
}

void join_edges(Pieces pieces, Counts counts) {
    StrBuf word = {0};
    for (intptr_t i = 0; i <= pieces.n; i++) {
        Piece *p = i < pieces.n ? cell_get(slice_at(pieces, i)) : NULL;
        if (p && p->error) continue;
        String head = p ? cell_get(p->head) : (String){0};
        if (head.n > 0) strbuf_add(&word, head.p, (size_t)head.n);
        if (p && p->all_letters) continue;
        if (word.n > 0) count_words(counts, strbuf_string(&word), 1);
        word = (StrBuf){0};
        String tail = p ? cell_get(p->tail) : (String){0};
        if (tail.n > 0) strbuf_add(&word, tail.p, (size_t)tail.n);
    }
}
