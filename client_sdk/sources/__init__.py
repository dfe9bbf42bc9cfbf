"""Where readings of the radio and of the position come from: one file per source, each a parser and a thin call."""
