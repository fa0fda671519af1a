"""The node: what runs on the ESP32, on the unix port and on the emulated board."""
