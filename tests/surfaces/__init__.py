"""What people read on every surface of small worlds, asked again of the functions that give it."""
