"""What every adapter has to keep, as tests: subclass a contract, and provide the fixtures it names.

A class takes one fixture named after its port. Nothing is overridden; an adapter that does less says so in its
capabilities, and the contract tests what it does instead.
"""
