"""Invented values of the kind of the original. Nothing is remembered: everything follows from the project's key.

Different values get different pseudonyms without a table of who is who: what is on a list of names is exchanged within
the list one to one, numbers are enciphered one to one, and everything else gets a made-up word of 55 bits or more, so
that among a hundred thousand values two share one with a probability below one in a million.
"""
