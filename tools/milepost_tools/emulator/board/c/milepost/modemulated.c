// The module `emulated`: what only an emulated board can do. image() is the ROMFS image the host
// handed over (None without one), exit(status) ends the emulator with that exit status,
// instructions() counts them (exact with `-icount shift=0`), uart_dropped() counts lost input,
// flash() is the flash as memory to read (None without one), flash_write(offset, data) changes it.
#include "py/obj.h"
#include "py/runtime.h"
#include "milepost_board.h"

static mp_obj_t emulated_image(void) {
    if (HANDOVER->magic != HANDOVER_MAGIC || HANDOVER->image_size == 0) {
        return mp_const_none;
    }
    return mp_obj_new_memoryview('B', HANDOVER->image_size, IMAGE);
}
static MP_DEFINE_CONST_FUN_OBJ_0(emulated_image_obj, emulated_image);

static mp_obj_t emulated_exit(mp_obj_t status) {
    milepost_exit(mp_obj_get_int(status));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(emulated_exit_obj, emulated_exit);

static mp_obj_t emulated_instructions(void) {
    return mp_obj_new_int_from_ull(milepost_instructions());
}
static MP_DEFINE_CONST_FUN_OBJ_0(emulated_instructions_obj, emulated_instructions);

static mp_obj_t emulated_uart_dropped(void) {
    return mp_obj_new_int_from_uint(milepost_uart_dropped());
}
static MP_DEFINE_CONST_FUN_OBJ_0(emulated_uart_dropped_obj, emulated_uart_dropped);

static size_t flash_size(void) {
    return HANDOVER->magic == HANDOVER_MAGIC ? HANDOVER->flash_size : 0;
}

static mp_obj_t emulated_flash(void) {
    return flash_size() ? mp_obj_new_memoryview('B', flash_size(), FLASH) : mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(emulated_flash_obj, emulated_flash);

static mp_obj_t emulated_flash_write(mp_obj_t offset_in, mp_obj_t data_in) {
    mp_buffer_info_t data;
    mp_get_buffer_raise(data_in, &data, MP_BUFFER_READ);
    size_t offset = mp_obj_get_int(offset_in);
    if (offset > flash_size() || data.len > flash_size() - offset) {
        mp_raise_ValueError(MP_ERROR_TEXT("outside the flash"));
    }
    milepost_flash_write(offset, data.buf, data.len);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(emulated_flash_write_obj, emulated_flash_write);

static const mp_rom_map_elem_t globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_emulated) },
    { MP_ROM_QSTR(MP_QSTR_image), MP_ROM_PTR(&emulated_image_obj) },
    { MP_ROM_QSTR(MP_QSTR_exit), MP_ROM_PTR(&emulated_exit_obj) },
    { MP_ROM_QSTR(MP_QSTR_instructions), MP_ROM_PTR(&emulated_instructions_obj) },
    { MP_ROM_QSTR(MP_QSTR_flash), MP_ROM_PTR(&emulated_flash_obj) },
    { MP_ROM_QSTR(MP_QSTR_flash_write), MP_ROM_PTR(&emulated_flash_write_obj) },
    { MP_ROM_QSTR(MP_QSTR_uart_dropped), MP_ROM_PTR(&emulated_uart_dropped_obj) },
};
static MP_DEFINE_CONST_DICT(globals, globals_table);

const mp_obj_module_t emulated_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&globals,
};
MP_REGISTER_MODULE(MP_QSTR_emulated, emulated_module);
