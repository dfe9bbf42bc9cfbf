"""Plausibility: rules as data that flag samples and never delete or alter them, and the passes that apply them."""
