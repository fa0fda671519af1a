"""The model of custody across sessions, checked by Spin."""
