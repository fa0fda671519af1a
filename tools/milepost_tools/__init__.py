"""The commands of technicians and developers."""
