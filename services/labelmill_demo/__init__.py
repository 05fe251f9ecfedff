"""The whole loop on real data: sentences that twenty people rated, from RAW to a served model, with a report."""
