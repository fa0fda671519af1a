"""The gateway: a daemon that holds what nodes hand over until the broker has it."""
