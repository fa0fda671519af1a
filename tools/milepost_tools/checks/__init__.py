"""What `tools/check` checks: import arrows, sizes, and the stages around them."""
