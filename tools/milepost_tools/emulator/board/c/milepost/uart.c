// The UART that is stdin: an interrupt moves what arrives into a ring, wakes whoever waits, and sees
// Ctrl-C. While no Ctrl-C character is set (the REPL is reading, or a program called kbd_intr(-1)) a
// full ring stops the reading and the host holds the rest, so nothing is lost; while one is set, a
// full ring drops and counts, as an ESP32 does, so that Ctrl-C always gets through. The 16550's FIFO
// stays off: to switch it on empties it, and a byte that came before the board had started would be lost.
#include "py/mphal.h"
#include "py/ringbuf.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "shared/runtime/interrupt_char.h"
#include "milepost_board.h"

// 16550: National Semiconductor PC16550D, table 1; the `virt` machine spaces its registers one byte apart.
#define UART_DATA (*(volatile uint8_t *)(UART_BASE + 0))
#define UART_IER  (*(volatile uint8_t *)(UART_BASE + 1))
#define UART_LSR  (*(volatile uint8_t *)(UART_BASE + 5))
#define IER_RX (0x01)
#define LSR_RX (0x01)

// PLIC: RISC-V PLIC specification 1.0.0, memory map; context 0 is hart 0 in machine mode.
#define PLIC_PRIORITY(irq) (*(volatile uint32_t *)(PLIC_BASE + 4 * (irq)))
#define PLIC_ENABLE (*(volatile uint32_t *)(PLIC_BASE + 0x2000))
#define PLIC_THRESHOLD (*(volatile uint32_t *)(PLIC_BASE + 0x200000))
#define PLIC_CLAIM (*(volatile uint32_t *)(PLIC_BASE + 0x200004))
#define MIE_MEIE (1 << 11)

// Two of the largest serial frames: the loop may be busy with one while the next arrives.
#define RING_SIZE (1024)

static uint8_t ring_memory[RING_SIZE];
static ringbuf_t ring = { ring_memory, RING_SIZE, 0, 0 };
static volatile bool held;      // reading has stopped until the ring has room
static volatile uint32_t dropped;

uint32_t milepost_uart_dropped(void) {
    return dropped;
}

static void take(uint8_t byte) {
    if (byte == mp_interrupt_char) {
        mp_sched_keyboard_interrupt();
    } else if (ringbuf_put(&ring, byte) < 0) {
        dropped++;
    }
}

static bool must_hold(void) {
    return mp_interrupt_char == -1 && ringbuf_free(&ring) == 0;
}

static void drain(void) {
    while (UART_LSR & LSR_RX) {
        if (must_hold()) {
            held = true;
            UART_IER = 0;
            return;
        }
        take(UART_DATA);
    }
}

void milepost_uart_interrupt(void) {
    uint32_t irq = PLIC_CLAIM;
    drain();
    milepost_wake();
    PLIC_CLAIM = irq;
}

void milepost_uart_init(void) {
    UART_IER = IER_RX;
    PLIC_PRIORITY(UART_IRQ) = 1;
    PLIC_ENABLE = 1 << UART_IRQ;
    PLIC_THRESHOLD = 0;
    __asm volatile ("csrs mie, %0" : : "r" (MIE_MEIE));
}

static void resume(void) {
    held = false;
    drain();
    if (!held) {
        UART_IER = IER_RX;
    }
}

static int get(void) {
    uint32_t state = milepost_irq_off();
    int byte = ringbuf_get(&ring);
    if (held) {
        resume();
    }
    milepost_irq_restore(state);
    return byte;
}

int __wrap_mp_hal_stdin_rx_chr(void) {
    for (;;) {
        int byte = get();
        if (byte >= 0) {
            return byte;
        }
        mp_event_wait_indefinite();
    }
}

uintptr_t __wrap_mp_hal_stdio_poll(uintptr_t poll_flags) {
    uintptr_t ready = poll_flags & MP_STREAM_POLL_WR;
    if (ringbuf_avail(&ring) > 0) {
        ready |= poll_flags & MP_STREAM_POLL_RD;
    }
    return ready;
}
