"""Which items get more labels, how many, and when it is enough: by the expected value of what a label would say."""
