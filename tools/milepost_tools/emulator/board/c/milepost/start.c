// The emulated board's start and end: interrupts, heap and stack, then the same order as on an ESP32
// (_boot.py, boot.py, main.py, REPL; a soft reset goes round again), reset and exit through QEMU's
// test device, and the seeded random numbers.
#include <string.h>

#include "py/compile.h"
#include "py/cstack.h"
#include "py/gc.h"
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "shared/readline/readline.h"
#include "shared/runtime/pyexec.h"
#include "mbedtls/sha256.h"
#include "milepost_board.h"

// The ESP32 port's MICROPY_TASK_STACK_SIZE.
#define STACK_SIZE (16 * 1024)

#define FINISHER_FAIL (0x3333)  // QEMU include/hw/misc/sifive_test.h
#define FINISHER_PASS (0x5555)
#define FINISHER_RESET (0x7777)

#define CAUSE_TIMER (0x80000007)
#define CAUSE_EXTERNAL (0x8000000B)

extern uint8_t _estack;
static uint32_t heap[MICROPY_HEAP_SIZE / sizeof(uint32_t)];

void milepost_exit(uint32_t status) {
    TEST_FINISHER = status ? status << 16 | FINISHER_FAIL : FINISHER_PASS;
    for (;;) {
    }
}

void milepost_reset(void) {
    TEST_FINISHER = FINISHER_RESET;
    for (;;) {
    }
}

#define READ_CSR(name) ({ uint32_t value; __asm volatile ("csrr %0, " #name : "=r" (value)); value; })

static void die_of_exception(void) {
    mp_printf(&mp_plat_print, "\nmachine exception: mcause=%u mepc=%08x mtval=%08x\n",
        (unsigned)READ_CSR(mcause), (unsigned)READ_CSR(mepc), (unsigned)READ_CSR(mtval));
    milepost_exit(70);
}

static void __attribute__((interrupt("machine"), aligned(4))) trap(void) {
    uint32_t cause = READ_CSR(mcause);
    if (cause == CAUSE_EXTERNAL) {
        milepost_uart_interrupt();
    } else if (cause == CAUSE_TIMER) {
        milepost_timer_interrupt();
    } else {
        die_of_exception();
    }
}

static void start_interrupts(void) {
    __asm volatile ("csrw mie, zero\n csrw mtvec, %0" : : "r" (trap));
    milepost_uart_init();
    milepost_irq_restore(8);
}

static void count_start(void) {
    if (KEPT->magic != KEPT_MAGIC) {
        KEPT->magic = KEPT_MAGIC;
        KEPT->starts = 0;
        KEPT->draws = 0;
    }
    KEPT->starts++;
}

// True if a script asked for a soft reset (SystemExit), instead of ending or failing.
static bool run_scripts(void) {
    pyexec_frozen_module("_boot.py", false);
    int result = pyexec_file_if_exists("boot.py");
    if (!(result & PYEXEC_FORCED_EXIT) && pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL) {
        result = pyexec_file_if_exists("main.py");
    }
    return result & PYEXEC_FORCED_EXIT;
}

static void run_repl(void) {
    int ended = 0;
    while (!ended) {
        ended = pyexec_mode_kind == PYEXEC_MODE_RAW_REPL ? pyexec_raw_repl() : pyexec_friendly_repl();
    }
}

int __wrap_main(int argc, char **argv) {
    start_interrupts();
    count_start();
    for (;;) {
        mp_cstack_init_with_top(&_estack, STACK_SIZE);
        gc_init(heap, (uint8_t *)heap + sizeof(heap));
        mp_init();
        readline_init0();
        if (!run_scripts()) {
            run_repl();
        }
        mp_hal_stdout_tx_str("MPY: soft reboot\r\n");
        gc_sweep_all();
        mp_deinit();
    }
}

static void random_block(uint8_t block[32]) {
    uint64_t input[2] = { HANDOVER->seed, KEPT->draws++ };
    mbedtls_sha256((const uint8_t *)input, sizeof(input), block, 0);
}

void milepost_random(uint8_t *out, size_t size) {
    uint8_t block[32];
    while (size > 0) {
        size_t part = size < sizeof(block) ? size : sizeof(block);
        random_block(block);
        memcpy(out, block, part);
        out += part;
        size -= part;
    }
}
