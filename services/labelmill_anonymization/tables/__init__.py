"""Tables: roles of columns, identifiers, k-anonymity with l-diversity and t-closeness, what it costs."""
