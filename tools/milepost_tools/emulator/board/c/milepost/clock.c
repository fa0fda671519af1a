// Time on the emulated board: MicroPython's ticks and delays from the CLINT's mtime, and waiting as
// `wfi`. A wait ends at its time or at the next event (`milepost_wake`, called by the UART's
// interrupt); an event that came before the wait ends it at once, so none is slept through. With
// QEMU's `-icount` mtime is virtual and everything here repeats to the instruction.
#include "py/mphal.h"
#include "py/runtime.h"
#include "milepost_board.h"

#define MIE_MTIE (1 << 7)
#define DAY_MS (86400000)

static volatile bool event;

uint64_t milepost_mtime(void) {
    uint32_t low, high;
    do {
        high = CLINT_MTIME[1];
        low = CLINT_MTIME[0];
    } while (high != CLINT_MTIME[1]);
    return (uint64_t)high << 32 | low;
}

// With `-icount shift=0` this is the number of instructions executed since power came on, plus the
// nanoseconds slept; without `-icount` it is the host's cycle counter.
uint64_t milepost_instructions(void) {
    uint32_t low, high, again;
    do {
        __asm volatile ("csrr %0, minstreth\n csrr %1, minstret\n csrr %2, minstreth"
            : "=r" (high), "=r" (low), "=r" (again));
    } while (high != again);
    return (uint64_t)high << 32 | low;
}

void milepost_wake(void) {
    event = true;
}

// The wait that set the timer reads the clock itself: all to do is to stop it from asking again.
void milepost_timer_interrupt(void) {
    __asm volatile ("csrc mie, %0" : : "r" (MIE_MTIE));
}

static void set_timer(uint64_t deadline) {
    CLINT_MTIMECMP[1] = 0xFFFFFFFF; // no moment in between may look like the past
    CLINT_MTIMECMP[0] = (uint32_t)deadline;
    CLINT_MTIMECMP[1] = (uint32_t)(deadline >> 32);
    __asm volatile ("csrs mie, %0" : : "r" (MIE_MTIE));
}

static void wait_until(uint64_t deadline) {
    uint32_t state = milepost_irq_off();
    if (!event) {
        set_timer(deadline);
        __asm volatile ("wfi"); // wakes for a pending interrupt even while they are held off
        milepost_timer_interrupt();
    }
    event = false;
    milepost_irq_restore(state);
}

// Negative: until an event, for at most a day (each caller looks again at why it waits).
void milepost_wait_ms(int32_t timeout_ms) {
    if (timeout_ms != 0) {
        uint64_t span_ms = timeout_ms < 0 ? DAY_MS : timeout_ms;
        wait_until(milepost_mtime() + span_ms * MTIME_PER_MS);
    }
}

static void delay_until(uint64_t deadline) {
    for (;;) {
        mp_event_handle_nowait();
        if (milepost_mtime() >= deadline) {
            return;
        }
        wait_until(deadline);
    }
}

void mp_hal_delay_ms(mp_uint_t ms) {
    delay_until(milepost_mtime() + (uint64_t)ms * MTIME_PER_MS);
}

void mp_hal_delay_us(mp_uint_t us) {
    delay_until(milepost_mtime() + (uint64_t)us * MTIME_PER_US);
}

mp_uint_t mp_hal_ticks_ms(void) {
    return milepost_mtime() / MTIME_PER_MS;
}

mp_uint_t mp_hal_ticks_us(void) {
    return milepost_mtime() / MTIME_PER_US;
}

mp_uint_t mp_hal_ticks_cpu(void) {
    uint32_t low;
    __asm volatile ("csrr %0, minstret" : "=r" (low));
    return low;
}

// A node has no clock worth the name: it believes it is the first second of 2000, as an ESP32 does.
uint64_t mp_hal_time_ns(void) {
    return 946684800000000000ULL + milepost_mtime() * (1000 / MTIME_PER_US);
}
