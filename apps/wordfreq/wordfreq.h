// wordfreq.h -- what the parts of wordfreq share: the pieces that files are cut into, and who cuts and counts them.
#pragma once
#include "rt/burrow.h"

TYPE_MAP(String, long);
typedef map(String, long) Counts; // words, in lower case, and how often they occurred

// A piece of a file: the unit of work. Made by cut_files, filled in by the worker that takes it from the channel, read by main when
// the workers are done: channels hand it on, so no field needs a lock.
//
// A word may go on in the next piece, even in the next file, as in the output of `cat`. So a worker does not count the letters that a
// piece begins or ends with; join_edges does.
typedef struct Piece {
    cell(const char *) path;
    uint64_t from, bytes; // of the file
    cell(String) head;    // letters that it begins with
    cell(String) tail;    // letters that it ends with, unless they are its head
    bool all_letters;     // there is nothing but head
    int error;            // FILE_E...; 0: read
} Piece;
TYPE_DECLARE(Piece);
typedef Piece *PiecePtr; // for channels
TYPE_POINTER(PiecePtr);
TYPE_CELL(PieceCell, Piece *);
TYPE_SLICE(PieceCell);
typedef slice(PieceCell) Pieces;

// walk.c: all regular files below root, in the order of their paths as bytes, in pieces. *errors: directories that could not be read,
// named on the console.
Pieces cut_files(const char *root, int *errors);

// words.c
void count_words(Counts counts, String word, long times);
void count_piece(Piece *piece, Counts counts);  // its words, but for head and tail
void join_edges(Pieces pieces, Counts counts);  // the words that heads and tails make
