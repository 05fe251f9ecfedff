"""What every Labelmill process needs: server, settings, interceptors, errors, access, operations, database.

It imports no service and knows no word of the domain. `README.md` says which file to open for which change.
"""
