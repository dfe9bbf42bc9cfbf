"""The regional observatory: what is declared and what is known of it, by territory, as tables and as a page's data."""
