# The emulated board's part of the make file of MicroPython's QEMU port: RV32IMC (what an ESP32-C3
# executes), our configuration header, littlefs, our linker script, and the `--wrap`s through which
# c/milepost/ takes the place of the port's start and stdin. Whoever calls make gives BOARD_DIR,
# USER_C_MODULES, MBEDTLS_DIR and MPY_LIB_DIR.
QEMU_ARCH = riscv32
QEMU_MACHINE = virt
# GCC 12 finds the 32-bit libgcc only by the architecture's spelling before `_zicsr` was split off.
RV32_ARCH = rv32imc
AFLAGS += -misa-spec=2.2
MPY_CROSS_FLAGS += -march=rv32imc

CFLAGS += -DQEMU_SOC_VIRT
CFLAGS += -DMICROPY_HW_MCU_NAME='"$(RV32_ARCH)"'
CFLAGS += -DMP_CONFIGFILE='<milepost_config.h>' -I$(BOARD_DIR)
CFLAGS += -DMBEDTLS_CONFIG_FILE='<milepost_mbedtls.h>' -I$(MBEDTLS_DIR)/include
# -O2 as in the ESP32 port's own build (after the port's -Os), so that instruction counts speak of the same kind of code.
CFLAGS_EXTRA += -O2

LDSCRIPT = $(BOARD_DIR)/memory.ld
LDFLAGS += -Wl,--wrap=main -Wl,--wrap=mp_hal_stdin_rx_chr -Wl,--wrap=mp_hal_stdio_poll
SRC_C += shared/timeutils/timeutils.c
SRC_BOARD_O += shared/runtime/gchelper_native.o shared/runtime/gchelper_rv32i.o

MICROPY_VFS_LFS2 = 1
FROZEN_MANIFEST = $(BOARD_DIR)/manifest.py
