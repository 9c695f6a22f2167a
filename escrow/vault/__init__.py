"""The vault: a program of its own that keeps cards and signing keys of wallets, and gives none of them out in clear."""
