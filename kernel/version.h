// version.h -- the version, as CHANGELOG.md has it (tests/test_packaging.py compares). Which sources exactly: rt_build_id().
#pragma once

#define BURROW_VERSION "0.1"
