// job.h -- the unit of work: one file on its way from the walker to a worker to the printer.
//
// Whoever holds the pointer owns the job: it is handed on by channels, so no field needs a lock.
#pragma once
#include "rt/burrow.h"

typedef struct Job {
    cell(const char *) path;
    intptr_t number; // its line of the output, from 0
    size_t bytes;
    int error; // FILE_E..., 0: sum is valid
    uint8_t sum[32];
} Job;
TYPE_DECLARE(Job);
typedef Job *JobPtr;
TYPE_POINTER(JobPtr);
TYPE_CELL(JobCell, Job *);

// walk.c: all regular files below `root`, in the order of their paths as bytes, numbered. Links are neither
// followed nor listed.
typedef struct JobList {
    JobCell *jobs;
    intptr_t n, room;
    int errors; // directories that could not be read, named on the console
} JobList;
void walk(const char *root, JobList *list);
