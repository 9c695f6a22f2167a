"""Trade documents: the ten messages of a purchase and their acknowledgement, as EDIFACT and as UBL, made from the deal's own
records, sent to the parties' systems and received from them.

    steps, receiving, sending      doors of the other parts and the clock: one transaction each
    applying                       what a document that came in does: negotiating, ordering, performing
    store                          rows (queries/documents.sql)
    messages/, ubl/                record → bytes → record, one file a message. Pure
    records, flaws                 facts
    edifact, structures            the syntax: segments, envelopes, what stands where in D.96A. Pure
"""
