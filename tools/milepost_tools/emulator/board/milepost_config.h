// MicroPython's configuration for the emulated board: the QEMU port's own header, then what differs.
// The aim is the ESP32 port's feature set as far as Milepost uses it, at the same optimisations, so
// that what runs here runs there. Everything is a re-definition; the MicroPython tree is not patched.
#ifndef MILEPOST_CONFIG_H
#define MILEPOST_CONFIG_H

#include "mpconfigport.h"

#undef MICROPY_PY_SYS_STDIO_BUFFER
#undef MICROPY_PY_SELECT
#undef MICROPY_PY_TIME
#undef MICROPY_PY_ASYNCIO
#undef MICROPY_PY_MACHINE_INCLUDEFILE
#define MICROPY_PY_SYS_STDIO_BUFFER (1)
#define MICROPY_PY_SELECT           (1)
#define MICROPY_PY_TIME             (1)
#define MICROPY_PY_TIME_GMTIME_LOCALTIME_MKTIME (1)
#define MICROPY_PY_TIME_TIME_TIME_NS (1)
#define MICROPY_PY_ASYNCIO          (1)

// The ESP32 port's choice of bytecode dispatch.
#define MICROPY_OPT_COMPUTED_GOTO   (1)

// AES and SHA-256 are mbedtls', as on the ESP32; there is no TLS. (c/mbedtls/ has the sources.)
#define MICROPY_SSL_MBEDTLS         (1)
#define MICROPY_PY_CRYPTOLIB        (1)
#define MICROPY_PY_HASHLIB_SHA256   (1)

#define MICROPY_PY_TIME_INCLUDEFILE "milepost_time.h"
#define MICROPY_PY_OS_URANDOM       (1)
#define MICROPY_PY_OS_INCLUDEFILE   "milepost_os.h"
#define MICROPY_PY_MACHINE_INCLUDEFILE "milepost_machine.h"
#define MICROPY_PY_MACHINE_BARE_METAL_FUNCS (1)

// Waiting is `wfi` until the UART or the timer has something to say (c/milepost/clock.c).
void milepost_wait_ms(int32_t timeout_ms);
#define MICROPY_INTERNAL_WFE(TIMEOUT_MS) milepost_wait_ms(TIMEOUT_MS)

// The scheduler is reached from the UART's interrupt (Ctrl-C): its sections must hold interrupts off.
static inline uint32_t milepost_irq_off(void) {
    uint32_t status;
    __asm volatile ("csrrci %0, mstatus, 8" : "=r" (status) : : "memory");
    return status & 8;
}
static inline void milepost_irq_restore(uint32_t status) {
    __asm volatile ("csrs mstatus, %0" : : "r" (status) : "memory");
}
#define MICROPY_BEGIN_ATOMIC_SECTION() milepost_irq_off()
#define MICROPY_END_ATOMIC_SECTION(state) milepost_irq_restore(state)

#endif
