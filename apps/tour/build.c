// build.c -- what the compiler decided before the machine was started: files that the build packed into the image (scripts/tour_files).
#include "tour.h"

void build_claims(void) {
    claim("Types are static: a value of the wrong type cannot be sent", "rt/api/chan.h: chan_send; apps/tour/wrong/send.c was given to the compiler");
    holds(show_file("wrong_send.txt"), "the compiler refused it");
    claim("Programs are native code, compiled once", "scripts/apps.mk, scripts/go.mk; scripts/tour_files");
    holds(show_file("code.txt"), "no interpreter, no compiler, no loader is in the image");
}
