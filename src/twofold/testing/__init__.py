"""The kit shipped to users: virtual clock, fault wrappers, contract suites, given/when/then."""
