"""The front hall: register, choose adapters, wire, open, close. The only room that sees every room."""
