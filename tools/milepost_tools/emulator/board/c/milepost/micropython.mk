# The emulated board's own C: start, UART, clock, flash, and the module `emulated`.
SRC_USERMOD_C += $(addprefix $(USERMOD_DIR)/, start.c uart.c clock.c flash.c modemulated.c)
