"""What the end-to-end tests stand on: a whole site in a folder, with a real broker, that can be broken at any joint."""
