"""The sandbox carrier: a program of its own that takes bookings, moves parcels when it is told to, and reports."""
