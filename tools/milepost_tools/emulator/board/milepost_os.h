// The port's part of `os`, read by extmod/modos.c: urandom(n), n pseudo-random bytes that follow from
// the seed the host gave, so that a run can be repeated to the instruction. Not for secrets.
#include "milepost_board.h"

static mp_obj_t mp_os_urandom(mp_obj_t size_in) {
    vstr_t vstr;
    vstr_init_len(&vstr, mp_obj_get_int(size_in));
    milepost_random((uint8_t *)vstr.buf, vstr.len);
    return mp_obj_new_bytes_from_vstr(&vstr);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_os_urandom_obj, mp_os_urandom);
