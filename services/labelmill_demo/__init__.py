"""The whole loop on real data: sentences rated by twenty people each, from RAW to a served model, with a report of the run."""
