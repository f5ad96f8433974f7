// rtc.c -- date and time, once, at boot: what the firmware said before it was left (GetTime), else the CMOS
// clock (MC146818).
//
// The clock updates its registers once a second and may be read in the middle of that: so we wait, bounded,
// until no update is under way and read until two readings agree. BCD or binary, 12 or 24 hours: register B
// says.
#include "kernel/x86/rtc.h"
#include "kernel/acpi.h"
#include "kernel/kernel.h"
#include "kernel/x86/cpu.h"

enum { PORT_INDEX = 0x70, PORT_DATA = 0x71, NMI_OFF = 0x80 };
enum {
    REG_SECOND = 0,
    REG_MINUTE = 2,
    REG_HOUR = 4,
    REG_DAY = 7,
    REG_MONTH = 8,
    REG_YEAR = 9,
    REG_A = 10,
    REG_B = 11,
    REG_D = 13
};
enum { A_UPDATING = 0x80, B_BINARY = 0x04, B_24H = 0x02, HOUR_PM = 0x80, B_SET = 0x80, D_ZEROS = 0x7f };
enum { ZONE_MAX = 1440 };                   // minutes (UEFI 2.10, 8.3)
enum { POLLS_MAX = 20000, READ_TRIES = 5 }; // an update takes 2 ms; a poll about 1 us
enum { SECOND_POLLS_MAX = 10000000 };

typedef struct Date {
    int century, year, month, day, hour, minute, second;
} Date;

static int reg_read(int reg) {
    cpu_out8(PORT_INDEX, (uint8_t)(NMI_OFF | reg)); // as the BIOS does: no NMI between the two accesses
    int v = cpu_in8(PORT_DATA);
    return v;
}

static void nmi_on(void) {
    cpu_out8(PORT_INDEX, 0x0d);
    cpu_in8(PORT_DATA);
}

static bool counts; // it was seen to, whatever the tables say

bool rtc_next_second(void) {
    bool there = !(reg_read(REG_D) & D_ZEROS) && !(reg_read(REG_B) & B_SET); // set: somebody has stopped it
    int first = reg_read(REG_SECOND), polls = 0;
    while (there && reg_read(REG_SECOND) == first)
        if (++polls == SECOND_POLLS_MAX) there = false;
    nmi_on();
    counts = there;
    return there;
}

static bool read_raw(Date *d) {
    int polls = 0;
    while (reg_read(REG_A) & A_UPDATING)
        if (++polls == POLLS_MAX) return false;
    int century = acpi_info()->rtc_century;
    *d = (Date){.second = reg_read(REG_SECOND),
                .minute = reg_read(REG_MINUTE),
                .hour = reg_read(REG_HOUR),
                .day = reg_read(REG_DAY),
                .month = reg_read(REG_MONTH),
                .year = reg_read(REG_YEAR),
                .century = century && century < 128 ? reg_read(century) : 0};
    return true;
}

static bool same(const Date *a, const Date *b) {
    return a->second == b->second && a->minute == b->minute && a->hour == b->hour && a->day == b->day &&
           a->month == b->month && a->year == b->year && a->century == b->century;
}

static int from_bcd(int v) {
    return (v >> 4) * 10 + (v & 15);
}

static void decode(Date *d, int reg_b) {
    bool pm = d->hour & HOUR_PM;
    d->hour &= 0x7f;
    if (!(reg_b & B_BINARY)) {
        int *fields[] = {&d->second, &d->minute, &d->hour, &d->day, &d->month, &d->year, &d->century};
        for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++)
            *fields[i] = from_bcd(*fields[i]);
    }
    if (!(reg_b & B_24H)) d->hour = d->hour % 12 + (pm ? 12 : 0);
    d->year += d->century >= 19 && d->century <= 29 ? d->century * 100 : 2000;
}

static bool plausible(const Date *d) {
    return d->second < 60 && d->minute < 60 && d->hour < 24 && d->day >= 1 && d->day <= 31 && d->month >= 1 &&
           d->month <= 12 && d->year >= 1990 && d->year < 3000;
}

// Days since 1970-01-01 of a Gregorian date; years start in March, so that the leap day is their last.
static int64_t days_from_civil(int64_t y, int64_t m, int64_t d) {
    if (m <= 2) y--;
    int64_t era = y / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int64_t seconds_of(const Date *d) {
    return ((days_from_civil(d->year, d->month, d->day) * 24 + d->hour) * 60 + d->minute) * 60 + d->second;
}

// ---- the firmware's answer

static BootTime told; // year 0: none

void rtc_firmware_time(const BootTime *t) {
    told = *t;
}

static int64_t firmware_seconds(void) {
    Date d = {0, told.year, told.month, told.day, told.hour, told.minute, told.second};
    if (!told.year || !plausible(&d) || told.zone < -ZONE_MAX || told.zone > ZONE_MAX) return 0;
    uint64_t hz = clock_tsc_hz();
    return seconds_of(&d) + told.zone * 60 + (hz ? (int64_t)((cpu_rdtsc() - told.tsc) / hz) : 0);
}

// Twice the same, so not in the middle of an update.
static bool read_twice(Date *d, int *reg_b) {
    Date again;
    bool good = false;
    if (!counts && (acpi_info()->no_cmos_rtc || acpi_info()->no_legacy)) return false;
    for (int i = 0; i < READ_TRIES && !good; i++)
        good = read_raw(d) && read_raw(&again) && same(d, &again);
    *reg_b = reg_read(REG_B);
    nmi_on();
    return good;
}

int64_t rtc_read(void) {
    Date d;
    int reg_b;
    int64_t by_firmware = firmware_seconds();
    if (by_firmware) return by_firmware;
    if (!read_twice(&d, &reg_b)) {
        rt_printf("clock:  no battery clock\n");
        return 0;
    }
    decode(&d, reg_b);
    if (plausible(&d)) return seconds_of(&d);
    rt_printf("clock:  the battery clock says %04d-%02d-%02d, which is not believed\n", d.year, d.month, d.day);
    return 0;
}
