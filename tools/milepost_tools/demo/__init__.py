"""`milepost demo`: a small city in one command, and the parts it is made of, which the tests use as they are."""
