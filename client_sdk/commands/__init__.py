"""The commands of `maille` that a field device has, one module each, loaded when asked for."""
