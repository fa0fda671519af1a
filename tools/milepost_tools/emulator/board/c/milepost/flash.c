// Flash that survives a power cycle: QEMU's CFI bank, whose content is a file of the host. Written word
// by word with the Intel command set (CFI command set 1). QEMU stores whatever is written, so erasing,
// bits that only clear, and what an operation costs belong to the block device on top.
#include <string.h>

#include "milepost_board.h"

#define PROGRAM_WORD (0x00400040) // the bank is two 16-bit chips side by side
#define READ_ARRAY (0x00FF00FF)
#define WORD (4)

static void program(volatile uint32_t *at, const uint32_t *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        at[i] = PROGRAM_WORD;
        at[i] = words[i];
    }
    *at = READ_ARRAY;
}

// At most one word, some of whose bytes stay as they are.
static void write_part(uint8_t *at, const uint8_t *data, size_t size) {
    size_t skew = (uintptr_t)at % WORD;
    uint32_t word;
    memcpy(&word, at - skew, WORD);
    memcpy((uint8_t *)&word + skew, data, size);
    program((volatile uint32_t *)(at - skew), &word, 1);
}

void milepost_flash_write(size_t offset, const uint8_t *data, size_t size) {
    uint8_t *at = FLASH + offset;
    while (size > 0) {
        uint32_t words[64];
        size_t skew = (uintptr_t)at % WORD;
        size_t part = size < WORD - skew ? size : WORD - skew;
        if (skew || part < WORD) {
            write_part(at, data, part);
        } else {
            part = size < sizeof(words) ? size & ~(size_t)(WORD - 1) : sizeof(words);
            memcpy(words, data, part);
            program((volatile uint32_t *)at, words, part / WORD);
        }
        at += part;
        data += part;
        size -= part;
    }
}
