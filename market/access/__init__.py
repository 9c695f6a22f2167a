"""Who may reach which route: one row a route, a file for each part of the house."""
