"""The door for the terminal. Each verb lives in a module of its own, imported only when it is used."""
