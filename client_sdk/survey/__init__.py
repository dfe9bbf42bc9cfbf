"""The field loop: when to measure, what an interval was, and what the person sees."""
