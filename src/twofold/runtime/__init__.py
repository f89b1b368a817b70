"""The engine room: repeats steps, supervises, drains, tells its health. It knows no other room."""
