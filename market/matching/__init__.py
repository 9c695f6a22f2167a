"""Matching supply with demand: call auctions at one price, continuous boards, recommended partners, and the proof of each clearing."""
