"""What surrounds a message: context, middleware, authorisation; write and read both use it."""
