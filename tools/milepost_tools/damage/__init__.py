"""Millions of damaged frames through the decoder: none may be taken for a good one."""
