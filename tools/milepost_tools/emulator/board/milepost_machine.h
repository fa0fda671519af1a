// The port's part of `machine`, read by extmod/modmachine.c: a reset that is one, its cause with the
// numbers of the ESP32 port, the unique id the host gave, and sleeps. Pins, buses, a watchdog and
// sleep modes are not here: on this board the sensors are simulated inside the guest.
#include "py/mphal.h"
#include "milepost_board.h"

#define PWRON_RESET (1)
#define HARD_RESET (2)

#define MICROPY_PY_MACHINE_EXTRA_GLOBALS \
    { MP_ROM_QSTR(MP_QSTR_PWRON_RESET), MP_ROM_INT(PWRON_RESET) }, \
    { MP_ROM_QSTR(MP_QSTR_HARD_RESET), MP_ROM_INT(HARD_RESET) },

static void mp_machine_idle(void) {
    mp_event_wait_ms(1);
}

NORETURN static void mp_machine_reset(void) {
    milepost_reset();
}

static mp_int_t mp_machine_reset_cause(void) {
    return KEPT->starts > 1 ? HARD_RESET : PWRON_RESET;
}

static mp_obj_t mp_machine_unique_id(void) {
    return mp_obj_new_bytes(HANDOVER->unique_id, sizeof(HANDOVER->unique_id));
}

static mp_obj_t mp_machine_get_freq(void) {
    return mp_obj_new_int(MTIME_PER_US * 1000000);
}

static void mp_machine_set_freq(size_t n_args, const mp_obj_t *args) {
    mp_raise_NotImplementedError(MP_ERROR_TEXT("the clock is fixed"));
}

static void mp_machine_lightsleep(size_t n_args, const mp_obj_t *args) {
    if (n_args == 0) {
        mp_raise_NotImplementedError(MP_ERROR_TEXT("give the time to sleep"));
    }
    mp_hal_delay_ms(mp_obj_get_int(args[0]));
}

NORETURN static void mp_machine_deepsleep(size_t n_args, const mp_obj_t *args) {
    mp_machine_lightsleep(n_args, args);
    milepost_reset();
}
