// mbedtls' configuration for the emulated board: AES (ECB, CBC) and SHA-256, nothing else. The AES
// tables are constants, because 8 kB of them in RAM would not be there on a real node.
#ifndef MILEPOST_MBEDTLS_H
#define MILEPOST_MBEDTLS_H

#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_CIPHER_MODE_CBC
#define MBEDTLS_SHA256_C

#endif
