"""What the page of a report shows: where marks of plots lie, and what is said of items. Pure."""
