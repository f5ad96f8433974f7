// test_rtc.c -- the firmware's date and time as seconds since 1970: against the C library over all days of
// 400 years, time zones, nonsense. (The CMOS clock needs ports; tests/test_machines.py boots with and without
// it.)
#include "test.h"
#include "kernel/x86/rtc.c"
#include <time.h>

static AcpiInfo acpi = {.no_cmos_rtc = true};
const AcpiInfo *acpi_info(void) {
    return &acpi;
}
void rt_printf(const char *fmt, ...) {}
uint64_t clock_tsc_hz(void) {
    return 1ull << 62; // no time passes
}

static int64_t seconds(int year, int month, int day, int hour, int minute, int second, int zone) {
    BootTime t = {.tsc = cpu_rdtsc(),
                  .year = (uint16_t)year,
                  .month = (uint8_t)month,
                  .day = (uint8_t)day,
                  .hour = (uint8_t)hour,
                  .minute = (uint8_t)minute,
                  .second = (uint8_t)second,
                  .zone = (int16_t)zone};
    rtc_firmware_time(&t);
    return rtc_read();
}

static void every_day(void) {
    for (int64_t day = 7305; day < 7305 + 146097; day++) { // from 1990 on
        time_t when = (time_t)(day * 86400 + 86399 - day % 86400);
        struct tm tm;
        gmtime_r(&when, &tm);
        CHECK_EQ(seconds(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, 0),
                 when);
    }
}

static void zones(void) {
    int64_t utc = seconds(2031, 5, 6, 7, 8, 9, 0);
    CHECK_EQ(utc, 1935817689);
    CHECK_EQ(seconds(2031, 5, 6, 9, 8, 9, -120), utc); // two hours ahead
    CHECK_EQ(seconds(2031, 5, 5, 23, 8, 9, 480), utc);
    CHECK_EQ(seconds(2031, 5, 6, 7, 8, 9, 1441), 0);
    CHECK_EQ(seconds(2031, 5, 6, 7, 8, 9, -1441), 0);
}

static void nonsense(void) {
    CHECK_EQ(seconds(0, 0, 0, 0, 0, 0, 0), 0);
    CHECK_EQ(seconds(1989, 1, 1, 0, 0, 0, 0), 0);
    CHECK_EQ(seconds(3000, 1, 1, 0, 0, 0, 0), 0);
    CHECK_EQ(seconds(2031, 13, 1, 0, 0, 0, 0), 0);
    CHECK_EQ(seconds(2031, 0, 1, 0, 0, 0, 0), 0);
    CHECK_EQ(seconds(2031, 1, 32, 0, 0, 0, 0), 0);
    CHECK_EQ(seconds(2031, 1, 1, 24, 0, 0, 0), 0);
    CHECK_EQ(seconds(2031, 1, 1, 0, 60, 0, 0), 0);
    CHECK_EQ(seconds(2031, 1, 1, 0, 0, 60, 0), 0);
}

static void time_passes(void) {
    BootTime t = {.year = 2031, .month = 5, .day = 6, .hour = 7, .minute = 8, .second = 9};
    t.tsc = cpu_rdtsc() - 3 * clock_tsc_hz() - 1;
    rtc_firmware_time(&t);
    CHECK_EQ(rtc_read(), 1935817692);
}

int main(void) {
    RUN(every_day);
    RUN(zones);
    RUN(nonsense);
    RUN(time_passes);
    return test_done();
}
