"""All Prometheus metrics of the hub; they are declared in this folder and nowhere else.

Names follow prometheus.io/docs/practices: base units, totals, times instead of ages.
Labels are closed sets known at the start (subjects, events, sources), so that every
series exists from the first scrape.
"""
