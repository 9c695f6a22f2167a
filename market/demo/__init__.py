"""The demo: parties, lots and deals that look real, made through the house's own services, and robots that bid."""
