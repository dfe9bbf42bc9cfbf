"""Keys, envelopes and receipts: what is signed is bytes, and nothing is parsed before its signature holds."""
