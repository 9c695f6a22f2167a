"""The load generator behind `gavelhouse bench`: a throw-away house, a crowd of sockets, and what came of it in figures."""
