"""Coverage-guided fuzzing of the wire with atheris; what is fuzzed stands beside the protocol's tests."""
