"""From verdicts and zones to immutable releases, and the page that shows them."""
