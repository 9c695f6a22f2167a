"""Whether a card's number or a passphrase turns up anywhere it must not: thousands of made-up ones go through every flow
of a real house, and then everything that the house has written, answered or holds in memory is searched for them.
"""
