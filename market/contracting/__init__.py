"""Contracts [电子合同]: their terms, versions, signatures and certificates, formalities, and how one becomes a deal."""
