// The emulated board's memory and its small interfaces: where QEMU's `virt` machine keeps its devices,
// where the host leaves what it hands over (the page "handover", then a ROMFS image), and what
// survives a reset (the page "kept", which nothing clears). machine.py holds the same addresses.
#ifndef MILEPOST_BOARD_H
#define MILEPOST_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// QEMU hw/riscv/virt.c, `virt_memmap`.
#define TEST_FINISHER   (*(volatile uint32_t *)0x00100000)
#define CLINT_MTIMECMP  ((volatile uint32_t *)0x02004000)
#define CLINT_MTIME     ((volatile uint32_t *)0x0200BFF8)
#define PLIC_BASE       (0x0C000000)
#define UART_BASE       (0x10000000)
#define UART_IRQ        (10)

// `virt` counts mtime at 10 MHz (RISCV_ACLINT_DEFAULT_TIMEBASE_FREQ).
#define MTIME_PER_US    (10)
#define MTIME_PER_MS    (10000)

#define HANDOVER_MAGIC  (0x504C494D) // "MILP", little endian
#define KEPT_MAGIC      (0x5450454B) // "KEPT", little endian

typedef struct {
    uint32_t magic;
    uint32_t image_size;    // bytes of ROMFS behind this page; 0: none
    uint64_t seed;          // of os.urandom
    uint8_t unique_id[6];
    uint16_t unused;
    uint32_t flash_size;    // bytes of flash behind the stub; 0: none
} handover_t;

typedef struct {
    uint32_t magic;
    uint32_t starts;        // since power came on
    uint32_t draws;         // of os.urandom, so that a reset does not repeat them
} kept_t;

#define KEPT            ((volatile kept_t *)0x83FFE000)
#define HANDOVER        ((const handover_t *)0x83FFF000)
#define IMAGE           ((uint8_t *)0x84000000)
// Behind the 64 kB at the front of QEMU's flash bank, where the stub stands that jumps to 0x80000000.
#define FLASH           ((uint8_t *)0x20010000)

// clock.c
uint64_t milepost_mtime(void);
uint64_t milepost_instructions(void);
void milepost_wake(void);
void milepost_timer_interrupt(void);

// uart.c
void milepost_uart_init(void);
void milepost_uart_interrupt(void);
uint32_t milepost_uart_dropped(void);

// flash.c
void milepost_flash_write(size_t offset, const uint8_t *data, size_t size);

// start.c
void milepost_exit(uint32_t status) __attribute__((noreturn));
void milepost_reset(void) __attribute__((noreturn));
void milepost_random(uint8_t *out, size_t size);

#endif
