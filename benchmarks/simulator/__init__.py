"""A territory with ground truth, larger and rougher than the demo's: what decisions are scored on."""
