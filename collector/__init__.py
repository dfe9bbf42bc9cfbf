"""The collector: receives signed envelopes, keeps what it received, and answers with signed receipts."""
