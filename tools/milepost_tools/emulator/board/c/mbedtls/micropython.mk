# The three files of mbedtls that AES and SHA-256 need, compiled from the source package as they are.
SRC_USERMOD_LIB_C += $(addprefix $(USERMOD_DIR)/library/, aes.c sha256.c platform_util.c)
