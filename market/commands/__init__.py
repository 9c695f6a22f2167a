"""The commands of `gavelhouse`, one module each with one click command named `command`."""
